"""Strips: a line a claim, what the thesis reports and what came out, scale and verdict; and boxes of records.

A kernel shows a claim as it settles it (:mod:`lib.study.claims`).  On the way to a page :func:`fill` puts in its place
what the ledger says by then, one strip for all claims that follow each other, so that a changed bound or statement
needs no kernel.  The style sheet of the book knows the classes.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence

from lib.study.claim_files import ALONE, WORDS, Tolerance, steps

CSS_CLASS = {"reproduced": "reproduced", "reproduced at reduced scale": "reduced", "undecided": "undecided",
             "differs": "differs", "not run": "not-run"}
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}  # tags of cells whose code does not part two strips


def fill(notebook: dict, claims: Mapping[str, Mapping], records: Mapping[str, Mapping]) -> None:
    """Render the claims and records of an executed notebook anew, in place.

    Outputs whose `metadata.companion` names claims become one strip where nothing that a reader sees stands between
    them; the first holds it and the others go.  Those that name a record become its box.  Arguments: the notebook as
    JSON; `claims` entries of the ledger by id, `records` summaries by name.  What has no entry stays as the kernel
    showed it.
    """
    strip_of, found = None, []  # the output that holds the present strip, and its claims
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            if "".join(cell["source"]).strip():
                strip_of = None
            continue
        if not HIDDEN & {*cell["metadata"].get("tags", [])}:
            strip_of = None
        kept = []
        for output in cell["outputs"]:
            named = output.get("metadata", {}).get("companion", {})
            ids = [name for name in named.get("claims", []) if name in claims]
            if ids and strip_of is None:
                strip_of, found = output, []
            if ids:
                found += [claims[name] for name in ids]
                _show(strip_of, text(found), strip(found), {"claims": [entry["id"] for entry in found]})
                if output is not strip_of:
                    continue
            elif named.get("record") in records:
                summary = records[named["record"]]
                _show(output, record_text(summary), record_box(summary), {"record": named["record"]})
                strip_of = None
            elif _is_seen(output):
                strip_of = None
            kept.append(output)
        cell["outputs"] = kept


def strip(entries: Sequence[Mapping]) -> str:
    """Some claims as HTML; the item stands above the first line that it belongs to."""
    lines, item = [], None
    for entry in entries:
        if entry["item"] != item:
            item = entry["item"]
            lines.append(f'<p class="claim-item">{html.escape(of_thesis(item))}</p>')
        lines.append(_line(entry))
    return f'<div class="claim-strip" role="group" aria-label="Claims and verdicts">{"".join(lines)}</div>'


def text(entries: Sequence[Mapping]) -> str:
    """The same for a terminal."""
    lines = []
    for entry in entries:
        lines.append(f"{of_thesis(entry['item'])}: {entry['statement']}")
        lines += [f"  {name:<10} {value}" for name, value in [*_facts(entry), ("verdict", entry["verdict"])]]
    return "\n".join(lines)


def item_text(item: str) -> str:
    """`5.1` as "Figure 5.1", `T3.1` as "Table 3.1", `eq3.29` as "Equation 3.29", `s6.4` as "Section 6.4"."""
    if item.startswith("own-"):
        number = item.removeprefix("own-").lstrip("0")
        return f"Chapter {'.'.join(number)}"  # 34 is section 3.4
    kind = re.match(r"T|eq|s", item)
    name = {"T": "Table", "eq": "Equation", "s": "Section"}[kind.group()] if kind else "Figure"
    return f"{name} {item[kind.end() if kind else 0:]}"


def of_thesis(item: str) -> str:
    """`5.1` as "Thesis figure 5.1": the pages have numbers of their own; our own results are not in the thesis."""
    if item.startswith("own-"):
        return "Not in the thesis"
    return "Thesis " + item_text(item)[0].lower() + item_text(item)[1:]


def expected_text(entry: Mapping) -> str:
    """What the thesis reports, without where."""
    expected = entry["expected"]
    if expected["relation"] in ALONE:
        return expected["relation"]
    if expected["relation"] == "between":
        return f"between {expected['value']:.6g} and {expected['upper']:.6g}"
    return WORDS[expected["relation"]] + ("unknown" if expected["value"] is None else f"{expected['value']:.6g}")


def measured_text(entry: Mapping) -> str:
    """What came out, with its standard error, as text."""
    value, error = entry["measured"], entry["uncertainty"]
    if value is None:
        return "no value" if entry.get("undecided") else "not run"
    if isinstance(value, bool):
        return "holds" if value else "does not hold"
    if isinstance(value, list):
        return _sequence_text(value)
    if error is None:
        return f"{value:.6g}"
    if error > 0:  # no digits beyond the second one of the error
        value = round(value, 1 - math.floor(math.log10(error)))
    return f"{value:.6g} ± {error:.2g}"


def record_text(summary: Mapping) -> str:
    """What a table from a record rests on, as text."""
    return f"record {summary['name']}: " + "; ".join(_record_facts(summary))


def record_box(summary: Mapping) -> str:
    """The same as HTML."""
    good = {*summary["states"]} <= {"valid"} and not (summary.get("audits") or {}).get("contradicted")
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in _record_facts(summary))
    return (f'<div class="record-box{"" if good else " record-partial"}"><p class="record-name">Record '
            f'<code>{html.escape(summary["name"])}</code></p><ul>{items}</ul></div>')


def _line(entry: Mapping) -> str:
    """A claim as one line that unfolds."""
    scale = ""
    if entry["scale"] != "full":
        scale = f' <span class="claim-scale">Scale: {html.escape(entry["scale"])}.</span>'
    facts = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(entry))
    source = "expected" if entry["item"].startswith("own-") else "thesis"
    return (f'<details class="claim claim-{CSS_CLASS[entry["verdict"]]}" id="claim-{entry["id"]}"><summary>'
            f'<span class="claim-statement">{html.escape(entry["statement"])}{scale}</span> '
            f'<span class="claim-value"><span class="claim-label">{source}</span> '
            f"{html.escape(expected_text(entry))}</span> "
            f'<span class="claim-value"><span class="claim-label">here</span> '
            f"{html.escape(measured_text(entry))}</span> "
            f'<span class="claim-verdict">{entry["verdict"]}</span></summary>'
            f'<dl class="claim-facts">{facts}</dl></details>')


def _facts(entry: Mapping) -> list[tuple[str, str]]:
    """What stands below the line of a claim."""
    expected = expected_text(entry)
    if entry["bound"]:
        expected += f" (the bound is ours: {entry['bound']})"
    facts = [("reference" if entry["item"].startswith("own-") else "thesis", entry["expected"]["where"]),
             ("expected", expected), ("here", measured_text(entry))]
    if entry["tolerance"]:
        facts.append(("tolerance", str(Tolerance(**entry["tolerance"]))))
    if entry["decide"]:
        facts.append(("undecided", f"within {entry['decide']:g} standard errors of the bound"))
    if entry["undecided"]:
        facts.append(("undecided", entry["undecided"]))
    elif not entry["enough"]:
        facts.append(("undecided", "this scale is too small to say"))
    facts += [("scale", entry["scale"]),
              ("source", ", ".join(["record", *entry["records"]]) if entry["records"] else entry["source"])]
    if entry["depends_on"]:
        facts.append(("depends on", ", ".join(entry["depends_on"])))
    return facts + [("note", note) for note in entry.get("notes", [])]


def _sequence_text(value: list) -> str:
    """A list of numbers by its ends and its steps; of several lists only the steps."""
    found = steps(value)
    span = f"steps from {min(found):.3g} to {max(found):.3g}"
    if isinstance(value[0], list):
        return f"{len(value)} curves, {span}"
    if len(value) <= 4:
        return ", ".join(f"{number:.4g}" for number in value)
    return f"from {value[0]:.4g} to {value[-1]:.4g}, {span}"


def _record_facts(summary: Mapping) -> list[str]:
    """Points and their states, version, commits and dates, processor time, audits; as far as the summary has them."""
    states = ", ".join(f"{count} {state}" for state, count in summary["states"].items())
    facts = [f"{summary['points']} points: {states}"]
    made = [f"version {summary['version']}"] if summary.get("version") else []
    if summary.get("commits"):
        made.append("commit " + ", ".join(commit[:7] for commit in summary["commits"]))
    if summary.get("dates"):
        made.append(" to ".join(dict.fromkeys(date.split("T")[0] for date in summary["dates"])))
    if made:
        facts.append(", ".join(made))
    if summary.get("core_seconds"):
        facts.append(f"{summary['core_seconds'] / 3600:.2g} hours of processor time")
    audits = summary.get("audits")
    return [*facts, *([audits["text"]] if audits and audits.get("text") else [])]


def _show(output: dict, plain: str, markup: str, companion: dict) -> None:
    output["data"] = {"text/plain": plain, "text/html": markup}
    output["metadata"] = {**output.get("metadata", {}), "companion": companion}


def _is_seen(output: Mapping) -> bool:
    """Whether a reader sees an output: not the numbers that the prose takes over."""
    data = output.get("data")
    return data is None or any(not kind.startswith("application/papermill.record/") for kind in data)
