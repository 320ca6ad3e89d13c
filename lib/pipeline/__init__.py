"""How the book is made: commands, checks of the texts, execution, what-if pages, the site, and what is made of it.

It stands on :mod:`lib.study`, which says what its files mean; `ROOT` and `STEM` are explained there.

`ROOT/status.json`                    the state of every chapter: `status.BookStatus`
`ROOT/sums.json`                      check sums of what was published (:mod:`lib.pipeline.verify`)
`data/numbers.json`                   the names of the numbers of each chapter (:mod:`lib.pipeline.number_names`)

`ROOT/stage/`: what Jupyter Book renders. The files of `book/` lie at its top, each chapter as
`STEM.ipynb`, with `_config.yml`, `_toc.yml`, and `CONTRIBUTING.md`, a part of which a page shows. For the
pages that show the build itself::

    stage/_data/ledger.json  status.json     as above
    stage/_data/bench.json, mutations.json, ranges.json, times.json     copies of those in data/records
    stage/_data/api.json, names.json, imports.json   what the reference of `lib` shows (:mod:`lib.pipeline.api`)
    stage/_data/chapters/STEM.json           the run, with what its present text says besides (`site.described`)
    stage/_data/tables/STEM/NAME.csv         the tables that scripts of the page are given (`knob`, `living-machine`)
    stage/_data/narrow/STEM/NAME.narrow.svg  pictures that pages show on phones (`plotting.save_figure`)

`_build/rehearsed.json`: `{"all pages": ...}`, or of a page alone its name, and the digest of the sources that the
renderer took when nothing was executed (:mod:`lib.pipeline.rehearsal`). `_build/rehearsal/`: what Sphinx has read of
these, for the next time.

`ROOT/render/`: the pages without downloads, and what Sphinx has read, from which the next site is made
(:mod:`lib.pipeline.render`). `ROOT/logs/`: what steps wrote to stderr.
"""
