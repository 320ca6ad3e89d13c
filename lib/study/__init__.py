"""The machinery of the book: parameters, execution, claims, provenance and pages.

Every step writes plain JSON. What a file holds is a dataclass that reads and writes it (:mod:`lib.study.stored`).
`ROOT` is `_build/` for the laptop profile and `_build/<profile>/` for the others, `STEM` a chapter such as
`05-positive-states`.

`ROOT/executed/STEM.ipynb`, `.json`   the last good run: `runs.Run`, with what it depends on (`provenance.Inputs`),
                                      where it came from (`provenance.Origin`), what it measured
                                      (`claim_files.Settlement`) and its numbers (`claims.Number`); its figures lie in
                                      `ROOT/files/STEM/`
`ROOT/failed/STEM.ipynb`, `.json`     a run that failed, as far as it came: `runs.Failure`
`ROOT/ledger.json`                    the claims of all chapters with their verdicts, in the order of the book: a list
                                      of `claim_files.Entry`
`ROOT/status.json`                    the state of every chapter: `status.BookStatus`
`ROOT/sums.json`                      check sums of what was published (:mod:`lib.study.verify`)
`data/records/mutations.json`, `ranges.json`  what somebody measured and committed (:mod:`lib.study.committed`)
`data/records/times.json`             what chapters took, by profile and chapter: `runs.Times`
`data/thesis/verdicts.json`           the accepted verdicts, by profile and claim
`data/numbers.json`                   the names of the numbers of each chapter (:mod:`lib.study.number_names`)

A sweep that reads a record (`Sweep._facts`), as a chapter's run keeps it::

    {"record": "data/records/fig-5-2-fields.jsonl", "name": "fig-5-2-fields", "item": "5.2",
     "experiment": "magnetizations", "version": 1, "points": 1400,
     "states": {"valid": 1390, "failed": 2, "not run": 8},       of `results.STATES`
     "errors": {"ValueError: ...": 2}, "core_seconds": 4000.1, "processors": ["..."], "commits": ["..."],
     "dirty": how many points a tree with uncommitted changes made, "dates": [first, last]}

A record, `data/records/NAME.jsonl` (`results.write`): lines of runs by date, then of points by settings; a point that
is still on its own, in `_build/records/NAME/` or `NAME.points/`, is a file of both lines. Each begins with a check sum
("check", the first 16 digits of the SHA-256 of the line without it), "format" and "kind"; the rest, which differs
between experiments in settings and results only, is a `record_lines.Run` or `record_lines.Point`, and in
`data/records/audits/NAME.jsonl` a `record_lines.Audit` or `record_lines.Repeat`.

`tests/anchors/NAME.json`             what the anchors of an experiment have to give: `anchors.Anchors`

`ROOT/stage/`: what Jupyter Book renders. The files of `book/` lie at its top, each chapter as
`STEM.ipynb`, with `_config.yml`, `_toc.yml`, and `CONTRIBUTING.md`, a part of which a page shows. For the
pages that show the build itself::

    stage/_data/ledger.json  status.json     as above
    stage/_data/bench.json, mutations.json, ranges.json, times.json     copies of those in data/records
    stage/_data/api.json, names.json, imports.json   what the reference of `lib` shows (:mod:`lib.study.api`)
    stage/_data/chapters/STEM.json           the run, with what its present text says besides (`site.described`)
    stage/_data/tables/STEM/NAME.csv         the tables that scripts of the page are given (`knob`, `living-machine`)
    stage/_data/narrow/STEM/NAME.narrow.svg  pictures that pages show on phones (`plotting.save_figure`)

`_build/rehearsed.json`: `{"all pages": ...}`, or of a page alone its name, and the digest of the sources that the
renderer took when nothing was executed (:mod:`lib.study.rehearsal`). `_build/rehearsal/`: what Sphinx has read of
these, for the next time.

`ROOT/render/`: the pages without downloads, and what Sphinx has read, from which the next site is made
(:mod:`lib.study.render`). `ROOT/logs/`: what steps wrote to stderr.

While a chapter runs, `_build/tmp/STEM-.../` holds what it may read (`guard.write`) and what is noted of it, a line of
JSON each (`guard.note`): its reads, failures without error output, and what still runs after its last cell.
"""
