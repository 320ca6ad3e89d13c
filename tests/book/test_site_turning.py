"""What readers turn in the built site: the machine that runs in its page, figures with a knob; pictures on phones."""

import csv
import re

import numpy as np
import pytest
import torch

from lib.rbm import living, partition
from lib.rbm.machine import Machine
from tests.browsing import SITE
from tests.tree import ROOT

PRUNING = "07-pruning.html"
KNOBS = re.compile(r"(?m)^```\{knob\} (\S+)")
SWEEPS = 500  # that the page makes at once


def rows(page, name):
    with (SITE / "downloads" / page.removesuffix(".html") / "figures" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def machine(pages):
    """The machine of the page, from the table that the page offers."""
    found = rows(PRUNING, "fig-living-machine")
    parts = [torch.tensor([float(row["value"]) for row in found if row["what"] == what], dtype=torch.float64)
             for what in ("weight", "visible bias", "hidden bias")]
    return Machine(parts[0].reshape(len(parts[1]), len(parts[2])), *parts[1:])


def shown(page):
    """The table beside the running chain, by row."""
    cells = page.locator(".living-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.replace('−', '-').replace(',', '')))")
    return {name: values for name, *values in cells}


def expected(state):
    """What stands in a column of the table, below the sweeps."""
    return [f"{value:.3f}".replace("-0.000", "0.000") for value in
            (state["order"], state["energy"], *state["correlation"][1:])]


def test_the_machine_of_a_page_counts_as_lib_does(visit, machine):
    page = visit(PRUNING)
    slider = page.get_by_label("Smallest weights removed")
    removed, seed = 0, 1
    for steps, keep, chosen in ((0, True, 1), (30, True, 1), (8, False, 5), (12, True, 20)):
        slider.focus()
        for _ in range(steps):
            page.keyboard.press("ArrowRight")
        removed += steps
        page.get_by_label("biases take over").set_checked(keep)
        if chosen != seed:
            page.get_by_label("Seed").fill(str(chosen))
            page.keyboard.press("Tab")
            seed = chosen
        cut = living.without_smallest(machine, removed, keep_fields=keep)
        own = living.estimates(cut, living.chain(cut, SWEEPS, seed), 1.0)
        exact = living.exact(np.sqrt(partition.probabilities(cut).numpy()), 1.0)
        table = shown(page)
        assert table.pop("sweeps")[0] == str(SWEEPS)
        assert slider.get_attribute("aria-valuetext") == f"{removed} of {machine.n_weights}"
        for column, values in enumerate((own, exact)):
            assert [cells[column].replace("-0.000", "0.000") for cells in table.values()] == expected(values)


def test_the_spins_that_are_drawn_are_those_of_lib(visit, machine):
    page = visit(PRUNING, color_scheme="dark")
    pixels = page.locator(".living-machine canvas").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]")
    image = np.array(pixels).reshape(-1, 640, 4)[6::14, 1::4, :3]  # a place inside of each spin
    up = np.array([0, 0x72, 0xB2])
    assert np.array_equal((image == up).all(-1), living.chain(machine, SWEEPS, 1)[-160:].T == 1)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_machine_runs_when_told_to_and_says_little(visit, motion):
    page = visit(PRUNING, reduced_motion=motion)
    assert shown(page)["sweeps"][0] == str(SWEEPS)
    page.wait_for_timeout(300)
    assert shown(page)["sweeps"][0] == str(SWEEPS)  # not by itself
    status = page.locator(".living-status")
    assert status.get_attribute("role") == "status" and status.inner_text() == ""
    page.get_by_role("button", name="One sweep").press("Enter")
    assert shown(page)["sweeps"][0] == str(SWEEPS + 1) and "After 501 sweeps: order 0." in status.inner_text()
    page.get_by_role("button", name="Start", exact=True).press("Space")
    said = status.inner_text()
    page.wait_for_function("count => +document.querySelector('.living-table tbody td').textContent > count",
                           arg=SWEEPS + 20)
    assert status.inner_text() == said and said.startswith("Running.")  # silent while it runs
    page.get_by_role("button", name="Pause").press("Enter")
    stopped = shown(page)["sweeps"][0]
    page.wait_for_timeout(200)
    assert shown(page)["sweeps"][0] == stopped and status.inner_text().startswith("Paused.")
    page.get_by_role("button", name="Restart").press("Enter")
    assert shown(page)["sweeps"][0] == str(SWEEPS)


def test_every_knob_shows_the_rows_of_its_table(visit, chapters):
    for name in chapters:
        wanted = KNOBS.findall((ROOT / "book" / name.replace(".html", ".md")).read_text("utf-8"))
        if not wanted:
            continue
        page = visit(name)
        boxes = page.locator(".knob")
        assert boxes.count() == len(wanted), name
        for number, figure in enumerate(wanted):
            box, table = boxes.nth(number), rows(name, figure)
            slider = box.locator("input[type=range]")
            highest = int(slider.get_attribute("max"))
            assert highest > 0 and box.locator("summary").inner_text() == "Numbers at this setting"
            box.locator("summary").click()
            told = set()
            slider.focus()
            for _ in range(highest + 1):
                told.add((slider.get_attribute("aria-valuetext"), box.locator("tbody").inner_text()))
                assert slider.get_attribute("aria-valuetext") == box.locator(".knob-value").inner_text()
                assert box.locator("svg[role=img]").get_attribute("aria-label")
                page.keyboard.press("ArrowRight")
            assert len({words for words, _ in told}) == highest + 1 and len({numbers for _, numbers in told}) > 1
            cells = {float(cell.replace("−", "-")) for cell in box.locator("tbody td").all_inner_texts() if cell != "–"}
            numbers = [value for row in table for value in row.values() if re.fullmatch(r"-?[\d.e-]+", value)]
            assert cells <= {float(f"{float(value):.4g}") for value in numbers}


def test_without_scripts_and_on_paper_the_figures_are_enough(visit):
    page = visit(PRUNING, java_script_enabled=False)
    assert page.locator(".knob:visible, .living-machine:visible").count() == 0
    assert page.locator("#fig-living-machine img:visible").count() == 1
    for name in (PRUNING, "72-what-pruning-keeps.html"):
        printed = visit(name)
        assert printed.locator(".knob:visible, .living-machine:visible").count() == 1
        printed.emulate_media(media="print")
        assert printed.locator(".knob:visible, .living-machine:visible").count() == 0


# The size of the letters of a picture in points, as matplotlib writes it; smaller ones stand within formulas.
SIZES = re.compile(r'<g transform="translate\([^)]*\)(?: rotate\([^)]*\))? scale\((0\.\d+) -0\.\d+\)">')
SHOWN = """() => [...document.querySelectorAll('article .picture img')].filter(e => e.offsetWidth)
  .map(e => [e.currentSrc.split('/').pop().split('#')[0], e.offsetWidth])"""


def test_letters_are_legible_on_phones(visit, chapters):
    small, narrow = {}, 0
    for name in chapters:
        page = visit(name, 400, color_scheme="dark")
        page.locator("article .picture img:visible").last.scroll_into_view_if_needed()
        found = page.evaluate(SHOWN)
        assert found, name
        for picture, width in found:
            text = (SITE / "_images" / picture).read_text("utf-8")
            across = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
            letters = [100 * float(size) * width / across for size in SIZES.findall(text)]
            narrow += ".narrow." in picture
            if letters and min(letters) < 8:
                small[name, picture] = min(letters)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
        page.close()
    assert small == {} and narrow > 20
