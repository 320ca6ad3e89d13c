"""Claims in words: a line a claim, with what the thesis reports and what came out, scale and verdict.

A kernel shows it as a claim is settled (:mod:`lib.study.claims`), pages show one strip for all claims that follow each
other (:mod:`lib.pipeline.strips`), and the ledger has the same words.  The style sheet of the book knows the classes.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence

from lib.study.claim_files import Entry
from lib.study.verdicts import says_nothing, steps

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+")
CSS_CLASS = {"reproduced": "reproduced", "reproduced at reduced scale": "reduced", "undecided": "undecided",
             "differs": "differs", "not run": "not-run"}


def strip(entries: Sequence[Entry]) -> str:
    """Some claims as HTML, item by item; a scale stands in the first of several lines."""
    lines, item, scale = [], None, "full"
    items = list(dict.fromkeys(entry.item for entry in entries))
    for entry in sorted(entries, key=lambda entry: items.index(entry.item)):
        if entry.item != item:
            item = entry.item
            lines.append(f'<p class="claim-item">{html.escape(of_thesis(item))}</p>')
        lines.append(_line(entry, scale))
        scale = entry.scale
    return f'<div class="claim-strip" role="group" aria-label="Claims and verdicts">{"".join(lines)}</div>'


def text(entries: Sequence[Entry]) -> str:
    """The same for a terminal."""
    lines = []
    for entry in entries:
        lines.append(f"{of_thesis(entry.item)}: {entry.statement}")
        lines += [f"  {name:<10} {value}" for name, value in [*facts(entry), ("verdict", entry.verdict)]]
    return "\n".join(lines)


def item_text(item: str) -> str:
    """`5.1` as "Figure 5.1", `T3.1` as "Table 3.1", `eq3.29` as "Equation 3.29", `s6.4` as "Section 6.4"."""
    if item.startswith("own-"):
        number = item.removeprefix("own-").lstrip("0")
        return f"Chapter {'.'.join(number)}"  # 34 is section 3.4
    kind = re.match(r"T|eq|s", item)
    name = {"T": "Table", "eq": "Equation", "s": "Section"}[kind.group()] if kind else "Figure"
    return f"{name} {item[kind.end() if kind else 0:]}"


def shown(text: str) -> str:
    """A text with numbers as HTML, typeset as those of the prose are."""
    return html.escape(typeset(text))


def with_minus(text: str) -> str:
    """A text whose negative numbers have a minus sign; exponents, ranges, dates and names keep their hyphens."""
    return re.sub(r"(?<![\w.)\]}-])-(?=\.?\d)", "−", text)


def formatted(value: float, fmt: str) -> str:
    """A number in a Python format, where what rounds to zero has no minus sign."""
    text = format(value, fmt)
    return text if re.search("[1-9n]", text) else format(abs(value), fmt)  # n: inf, nan


def typeset(text: str) -> str:
    """A number for prose: with minus signs, powers of ten as such, and an error that stays on the line of its value."""
    powers = re.sub(r"(?<=\d)e([-+])0*(\d+)\b", lambda found: f" × 10{(found[1] + found[2]).translate(_RAISED)}", text)
    return re.sub(" ([×±]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", with_minus(powers))


def of_thesis(item: str) -> str:
    """`5.1` as "Thesis figure 5.1": the pages have numbers of their own; our own results are not in the thesis."""
    if item.startswith("own-"):
        return "Not in the thesis"
    return "Thesis " + item_text(item)[0].lower() + item_text(item)[1:]


def expected_text(entry: Entry) -> str:
    """What the thesis reports, without where."""
    return str(entry.expected)


def measured_text(entry: Entry) -> str:
    """What came out, with its standard error, as text."""
    value, error = entry.measured, entry.uncertainty
    if value is None:
        return "no value" if entry.undecided else "not run"
    if isinstance(value, bool):
        return "holds" if value else "does not hold"
    if isinstance(value, list):
        return _sequence_text(value)
    if error is None:
        return formatted(value, ".10g" if value == int(value) else ".4g" if abs(value) < 1000 else ".6g")
    if error > 0:  # no digits beyond the second one of the error
        value = round(value, 1 - math.floor(math.log10(error)))
    return f"{formatted(value, '.6g')} ± {float(f'{error:.2g}'):.6g}"


def facts(entry: Entry) -> list[tuple[str, str]]:
    """What stands below the line of a claim, as names and texts."""
    expected = expected_text(entry)
    if entry.bound:
        expected += f" (the bound is ours: {entry.bound})"
    found = [("reference" if entry.item.startswith("own-") else "thesis", entry.expected.where),
             ("expected", expected), ("here", measured_text(entry))]
    if entry.tolerance:
        found.append(("tolerance", str(entry.tolerance)))
    if entry.decide:
        near = (entry.verdict == "undecided" and not entry.undecided and entry.enough and not entry.notes
                and not says_nothing(entry, entry))
        what = "not: nearer than" if near else "only where it is further than"
        found.append(("decided", f"{what} {entry.decide:g} standard errors from the bound"))
    if entry.undecided:
        found.append(("undecided", entry.undecided))
    elif not entry.enough:
        found.append(("undecided", "this scale is too small to say"))
    elif says_nothing(entry, entry):
        found.append(("undecided", "the standard error is larger than all that would agree"))
    found += [("scale", entry.scale),
              ("source", ", ".join(["record", *entry.records]) if entry.records else entry.source)]
    if entry.depends_on:
        found.append(("depends on", ", ".join(entry.depends_on)))
    return found + [("note", note) for note in entry.notes]


def _line(entry: Entry, above: str) -> str:
    """A claim as one line that unfolds; `above` is the scale of the line above, which is not said again."""
    scale = ""
    if entry.scale != "full":
        words = "as above" if entry.scale == above else entry.scale
        scale = f' <span class="claim-scale">Scale: {html.escape(words)}.</span>'
    listed = "".join(f"<dt>{name}</dt><dd>{shown(value)}</dd>" for name, value in facts(entry))
    source = "expected" if entry.item.startswith("own-") else "bound of ours" if entry.bound else "thesis"
    return (f'<details class="claim claim-{CSS_CLASS[entry.verdict]}" id="claim-{entry.id}"><summary>'
            f'<span class="claim-statement">{html.escape(entry.statement)}{scale}</span> '
            f'<span class="claim-value"><span class="claim-label">{source}</span> '
            f"{shown(expected_text(entry))}</span> "
            f'<span class="claim-value"><span class="claim-label">here</span> '
            f"{shown(measured_text(entry))}</span> "
            f'<span class="claim-verdict">{entry.verdict}</span></summary>'
            f'<dl class="claim-facts">{listed}</dl></details>')


def _sequence_text(value: list) -> str:
    """A list of numbers by its ends and its steps; of several lists only the steps."""
    found = steps(value)
    span = f"steps from {formatted(min(found), '.3g')} to {formatted(max(found), '.3g')}"
    if isinstance(value[0], list):
        return f"{len(value)} curves, {span}"
    if len(value) <= 4:
        return ", ".join(formatted(number, ".4g") for number in value)
    return f"from {formatted(value[0], '.4g')} to {formatted(value[-1], '.4g')}, {span}"
