"""The machinery of the book: parameters, execution, claims, provenance and pages.

Every step writes plain JSON, described here once; `ROOT` is `_build/` for the laptop profile and
`_build/<profile>/` for the others, `STEM` a chapter such as `05-positive-states`.

What a chapter depends on (`provenance.chapter_inputs`)::

    {"code": {"front matter": digest, "cells": [digest, ...]},      without what only shapes the page
     "parameters": {name: value},            the values of this profile
     "modules": {"lib.rbm.training": digest of its syntax tree, without docstrings and comments},
     "data": {"data/x.npz": sha256, ... of each declared input (`inputs.digests`), or null where it is missing},
     "environment": digest of the pinned packages and the Python version}

`ROOT/executed/STEM.ipynb`, `ROOT/executed/STEM.json`: the last good run (`execute.execute`)::

    {"format": 2, "chapter": STEM, "number": "05", "title": "...", "page": "05-positive-states.html",
     "inputs": {...},                        as above, at the time of the run
     "provenance": {"commit": "40 hex digits" or null, "dirty": true, "profile": "laptop",
                    "parameters": {...}, "seed": 1 or null, "versions": {"python": "3.11.7", ...},
                    "processor": "...", "device": "cpu", "threads": 1,
                    "seconds": 101.2, "core_seconds": 98.0, "peak_memory_bytes": 4.1e8,
                    "budget_core_minutes": 4 or null, "time_limit_minutes": 20,
                    "date": "2025-01-31T12:00:00+00:00"},
     "claims": [...], "numbers": [...], "sweeps": [...],      below
     "experiments_read": ["data/x"],         of inputs' data, what experiments declare and points computed here read
     "figures": {"fig-5-1.svg": sha256},     the files in ROOT/files/STEM/
     "notebook": sha256 of STEM.ipynb}

What a page stores of a claim (`claims.settle`), with the run; the verdict is not among it::

    {"id": "fig5.1-fidelity", "measured": 0.998, "uncertainty": null,    a number, true or false, lists of numbers, null
     "scale": "full", "source": "live" | "record" | "thesis", "records": ["fig-3-6-cifar10"],
     "enough": true, "undecided": "",
     "table": {"figure": "fig-5-1-training", "function": "smallest", "columns": ["fidelity"],
               "where": {"epoch": 500}}}                                  only for a function of a stored table

A number (`claims.number`)::

    {"key": "05-fidelity", "value": 0.998, "uncertainty": null, "unit": "", "text": "0.998"}

A sweep that reads a record (`sweep.Sweep.facts`), as a chapter's run keeps it::

    {"record": "data/records/fig-5-2-fields.jsonl", "name": "fig-5-2-fields", "item": "5.2",
     "experiment": "magnetizations", "version": 1, "points": 1400,
     "states": {"valid": 1390, "failed": 2, "not run": 8},       of `results.STATES`
     "errors": {"ValueError: ...": 2}, "core_seconds": 4000.1, "processors": ["..."], "commits": ["..."],
     "dirty": how many points a tree with uncommitted changes made, "dates": [first, last]}

A record, `data/records/NAME.jsonl` (`results.write`): lines of runs by date, then of points by settings; a point that
is still on its own, in `_build/records/NAME/` or `NAME.points/`, is a file of both lines::

    {"check": first 16 digits of the SHA-256 of the line without it, "format": 2, "kind": "run",
     "run": "0123456789ab", "commit": "..." or null, "dirty": false, "environment": digest of the pins or null,
     "processor": "...", "versions": {...}, "data": {"data/x": sha256}, "date": "2026-01-31T12:00:00+00:00"}
    {"check": ..., "format": 2, "kind": "point", "experiment": "magnetizations", "version": 1,
     "settings": {"n_spins": 10, ..., "seed": 1}, "status": "done",
     "results": {"fidelity": 0.998, "curve": [...], ...},     or status "failed" and "error": "..."
     "seconds": 2.1, "core_seconds": 2.0, "run": "0123456789ab"}

`ROOT/ledger.json` (`ledger.entries`): the claims of all chapters, in the order of the book, a list of::

    {"id": "fig5.1-fidelity", "item": "5.1", "statement": "...",            from the claims file
     "expected": {"relation": "at least", "value": 0.995, "upper": null, "where": "figure 5.1, p. 61"},
     "bound": "why it is ours" or null, "decide": 2 or null, "depends_on": [],
     "tolerance": {"absolute": 0.01, "relative": null, "reason": "..."} or null,
     "measured": 0.998, "uncertainty": null, "scale": "full", "source": "live", "records": [],    from the page
     "enough": true, "undecided": "", "page": "05-positive-states", "profile": "laptop",
     "verdict": "reproduced", "notes": ["depends on ..., which differs"]}                         computed

`ROOT/status.json` (`status.book_status`)::

    {"profile": "laptop", "chapters": [
        {"chapter": STEM, "number": "05", "title": "...", "page": "05-positive-states.html",
         "state": "fresh" | "stale" | "failed" | "never run",
         "reasons": ["module lib.rbm.training changed"], "error": null or "ValueError: ...",
         "budget_core_minutes": 4,
         "core_seconds": 98.0, "seconds": 101.2, "peak_memory_bytes": 4.1e8,
         "commit": "...", "dirty": false, "date": "..."}]}        the last six null if never run

`ROOT/failed/STEM.ipynb`, `ROOT/failed/STEM.json`: a run that failed, as far as it came::

    {"chapter": STEM, "kind": "error" | "time limit" | "gate", "cell": 3, "line": 41,
     "first_line": "...", "error": "ValueError: ...", "message": the whole message, "inputs": {...}}

`ROOT/stage/`: what Jupyter Book renders. The files of `book/` lie at its top, each chapter as
`STEM.ipynb`, with `_config.yml` and `_toc.yml`. For the pages that show the build itself::

    stage/_data/ledger.json  status.json     as above
    stage/_data/bench.json, mutations.json, times.json     copies of those in data/records, if there are any
    stage/_data/chapters/STEM.json           executed/STEM.json with title and budget of the present text, and:
        "text": {"commit": the last one that changed the text, "dirty": whether it differs from that}
        "downloads": [{"label": "executed notebook", "path": "downloads/STEM/STEM-executed.ipynb"}, ...]
                                             paths relative to the top of the site
        "sweeps": [{..., "audits": `audits.summary`}]
    stage/_data/tables/STEM/NAME.csv         the tables that scripts of the page are given (`knob`, `living-machine`)
    stage/_data/narrow/STEM/NAME.narrow.svg  pictures that pages show on phones (`plotting.save_figure`)

`_build/rehearsed.json`: `{"digest": ...}` of the sources that the renderer took when nothing was executed
(:mod:`lib.study.rehearsal`). `_build/rehearsal/`: what Sphinx has read of these, for the next time.

`ROOT/render/`: the pages without downloads, and what Sphinx has read, from which the next site is made
(:mod:`lib.study.render`). `ROOT/logs/`: what steps wrote to stderr.

While a chapter runs, `_build/tmp/STEM-.../` holds what it may read (`guard.write`) and what is noted of it, a line of
JSON each (`guard.note`): its reads, failures without error output, and what still runs after its last cell.
"""
