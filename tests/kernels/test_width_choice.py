"""Rates that other seeds prefer, and the best width beside the closest kernel, on made-up accuracies."""

import numpy as np
import pandas as pd
import pytest

from lib import rng
from lib.kernels import optimum, width_choice


def scan(values):
    """Networks at a published rate of 0.5 a width, from accuracies by (width, factor), a list over seeds."""
    return pd.DataFrame([{"seed": seed, "width": width, "learning_rate": 0.5 * factor, "published": 0.5,
                          "accuracy": accuracy}
                         for (width, factor), found in values.items() for seed, accuracy in enumerate(found, start=1)])


def test_each_seed_takes_the_rate_that_is_best_for_the_others():
    # At width 8 seed 1 alone is best at factor 2; without it 1 is better, without another one 2 is.
    table = scan({(8, 1.0): [80, 84, 84], (8, 2.0): [99, 80, 80], (8, 1.4): [70, 70, 70],
                  (16, 1.0): [90, 90, 90], (16, 1.4): [91, 92, 93], (16, 2.0): [80, 80, 80]})
    accuracies, edges = width_choice.at_tuned_rates(table)
    assert accuracies[8].to_dict() == {1: 80, 2: 80, 3: 80} and accuracies[16].to_dict() == {1: 91, 2: 92, 3: 93}
    assert edges == 1  # of all seeds: 2.0, the largest, at width 8; 1.4 at width 16


def test_a_rate_at_which_a_seed_diverges_is_not_considered():
    table = scan({(8, 1.0): [80, 80], (8, 1.4): [99, np.nan], (16, 1.0): [70, 70], (16, 1.4): [75, 75]})
    accuracies, _ = width_choice.at_tuned_rates(table)
    assert accuracies.loc[1].to_dict() == {8: 80, 16: 75}


def test_the_best_width_stands_beside_the_closest_kernel():
    widths = [8, 16, 32, 64, 128]
    accuracies = pd.DataFrame([[80.0, 85, 88, 86, 81], [81, 86, 89, 87, 80], [80, 85, 88, 86, 81]], columns=widths)
    distances = pd.Series([(np.log2(n) - 6) ** 2 + 1 for n in widths], index=widths)
    found = width_choice.compared(accuracies, distances, rng=rng.stream(1, "test"))
    assert found["best"] == 32 and found["low"] <= 32 <= found["high"] and found["nearest"] == 64
    assert found["closest"] == pytest.approx(64, rel=1e-6)
    assert (found["low"], found["best"], found["high"]) == tuple(
        optimum.best_width(widths, accuracies, rng=rng.stream(1, "test")))
    # Ranks of the distances 4 3 2 1 0 (two ties apart) against those of the errors.
    assert found["rank"] == pytest.approx(distances.rank().corr((-accuracies.mean()).rank()))


def test_what_a_width_loses_is_counted_seed_by_seed():
    accuracies = pd.DataFrame({8: [80.0, 82, 84], 16: [85.0, 86, 90]})
    mean, error = width_choice.shortfall(accuracies, 8)
    assert mean == 5 and error == pytest.approx(1 / np.sqrt(3)) and width_choice.shortfall(accuracies, 16) == (0, None)


def records(n_seeds=3, lost=()):
    """Made-up networks of widths 8 to 635 at the published rate and twice it, and distances with a minimum at 32."""
    widths, seeds = [8, 16, 32, 64, 635], range(1, n_seeds + 1)
    nets = pd.DataFrame([{"normalization": "minibatch", "dense": False, "width": width, "seed": seed, "state": "valid",
                          "learning_rate": 0.5 * factor, "final": 0.9 - 0.01 * abs(np.log2(width) - 4) - 0.001 * seed
                          + 0.02 * (factor - 1)}
                         for width in widths for seed in seeds for factor in (1, 2)])
    nets.loc[list(lost), "state"] = "not run"
    theory = pd.DataFrame([{"normalization": "minibatch", "distribution": "normal", "n_first": 6352 - 10 * width,
                            "width": width, "connectivity": 0.01, "state": "valid",
                            "exact": 1 + (np.log2(width) - 5) ** 2} for width in widths])
    published = pd.Series({(False, width): 0.5 for width in widths})
    published.index.names = ["dense", "width"]
    return nets, theory, published, widths


