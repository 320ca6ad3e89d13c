"""Pruned machines by their kind, and means over them, on runs whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import recorded_runs
from lib.rbm.recorded_runs import curve

RUN = {"training epochs": [0, 5, 10], "fine_tune_epochs": 2,
       "training weights left": [20, 20, 20], "control weights left": [20, 20, 20, 20],
       "pruning weights left": [20, 12, 11, 10, 9, 9, 8], "pruning components": [1, 1, 1, 2, 1, 3, 3],
       "training kl": [3.0, 0.1, 0.05], "control kl": [0.04, 0.05, 0.06, 0.05],
       "pruning kl": [0.05, 0.07, 0.2, 0.08, 0.12, 0.13, 0.14]}


def test_a_curve_has_every_measurement_at_its_epoch():
    table = curve(RUN, ["kl"])
    assert list(table.stage) == ["training"] * 3 + ["control"] * 4 + ["pruning"] * 7
    assert list(table.epoch) == [0, 5, 10, 12, 14, 16, 18, 18, 20, 22, 24, 26, 28, 30]
    assert list(table.kl) == RUN["training kl"] + RUN["control kl"] + RUN["pruning kl"]
    assert table.step.isna().sum() == 3 and list(table.step[3:]) == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]
    assert list(table["percent left"][-7:]) == pytest.approx([100, 60, 55, 50, 45, 45, 40])


def test_recorded_runs_are_those_of_their_kind_in_order():
    points = pd.DataFrame([{"n_spins": 18, "field": h, "fine_tune_epochs": length, "criterion": rule, "epochs": epochs,
                            "seed": seed} for h in (1.0, 2.0) for length in (1, 10) for rule in ("magnitude", "none")
                           for epochs in (500, 1000) for seed in (3, 1)])
    done = points.drop(index=points.index[(points.field == 2.0) & (points.seed == 1) & (points.epochs == 500)])
    recorded = recorded_runs.Recorded(points, done, 1.0)
    assert [found["seed"] for found in recorded.runs()] == [3, 1] and recorded.complete()
    assert [found["seed"] for found in recorded.runs(18, 2.0)] == [3] and not recorded.complete(field=2.0)
    assert recorded.complete(field=2.0, epochs=1000) and recorded.runs(50) == [] and not recorded.complete(n_spins=50)
    one, = recorded.runs(18, 2.0, 1, criterion="none")
    assert (one["field"], one["fine_tune_epochs"], one["criterion"], one["epochs"]) == (2.0, 1, "none", 500)
    with pytest.raises(TypeError):
        recorded.complete(fields=1.0)


def test_means_have_errors_from_two_numbers_on():
    assert recorded_runs.mean_error([1.0, None, 3.0, np.nan]) == pytest.approx((2, 1))
    assert recorded_runs.mean_error([1.0, None]) == recorded_runs.as_factor((None, None)) == (None, None)
    assert recorded_runs.as_factor((np.log(3), 0.1)) == pytest.approx((3, 0.3))
    first = [{"seed": 1, "x": 5}, {"seed": 2, "x": 9}, {"seed": 3, "x": 100}]
    second = [{"seed": 2, "x": 2}, {"seed": 1, "x": 2}]
    assert recorded_runs.paired(first, second, lambda found: found["x"]) == pytest.approx((5, 2))
    assert recorded_runs.paired(first[:1], second, lambda found: found["x"]) == (None, None)


def test_means_of_rounds_are_of_logarithms_up_to_the_step():
    found = {"pruning kl": [1.0, np.e, np.e**2, np.e**6]}
    assert recorded_runs.mean_log(found, "kl", 2, n_rounds=3) == pytest.approx(1)
    assert recorded_runs.mean_log(found, "kl", 3, n_rounds=1) == pytest.approx(6)
    assert [recorded_runs.scheduled_step([12, 8, 4], 20, share) for share in (40, 41, 80)] == [1, 2, 3]
