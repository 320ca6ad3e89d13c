"""Gains, shares and errors of families of networks, on made-up ones whose accuracies are known."""

import numpy as np
import pandas as pd
import pytest

from lib.models import families
from tests.resnet_tables import network, record


def test_a_curve_begins_with_the_plain_network_but_for_the_linear_bottleneck():
    table = record()
    dense = families.curve(table, "dense", 8, "best")
    assert dense["mean"].to_dict() == {1: 70, 2: 74, 4: 78} and (dense["count"] == 3).all()
    assert dense["sem"][2] == pytest.approx(1 / np.sqrt(3))
    split = pd.concat([table, pd.DataFrame([network("linear bottleneck", 1, 60), network("linear bottleneck", 2, 65)])])
    assert families.curve(split, "linear bottleneck", 8, "best")["mean"].to_dict() == {1: 60, 2: 65}
    assert families.curve(table, "sparse", 8, "best", (32, 30)).empty
    assert families.curve(table[table.way == "sparse"], "dense", 8, "best").empty  # no dense network, no curve


def test_deltas_are_of_the_same_seed():
    table = record()
    table.loc[(table.seed == 2) & (table.way == "sparse") & (table.factor == 1), "best"] = 71
    gains = families.deltas(table, "sparse", 8, "best")
    assert gains.loc[1].to_dict() == {1: 0, 2: 3, 4: 4, 8: 2} and gains.loc[2].to_dict() == {1: 0, 2: 2, 4: 3, 8: 1}
    assert families.fall(gains) == pytest.approx(2)
    assert families.inner_peak(gains) == pytest.approx(11 / 3 - 5 / 3)
    split = pd.concat([table, pd.DataFrame([network("linear bottleneck", 1, 60), network("linear bottleneck", 2, 65)])])
    assert families.deltas(split, "linear bottleneck", 8, "best").loc[1].to_dict() == {1: 0, 2: 5}
    below = families.deltas(split, "linear bottleneck", 8, "best", start="sparse")
    assert below.loc[1].to_dict() == {1: -9, 2: -4}


def test_the_rate_is_chosen_by_other_images_than_those_that_judge():
    rows = [network(seed=seed, rate=rate, first_half=first, second_half=second) for seed, rate, first, second in (
        (1, 0.1, 80.0, 50.0), (2, 0.1, 60.0, 52.0), (1, 0.4, 71.0, 61.0), (2, 0.4, 67.0, 63.0))]
    found = families.chosen_rate(pd.DataFrame([*rows, network(factor=2, rate=0.1)]))
    # The first half prefers 0.1 (70 to 69), which the second judges 50 and 52; the second prefers 0.4: 71 and 67.
    assert found.set_index("seed").final.to_dict() == {1: (50 + 71) / 2, 2: (52 + 67) / 2}
    assert list(found.factor.unique()) == [1]  # trained at one rate only: no choice


def test_the_fewest_seeds_count_and_every_pair_has_to_be_declared():
    nets = record()
    assert families.fewest_seeds(nets, ("sparse", "dense"), 8, (0.1,)) == 3
    nets.loc[(nets.way == "dense") & (nets.factor == 4) & (nets.seed > 1), "done"] = False
    assert families.fewest_seeds(nets, ("sparse", "dense"), 8, (0.1,)) == 1
    assert families.fewest_seeds(nets, ("sparse",), 8, (0.1, 0.4)) == 0
    assert families.fewest_seeds(nets, ("x",), 8, (0.1,)) == 0


def test_scatter_is_pooled_over_kinds_with_their_degrees_of_freedom():
    rows = [network(factor=1, best=value, seed=n) for n, value in enumerate((0.0, 2.0))]
    rows += [network(factor=2, best=value, seed=n) for n, value in enumerate((0.0, 1.0, 2.0))]
    rows += [network("linear bottleneck", 2, value, seed=n) for n, value in enumerate((0.0, 20.0))]
    table = pd.DataFrame([*rows, network(factor=4)])
    assert families.scatter(table, "best") == pytest.approx(np.sqrt((1 * 2 + 2 * 1) / 3))
    assert families.scatter(table, "best", "nonlinear bottleneck") == pytest.approx(np.sqrt(200))
    assert np.isnan(families.scatter(table.iloc[-1:], "best"))
    assert families.error_between(table, 3, "best", "linear bottleneck") == pytest.approx(np.sqrt((200 + 4 / 3) / 3))
    assert families.error_between(table, 0, "best") == pytest.approx(np.sqrt(8 / 3))


def test_the_error_of_a_share_is_that_of_drawn_ratios():
    dice = np.random.default_rng(1)
    base, sparse, dense = (mean + 0.1 * dice.standard_normal((200_000, 4)).mean(axis=1) for mean in (0, 2, 4))
    ratio, error = families.share(2.0, 4.0, 0.1, 4)
    assert ratio == 0.5 and error == pytest.approx(np.std((sparse - base) / (dense - base)), rel=0.02)


def test_shares_need_a_dense_gain_beyond_its_error():
    found = families.share_of_width(record(), 8, "best")
    assert found.share.to_dict() == pytest.approx({2: 3 / 4, 4: 4 / 8}) and (found.seeds == 3).all()
    assert found.error[4] == pytest.approx(families.share(4, 8, 1, 3)[1])
    level = record()
    level.loc[level.way == "dense", "best"] -= 3  # gains 1 and 5, where three errors are 2.4
    assert list(families.share_of_width(level, 8, "best").index) == [4]


def test_gains_over_the_plain_network_count_its_twins_once_a_seed():
    table = pd.concat([record(), pd.DataFrame([
        network("sparse", 1, 77, base=32), network("sparse", 2, 80, base=32), network("dense", 1, 78, base=32, seed=2),
        network("dense", 4, 78, seed=3)])])  # width 32: seeds 1 (77), 2 and 3, of the dense ones of base 8
    gain, error = families.gain_over_plain(table, 32, 1.0)
    plain = table[(table.width == 32) & ((table.way == "dense") | (table.factor == 1))].drop_duplicates("seed").best
    assert len(plain) == 3 and gain == pytest.approx(80 - plain.mean()) and error == pytest.approx(np.sqrt(1 + 1 / 3))


def test_the_top_is_that_of_the_parabola():
    line = pd.DataFrame({"mean": [-(np.log2(f) - 1.3) ** 2 for f in (1, 2, 4, 8)], "count": [3, 3, 2, 3]},
                        index=[1, 2, 4, 8])
    exponent, _ = families.top(line, 0.1)
    assert exponent == pytest.approx(1.3)
    noise = 0.01 / np.sqrt(2) * np.random.default_rng(1).standard_normal((400, 4))
    tops = [families.top(line.assign(mean=line["mean"] + part), 0.01) for part in noise]
    assert np.std([top for top, _ in tops]) == pytest.approx(np.mean([error for _, error in tops]), rel=0.15)