def test_a_record_is_compared_width_by_width():
    nets, theory, published, widths = records()
    found = width_choice.by_record(nets, theory, published, widths, 3, 3, seed=1)
    assert len(found.main) == 15 and found.curves.loc["minibatch", False, 16]["mean"] == pytest.approx(89.8)
    assert found.summary["minibatch"]["best"] == 16 and found.exact["minibatch"].idxmin() == 32
    assert found.shortfall["minibatch", "published"][0] == pytest.approx(1.0)
    assert list(found.tuned["minibatch"].columns) == widths[:-1] and found.edges["minibatch"] == 4
    assert found.tuned["minibatch"].loc[1, 16] == pytest.approx(91.9)
    assert found.theory.left.all() and (found.theory.printed > 0).all()


def test_the_peak_stands_above_the_better_end():
    found = width_choice.by_record(*records(), 3, 3, seed=1)
    peak = width_choice.peak(found, "minibatch", (8, 635))
    by_width = found.curves.loc["minibatch", False]["mean"]
    assert peak.highest == pytest.approx(by_width[16]) and peak.narrow == pytest.approx(by_width[8])
    assert peak.gain[0] == pytest.approx(by_width[16] - by_width[8])  # 635 is further below
    assert width_choice.peak(found, "global", (8, 635)) == ((None, None), None, None)


def test_an_incomplete_record_compares_nothing_and_a_scan_that_is_not_over_names_no_rates():
    nets, theory, published, widths = records(lost=[0])  # at the published rate
    found = width_choice.by_record(nets, theory, published, widths, 3, 3, seed=1)
    assert not found.summary and not found.tuned and len(found.main) == 14
    nets, *rest = records(lost=[1])  # at twice that
    found = width_choice.by_record(nets, *rest, 3, 3, seed=1)
    assert found.summary and not found.tuned and ("minibatch", "tuned") not in found.shortfall


def distances():
    rows = [("normal", True, 8, 9.0, 9.0), ("normal", True, 16, 2.0, 2.1), ("normal", True, 32, 4.0, 4.4),
            ("normal", True, 635, 1.0, 9.0), ("normal", False, 16, 50.0, 50.0), ("uniform", True, 16, 0.5, 0.5),
            ("uniform", True, 32, 0.4, 0.4)]
    table = pd.DataFrame(rows, columns=["distribution", "left", "width", "measured", "measured_proxy"])
    return table.assign(normalization="minibatch", printed=4.0, measured_error=0.4)


def test_distances_stand_beside_the_printed_ones_the_proxy_and_uniform_weights():
    found = width_choice.theory(distances(), "minibatch", (16, 32, 64))
    assert found.printed == pytest.approx((0.75, 0.1)) and found.excess == pytest.approx((0, 100))
    assert found.proxy == pytest.approx(0.1)  # widths 8 and 635 do not count
    assert found.uniform == pytest.approx((9 * 0.5 / 2 + 9 * 0.4 / 4) / 2)


def test_without_distances_nothing_is_said():
    assert width_choice.theory(distances().iloc[:0], "minibatch", (16,)) == ((None, None), (None, None), None, None)


def test_a_width_stands_beside_the_best_one_of_tuned_rates():
    nets, theory, published, widths = records()
    found = width_choice.by_record(nets, theory, published, widths, 3, 3, seed=1)
    beside = width_choice.beside_width(found, "minibatch", 64)
    assert beside["best"] == 16 and beside["far"] == pytest.approx(2) and beside["loss"][0] == pytest.approx(2)
    assert width_choice.beside_width(found, "global", 64) == {"loss": (None, None), "best": None, "far": None}
