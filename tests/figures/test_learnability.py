"""The pictures of page 6 from toy tables: what is drawn is what the tables say."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import learnability as drawings
from lib.rbm import scaling_laws

matplotlib.use("Agg")

FOUND = pd.DataFrame([(10, 0.5, 0.002, 4, 3, 5), (10, 1.0, 0.002, 5, 5, 5), (20, 0.5, 0.002, np.inf, 20, np.inf),
                      (20, 1.0, 0.002, 10, 9, 12), (30, 1.0, 0.002, 14, 13, 15), (10, 1.0, 0.01, 4, 4, 4)],
                     columns=["n_spins", "field", "eps", "hidden", "low", "high"])
FOUND = FOUND.assign(error=1.0, largest=FOUND.low)


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def runs(n_spins, *rows):
    table = pd.DataFrame(rows, columns=["n_hidden", "bound"])
    return table.assign(n_spins=n_spins, field=1.0, n_updates=100, seed=1, **{"corrected bound": table.bound})


def points(axes):
    """The points of every line of a panel, with its marker."""
    return {(round(float(x), 6), round(float(y), 9), line.get_marker()) for line in axes.lines
            for x, y in zip(*line.get_data())}


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_marks_are_the_same_for_equal_values():
    found = drawings.marks([1.0, 0.5, 1.0])
    assert list(found) == [0.5, 1.0] and found[0.5] != found[1.0]
    assert found[0.5] == {"color": plotting.COLORS[0], "marker": "s"}


def test_searches_have_intervals_and_arrows_where_nothing_was_enough():
    figure, (axes,) = plotting.new_figure()
    drawings.searches(axes, FOUND[(FOUND.n_spins == 20)], x="field", aside=0.1, fmt="o", color="red")
    assert (1.1, 10.0, "o") in points(axes) and (0.6, 20.0, "^") in points(axes)
    (bar,) = axes.collections[0].get_segments()
    assert bar[:, 1].tolist() == [9.0, 12.0]


def test_every_setting_of_the_procedure_is_a_point_at_its_median():
    tables = [("record", runs(50, (10, 0.01), (25, 0.001), (25, 0.003), (26, np.nan))), ("longer", runs(50)),
              ("this build", runs(20, (5, 0.02), (10, 0.0005)))]
    figure, table = drawings.procedure(tables, FOUND, [0.002, 0.05])
    left, right = figure.axes
    assert {(10, 0.01, "o"), (25, 0.002, "o"), (25, 0.003, "o"), (5, 0.02, "^")} <= points(left)
    assert labels(left) == ["N = 50, record", "N = 20, this build"]
    assert {line.get_ydata()[0] for line in left.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 2
            and line.get_color() == "black"} == {0.002, 0.05}
    assert right.get_legend() is None and len(table) == 5  # too few fields


def test_growth_has_a_panel_of_fields_and_one_of_bounds_with_their_lines():
    line = scaling_laws.laws([10, 20, 30], [5, 10, 15], [1, 1, 1])
    fits = {("field", 1.0): line, ("field", 0.5): {}, ("eps", 0.01): {}}
    now = pd.DataFrame({"n_spins": [6, 8], "hidden": [3, 4], "field": 1.0})
    tuned = FOUND[(FOUND.n_spins == 20) & (FOUND.field == 1.0)].assign(hidden=8, low=7, high=9)
    tied = tuned.assign(hidden=9, low=9, high=9)
    left, right = drawings.growth(FOUND, now, [0.5, 1.0], fits, tuned, tied).axes
    assert labels(left) == ["h/J = 0.5", "h/J = 1"] and {(20.8, 8, "*"), (19.2, 9, "P")} <= points(right)
    assert labels(right) == [rf"$\epsilon$ = {words}"
                             for words in ("0.002", "0.01", "0.002, tuned", "0.002, biases tied")]
    bare = drawings.growth(FOUND, now, [0.5, 1.0], fits, tuned[:0], tied[:0]).axes[1]
    assert labels(bare) == [r"$\epsilon$ = 0.002", r"$\epsilon$ = 0.01"]
    line = next(line for line in left.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None")
    assert line.get_xdata().tolist() == [10, 30] and line.get_ydata() == pytest.approx([5, 15])
    assert {(6, 3, "v"), (8, 4, "v"), (10 - 0.15, 5, "v")} <= points(left) and (20 - 0.45, 20, "^") in points(left)


def test_success_is_drawn_against_samples_with_what_the_thesis_prints():
    rows = pd.DataFrame({"n_samples": [100, 100, 200, 200], "bound": [0.1, 0.001, 0.001, 0.001]})
    rows = rows.assign(n_spins=10, n_hidden=5)
    needed = pd.DataFrame({"n_spins": [10, 20], "half": [150.0, np.inf], "low": [100.0, 400.0], "high": [200.0, np.inf],
                           "printed": [180.0, np.nan], "printed_error": [5.0, np.nan], "ratio": 0.5, "weight": 3.0,
                           "weight_error": 1.0})
    kinds = [("record", 0.002, rows), ("record", 0.002, rows.assign(n_hidden=8)), ("this build", 0.5, rows)]
    figure, table = drawings.samples(kinds, needed)
    assert table[table.source == "record"].rate.tolist() == [0.5, 1.0] * 2
    assert table[table.source == "this build"].rate.tolist() == [1.0, 1.0] and set(table.machines) == {2}
    left, middle, right = figure.axes
    assert left.get_ylim()[1] < 1.1  # shares end at one
    assert labels(left) == ["N = 10", "N = 10, this build"]  # of the record, half as many units as spins
    assert (10, 150, "o") in points(middle) and (10, 180, "o") in points(middle) and (10, 3, "o") in points(right)
    assert labels(middle) == labels(right) == ["0.5"]


def test_weights_and_the_noise_of_the_same_median():
    sizes = np.exp(-np.linspace(0, 3, 41))
    lists = [[1.0] * 41, sizes.tolist(), (4 * sizes).tolist()]
    machines = pd.DataFrame({"field": [0.5, 1.0, 1.0], "magnitudes": lists})
    figure, table = drawings.weights(machines)
    assert table[table.field == 1.0]["size"].to_numpy() == pytest.approx(2 * sizes)  # the geometric mean
    noise = table[table.field.isna()]["size"]
    assert np.median(noise) == pytest.approx(np.median(2 * sizes)) and labels(figure.axes[0])[-1] == "noise"
    assert len(drawings.weights(machines[:0])[1]) == 0


def test_parameters_that_suffice_are_drawn_against_those_of_a_machine():
    needed = pd.DataFrame({"n_spins": [10, 20], "parameters": [30, 60], "uniform parameters": 9})
    needed = needed.assign(field=1.0, eps=0.002)
    whole = pd.DataFrame({"field": 1.0, "n_spins": [10, 20], "parameters": [100, 300]})
    staircase = pd.DataFrame({"n_spins": 20, "field": 1.0, "eps": [0.01, 0.001], "parameters": [40, 70],
                              "uniform parameters": [9, 12]})
    figure, table = drawings.parameters(FOUND, needed, {10: 20.0}, whole, staircase, drawings.marks([0.5, 1.0]))
    left, right = figure.axes
    assert {(10, 50, "v"), (20, 200, "v"), (10, 30, "v"), (10, 20, "*")} <= points(left)
    assert {(20, 9, "None"), (20, 300, "None")} <= points(left)
    assert (0.002, 200, "v") in points(right) and right.get_title() == "h/J = 1, N = 20"
    assert set(table.kind) == {"machine", "matrix product", "exact state"}


def test_the_inset_has_every_length_up_to_fifty_with_enough_fields():
    many = pd.DataFrame([(n, h, 0.002, n / 2, n / 2, n / 2) for n, fields in ((20, 6), (40, 5), (50, 7), (60, 7))
                         for h in range(1, fields + 1)], columns=FOUND.columns[:-2]).assign(largest=0)
    _, right = drawings.procedure([("this build", runs(20, (5, 0.02)))], many, [0.002])[0].axes
    assert labels(right) == ["N = 50", "N = 20"]
