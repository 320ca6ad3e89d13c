"""What chapter 6 reads off its searches, from toy tables whose answers are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_laws as laws
from lib.rbm import missing_units
from lib.rbm.scaling_laws import parameter


def energy(n, field):
    return -n * max(1.0, field)


def run(n, field, smallest, tried, learnt, eps=0.002, **more):
    bounds = [0.001 if passed else 0.01 for passed in learnt]
    return {"n_spins": n, "field": field, "eps": eps, "smallest": smallest, "tried hidden": tried,
            "tried learnt": learnt, "tried bound": bounds, "tried seed": list(range(len(tried))), "n_seeds": 1, **more}


def found(*rows):
    """Searches: n_spins, field, eps, hidden units."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "eps", "hidden"])
    return table.assign(low=table.hidden - 1, high=table.hidden + 1, error=1.0, machines=4, saved=2.0)


FOUND = found((10, 0.5, 0.002, 9), (30, 0.5, 0.002, 2), (10, 1.0, 0.002, 5), (20, 1.0, 0.002, 10), (30, 1.0, 0.002, 15),
              (40, 1.0, 0.002, np.inf), (10, 1.0, 0.001, 5), (20, 1.0, 0.001, 11), (30, 1.0, 0.001, 17),
              (10, 2.0, 0.002, 4), (20, 2.0, 0.002, 8), (40, 2.0, 0.002, np.inf))
RUNS = [run(30, 0.5, 2, [2, 5, 6, 7], [0, 0, 1, 1]), run(10, 1.0, 5, [4, 5], [0, 1])]


def test_laws_are_fitted_for_each_field_and_each_bound():
    fits = laws.fits(FOUND, [0.5, 1.0, 2.0])
    assert set(fits) == {("field", 0.5), ("field", 1.0), ("field", 2.0), ("eps", 0.001), ("eps", 0.002)}
    assert parameter(fits["field", 1.0], "linear", 1)[0] == pytest.approx(0.5) and fits["field", 0.5] == {}
    table = laws.law_table(FOUND, fits, lambda value, error, fmt: format(value, fmt))
    assert list(table.index) == ["h/J = 1", "h/J = 1, eps = 0.001"]
    assert table.loc["h/J = 1", "lengths"] == "10, 20, 30" and table["slope of a line"].tolist() == ["0.500", "0.600"]


def test_numbers_of_the_law():
    fits = laws.fits(FOUND, [0.5, 1.0, 2.0])
    numbers = laws.law_numbers(FOUND, RUNS, fits, energy)
    assert numbers["found-20"] == (10, None) and numbers["weights-20"] == (200, 20) and numbers["width"] == (2, None)
    assert numbers["found-40"] == numbers["found-100"] == (None, None)  # nothing was enough; nothing was searched
    assert numbers["steeper"] == (None, None) and numbers["tight-slope"][0] == pytest.approx(0.6)
    assert [numbers[f"ordered-{name}"][0] for name in ("most", "most-spins", "last", "last-spins")] == [9, 10, 2, 30]
    assert [numbers[f"level-{name}"][0] for name in ("machines", "near", "low", "high")] == [3, 0, 0.001, 0.01]
    assert numbers["two-units-30"] == (0.01, None) and numbers["two-units-j-30"][0] == pytest.approx(0.3)
    assert numbers["two-share"] == (0.4, None) and numbers["two-spins"] == (20, None)
    assert numbers["searches"] == (12, None) and numbers["trained"] == (48, None) and numbers["lengths"] == (3, None)
    assert numbers["rounded"] == (0, None) and numbers["aic-constant"][0] > 0


def test_records_that_are_empty_give_none():
    empty = laws.law_numbers(FOUND[:0], [], {}, energy)
    assert {name for name, value in empty.items() if value[0]} == set()
    costs = missing_units.missing_costs([], energy)
    none = laws.argument_numbers(costs, FOUND[:0], energy, [1.0])
    assert none["ratio"] == none["predicted-slope"] == none["spared-10"] == none["missing-grown"] == (None, None)


def test_the_argument_about_bonds_in_numbers():
    costs = pd.DataFrame([(10, 1.0, 1, 0.05), (20, 1.0, 1, 0.06), (20, 1.0, 2, 0.15), (20, 1.0, 3, 0.3),
                          (10, 2.0, 1, 0.05), (20, 2.0, 1, 0.1)], columns=["n_spins", "field", "missing", "cost"])
    numbers = laws.argument_numbers(costs, FOUND, energy, [1.0, 2.0])
    assert numbers["ratio"][0] == pytest.approx(1.2) and numbers["two-less"][0] == pytest.approx(2.5)
    assert numbers["three-less"][0] == pytest.approx(5) and numbers["missing-grown"][0] == pytest.approx(2)
    assert numbers["spared-20"] == (0, None) and numbers["spared-60"] == (1, None)  # 0.12 allowed, 0.05 and two bonds
    assert numbers["predicted-60"] == (29, None) and numbers["predictions"] == (5, None)
    assert numbers["predictions-off"][0] == 1 and numbers["predictions-met"][0] == 2


def test_machines_of_two_searches_count_once_where_bounds_are_compared():
    runs = []
    for n, sizes in ((10, [4, 5, 6]), (20, [9, 10, 11]), (30, [14, 15, 16])):
        bounds = [0.01, 0.0015, 0.0005]
        for eps, k in ((0.002, 1), (0.001, 2)):
            one = run(n, 1.0, sizes[k], sizes, [int(b <= eps) for b in bounds], eps=eps)
            runs.append(one | {"tried bound": bounds})
    found = laws.tighter(runs)
    assert found["both"] == (3, None) and found["steeper"] == (pytest.approx(0), pytest.approx(0.1, rel=0.5))
    twice = [one | {"tried hidden": one["tried hidden"] * 2, "tried seed": one["tried seed"] * 2,
                    "tried bound": one["tried bound"] * 2, "tried learnt": one["tried learnt"] * 2} for one in runs]
    assert laws.tighter(twice) == found
    further = laws.tighter([*runs[:-1], runs[-1] | {"smallest": 18}])
    assert further["steeper"][0] > 0.05
    assert laws.tighter(runs[:-1]) == {"steeper": (None, None), "both": (2, None)}
