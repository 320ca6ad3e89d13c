"""What the thesis says and what came out here: claims with a computed verdict, and numbers for the prose.

A chapter calls :func:`register` after each regenerated item and :func:`number` for every figure that its prose
mentions.  In a build both also write to the run's own directory (`claims.json`, `numbers.json`); in a plain
Python session they only display.  The JSON formats are described in :mod:`lib.study`.
"""

from __future__ import annotations

import html
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lib.study import session

RELATIONS = ("==", ">=", "<=", "between", "holds")
SOURCES = ("live", "record", "thesis")
NOT_RUN = "not run"
VERDICTS = ("reproduced", "reproduced at reduced scale", "differs", NOT_RUN)  # best first
CSS_CLASS = dict(zip(VERDICTS, ("reproduced", "reduced", "differs", "not-run"), strict=True))
WORDS = {"==": "", ">=": "at least ", "<=": "at most ", "between": "between ", "holds": "holds"}


@dataclass(frozen=True)
class Expected:
    """What the thesis reports: a value, a bound, an interval `[value, upper]`, or a statement that holds."""

    value: float | None = None
    relation: str = "=="
    upper: float | None = None
    where: str = ""

    def __post_init__(self):
        if self.relation not in RELATIONS:
            raise ValueError(f"expected a relation among {', '.join(RELATIONS)}, got {self.relation!r}")
        if not self.where.strip():
            raise ValueError("expected where the thesis says it, got nothing; try where='Fig. 5.1, p. 61'")
        if self.relation == "holds":
            if self.value is not None or self.upper is not None:
                raise ValueError("expected no value with the relation 'holds', which is measured by True or False")
            return
        object.__setattr__(self, "value", _finite(self.value, "the expected value"))
        if self.relation == "between":
            object.__setattr__(self, "upper", _finite(self.upper, "the upper end of the expected interval"))
            if self.upper < self.value:
                raise ValueError(f"expected upper >= value, got [{self.value:g}, {self.upper:g}]")
        elif self.upper is not None:
            raise ValueError(f"expected an upper end only with the relation 'between', got one with {self.relation!r}")

    def __str__(self):
        if self.relation == "between":
            return f"between {self.value:.6g} and {self.upper:.6g}"
        return WORDS[self.relation] + ("" if self.value is None else f"{self.value:.6g}")


@dataclass(frozen=True)
class Tolerance:
    """How far the measured value may lie from the expected one, fixed in advance, and why."""

    absolute: float | None = None
    relative: float | None = None
    reason: str = ""

    def __post_init__(self):
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("expected either an absolute or a relative tolerance; "
                             "try Tolerance(absolute=0.01, reason=...)")
        name = "absolute" if self.absolute is not None else "relative"
        value = _finite(getattr(self, name), f"the {name} tolerance")
        if value < 0:
            raise ValueError(f"expected a tolerance of zero or more, got {value:g}")
        if not self.reason.strip():
            raise ValueError("expected the reason for the tolerance, got nothing; "
                             "try reason='statistical error, 3 sigma'")
        object.__setattr__(self, name, value)

    def around(self, value: float) -> float:
        """The allowed distance from `value`, in its unit."""
        return self.absolute if self.absolute is not None else self.relative * abs(value)

    def __str__(self):
        size = f"{self.absolute:.3g}" if self.absolute is not None else f"{100 * self.relative:.3g} %"
        return f"{size} ({self.reason})"


def judge(expected: Expected, measured: float | bool | None, tolerance: Tolerance | None, scale: str,
          enough: bool = True) -> str:
    """The verdict, one of `VERDICTS`; error bars do not enter, only the tolerance fixed in advance."""
    if measured is None or scale == NOT_RUN or not enough:
        return NOT_RUN
    low = high = expected.value
    if expected.relation == "between":
        high = expected.upper
    if expected.relation == "holds":
        agrees = measured
    else:
        slack_low, slack_high = (tolerance.around(low), tolerance.around(high)) if tolerance else (0.0, 0.0)
        above = measured >= low - slack_low or expected.relation == "<="
        below = measured <= high + slack_high or expected.relation == ">="
        agrees = above and below
    if not agrees:
        return "differs"
    return "reproduced" if scale == "full" else "reproduced at reduced scale"


