"""Chapters and figures carry the numbers they have in the thesis.

Sphinx counts chapters 1, 2, 3 in the order of the table of contents.  Here the file name decides: the page
``05-quantum-state-reconstruction`` is chapter 5 also while chapters 1 to 3 are not written, and ``34-...`` is
section 3.4.

A figure whose name says so carries its thesis number: ``fig-5-1`` or ``fig-5-1-training`` is figure 5.1.  The other
figures of a chapter, which the thesis does not have, are lettered (5.a, 5.b, ..., 3.4.a, ...) so that no number means
two things.  Tables are counted as usual.
"""

from __future__ import annotations

import copy
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_CHAPTER = re.compile(r"(\d\d)-")
_FIGURE = re.compile(r"fig-(\d+)-(\d+)(-|$)")


def setup(app: Sphinx) -> None:
    # Sphinx's own counting is connected to the same event with priority 500.  It compares with its last result, which
    # is therefore kept; what it counts now is corrected afterwards.
    app.connect("env-get-updated", recall_counting, priority=100)
    app.connect("env-get-updated", number_as_in_thesis, priority=900)


def recall_counting(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Put back the numbers that Sphinx had counted, in place of those of the thesis."""
    env.toc_secnumbers, env.toc_fignumbers = getattr(env, "companion_counted", (env.toc_secnumbers, env.toc_fignumbers))
    return []


def number_as_in_thesis(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace the chapter number in every section and figure number.

    No page is named for rewriting: Sphinx names those whose numbers it counts otherwise, and ours follow from its.
    """
    env.companion_counted = copy.deepcopy((env.toc_secnumbers, env.toc_fignumbers))
    for docname in env.toc_secnumbers:
        match = _CHAPTER.match(docname)
        if match:
            number = tuple(int(digit) for digit in match[1].lstrip("0"))
            _renumber_sections(env, docname, number)
            for kind, numbers in env.toc_fignumbers.get(docname, {}).items():
                renumber = renumber_figures if kind == "figure" else _renumber_others
                env.toc_fignumbers[docname][kind] = renumber(numbers, number)
    return []


def _renumber_sections(env: BuildEnvironment, docname: str, page: tuple[int, ...]) -> None:
    sections = env.toc_secnumbers[docname]
    for anchor, number in sections.items():
        if number:
            sections[anchor] = (*page, *number[1:])
    for entry in [*env.tocs[docname].findall(nodes.reference), env.titles[docname]]:
        if entry.get("secnumber"):
            entry["secnumber"] = [*page, *entry["secnumber"][1:]]


def renumber_figures(numbers: dict[str, tuple], page: tuple[int, ...]) -> dict[str, tuple]:
    """The numbers of a page's figures, by name and in their order: those of the thesis, or letters."""
    named = {name: match for name in numbers if (match := _FIGURE.match(name))}
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    return {name: (int(named[name][1]), int(named[name][2])) if name in named else (*page, next(letters))
            for name in numbers}


def _renumber_others(numbers: dict[str, tuple], page: tuple[int, ...]) -> dict[str, tuple]:
    return {name: (*page, *number[1:]) for name, number in numbers.items()}
