"""Choices of weights to prune: exact counts, order and ties against plain sorting, and the graph that is left."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lib.pruning.magnitude import (
    at_random,
    by_fisher,
    by_magnitude,
    by_unit,
    components,
    connectivity,
    keep_largest,
)
from lib.pruning.schedule import steps, weights_left
from lib.rng import stream
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters


@st.composite
def layers(draw):
    """Weights with many ties, and a mask."""
    n_visible, n_hidden = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    weights = generator.integers(-3, 4, (n_visible, n_hidden)) * draw(st.sampled_from([1.0, 0.1]))
    return weights, generator.random(weights.shape) < draw(st.sampled_from([0.2, 0.7, 1.0]))


def choices(weights, mask, n_left, seed=0):
    moments = np.random.default_rng(seed).random(weights.shape)
    return {"magnitude": by_magnitude(weights, mask, n_left), "unit": by_unit(weights, mask, n_left),
            "random": at_random(mask, n_left, rng=np.random.default_rng(seed)),
            "fisher": by_fisher(weights, moments, mask, n_left)}


@given(layer=layers(), share=st.floats(0, 1))
def test_every_choice_keeps_exactly_so_many_of_those_that_exist(layer, share):
    weights, mask = layer
    n_left = int(share * mask.sum())
    before = weights.copy(), mask.copy()
    for kept in choices(weights, mask, n_left).values():
        assert kept.sum() == n_left and kept.dtype == bool and kept.shape == mask.shape and kept.flags.writeable
        assert not (kept & ~mask).any()
    np.testing.assert_array_equal(weights, before[0])
    np.testing.assert_array_equal(mask, before[1])


@given(layer=layers(), share=st.floats(0, 1))
def test_the_largest_stay_and_among_equals_the_first(layer, share):
    weights, mask = layer
    n_left = int(share * mask.sum())
    expected = set(sorted(np.flatnonzero(mask).tolist(), key=lambda k: (-abs(weights.ravel()[k]), k))[:n_left])
    assert set(np.flatnonzero(by_magnitude(weights, mask, n_left))) == expected


@given(layer=layers(), share=st.floats(0, 1))
def test_units_lose_the_same_share(layer, share):
    weights, mask = layer
    n_left = int(share * mask.sum())
    kept = by_unit(weights, mask, n_left)
    for unit in range(weights.shape[1]):
        count, column = mask[:, unit].sum(), kept[:, unit]
        assert abs(column.sum() - count * n_left / max(1, mask.sum())) < 1
        np.testing.assert_array_equal(column, by_magnitude(weights[:, unit], mask[:, unit], column.sum()))


def test_unit_shares_are_rounded_by_the_largest_remainder():
    weights = np.arange(1, 13.0).reshape(4, 3)
    mask = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0]], bool)  # 4, 3 and 2 weights: 5 left is 2.2, 1.7, 1.1
    np.testing.assert_array_equal(by_unit(weights, mask, 5).sum(0), [2, 2, 1])
    np.testing.assert_array_equal(by_unit(np.ones((4, 3)), None, 7).sum(0), [3, 2, 2])  # equal: the first unit
    # Magnitude pruning of all units together would have emptied the first one.
    weights = np.array([[0.1, 5], [0.2, 6], [0.3, 7], [0.4, 8]])
    assert by_magnitude(weights, None, 4).sum(0).tolist() == [0, 4]
    np.testing.assert_array_equal(by_unit(weights, None, 4), [[0, 0], [0, 0], [1, 1], [1, 1]])


def test_a_whole_schedule_counts_every_weight():
    weights = np.random.default_rng(1).standard_normal((18, 9))
    order = np.argsort(-np.abs(weights).ravel())
    counts = weights_left(162, steps(0.4, 0.05, 32))
    masks = {name: None for name in ("magnitude", "unit", "fisher", "random")}
    for step, n_left in enumerate(counts):
        current = {name: np.ones((18, 9), bool) if mask is None else mask for name, mask in masks.items()}
        masks = {name: choices(weights, current[name], n_left, seed=step)[name] for name in masks}
        assert {name: int(mask.sum()) for name, mask in masks.items()} == dict.fromkeys(masks, n_left)
        assert all(not (masks[name] & ~current[name]).any() for name in masks)
        # With weights that stand still the steps end where one step would.
        assert set(np.flatnonzero(masks["magnitude"])) == set(order[:n_left])


def test_fisher_scores_are_the_second_order_loss_of_one_weight():
    """W^2 Var(v_i h_j) / 2 is the relative entropy of the joint distribution without this weight, for small W."""
    machine = make_machine(3, 2, 1.0, seed=3)
    weights, *biases = parameters(machine)
    weights = 0.02 * weights
    joint = oracles.rbm_joint(weights, *biases)
    v, h = oracles.states(3), oracles.states(2)
    moments = v.T @ joint @ h
    losses = np.empty((3, 2))
    for i, j in np.ndindex(3, 2):
        without = weights.copy()
        without[i, j] = 0
        losses[i, j] = (joint * np.log(joint / oracles.rbm_joint(without, *biases))).sum()
    np.testing.assert_allclose(weights**2 * moments * (1 - moments) / 2, losses, rtol=0.05)
    for n_left in range(7):
        kept = by_fisher(weights, moments, None, n_left)
        assert set(np.flatnonzero(kept)) == set(np.argsort(-losses.ravel())[:n_left])
    # Not the order of the magnitudes: a unit that is almost always off carries nothing.
    for rare in (1e-6, 1 - 1e-6):  # or always on
        assert by_fisher([[3.0, 1.0]], [[rare, 0.5]], None, 1).tolist() == [[False, True]]


def test_all_random_choices_are_equally_likely():
    mask = np.array([[True, False, True], [True, True, True]])
    count = {subset: 0 for subset in combinations(np.flatnonzero(mask).tolist(), 2)}
    for seed in range(2000):
        kept = at_random(mask, 2, rng=stream(seed, "prune"))
        count[tuple(np.flatnonzero(kept).tolist())] += 1
    assert stats.chisquare(list(count.values())).pvalue > 1e-3
    np.testing.assert_array_equal(at_random(mask, 2, rng=stream(3)), at_random(mask, 2, rng=stream(3)))


# --- the graph


@given(n_visible=st.integers(1, 7), n_hidden=st.integers(1, 6), share=st.floats(0, 0.6), seed=st.integers(0, 10**6))
def test_the_graph_against_a_plain_search(n_visible, n_hidden, share, seed):
    mask = np.random.default_rng(seed).random((n_visible, n_hidden)) < share
    label = list(range(n_visible + n_hidden))
    for _ in label:  # the smallest label of a neighbour, until nothing changes
        for i, j in np.argwhere(mask):
            label[i] = label[n_visible + j] = min(label[i], label[n_visible + j])
    found = connectivity(mask)
    largest = max(label[:n_visible].count(unit) for unit in set(label))
    assert found == (mask.sum(), len(set(label)), (mask.sum(1) == 0).sum(), (mask.sum(0) == 0).sum(), largest)
    np.testing.assert_array_equal(np.equal.outer(label, label), np.equal.outer(*[components(mask)] * 2))
    assert all(type(value) is int for value in found)


def test_graphs_that_are_counted_by_hand_have_their_numbers():
    chain = np.zeros((4, 3), bool)
    chain[[0, 1, 1, 2, 2, 3], [0, 0, 1, 1, 2, 2]] = True  # a tree: one edge less than there are units
    assert connectivity(chain) == (6, 1, 0, 0, 4) and connectivity(np.ones((18, 9), bool)) == (162, 1, 0, 0, 18)
    assert connectivity(np.zeros((4, 3), bool)) == (0, 7, 4, 3, 1)
    chain[1, 1] = False
    assert connectivity(chain) == (5, 2, 0, 0, 2)
    chain[0, 0] = False
    assert connectivity(chain) == (4, 3, 1, 0, 2)  # the first unit alone


# --- bad input


@pytest.mark.parametrize("n_left", [-1, 7, 2.0, True, None])
def test_more_weights_than_there_are_and_no_counts_are_refused(n_left):
    mask = np.ones((3, 3), bool)
    mask[0] = False
    for call in (lambda: by_magnitude(np.ones((3, 3)), mask, n_left), lambda: by_unit(np.ones((3, 3)), mask, n_left),
                 lambda: by_fisher(np.ones((3, 3)), np.zeros((3, 3)), mask, n_left),
                 lambda: at_random(mask, n_left, rng=stream(1))):
        with pytest.raises(ValueError, match="n_left to be an integer from 0 to 6, the weights that exist, got .*"):
            call()


@pytest.mark.parametrize("mask", [np.ones((3, 2), bool), np.ones((2, 3)), [True], "all"])
def test_masks_of_another_kind_are_refused(mask):
    for choose in (keep_largest, by_magnitude, by_unit):
        with pytest.raises(ValueError, match=r"mask (of bool of shape \(2, 3\) like|made of) .*, got .*; try"):
            choose(np.zeros((2, 3)), mask, 1)


def test_other_bad_input_is_refused():
    weights = np.array([[1.0, np.nan]])
    for choose in (by_magnitude, by_unit):
        with pytest.raises(ValueError, match="expected numbers, got NaN for 1 of 2 weights; try a smaller learning"):
            choose(weights, None, 1)
    # What was pruned may be anything.
    assert by_magnitude(weights, np.array([[True, False]]), 1).tolist() == [[True, False]]
    with pytest.raises(ValueError, match=r"moments of shape \(1, 2\) like the weights, got \(2,\)"):
        by_fisher(np.ones((1, 2)), np.zeros(2), None, 1)
    for wrong in (1.1, -0.1, np.nan):
        with pytest.raises(ValueError, match=r"moments <v_i h_j> in \[0, 1\], got"):
            by_fisher(np.ones((1, 2)), np.array([[0.5, wrong]]), None, 1)
    with pytest.raises(ValueError, match="numpy Generator, got int; try"):
        at_random(np.ones((2, 3), bool), 1, rng=1)
    with pytest.raises(ValueError, match="mask of bool"):
        at_random(np.ones((2, 3)), 1, rng=stream(1))
    with pytest.raises(ValueError, match=r"\(n_visible, n_hidden\), got \(3,\)"):
        by_unit(np.ones(3), None, 1)
    with pytest.raises(ValueError, match=r"\(n_visible, n_hidden\), got \(3,\)"):
        connectivity(np.ones(3, bool))
