"""The pictures of page 6.2 from toy tables: what is drawn is what the tables say."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from lib.figures import learning_needs as drawings
from tests.figures.test_learnability import FOUND, labels, points

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_forms_and_criteria():
    table = pd.DataFrame([("laid out", 10, 0, 1e-3), ("laid out", 10, 1, 0.06), ("random", 10, 0, 0.04)],
                         columns=["start", "n_spins", "missing", "cost"])
    needed = pd.DataFrame({"bound": [5.0], "summed infidelity": [4.0], "summed correlation mse": [np.nan]}, index=[10])
    left, right = drawings.forms(table, needed).axes
    assert {(10, 1e-3), (10, 0.06), (10, 0.04)} == {point[:2] for point in points(left)}
    assert labels(left) == ["N/2 units", "one unit fewer", "N/2 units, random start"]
    assert {(9.85, 5.0), (10, 4.0)} <= {point[:2] for point in points(right)}


def test_ways_to_train_stand_side_by_side_at_equal_width():
    rows = pd.DataFrame([(10, "b", 5, 0.001), (10, "b", 5, 0.003), (10, "a", 5, 0.004), (20, "a", 9, 0.1)],
                        columns=["n_spins", "way", "n_hidden", "bound"])
    first, second = drawings.ways(rows, ["a", "b"]).axes
    assert labels(first) == ["b", "a"] and first.get_title() == "N = 10" and second.get_title() == "N = 20"
    assert (round(5 - 0.09, 6), 0.002, "s") in points(first) and (round(9 - 0.15, 6), 0.1, "o") in points(second)


def test_broken_and_kept_symmetry_stand_side_by_side():
    broken = FOUND[(FOUND.n_spins == 20)].assign(hidden=[3, 6], low=[2, 5], high=[4, 6])
    tied = broken[broken.field == 1.0].assign(hidden=5, low=5, high=6)
    figure, table = drawings.broken(FOUND, broken, tied)
    (axes,) = figure.axes
    assert labels(axes) == ["kept", "broken", "kept, biases tied"] and axes.get_title() == "N = 20"
    assert {(1.0, 10, "o"), (0.5, 20, "^"), (0.508, 3, "s"), (1.008, 6, "s"), (0.992, 5, "D")} <= points(axes)
    assert table.symmetry.tolist() == ["kept", "kept", "broken", "broken", "kept, biases tied"]


def test_units_stand_against_the_likeliest_product_state():
    table = pd.DataFrame({"measurements": ["a", "a", "b"], "product state": [0.5, 2.0, 3.0], "hidden": [1, np.inf, 7],
                          "largest": [1, 50, 6]})
    (axes,) = drawings.steps(table).axes
    assert labels(axes) == ["symmetry a", "symmetry b"]
    assert {(0.5, 1, "o"), (2.0, 50, "^"), (3.0, 7, "s")} <= points(axes)


def test_chains_of_other_kinds_stand_beside_half_a_hidden_unit_a_spin():
    found = FOUND[FOUND.eps == 0.002].assign(model=["a", "a", "b", "b", "b"])
    (axes,) = drawings.chains(found).axes
    assert {label.split()[0] for label in labels(axes)} == {"a", "b", "half"}
    assert {(10 - 0.12, 5, "o"), (20, 10, "s"), (20, 20, "^"), (10, 5, "None"), (30, 15, "None")} <= points(axes)


def test_machines_for_all_fields_are_compared_with_one_a_field():
    table = pd.DataFrame({"kind": ["one a field"] * 3 + ["degree 2"], "n_samples": [100, 100, 400, 100],
                          "parameters": [60, 60, 60, 20], "kl": [0.2, 0.4, 0.1, 0.05]})
    table = table.assign(seed=[1, 2, 1, 1], **{"held out energy error": 0.01})
    left, right = drawings.joint(table, 3).axes
    assert labels(left) == ["one a field", "degree 2"]
    assert {(100, 0.3, "o"), (400, 0.1, "o"), (100, 0.05, "s")} <= points(left)
    assert {(100, 0.1, "None"), (400, 0.025, "None")} <= points(left)  # 60 / (2 * 3 * 100)
    assert (100, 0.01, "o") in points(right)