def register(*, id: str, item: str, statement: str, expected: Expected, measured: float | bool | None,
             uncertainty: float | None = None, tolerance: Tolerance | None = None, scale: str = "full",
             enough: bool = True, source: str = "live", compact: bool = False) -> None:
    """Compare one statement of the thesis with what came out, show both in a box and enter them in the ledger.

    Arguments: `id` a stable name, unique in the book; `item` the bare thesis number it belongs to (`5.1`,
    `T3.1`, `B.1`, `eq3.29`, `s6.4`); `measured` a number in the unit of the statement, True or False for the
    relation `holds`, or None for a claim that this scale cannot test (`scale` then says why); `uncertainty`
    one standard error, shown and not used for the verdict; `scale` is `full`, or what was reduced; `enough` is
    False where it was reduced so far that the value says nothing: the verdict is then `not run`, whatever came out.
    `compact` folds the details away where the claim is reproduced, for long lists of checks.

    Raises `ValueError` for NaN, a missing tolerance, a malformed or repeated id.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", id):
        raise ValueError(f"expected an id of small letters, digits, '-', '_' and '.', got {id!r}")
    if not re.fullmatch(r"(T|eq|s)?[0-9A-Z]+(\.[0-9]+)+", item):
        raise ValueError(f"claim {id}: expected a thesis number such as 5.1, T3.1, B.1, eq3.29 or s6.4, got {item!r}; "
                         "panels a and b count under one item")
    for name, text in (("statement", statement), ("scale", scale)):
        if not str(text).strip():
            raise ValueError(f"claim {id}: expected a {name}, got nothing")
    if source not in SOURCES:
        raise ValueError(f"claim {id}: expected a source among {', '.join(SOURCES)}, got {source!r}")
    if tolerance is None and expected.relation == "==":
        raise ValueError(f"claim {id}: expected a tolerance, got none; try Tolerance(absolute=0.0, reason='exact')")
    if measured is not None:
        measured = _measured(measured, expected, id)
    elif scale == "full":
        raise ValueError(f"claim {id}: expected a measured value, got None; try scale='why it was not run'")
    if uncertainty is not None:
        uncertainty = _size(uncertainty, f"claim {id}: the uncertainty")
    chapter = os.environ.get("COMPANION_CHAPTER")
    claim = {"id": id, "item": item, "statement": statement, "expected": asdict(expected), "measured": measured,
             "uncertainty": uncertainty, "tolerance": None if tolerance is None else asdict(tolerance), "scale": scale,
             "profile": os.environ.get("COMPANION_PROFILE", "session"), "source": source,
             "verdict": judge(expected, measured, tolerance, scale, enough), "page": chapter}
    session.keep("claims.json", claim, "id")
    session.show(text_box(claim), html_box(claim, compact=compact and claim["verdict"] == "reproduced"))


def scale(thesis: Mapping[str, object], here: Mapping[str, object], *,
          at_least: Mapping[str, float] | None = None) -> str:
    """How far the settings of a run are from the thesis's: `full`, or each difference in words.

    `thesis` holds settings by name, `at_least` those that may also be larger; `here` the values of this run by the
    same names, such as `globals()` of a chapter.  Raises `KeyError` for a name that the run does not have.
    """
    differences = [f"{name} {here[name]} (thesis {value})" for name, value in thesis.items() if here[name] != value]
    differences += [f"{name} {here[name]} (thesis at least {least})" for name, least in (at_least or {}).items()
                    if here[name] < least]
    return ", ".join(differences) or "full"


def plus_minus(value: float, uncertainty: float | None, fmt: str = ".3f") -> str:
    """A number and its uncertainty as text, both in a Python format, with as many more decimals as it takes to show the
    first digit of the uncertainty."""
    fixed = re.fullmatch(r"(.*)\.(\d+)f", fmt)
    if fixed and uncertainty and float(f"{uncertainty:.{fixed[2]}f}") == 0:
        fmt = f"{fixed[1]}.{-math.floor(math.log10(uncertainty))}f"
    shown = int(value) if fmt.endswith("d") and value == int(value) else value
    return format(shown, fmt) + ("" if uncertainty is None else f" ± {format(uncertainty, fmt)}")


def number(key: str, value: float | None, fmt: str = ".3f", uncertainty: float | None = None, unit: str = "") -> None:
    """Make a number available to the prose as {glue:text}`key`, and to the comparison of what-if pages.

    `fmt` is a Python format, used as in `plus_minus`; the unit follows after a space. None, for a record that does not
    hold it yet, reads "(not run)" and is not compared.
    """
    if value is None:
        text = "(not run)"
    else:
        value = _finite(value, f"number {key}")
        if uncertainty is not None:
            uncertainty = _size(uncertainty, f"number {key}: the uncertainty")
        text = plus_minus(value, uncertainty, fmt)
        if unit:
            text += f" {unit}"
        session.keep("numbers.json",
                     {"key": key, "value": value, "uncertainty": uncertainty, "unit": unit, "text": text}, "key")
    # This is what myst_nb.glue(key, text, display=False) sends, quotes included (they keep "10,000" a text);
    # importing it would load Sphinx into every chapter.
    if session.in_notebook():
        from IPython.display import display
        display({"application/papermill.record/text/plain": repr(text)}, raw=True,
                metadata={"scrapbook": {"name": key, "mime_prefix": "application/papermill.record/"}})


def measured_text(claim: dict) -> str:
    """What came out, with its standard error, as text."""
    if claim["measured"] is None:
        return "not run"
    if isinstance(claim["measured"], bool):
        return "holds" if claim["measured"] else "does not hold"
    value, error = claim["measured"], claim["uncertainty"]
    if error is None:
        return f"{value:.6g}"
    if error > 0:  # no digits beyond the second one of the error
        value = round(value, 1 - math.floor(math.log10(error)))
    return f"{value:.6g} ± {error:.2g}"


def expected_text(claim: dict) -> str:
    """What the thesis reports and where, as text."""
    return f"{Expected(**claim['expected'])} ({claim['expected']['where']})"


def item_text(item: str) -> str:
    """`5.1` as "Figure 5.1", `T3.1` as "Table 3.1", `eq3.29` as "Equation 3.29", `s6.4` as "Section 6.4"."""
    kind = re.match(r"T|eq|s", item)
    name = {"T": "Table", "eq": "Equation", "s": "Section"}[kind.group()] if kind else "Figure"
    return f"{name} {item[kind.end() if kind else 0:]}"


def _of_thesis(item: str) -> str:
    """`5.1` as "Thesis figure 5.1": the pages have numbers of their own."""
    return "Thesis " + item_text(item)[0].lower() + item_text(item)[1:]


def text_box(claim: dict) -> str:
    """The "thesis and here" box for a terminal."""
    return "\n".join([f"{_of_thesis(claim['item'])}: {claim['statement']}"]
                     + [f"  {name:<10} {value}" for name, value in _facts(claim)])


def html_box(claim: dict, *, compact: bool = False) -> str:
    """The "thesis and here" box for a page, folded to one line if `compact`; the style sheet knows its classes."""
    facts = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(claim)[:-1])
    item = f'<span class="claim-item">{_of_thesis(claim["item"])}</span>'
    verdict = f'<span class="claim-verdict">{claim["verdict"]}</span>'
    statement, kind = html.escape(claim["statement"]), f'claim-box claim-{CSS_CLASS[claim["verdict"]]}'
    if compact:
        value = measured_text(claim)
        if claim["expected"]["relation"] != "holds":
            value += f" (thesis {Expected(**claim['expected'])})"
        return (f'<details class="{kind} claim-compact" id="claim-{claim["id"]}"><summary>{item} '
                f'<span class="claim-statement">{statement} '
                f'<span class="claim-measured">{html.escape(value)}</span></span> {verdict}</summary>'
                f'<dl class="claim-facts">{facts}</dl></details>')
    return (f'<div class="{kind}" id="claim-{claim["id"]}"><p class="claim-head">{item} {verdict}</p>'
            f'<p class="claim-statement">{statement}</p><dl class="claim-facts">{facts}</dl></div>')


def _facts(claim: dict) -> list[tuple[str, str]]:
    tolerance = "none" if claim["tolerance"] is None else str(Tolerance(**claim["tolerance"]))
    return [("thesis", expected_text(claim)), ("here", measured_text(claim)), ("tolerance", tolerance),
            ("scale", claim["scale"]), ("verdict", claim["verdict"])]


def _finite(value, what: str) -> float:
    try:
        if isinstance(value, str):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number for {what}, got {value!r}") from None
    if not math.isfinite(result):
        raise ValueError(f"expected a finite number for {what}, got {result}")
    return result


def _size(value, what: str) -> float:
    if _finite(value, what) < 0:
        raise ValueError(f"expected {what} as zero or more, got {value:g}")
    return float(value)


def _measured(value, expected: Expected, id: str) -> float | bool:
    is_bool = isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")
    if is_bool != (expected.relation == "holds"):
        raise ValueError(f"claim {id}: expected {'True or False' if expected.relation == 'holds' else 'a number'} "
                         f"for the relation {expected.relation!r}, got {value!r}")
    return bool(value) if is_bool else _finite(value, f"claim {id}: the measured value")
