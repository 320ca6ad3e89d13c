"""Pages are prose: code of a page is parameters, calls and claims, and what is longer stands in the library."""

import pytest

from lib.study import notebooks
from tests.toy_book import ROOT

CHAPTERS = [notebooks.read_chapter(path) for path in notebooks.chapter_files(ROOT)]
LONGEST = 20  # lines of code in a cell
LONGER = {}  # chapters with some cells above that, and how many; none may be added
ALL_LINES = 2500  # lines of code in all pages; what comes in beyond that belongs into the library


def n_lines(cell):
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in cell.source.splitlines())


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.number)
def test_no_cell_is_longer_than_twenty_lines_of_code(chapter):
    long = [f"{chapter.path.name}, line {cell.line}: {n_lines(cell)} lines of code" for cell in chapter.cells
            if n_lines(cell) > LONGEST and "parameters" not in cell.tags]
    assert len(long) <= LONGER.get(chapter.number, 0), "\n".join(long)


def test_code_of_all_pages_stays_below_its_bound():
    total = sum(n_lines(cell) for chapter in CHAPTERS for cell in chapter.cells)
    assert total <= ALL_LINES
