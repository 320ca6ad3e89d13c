"""Strips: what an executed notebook shows of claims and records is rendered anew on its way to a page.

A kernel shows a claim as it settles it.  :func:`fill` puts in its place what the ledger says by then, one strip for all
claims that follow each other, so that a changed bound or statement needs no kernel, and fresh audits neither.
"""

from __future__ import annotations

from collections.abc import Mapping

from lib.study import results
from lib.study.claim_files import Entry
from lib.study.claim_text import strip, text, typeset

NUMBER = "application/papermill.record/text/plain"  # a number that the prose takes over
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}  # tags of cells whose code does not part two strips


def fill(notebook: dict, claims: Mapping[str, Entry], records: Mapping[str, Mapping]) -> None:
    """Render the claims and records of an executed notebook anew, in place.

    Outputs whose `metadata.companion` names claims become one strip where nothing that a reader sees stands between
    them; the first holds it and the others go.  Those that name a record become its box, and numbers of the prose are
    typeset.  Arguments: the notebook as JSON; `claims` entries of the ledger by id, `records` summaries by name.
    What has no entry stays as the kernel showed it.
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
                _show(strip_of, text(found), strip(found), {"claims": [entry.id for entry in found]})
                if output is not strip_of:
                    continue
            elif named.get("record") in records:
                summary = records[named["record"]]
                _show(output, *results.box(summary), {"record": named["record"]})
                strip_of = None
            elif _is_seen(output):
                strip_of = None
            if NUMBER in output.get("data", {}):
                output["data"] = {**output["data"], NUMBER: typeset(output["data"][NUMBER])}
            kept.append(output)
        cell["outputs"] = kept


def _show(output: dict, plain: str, markup: str, companion: dict) -> None:
    output["data"] = {"text/plain": plain, "text/html": markup}
    output["metadata"] = {**output.get("metadata", {}), "companion": companion}


def _is_seen(output: Mapping) -> bool:
    """Whether a reader sees an output: not the numbers that the prose takes over."""
    data = output.get("data")
    return data is None or any(not kind.startswith("application/papermill.record/") for kind in data)
