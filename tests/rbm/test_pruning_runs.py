"""Numbers of pruned machines, on runs whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import pruning_runs as runs
from lib.rbm.pruning_figures import departure, harmless, shift
from tests.pruned_runs import run

LATE = [0.01, 0.01, 0.01, 0.3, 0.4, 0.5]


def test_recorded_runs_are_those_of_their_kind_in_order():
    points = pd.DataFrame([{"n_spins": 18, "field": h, "fine_tune_epochs": length, "criterion": rule, "epochs": epochs,
                            "seed": seed} for h in (1.0, 2.0) for length in (1, 10) for rule in ("magnitude", "none")
                           for epochs in (500, 1000) for seed in (3, 1)])
    done = points.drop(index=points.index[(points.field == 2.0) & (points.seed == 1) & (points.epochs == 500)])
    recorded = runs.Recorded(points, done, 1.0)
    assert [found["seed"] for found in recorded.runs()] == [3, 1] and recorded.complete()
    assert [found["seed"] for found in recorded.runs(18, 2.0)] == [3] and not recorded.complete(field=2.0)
    assert recorded.complete(field=2.0, epochs=1000) and recorded.runs(50) == [] and not recorded.complete(n_spins=50)
    one, = recorded.runs(18, 2.0, 1, criterion="none")
    assert (one["field"], one["fine_tune_epochs"], one["criterion"], one["epochs"]) == (2.0, 1, "none", 500)
    with pytest.raises(TypeError):
        recorded.complete(fields=1.0)


def test_means_have_errors_from_two_numbers_on():
    assert runs.mean_error([1.0, None, 3.0, np.nan]) == pytest.approx((2, 1))
    assert runs.mean_error([1.0, None]) == runs.as_factor((None, None)) == (None, None)
    assert runs.as_factor((np.log(3), 0.1)) == pytest.approx((3, 0.3))
    first = [{"seed": 1, "x": 5}, {"seed": 2, "x": 9}, {"seed": 3, "x": 100}]
    second = [{"seed": 2, "x": 2}, {"seed": 1, "x": 2}]
    assert runs.paired(first, second, lambda found: found["x"]) == pytest.approx((5, 2))
    assert runs.paired(first[:1], second, lambda found: found["x"]) == (None, None)


def test_a_measure_is_harmed_above_its_band_and_doubled_whatever_the_band():
    wide = run(**{"control mROE": [0.0, 0.02, 0.0, 0.02], "pruning mROE": [0.01, 0.01, 0.03, 0.03, 0.03, 0.03]})
    assert departure(wide, "mROE") is None and runs.doubled(wide, "mROE") == 50
    assert runs.removed(wide, "mROE") == pytest.approx(100 * 15 / 18)  # never: the last step
    late = run(**{"pruning kl": LATE})
    assert runs.removed(late, "kl") == harmless(late, "kl", 2) == pytest.approx(100 * 12 / 18)
    assert runs.doubled_since_training(late) == pytest.approx(100 * 12 / 18)
    rough = late | {"training kl": [1.0, 0.1, 0.17]}  # twice that is exceeded at two steps alone
    assert runs.doubled_since_training(rough) == pytest.approx(100 * 15 / 18)
    assert runs.first_of(late) == runs.removed(late, "mROE") == 0 and runs.first_of(late, measures=("kl",)) > 0
    assert runs.first_of(late | {"pruning mROE": [None] * 6}, measures=("kl", "mROE")) == runs.removed(late, "kl")


def test_leaving_the_band_is_not_harm():
    little = run(**{"pruning eROE": [0.01] + [0.019] * 5})
    assert runs.left_band(little, "eROE") == 0 and runs.removed(little, "eROE") == pytest.approx(100 * 15 / 18)
    assert runs.later(little, "eROE", ("mROE", "kl"), 2) == pytest.approx(100 * 15 / 18)
    assert runs.later(little, "mROE", ("eROE",), 2) == pytest.approx(-100 * 15 / 18)
    assert runs.first_step(little) == 1 and runs.first_step(
        run(**{f"pruning {name}": [0.01] * 6 for name in runs.WATCHED})) == 6
    assert runs.edge(little, "eROE") == pytest.approx(1 + 5.8409 * 0.001 * np.sqrt(4 / 3 * 1.25) / 0.01, rel=1e-3)


def test_growth_and_gain_are_those_at_the_first_step_at_which_so_much_is_gone():
    found = run(**{"pruning mROE": [0.01, 0.1, 0.5, 1, 2, 3]})
    assert runs.growth(found, "mROE", 60) == pytest.approx(50) and runs.gain(found, "mROE", 60) == pytest.approx(0.49)
    assert np.isnan(runs.growth(found, "mROE", 90)) and np.isnan(runs.gain(found, "mROE", 90))
    assert runs.relative_gain(found, "mROE", "kl", 60) == pytest.approx(0.49 / 0.19)
    assert runs.first_order_growth(found, "mROE", 60) == pytest.approx(np.log(50))
    assert runs.first_order_growth(found, "kl", 60) == pytest.approx(np.log(20) / 2)


def test_order_leads_only_where_it_has_grown_most():
    found = run(**{"pruning mROE": [0.01, 0.1, 0.5, 1, 2, 3]})
    assert runs.leads(found) == 1 and runs.leads(found, 0.1) == 0
    assert np.isnan(runs.leads(run(left=(18, 16, 14, 12, 11, 10))))
    energy = run(**{"pruning eROE": [0.001, 0.002, 0.003, 0.0015, 0.1, 0.2], "pruning mROE": [1, 2, 3, 4, 5, 6]})
    assert runs.order_while_energy_good(energy) == 4 and np.isnan(runs.order_while_energy_good(run()))


def test_means_of_rounds_are_of_logarithms_up_to_the_step():
    found = {"pruning kl": [1.0, np.e, np.e**2, np.e**6]}
    assert runs.mean_log(found, "kl", 2, n_rounds=3) == pytest.approx(1)
    assert runs.mean_log(found, "kl", 3, n_rounds=1) == pytest.approx(6)
    assert [runs.scheduled_step([12, 8, 4], 20, share) for share in (40, 41, 80)] == [1, 2, 3]


def test_losses_of_order_are_in_percent_and_positive():
    many = [run(**{"control abs m": [0.5 + a] * 4, "pruning abs m": [0.5 + a, *([0.49 + a - 0.001 * k] * 5)]})
            for k, a in enumerate((0.0, 0.1, 0.2))]
    loss = runs.order_loss(many, 1, 4)
    assert loss.mean == pytest.approx(100 * 0.011 / 0.5) and loss.p_rise < 0.01
    assert loss.p_rise == pytest.approx(1 - shift(many, "abs m", 1, 4).p_rise)


def test_peaks_are_the_maxima_of_a_smoothed_distribution():
    np.testing.assert_allclose(runs.magnetizations(4), [-1, -0.5, 0, 0.5, 1])
    assert list(runs.peaks([1, 2, 3, 2, 1])) == [0] and list(runs.peaks([9, 5, 1, 5, 9])) == [-1, 1]
    assert list(runs.peaks([1, 2, 3, 2.5, 3, 2, 1])) == [0]  # a dip of one value is no valley


def test_gains_are_those_of_rise_at_every_share():
    found = runs.gains([run(1), run(2, factor=2)])
    assert len(found) == 2 * 5 * 3 and sorted(found.removed.unique()) == pytest.approx([50, 200 / 3, 250 / 3])
    at = found[(found.measure == "kl") & np.isclose(found.removed, 200 / 3)]
    assert list(at.absolute) == pytest.approx([0.19, 0.39])
    half = 5.8409 * 0.001 * np.sqrt(4 / 3 * 1.25)
    assert list(at.relative) == pytest.approx([0.19 / half, 0.39 / half], rel=1e-4)
