"""Static random masks: exact counts, equal chances by chi-square over seeds, whole kernels, and reproducibility."""

import math
import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lib.pruning.distribution import water_filling
from lib.pruning.masks import channel_mask, layer_masks, random_mask, whole_kernels
from lib.rng import stream
from tests import patience

SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


def generator(seed=1):
    return stream(seed, "test of masks")


def p_value(observed, expected):
    return stats.chisquare(observed, expected).pvalue


# --- single weights


@given(shape=SHAPES, data=st.data())
def test_exactly_as_many_weights_as_asked_for(shape, data):
    n_remaining = data.draw(st.integers(0, math.prod(shape)))
    mask = random_mask(shape, n_remaining, rng=generator())
    assert mask.shape == shape and mask.dtype == bool and mask.flags.c_contiguous and mask.flags.writeable
    assert mask.sum() == n_remaining
    np.testing.assert_array_equal(mask, random_mask(shape, n_remaining, rng=generator()))


@pytest.mark.parametrize("n_remaining", [2, 4])  # the mirror images: places for what stays, for what goes
def test_all_masks_of_a_small_layer_are_equally_likely(n_remaining):
    n_seeds = 2000
    count = {subset: 0 for subset in combinations(range(6), n_remaining)}
    for seed in range(n_seeds):
        count[tuple(np.flatnonzero(random_mask((2, 3), n_remaining, rng=generator(seed))))] += 1
    assert p_value(list(count.values()), n_seeds / len(count)) > 1e-3


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.5, 0.97])  # numpy draws few places and many in two ways
def test_all_places_of_a_large_layer_are_equally_likely(fraction):
    shape, n_seeds = (10, 13, 10, 10), 200
    n_remaining = int(fraction * 13000)
    count = sum(random_mask(shape, n_remaining, rng=generator(seed)).astype(int) for seed in range(n_seeds))
    # Along each dimension, and place by place.  Weights that are drawn without replacement repel one another: the
    # variance of a count is that of independent ones times (1 - fraction), and the counts add up to a constant.
    for axes in [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2), ()]:
        sums = count.sum(axis=axes).ravel()
        statistic = ((sums - sums.mean()) ** 2).sum() / (sums.mean() * (1 - n_remaining / 13000))
        p = stats.chi2.sf(statistic * (1 - 1 / 13000), sums.size - 1)
        assert 1e-4 < p < 1 - 1e-4


def test_ten_million_weights_fit_in_memory_and_take_no_loop():
    mask = random_mask((10**4, 10**3), 10**6, rng=generator())
    assert patience.steps(lambda: random_mask((10**3, 10**2), 10**4, rng=generator())) < 1000
    assert np.count_nonzero(mask) == 10**6
    tracemalloc.start()
    try:
        random_mask((10**3, 10**3), 5 * 10**5, rng=generator())
        assert tracemalloc.get_traced_memory()[1] < 14e6
    finally:
        tracemalloc.stop()


# --- whole kernels


@given(n_out=st.integers(1, 5), n_in=st.integers(1, 5), kernel=st.sampled_from([(), (1, 1), (3, 3), (2, 3)]),
       data=st.data())
def test_kernels_stay_or_go_as_a_whole(n_out, n_in, kernel, data):
    shape, size = (n_out, n_in, *kernel), math.prod(kernel)
    n_remaining = data.draw(st.integers(size, n_out * n_in * size))
    mask = channel_mask(shape, n_remaining, rng=generator())
    assert mask.shape == shape and mask.dtype == bool and mask.flags.c_contiguous and mask.flags.writeable
    in_kernel = mask.reshape(n_out, n_in, -1)
    np.testing.assert_array_equal(in_kernel.any(axis=2), in_kernel.all(axis=2))
    assert mask.sum() == whole_kernels(shape, n_remaining) == n_remaining // size * size
    assert n_remaining - size < mask.sum() <= n_remaining


def test_kernels_round_down_and_none_is_no_layer():
    assert [whole_kernels((4, 2, 3, 3), n) for n in (0, 9, 17, 18, 26, 72)] == [0, 9, 9, 18, 18, 72]
    assert not channel_mask((4, 2, 3, 3), 0, rng=generator()).any()
    assert channel_mask((4, 2, 3, 3), 72, rng=generator()).all()
    for n_remaining in (1, 8):
        with pytest.raises(ValueError, match=f'one kernel, 9 weights of .*, got {n_remaining}; try dimensions="all"'):
            channel_mask((4, 2, 3, 3), n_remaining, rng=generator())


def test_all_choices_of_kernels_are_equally_likely():
    n_seeds, count = 2000, {subset: 0 for subset in combinations(range(6), 2)}
    for seed in range(n_seeds):
        mask = channel_mask((3, 2, 2, 2), 11, rng=generator(seed))
        count[tuple(np.flatnonzero(mask[:, :, 1, 0]))] += 1
    assert p_value(list(count.values()), n_seeds / 15) > 1e-3


