"""The shape of sorted weights, on lists whose shape is known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import (
    weight_shapes,
)
from lib.rbm.weight_shapes import weight_decay


def test_weights_that_fall_exponentially_have_that_length():
    place = np.linspace(0, 1, 201)
    found = weight_decay(5 * np.exp(-place / 0.1))
    assert found.length == pytest.approx(0.1) and found.linear == pytest.approx(1) and found.faster == pytest.approx(1)
    assert found.large == pytest.approx(0.23, abs=0.01)
    step = weight_decay(np.where(place <= 0.15, 3.0, 0.01 * (1.1 - place)))
    assert step.large == pytest.approx(0.15, abs=0.01) and step.contrast > 300 and step.faster > 1.5


def test_sorted_noise_is_what_it_is():
    dice = np.abs(np.random.default_rng(4).standard_normal(20_000))
    ours = weight_shapes.half_normal(201)
    theirs = np.sort(dice)[::-1][np.linspace(0, 19_999, 201).astype(int)]
    assert np.abs(ours - theirs)[5:].max() < 0.06
    assert weight_decay(ours).faster > 2  # noise, too, falls faster at its end
    few_large = np.sort(np.concatenate([dice[:19_000] / 50, 1 + dice[19_000:]]))[::-1]
    for sizes in (dice, few_large):
        assert weight_shapes.noise_distance(np.sort(sizes)[::-1][np.linspace(0, 19_999, 201).astype(int)]) < 0.15
    assert weight_shapes.noise_distance(np.exp(-np.linspace(0, 8, 201))) > 0.5


@pytest.mark.parametrize("sizes", [[1.0] * 5, list(range(30)), [0.0] * 30, [[1.0] * 30]])
def test_lists_that_are_no_sorted_weights_are_refused(sizes):
    with pytest.raises(ValueError, match="expected at least 20 sizes of weights, largest first"):
        weight_decay(sizes)


def test_shapes_are_means_with_standard_errors():
    lists = [np.exp(-np.linspace(0, length, 50)).tolist() for length in (2.0, 4.0)]
    found = weight_shapes.shapes(pd.DataFrame({"magnitudes": lists}))
    decays = [weight_shapes.weight_decay(one) for one in lists]
    for name in weight_shapes.Decay._fields:
        values = [getattr(decay, name) for decay in decays]
        rank = 1 / 50 / np.sqrt(12) if name == "large" else 0.0  # a share of fifty weights is no finer
        assert found[name] == (pytest.approx(np.mean(values)), pytest.approx(np.hypot(np.ptp(values) / 2, rank)))
    alike = weight_shapes.shapes(pd.DataFrame({"magnitudes": lists[:1] * 3}))
    assert alike["large"][1] == pytest.approx(1 / 50 / np.sqrt(12)) and alike["faster"][1] == pytest.approx(0)
    assert found["noise"][0] == pytest.approx(np.mean([weight_shapes.noise_distance(one) for one in lists]))
    assert weight_shapes.shapes(pd.DataFrame({"magnitudes": lists[:1]}))["large"][1] is None
