"""Searches with several schedules and repeated ones, from toy tables whose answers are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_repeats
from tests.rbm.test_learning_laws import found, run

USUAL = [run(n, 1.0, size, [size - 1, size], [0, 1]) for n, size in ((10, 5), (20, 10), (30, 15))]
USUAL += [run(40, 1.0, None, [20, 40], [0, 0]), run(10, 1.0, 5, [4, 5], [0, 1], eps=0.001),
          run(10, 0.5, 2, [1, 2], [0, 1])]
TUNED = [run(n, 1.0, size, [size - 1, size], [0, 1], n_updates=300, learning_rate=rate)
         for n, rate, size in ((10, 0.3, 5), (10, 0.1, 6), (20, 0.3, 9), (20, 0.1, 10), (30, 0.3, 16), (30, 0.1, 14),
                               (60, 0.3, 30))]


def test_of_several_schedules_the_best_is_taken_where_all_are_there():
    best = learning_repeats.tuned(USUAL, pd.DataFrame(TUNED))
    assert best.n_spins.tolist() == [10, 20, 30] and best.hidden.tolist() == [5, 9, 14]  # one of three is no choice
    assert best.schedule.tolist() == ["the one recipe", "300 steps from 0.3", "300 steps from 0.1"]
    assert best["by recipe"].tolist() == [5, 10, 15]
    numbers = learning_repeats.tuned_numbers(best)
    assert numbers["spared"] == (1, pytest.approx(best["change error"][2])) and numbers["spins"] == (30, None)
    assert numbers["errors"][0] == pytest.approx(numbers["spared"][0] / numbers["spared"][1])
    assert numbers["recipe slope"][0] == pytest.approx(0.5) and numbers["slope change"][0] < 0


def test_without_other_schedules_nothing_is_tuned():
    best = learning_repeats.tuned(USUAL, pd.DataFrame())
    assert not len(best) and set(learning_repeats.tuned_numbers(best).values()) == {(None, None)}
    assert not len(learning_repeats.tuned(USUAL, pd.DataFrame(TUNED[-1:])))
    assert set(learning_repeats.tuned_numbers(learning_repeats.tuned([], pd.DataFrame())).values()) == {(None, None)}


def test_a_recipe_that_found_nothing_is_outdone_and_spares_no_number():
    other = [run(40, 1.0, 20, [19, 20], [0, 1], n_updates=300, learning_rate=0.3)]
    best = learning_repeats.tuned(USUAL, pd.DataFrame(other))
    assert best.hidden.tolist() == [20] and np.isnan(best["change error"][0]) and best["by recipe"].tolist() == [np.inf]
    assert learning_repeats.tuned_numbers(best)["spared"] == (None, None)


def test_repeated_searches_scatter_by_their_errors_or_do_not():
    apart = found((20, 0.8, 0.002, 9), (20, 0.8, 0.002, 11))
    equal = found((20, 0.7, 0.002, 9), (20, 0.7, 0.002, 9))
    never = found((14, 1.0, 0.002, np.inf), (14, 1.0, 0.002, np.inf))
    numbers = learning_repeats.repeats([apart, equal, never, apart[:1]])
    assert numbers["settings"] == (3, None) and numbers["equal"] == (2, None) and numbers["apart"] == (2, None)
    assert numbers["scatter"][0] == pytest.approx(1.0)  # chi^2 of 2 for two degrees of freedom
    assert learning_repeats.repeats([apart[:1]])["scatter"] == (None, None)