def test_a_dense_layer_has_kernels_of_one_weight():
    np.testing.assert_array_equal(channel_mask((5, 7), 11, rng=generator()), random_mask((5, 7), 11, rng=generator()))


# --- networks


NETWORK = [(8, 3, 3, 3), (16, 8, 3, 3), (16, 8, 1, 1), (16, 16, 3, 3), (10, 16)]
SIZES = [math.prod(shape) for shape in NETWORK]


@pytest.mark.parametrize("n_removed", [0, 1, 1000, 3003, sum(SIZES) - len(SIZES)])
def test_layers_keep_what_water_filling_leaves(n_removed):
    masks = layer_masks(NETWORK, n_removed, seed=3)
    assert [mask.shape for mask in masks] == NETWORK
    assert [int(mask.sum()) for mask in masks] == water_filling(SIZES, n_removed).tolist()


def test_layers_by_channels_keep_at_most_that():
    left = water_filling(SIZES, 3001)
    masks = layer_masks(NETWORK, 3001, seed=3, dimensions="channels")
    assert [int(mask.sum()) for mask in masks] == [whole_kernels(shape, n) for shape, n in zip(NETWORK, left)]
    assert 0 < sum(SIZES) - 3001 - sum(int(mask.sum()) for mask in masks) <= 8 * 3
    for mask in masks[:4]:
        assert (mask.any(axis=(2, 3)) == mask.all(axis=(2, 3))).all()
    with pytest.raises(ValueError, match="at least one kernel"):
        layer_masks(NETWORK, sum(SIZES) - len(SIZES), seed=3, dimensions="channels")


def test_a_seed_fixes_the_masks_and_another_one_changes_them():
    first, again, other = (layer_masks(NETWORK, 3003, seed=seed) for seed in (3, 3, 4))
    for mask, same, different in zip(first, again, other):
        np.testing.assert_array_equal(mask, same)
        assert mask.all() or (mask != different).any()


def test_a_layer_draws_from_its_own_stream():
    masks = layer_masks([(20, 20), (30, 20)], 600, seed=5)
    np.testing.assert_array_equal(masks[1], random_mask((30, 20), int(masks[1].sum()), rng=stream(5, "masks", 1)))
    same_layer_elsewhere = layer_masks([(30, 20), (30, 20)], 800, seed=5)[1]
    assert masks[1].sum() == same_layer_elsewhere.sum() == 200
    np.testing.assert_array_equal(masks[1], same_layer_elsewhere)


def test_masks_of_equal_layers_are_independent():
    n_seeds, table = 2000, np.zeros((4, 4))
    for seed in range(n_seeds):
        first, second = layer_masks([(2, 2), (2, 2)], 6, seed=seed)
        table[np.argmax(first), np.argmax(second)] += 1
    assert p_value(table.ravel(), n_seeds / 16) > 1e-3
    assert stats.chi2_contingency(table).pvalue > 1e-3


# --- bad input


@pytest.mark.parametrize("shape", [(), (3, 0), (-1,), (2.0, 3), (True, 2), 5, None])
def test_shapes_without_weights_are_refused(shape):
    for draw in (random_mask, channel_mask):
        with pytest.raises(ValueError, match=r"shape of integers >= 1.*; try weight\.shape"):
            draw(shape, 1, rng=generator())
    with pytest.raises(ValueError, match="shape of integers >= 1"):
        layer_masks([(2, 2), shape], 1, seed=1)


@pytest.mark.parametrize("n_remaining", [-1, 7, 2.0, True, None])
def test_bad_numbers_to_keep_are_refused(n_remaining):
    for draw in (random_mask, channel_mask):
        with pytest.raises(ValueError, match=r"from 0 to 6, the weights of shape \(2, 3\), got .*; try n_remaining=3"):
            draw((2, 3), n_remaining, rng=generator())


def test_other_bad_input_is_refused():
    for draw in (random_mask, channel_mask):
        with pytest.raises(ValueError, match="numpy Generator, got int; try"):
            draw((2, 3), 1, rng=1)
    with pytest.raises(ValueError, match=r"\(n_out, n_in, \.\.\.\), got \(6,\); try random_mask"):
        channel_mask((6,), 1, rng=generator())
    with pytest.raises(ValueError, match="'all' or 'channels', got 'both'"):
        layer_masks(NETWORK, 1, seed=1, dimensions="both")
    with pytest.raises(ValueError, match="n_removed to be an integer from 0 to"):
        layer_masks(NETWORK, sum(SIZES), seed=1)
    with pytest.raises(ValueError, match="one number of weights a layer"):
        layer_masks([], 0, seed=1)
    with pytest.raises(ValueError, match="expected seed"):
        layer_masks(NETWORK, 1, seed=-1)
