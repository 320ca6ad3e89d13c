"""Tables of chapters: one row of names, numbers typeset, and on phones a card a row for what is wider than they are.

Chapters print tables as pandas writes them.  Here the name of an index comes up to the names of the columns, one that
only counts the rows goes, and numbers are typeset as in prose.  Wide tables get what the style sheet needs for cards,
each value beside its column's name (`data-label`), and roles: a browser that is told to draw a table as blocks would
tell those who listen that it is none.
"""

from __future__ import annotations

import copy

from docutils import nodes
from sphinx.application import Sphinx

WIDEST = 38  # characters of a row that a phone has room for, with two beside each column


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", stack_wide)


def stack_wide(app: Sphinx, doctree: nodes.document) -> None:
    for output in doctree.findall(nodes.raw):
        if 'class="dataframe"' in (text := output.astext()):
            output.clear()
            output += nodes.Text(stacked(text))


def stacked(text: str) -> str:
    """The HTML of an output with its tables mended, and wide ones marked; all else stays as it is."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "html.parser")
    tables = soup.select("table.dataframe")
    counted = [*map(drop_count, tables)]
    wide = [(table, *column_names(table)) for table in tables if width(table) > WIDEST]
    changed = [*counted, *map(join_names, tables), *map(typeset, tables)]
    for named in wide:
        label(soup, *named)
    return str(soup) if wide or any(changed) else text


def join_names(table) -> bool:
    """Take names of an index out of a row of their own, into the one above, where that has room; whether it had."""
    rows = table.select("thead tr")
    names = [cell.get_text().strip() for cell in rows[-1].find_all("th")] if len(rows) > 1 else []
    n_index = len(table.select("tbody tr:first-child > th"))
    if not any(names[:n_index]) or any(names[n_index:]):
        return False
    above = rows[-2].find_all("th")[:n_index]
    if any(cell.get_text().strip() or cell.get("colspan") for cell in above):
        return False
    for cell, name in zip(above, names):
        cell.string = name
    rows[-1].decompose()
    return True


def typeset(table) -> bool:
    """Put minus signs before the negative numbers of a table, errors beside their values; whether there were any."""
    from lib.study import claim_text

    texts = [text for text in table.find_all(string=True) if text.find_parent(["td", "th"])]
    changed = [(text, new) for text in texts if (new := claim_text.typeset(text)) != text]
    for text, new in changed:
        text.replace_with(new)
    return bool(changed)


def drop_count(table) -> bool:
    """Take away an index that only counts the rows from zero, as pandas makes where there is none; whether it did."""
    counts = [row.find_all("th") for row in table.select("tbody tr")]
    corners = [row.find(["th", "td"]) for row in table.select("thead tr")]
    if [[cell.get_text() for cell in cells] for cells in counts] != [[f"{n}"] for n in range(len(counts))]:
        return False
    if not corners or any(cell.get_text().strip() or cell.get("colspan") for cell in corners):
        return False
    for cell in [*corners, *(cell for cells in counts for cell in cells)]:
        cell.decompose()
    return True


def width(table) -> int:
    """Characters of the widest row, if no cell is broken."""
    columns: dict[int, int] = {}
    for row in table.select("tr"):
        cells = row.find_all(["th", "td"])
        missing = sum(int(cell.get("colspan", 1)) for cell in table.tr.find_all(["th", "td"])) - len(cells)
        for number, cell in enumerate(cells, missing):
            if not cell.get("colspan"):
                columns[number] = max(columns.get(number, 0), len(cell.get_text().strip()))
    return sum(columns.values()) + 2 * len(columns)


def column_names(table) -> tuple[list[str], str]:
    """What stands above each column, the name of an index or of a column, and what all columns are called together."""
    rows = [[cell.get_text().strip() for cell in row.find_all("th") for _ in range(int(cell.get("colspan", 1)))]
            for row in table.thead.find_all("tr")]
    n_index = len(table.tbody.tr.find_all("th"))
    index = rows.pop() if len(rows) > 1 and not any(rows[-1][n_index:]) else [""] * n_index
    columns = [", ".join(row[n] for row in rows if row[n]) for n in range(n_index, len(rows[0]))]
    return index[:n_index] + columns, ", ".join(row[n_index - 1] for row in rows if n_index and row[n_index - 1])


def label(soup, table, names: list[str], together: str) -> None:
    """Mark a table, by what :func:`column_names` says of it: roles, the names of their columns for cells, and in every
    row the words that stand for several."""
    table["class"] = [*table["class"], "stacked"]
    if together:
        caption = soup.new_tag("caption", attrs={"class": "stacked-only"})
        caption.string = f"{together.rstrip(':')}:"
        table.insert(0, caption)
    several: dict[int, tuple[int, object]] = {}  # by column: in how many more rows a cell holds, and the cell
    for row in table.tbody.find_all("tr"):
        column = 0
        for cell in row.find_all(["th", "td"]):
            while several.get(column, (0,))[0]:
                left, above = several[column]
                several[column] = left - 1, above
                again = copy.copy(above)
                again.attrs = {"class": "stacked-only", "aria-hidden": "true", "data-label": names[column]}
                cell.insert_before(again)
                column += 1
            cell["data-label"] = names[column]
            several[column] = int(cell.get("rowspan", 1)) - 1, cell
            column += 1
    for selector, role in (("thead, tbody", "rowgroup"), ("tr", "row"), ("td", "cell"),
                           ("thead th", "columnheader"), ("tbody th", "rowheader")):
        for part in table.select(selector):
            part["role"] = role
    table["role"] = "table"
