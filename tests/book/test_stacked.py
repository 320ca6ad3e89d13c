"""Wide tables of chapters on phones: what each cell is called, who is told that it is a table, and how it looks."""

import companion_stacked
import pandas as pd
from bs4 import BeautifulSoup
from docutils import nodes

from tests.browsing import SITE

LONG = [f"a column of number {number}" for number in range(3)]


def marked(frame):
    return BeautifulSoup(companion_stacked.stacked(frame.to_html()), "html.parser").table


def labels(row):
    return [(cell["data-label"], cell.get_text()) for cell in row.select("th, td")]


def test_a_narrow_table_and_all_other_output_stay_as_they_are():
    text = pd.DataFrame({"a": [1.5], "b": [2]}, index=["x"]).to_html()
    assert companion_stacked.stacked(text) == text
    output, other = (nodes.raw("", words, format="html") for words in (text, "<p>stacked</p>"))
    wide = nodes.raw("", pd.DataFrame([[1, 2, 3]], columns=LONG).to_html(), format="html")
    companion_stacked.stack_wide(None, nodes.container("", output, other, wide))
    assert (output.astext(), other.astext()) == (text, "<p>stacked</p>")
    assert 'class="dataframe stacked"' in wide.astext()


def test_names_of_an_index_stand_in_the_row_of_the_columns_where_there_is_room():
    def head(frame):
        table = BeautifulSoup(companion_stacked.stacked(frame.to_html()), "html.parser").table
        return [[cell.get_text() for cell in row.select("th")] for row in table.select("thead tr")]

    frame = pd.DataFrame({"a": [1.5], "b": [2]})
    assert head(frame) == [["a", "b"]] and head(frame.set_axis(["x"])) == [["", "a", "b"]]
    assert head(frame.rename_axis("n")) == [["n", "a", "b"]]
    assert head(frame.rename_axis("n").rename_axis("at:", axis=1)) == [["at:", "a", "b"], ["n", "", ""]]
    index = pd.MultiIndex.from_product([["strong"], [8]], names=["field", "spins"])
    assert head(frame.set_index(index)) == [["field", "spins", "a", "b"]]
    columns = pd.MultiIndex.from_product([["energy"], ["mean", "its error"]])
    frame = pd.DataFrame([[1, 2]], columns=columns).rename_axis("n")
    assert head(frame) == [["", "energy"], ["n", "mean", "its error"]]


def test_an_index_that_only_counts_the_rows_is_not_shown():
    frame = pd.DataFrame([["x", 1], ["y", 2]], columns=["a", "b"])
    for shown, dropped in [(frame, True), (frame.rename_axis("n"), False), (frame.set_axis([1, 2]), False),
                           (frame.rename_axis("at:", axis=1), False), (frame.set_index("a"), False)]:
        soup = BeautifulSoup(companion_stacked.stacked(shown.to_html()), "html.parser")
        assert [len(row.find_all("th")) for row in soup.select("tbody tr")] == [0 if dropped else 1] * 2
        assert len(soup.select("thead tr:last-child > th")) == len(soup.select("tbody tr:last-child > *"))


def test_negative_numbers_have_minus_signs_and_names_their_hyphens():
    text = pd.DataFrame({"a-1": [-1.5, "[-1, 2 ± 3]"]}, index=["x-2", "-3"]).to_html()
    cells = BeautifulSoup(companion_stacked.stacked(text), "html.parser").select("tbody > tr > *")
    assert [cell.get_text() for cell in cells] == ["x-2", "\u22121.5", "\u22123", "[\u22121, 2\xa0±\xa03]"]


def test_every_cell_has_the_name_of_its_column_and_its_part_in_the_table():
    table = marked(pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=LONG).rename_axis("spins").rename_axis("at:", axis=1))
    assert labels(table.tbody.tr) == [("spins", "0"), *zip(LONG, "123")]
    assert table.caption.get_text() == "at:"
    roles = [part.get("role") for part in [table, *table.select("thead, tr, td, th")]]
    assert None not in roles and {*roles} == {"table", "rowgroup", "row", "cell", "columnheader", "rowheader"}
    assert table.thead.th["role"] == "columnheader" and table.tbody.th["role"] == "rowheader"
    plain = marked(pd.DataFrame([[1, 2, 3]], columns=LONG, index=["a"]))
    assert labels(plain.tbody.tr)[0] == ("", "a") and not plain.caption


def test_a_word_for_several_rows_is_said_in_each_card():
    index = pd.MultiIndex.from_product([["strong", "weak"], [8, 10]], names=["field", "spins"])
    table = marked(pd.DataFrame([[1, 2, 3]] * 4, index=index, columns=LONG))
    rows = table.tbody.select("tr")
    assert [labels(row)[:2] for row in rows] == [
        [("field", field), ("spins", spins)] for field in ("strong", "weak") for spins in ("8", "10")]
    again = [cell for row in rows for cell in row.select(".stacked-only")]
    assert [cell.get_text() for cell in again] == ["strong", "weak"]
    assert all(cell["aria-hidden"] == "true" and not cell.get("rowspan") for cell in again)


def test_columns_of_two_levels_have_the_names_of_both():
    columns = pd.MultiIndex.from_product([["energy", "order"], ["mean of all runs", "its error"]])
    table = marked(pd.DataFrame([[1, 2, 3, 4]], columns=columns, index=["a"]))
    assert [name for name, _ in labels(table.tbody.tr)] == [
        "", "energy, mean of all runs", "energy, its error", "order, mean of all runs", "order, its error"]


def test_no_table_scrolls_sideways_on_a_phone(visit, chapters):
    seen = 0
    page = visit(chapters[-1], width=400)
    for name in chapters:
        page.goto((SITE / name).as_uri(), wait_until="domcontentloaded")
        seen += page.locator("table.stacked").count()
        for width in (400, 320):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("""[...document.querySelectorAll('article table.dataframe')].filter(
                e => e.getBoundingClientRect().right > innerWidth || e.closest('.output').scrollWidth
                  > e.closest('.output').clientWidth + 1).map(e => e.innerText.slice(0, 80))""")
            assert wide == [], (name, width)
    assert seen > 3


# Words of letters in tables of the text, without code and formulas, that stand on more than one line.
BROKEN = r"""[...document.querySelectorAll('article .pst-scrollable-table-container > table.table')].flatMap(table => {
  const walker = document.createTreeWalker(table, NodeFilter.SHOW_TEXT), broken = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest('code, .math, mjx-container')) continue;
    for (const word of node.data.matchAll(/\p{L}{2,}/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter(box => box.width).map(box => Math.round(box.top)));
      if (lines.size > 1) broken.push(word[0]);
    }
  }
  return broken;
})"""


def test_no_word_of_a_table_is_broken_on_a_phone(visit, pages):
    """A table whose words need more room than a phone has scrolls in its box, and the page does not."""
    seen = 0
    page = visit(pages[0], width=400)
    for name in pages:
        page.goto((SITE / name).as_uri(), wait_until="domcontentloaded")
        seen += page.locator(".pst-scrollable-table-container > table.table").count()
        for width in (400, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(BROKEN) == [], (name, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    assert seen
