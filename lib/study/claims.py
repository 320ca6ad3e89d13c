"""What came out on a page: measured values for the claims of the thesis, and numbers for the prose.

What the thesis says is data (:mod:`lib.study.claim_files`); a chapter only settles it, by :func:`settle`, and gives
every figure that its prose mentions a name, by :func:`number`.  In a build both also write to the run's own directory
(`claims.json`, `numbers.json`), from which :mod:`lib.study.ledger` computes the verdicts; in a plain Python session
they only display.  The JSON formats are described in :mod:`lib.study`.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lib.study import claim_files, claim_text, session, verdicts
from lib.study.claim_files import ALONE, Claim, Settlement, finite
from lib.study.measures import FromTable, from_table
from lib.study.notebooks import root
from lib.study.stored import Stored


@dataclass(frozen=True)
class Number(Stored):
    """A number of a chapter, with the text that its prose shows."""

    key: str
    value: float
    uncertainty: float | None
    unit: str
    text: str


__all__ = ["from_table", "number", "numbers", "plus_minus", "scale", "settle"]


def settle(id: str, *, measured: object, uncertainty: float | None = None, scale: str = "full",
           source: object = "live", enough: bool = True, undecided: str = "") -> None:
    """Say what came out for a claim, show it with its verdict, and keep it for the ledger.

    Arguments: `measured` the number itself in the unit of the statement, best as :func:`from_table` where it follows
    from the table of a figure; a list of numbers (or of such lists) for `falls` and `rises`, True or False for
    `holds`, or None for what was not computed (`scale` then says why);
    `uncertainty` one standard error; `scale` is `full`, or what was reduced; `source` is `live`, `thesis`, or the
    sweep (several: a list) whose record the value comes from, its table, or the file `data/records/...`; `enough` is
    False where the scale was reduced so far that the value says nothing; `undecided` says in words why what was
    computed cannot tell (`measured` may be None then).

    Raises `ValueError` for a claim that no file has, NaN, and a kind of value that the claim does not judge.
    """
    claim = _claim(id)
    table = measured.source if isinstance(measured, FromTable) else None
    measured = measured.value if isinstance(measured, FromTable) else measured
    if not str(scale).strip():
        raise ValueError(f"claim {id}: expected a scale, got nothing; try scale='full'")
    if measured is None:
        if scale == "full" and not undecided:
            raise ValueError(f"claim {id}: expected a measured value, got None; try scale='why it was not run'")
    else:
        measured = _measured(measured, claim)
    if uncertainty is not None:
        uncertainty = _size(uncertainty, f"claim {id}: the uncertainty")
    kind, records = _source(source, id)
    settlement = Settlement(id, measured, uncertainty, str(scale), kind, records, bool(enough), str(undecided), table)
    session.keep("claims.json", settlement.plain(), "id")
    entry = verdicts.entry(claim, settlement, os.environ.get("COMPANION_CHAPTER"),
                              os.environ.get("COMPANION_PROFILE", "session"))
    session.show(claim_text.text([entry]), claim_text.strip([entry]), {"claims": [id]})


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
    return claim_text.formatted(shown, fmt) + ("" if uncertainty is None else f" ± {format(uncertainty, fmt)}")


def number(key: str, value: float | None, fmt: str = ".3f", uncertainty: float | None = None, unit: str = "") -> None:
    """Make a number available to the prose as {glue:text}`key`, and to the comparison of what-if pages.

    `fmt` is a Python format, used as in `plus_minus`; the unit follows after a space. None, for a record that does not
    hold it yet, reads "(not run)" and is not compared.
    """
    if value is None:
        text = "(not run)"
    else:
        value = finite(value, f"number {key}")
        if uncertainty is not None:
            uncertainty = _size(uncertainty, f"number {key}: the uncertainty")
        text = plus_minus(value, uncertainty, fmt)
        if unit:
            text += f" {unit}"
        session.keep("numbers.json", Number(key, value, uncertainty, unit, text).plain(), "key")
    # This is what myst_nb.glue(key, text, display=False) sends, quotes included (they keep "10,000" a text);
    # importing it would load Sphinx into every chapter.
    if session.in_notebook():
        from IPython.display import display
        display({"application/papermill.record/text/plain": repr(text)}, raw=True,
                metadata={"scrapbook": {"name": key, "mime_prefix": "application/papermill.record/"}})


def numbers(fmt: str, values: Mapping[str, float | tuple[float, float | None] | None], unit: str = "") -> None:
    """The same for several numbers of one format, by their keys; a pair is a value and its uncertainty."""
    for key, value in values.items():
        value, uncertainty = value if isinstance(value, tuple) else (value, None)
        number(key, value, fmt, uncertainty, unit)


def _claim(id: str) -> Claim:
    """The entry of a claims file; near names, or what is wrong with the file, where there is none."""
    claims, problems = claim_files.read(root())
    if id in claims:
        return claims[id]
    if mine := [line for line in problems if f"claim {id}:" in line]:
        raise ValueError(mine[0])
    near = difflib.get_close_matches(str(id), claims, n=3, cutoff=0.5)
    raise ValueError(f"expected a claim of data/thesis/claims or data/claims/own, got {id!r}; "
                     + (f"try {' or '.join(near)}" if near else "try to add it there")
                     + "".join(f"\n    {line}" for line in problems[:3]))


def _size(value, what: str) -> float:
    if finite(value, what) < 0:
        raise ValueError(f"expected {what} as zero or more, got {value:g}")
    return float(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def _measured(value: object, claim: Claim) -> float | bool | list:
    """The measured value as plain numbers, of the kind that the claim's relation judges."""
    relation = claim.expected.relation
    if hasattr(value, "tolist") and not _is_bool(value):
        value = value.tolist()
    kind = "True or False" if relation == "holds" else "a list of numbers" if relation in ALONE else "a number"
    wrong = f"claim {claim.id}: expected {kind} for the relation {relation!r}, got {value!r}"
    if relation == "holds" or _is_bool(value):
        if relation != "holds" or not _is_bool(value):
            raise ValueError(wrong)
        return bool(value)
    what = f"claim {claim.id}: the measured value"
    if relation not in ALONE:
        return finite(value, what)
    if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__"):
        raise ValueError(wrong)
    parts = [part.tolist() if hasattr(part, "tolist") else part for part in value]
    if parts and all(isinstance(part, (list, tuple)) for part in parts):
        found = [[finite(number, what) for number in part] for part in parts]
    else:
        found = [finite(number, what) for number in parts]
    if not verdicts.steps(found or [[]]):
        raise ValueError(f"claim {claim.id}: expected two numbers or more for the relation {relation!r}, got "
                         f"{value!r}; try undecided='why'")
    return found


def _source(source: object, id: str) -> tuple[str, list[str]]:
    """`live`, `thesis` or `record`, and the names of the records."""
    if isinstance(source, str) and source in ("live", "thesis"):
        return source, []
    names = []
    for part in source if isinstance(source, (list, tuple)) else [source]:
        if isinstance(part, str) and part.startswith("data/records/"):
            names.append(PurePosixPath(part).stem)
            continue
        attributes = getattr(part, "attrs", {})
        names.append(attributes.get("record") if attributes else getattr(part, "name", None))
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"claim {id}: expected a source as 'live', 'thesis', or the sweep of a record, got "
                         f"{type(source).__name__} {source if isinstance(source, str) else ''}")
    return "record", sorted({*names})
