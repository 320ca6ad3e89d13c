"""Sphinx extension of the book: claims ledger, status and benchmark tables, provenance boxes, offline formulas.

The build stages the book and puts beside it, in ``_data/``, what it knows about the chapters' runs; the formats are
described in ``lib/study/__init__.py``.  This file only says which module does what:

* :mod:`companion_pages`: parameter box, provenance and downloads on every chapter page;
* :mod:`companion_tables`: the directives ``claims-ledger``, ``items-status``, ``chapter-status``, ``benchmarks``;
* :mod:`companion_results`: the directives ``result``, pictures of chapters with their verdicts, and ``open-claims``;
* :mod:`companion_summary`: the directive ``verdict-summary``, counts of verdicts;
* :mod:`companion_behind`: what stands behind each claim of the ledger, as links;
* :mod:`companion_doors`: the directives ``where-to-go``, which page is for whom, and ``answers``, ten questions;
* :mod:`companion_thesis`: the directive ``thesis-index``, where equations and figures of the thesis are treated;
* :mod:`companion_errata`: the directive ``errata-summary``, a line for every entry of the errata;
* :mod:`companion_tried`: the directive ``tried``, in which surroundings the book was tried;
* :mod:`companion_api`: the directive ``api``, the public names of one room of `lib`;
* :mod:`companion_code`: the directive ``code-behind``, the source of functions of `lib`;
* :mod:`companion_rooms`: the directive ``rooms``, which of them imports which;
* :mod:`companion_glossary`: terms link to the pages that use them;
* :mod:`companion_numbers`: chapters and figures carry their thesis numbers;
* :mod:`companion_paths`: files, modules and commits that pages name are links;
* :mod:`companion_references`: labels of the list of references, links from the errata to the boxes;
* :mod:`companion_figures`: pictures for light and for dark, and :mod:`companion_narrow` for phones;
* :mod:`companion_stacked`: wide tables on phones;
* :mod:`companion_knobs`: the directive ``knob``, figures with a knob to turn;
* :mod:`companion_living`: the directive ``living-machine``, a machine that runs in the page;
* :mod:`companion_math`: formulas without a network;
* :mod:`companion_search`: what the search of the site finds;
* :mod:`companion_files`: nothing in the site that a browser refuses to load from ``file://``.
"""

from __future__ import annotations

import companion_api
import companion_code
import companion_doors
import companion_errata
import companion_figures
import companion_files
import companion_glossary
import companion_knobs
import companion_living
import companion_math
import companion_numbers
import companion_pages
import companion_paths
import companion_references
import companion_results
import companion_rooms
import companion_search
import companion_stacked
import companion_summary
import companion_tables
import companion_thesis
import companion_tried
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    for module in (companion_pages, companion_tables, companion_summary, companion_thesis, companion_errata,
                   companion_tried, companion_doors, companion_api, companion_rooms, companion_glossary,
                   companion_numbers, companion_paths, companion_references, companion_figures, companion_results,
                   companion_knobs, companion_living, companion_code, companion_math, companion_search,
                   companion_stacked, companion_files):
        module.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
