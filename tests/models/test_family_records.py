"""Records of two devices and two trainings, on made-up networks whose accuracies are known."""

import numpy as np
import pandas as pd
import pytest

from lib.models import families, family_costs, family_records
from tests.resnet_tables import network, record


def test_a_network_that_both_records_have_counts_once_and_done_ones_first():
    settings = ["way", "factor", "seed", "epochs"]
    native, gpu = (
        pd.DataFrame([network(factor=factor, best=best) | {"state": state} for factor, best, state in rows])
        for rows in (((1, 0.5, "not run"), (2, 0.6, "valid")), ((1, 0.7, "valid"), (2, 0.8, "valid"))))
    nets, done, twice = family_records.merged(native, gpu, settings, ["best"])
    assert len(nets) == 2 and done.set_index("factor").best.to_dict() == {1: 70, 2: 60}  # in percent
    assert list(twice.best_gpu - twice.best) == pytest.approx([0.2, 0.2])


def test_the_longer_training_has_gains_shares_and_costs():
    long = {"size": 32, "epochs": 30}
    rows = [network("sparse", factor, best, **long) for factor, best in ((1, 70), (2, 76), (4, 74), (16, 71))]
    rows += [network("dense", factor, best, **long) for factor, best in ((2, 82), (4, 78))]
    longer, shorter = pd.DataFrame(rows), record()
    cost = family_costs.costs(longer)
    found = family_records.long_training(longer, shorter, cost)
    sigma = families.scatter(shorter, "best")
    assert found.peak == 2 and found.gain == (6, sigma * np.sqrt(2)) and found.fall[0] == 5
    assert found.share_2 == families.share(6, 12, sigma, 1) and found.share_4[0] == 0.5
    assert (found.trained, found.trained_wide, found.trained_dense) == (87, 82, 89)
    assert (found.best, found.dense, found.cheaper) == (76, 82, 2)


def test_seeds_are_counted_by_the_network_that_has_fewest():
    lines = {8: pd.DataFrame({"count": [3, 2, 3]}), 18: pd.DataFrame({"count": [1, 1]})}
    assert family_records.seeds_of(lines, 8, 12) == (
        "2 of base width 8, 0 of base width 12; error by the scatter of all families")


def test_tops_are_compared_where_none_is_at_an_end():
    def line(*means):
        return pd.DataFrame({"mean": means, "count": 3}, index=[1, 2, 4, 8])

    lines = {8: line(70, 73, 75, 73), 18: line(70, 73, 71, 60), 40: line(70, 71, 72, 73)}
    ratio, error = family_records.ratio_of_tops(lines, (8, 18), 0.5)
    tops = sorted(families.top(lines[base], 0.5) for base in (8, 18))
    assert ratio == 4 ** (tops[1][0] - tops[0][0]) > 1
    assert error == pytest.approx(ratio * np.log(4) * np.hypot(tops[0][1], tops[1][1]))
    assert family_records.ratio_of_tops(lines, (8, 40), 0.5) is None
    assert family_records.ratio_of_tops(lines, (8, 12), 0.5) is None
