"""When measures are harmed, on runs whose numbers are known."""

import numpy as np
import pytest
from scipy import stats

from lib.experiments import pruning
from lib.rbm import pruning_harm as harm
from lib.rbm.pruning_harm import departure, harmless, rise
from tests.pruned_runs import run

RUN = {"training epochs": [0, 5, 10], "fine_tune_epochs": 2,
       "training weights left": [20, 20, 20], "control weights left": [20, 20, 20, 20],
       "pruning weights left": [20, 12, 11, 10, 9, 9, 8], "pruning components": [1, 1, 1, 2, 1, 3, 3],
       "training kl": [3.0, 0.1, 0.05], "control kl": [0.04, 0.05, 0.06, 0.05],
       "pruning kl": [0.05, 0.07, 0.2, 0.08, 0.12, 0.13, 0.14]}
SETTINGS = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 5000, "epochs": 30, "measure_every": 10,
            "criterion": "magnitude", "n_steps": 8, "fine_tune_epochs": 1, "seed": 3, "n_control": 4}


@pytest.fixture(scope="module")
def trained():
    return SETTINGS | pruning.pruning_run(**SETTINGS)


def test_a_departure_needs_three_steps_above_the_band_and_the_factor():
    # The band: mean 0.05, s = 0.00816, times 5.841 (99%, three degrees of freedom) sqrt(1 + 1/4): up to 0.1033.
    half = stats.t.ppf(0.995, 3) * np.std(RUN["control kl"], ddof=1) * np.sqrt(1.25)
    assert 0.05 + half == pytest.approx(0.1033, abs=1e-4)
    assert departure(RUN, "kl") == 4 and departure(RUN, "kl", 2.2) == 4
    assert departure(RUN, "kl", 2.5) is None and departure(RUN | {"pruning kl": [0.05] * 7}, "kl") is None
    assert harmless(RUN, "kl") == pytest.approx(50) and harmless(RUN, "kl", 2.5) == pytest.approx(60)
    growth, relative = rise(RUN, "kl", 45)
    assert growth == pytest.approx(0.2 - 0.05) and relative == pytest.approx(0.15 / half)
    assert rise(RUN, "kl", 40)[0] == pytest.approx(0.02)
    # Each share of the schedule is its own step, also where the percentage has been rounded up.
    for step in range(1, 7):
        share = round(100 * (1 - RUN["pruning weights left"][step] / 20), 6)
        first = RUN["pruning weights left"].index(RUN["pruning weights left"][step])
        assert rise(RUN, "kl", share)[0] == pytest.approx(RUN["pruning kl"][first] - 0.05)
    with pytest.raises(ValueError, match="up to 60, .*got 80; try removed=50"):
        rise(RUN, "kl", 80)


def test_departures_are_those_that_the_run_reports(trained):
    for name in pruning.ERRORS:
        assert departure(trained, name) == trained[f"departure {name}"]
    assert any(departure(trained, name) for name in pruning.ERRORS)


LATE = [0.01, 0.01, 0.01, 0.3, 0.4, 0.5]


def test_a_measure_is_harmed_above_its_band_and_doubled_whatever_the_band():
    wide = run(**{"control mROE": [0.0, 0.02, 0.0, 0.02], "pruning mROE": [0.01, 0.01, 0.03, 0.03, 0.03, 0.03]})
    assert departure(wide, "mROE") is None and harm.doubled(wide, "mROE") == 50
    assert harm.removed(wide, "mROE") == pytest.approx(100 * 15 / 18)  # never: the last step
    late = run(**{"pruning kl": LATE})
    assert harm.removed(late, "kl") == harmless(late, "kl", 2) == pytest.approx(100 * 12 / 18)
    assert harm.doubled_since_training(late) == pytest.approx(100 * 12 / 18)
    rough = late | {"training kl": [1.0, 0.1, 0.17]}  # twice that is exceeded at two steps alone
    assert harm.doubled_since_training(rough) == pytest.approx(100 * 15 / 18)
    assert harm.first_of(late) == harm.removed(late, "mROE") == 0 and harm.first_of(late, measures=("kl",)) > 0
    assert harm.first_of(late | {"pruning mROE": [None] * 6}, measures=("kl", "mROE")) == harm.removed(late, "kl")


def test_leaving_the_band_is_not_harm():
    little = run(**{"pruning eROE": [0.01] + [0.019] * 5})
    assert harm.left_band(little, "eROE") == 0 and harm.removed(little, "eROE") == pytest.approx(100 * 15 / 18)
    assert harm.later(little, "eROE", ("mROE", "kl"), 2) == pytest.approx(100 * 15 / 18)
    assert harm.later(little, "mROE", ("eROE",), 2) == pytest.approx(-100 * 15 / 18)
    assert harm.first_step(little) == 1 and harm.first_step(
        run(**{f"pruning {name}": [0.01] * 6 for name in harm.WATCHED})) == 6
    assert harm.edge(little, "eROE") == pytest.approx(1 + 5.8409 * 0.001 * np.sqrt(4 / 3 * 1.25) / 0.01, rel=1e-3)
