"""Water-filling: the toy of Fig 3.4, a one-weight-at-a-time oracle, and the layers of ResNet-18 (Appendix F)."""


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.pruning.distribution import as_printed, connectivity, remaining, stages, water_filling
from tests import patience

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=7)
LARGE_SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=50)


@st.composite
def problems(draw, sizes=SIZES):
    """Layers and a number of weights to remove from them, every possible one."""
    drawn = draw(sizes)
    return drawn, draw(st.integers(0, sum(drawn) - len(drawn)))


def one_at_a_time(sizes, n_removed):
    """What water-filling means: from the layer that has most, of equals the one once smallest, then the last."""
    left = list(sizes)
    for _ in range(n_removed):
        left[max(range(len(left)), key=lambda i: (left[i], -sizes[i], i))] -= 1
    return left


# --- the toy of Fig 3.4


def test_the_listing_takes_the_remainder_from_the_first_layer():
    assert as_printed([6, 4, 2], 8).tolist() == [0, 2, 2]  # down to 2, 2, 2 go six, and two more
    assert as_printed([6, 4, 2], 6).tolist() == [2, 2, 2] and as_printed([5, 5, 5], 7).tolist() == [2, 3, 3]
    assert sorted(water_filling([6, 4, 2], 8)) == [1, 1, 2]


def test_toy_of_figure_3_4():
    assert water_filling([6, 4, 2, 1], 9).tolist() == [1, 1, 1, 1]
    states = stages([6, 4, 2, 1], 9)
    assert [state.tolist() for state in states] == [[6, 4, 2, 1], [4, 4, 2, 1], [2, 2, 2, 1], [1, 1, 1, 1]]
    assert [int(-step.sum()) for step in np.diff(states, axis=0)] == [2, 4, 3]


@pytest.mark.parametrize(("n_removed", "expected"), [
    (0, [6, 4, 2, 1]), (1, [5, 4, 2, 1]), (2, [4, 4, 2, 1]), (3, [4, 3, 2, 1]), (4, [3, 3, 2, 1]), (5, [3, 2, 2, 1]),
    (6, [2, 2, 2, 1]), (7, [2, 2, 1, 1]), (8, [2, 1, 1, 1]), (9, [1, 1, 1, 1]),
])
def test_every_number_removed_from_the_toy(n_removed, expected):
    assert water_filling([6, 4, 2, 1], n_removed).tolist() == expected


def test_all_layers_can_be_cut_below_the_smallest():
    assert water_filling([6, 4, 3, 3], 10).tolist() == [2, 2, 1, 1]
    assert [s.tolist() for s in stages([6, 4, 3, 3], 10)] == [[6, 4, 3, 3], [4, 4, 3, 3], [3, 3, 3, 3], [2, 2, 1, 1]]
    assert water_filling([5, 5, 5], 4).tolist() == [4, 4, 3]
    assert water_filling([7], 6).tolist() == [1]


def test_order_of_the_layers_does_not_matter_to_the_level():
    assert water_filling([1, 6, 2, 4], 5).tolist() == [1, 3, 2, 2]
    assert water_filling(np.array([4, 6, 4], dtype=np.int32), np.int64(4)).tolist() == [3, 4, 3]
    assert water_filling((5, 6, 5), 5).tolist() == [4, 4, 3]


# --- properties


@given(problem=problems())
def test_as_if_weights_went_one_at_a_time(problem):
    assert water_filling(*problem).tolist() == one_at_a_time(*problem)


@given(problem=problems(LARGE_SIZES))
def test_sums_bounds_and_one_level(problem):
    sizes, n_removed = problem
    left = water_filling(sizes, n_removed)
    assert left.dtype == np.int64 and left.shape == (len(sizes),)
    assert sum(left.tolist()) == sum(sizes) - n_removed
    assert (left >= 1).all() and (left <= sizes).all()
    cut = left < sizes
    if cut.any():
        assert left[cut].max() - left[cut].min() <= 1
        assert left.max() <= left[cut].min() + 1  # a layer left whole is no larger than a level that others share
    for i in range(len(sizes)):
        assert (left[i] >= left[np.array(sizes) < sizes[i]]).all()


@given(problem=problems(LARGE_SIZES), data=st.data())
def test_removing_more_leaves_no_layer_with_more(problem, data):
    sizes, n_removed = problem
    fewer = data.draw(st.integers(max(0, n_removed - 60), n_removed) | st.integers(0, n_removed))
    assert (water_filling(sizes, n_removed) <= water_filling(sizes, fewer)).all()


@given(problem=problems(), data=st.data())
def test_another_order_of_layers_gives_the_same_up_to_equal_ones(problem, data):
    sizes, n_removed = problem
    order = data.draw(st.permutations(range(len(sizes))))
    there, here = water_filling([sizes[i] for i in order], n_removed), water_filling(sizes, n_removed)[order]
    if len(set(sizes)) == len(sizes):
        np.testing.assert_array_equal(there, here)
    for size in set(sizes):
        same = np.array([sizes[i] == size for i in order])
        assert sorted(there[same]) == sorted(here[same])
        assert (np.diff(there[same]) <= 0).all()  # of equal layers the first keeps what is left over


@given(problem=problems(SIZES | LARGE_SIZES))
def test_stages_fall_level_by_level_to_the_result(problem):
    sizes, n_removed = problem
    states = stages(sizes, n_removed)
    assert states[0].tolist() == sizes
    np.testing.assert_array_equal(states[-1], water_filling(sizes, n_removed))
    assert all((after <= before).all() and (after < before).any() for before, after in zip(states, states[1:]))
    levels = [int(state.max()) for state in states[:-1]]
    assert levels == sorted(set(sizes), reverse=True)[:len(levels)]
    for level, state in zip(levels, states):
        np.testing.assert_array_equal(state, np.minimum(sizes, level))
    # Each of the sizes that the level has passed was a stage.
    assert all(size <= states[-1].max() for size in set(sizes) - set(levels))


@given(problem=problems(LARGE_SIZES))
def test_keeping_is_removing_the_rest(problem):
    sizes, n_removed = problem
    np.testing.assert_array_equal(remaining(sizes, sum(sizes) - n_removed), water_filling(sizes, n_removed))


def test_results_are_new_arrays():
    sizes = np.array([3, 2], dtype=np.int64)
    water_filling(sizes, 0)[0] = 9
    stages(sizes, 0)[0][0] = 9
    assert sizes.tolist() == [3, 2]


def test_large_layers_take_as_long_as_small_ones():
    sizes = np.random.default_rng(1).integers(1, 10**8, 500)
    left = water_filling(sizes, int(sizes.sum()) * 9 // 10)
    small = sizes // 10**5 + 1
    assert patience.steps(lambda: water_filling(sizes, int(sizes.sum()) * 9 // 10)) < 3 * patience.steps(
        lambda: water_filling(small, int(small.sum()) * 9 // 10))
    assert left.sum() == sizes.sum() - int(sizes.sum()) * 9 // 10


# --- fractions


def test_connectivity_is_the_fraction_kept():
    assert connectivity([6, 4, 2, 1], water_filling([6, 4, 2, 1], 5)).tolist() == [0.5, 0.5, 1.0, 1.0]
    assert connectivity([4], [0]).tolist() == [0.0]


# --- ResNet-18


def resnet18_sizes(width, n_classes):
    """Weights of each layer of the CIFAR form: 3x3 stem, four modules of two blocks, 1x1 shortcuts, last layer."""
    sizes = [3 * width * 9]
    for module in range(4):
        n_out = width * 2**module
        n_in = n_out if module == 0 else n_out // 2
        shortcut = [] if module == 0 else [n_in * n_out]
        sizes += [n_in * n_out * 9, n_out * n_out * 9, *shortcut, n_out * n_out * 9, n_out * n_out * 9]
    return [*sizes, 8 * width * n_classes]


@pytest.mark.parametrize(("width", "n_weights"), [
    (8, 180952), (12, 402180), (18, 897462), (40, 4391480), (64, 11210432),
])
def test_weights_of_resnet18_on_cifar100(width, n_weights):
    assert sum(resnet18_sizes(width, 100)) == n_weights


@pytest.mark.parametrize(("width", "n_cut", "level"), [
    (8, 0, None), (16, 8, 14437), (32, 14, 9498), (64, 19, 9001), (128, 20, 8874),
])
def test_widened_resnet18_keeps_the_weights_of_the_narrow_one(width, n_cut, level):
    sizes = np.array(resnet18_sizes(width, 100))
    left = remaining(sizes, 180952)
    assert left.sum() == 180952
    # Appendix F: all layers larger than the level come down to it, the others stay whole.
    cut = left < sizes
    assert cut.sum() == n_cut and (connectivity(sizes, left)[~cut] == 1).all()
    if n_cut:
        assert left[cut].min() == level and left.max() - level <= 1


# --- bad input


@pytest.mark.parametrize(("sizes", "message"), [
    ([], r"one number of weights a layer, got \[\]; try"),
    (7, "one number of weights a layer, got 7"),
    ([3, 0], "integers >= 1, got 0 for layer 1"),
    ([-3, 2], "integers >= 1, got -3 for layer 0"),
    ([3.0, 2], "integers >= 1, got 3.0"),
    ([3, True], "integers >= 1, got True for layer 1"),
    (np.array([True, False]), "integers >= 1, got np.True_"),
    ({"first": 3}, "integers >= 1, got 'first'"),
    (np.ones((2, 2), dtype=int), "integers >= 1, got array"),
    ([2**62, 2**62], "a sum below 2\\^63"),
])
def test_bad_sizes_are_refused(sizes, message):
    for function in (water_filling, remaining, stages):
        with pytest.raises(ValueError, match=message):
            function(sizes, 2)
    with pytest.raises(ValueError, match=message):
        connectivity(sizes, [1, 1])


@pytest.mark.parametrize("n_removed", [-1, 10, 2.0, True, "3", None, np.True_])
def test_bad_numbers_to_remove_are_refused(n_removed):
    for function in (water_filling, stages):
        with pytest.raises(ValueError, match="from 0 to 9, which leaves one weight in each of 4 layers, got .*; try"):
            function([6, 4, 2, 1], n_removed)


@pytest.mark.parametrize("n_weights", [3, 14, -1, 5.0, True])
def test_bad_numbers_to_keep_are_refused(n_weights):
    with pytest.raises(ValueError, match="from 4, one for each layer, to 13, all there are, got .*; try"):
        remaining([6, 4, 2, 1], n_weights)


@pytest.mark.parametrize(("n_remaining", "message"), [
    ([1, 1, 1], "of 2 layers, as in sizes, got 3"), ([1], "of 2 layers, as in sizes, got 1"),
    ([6, 5], "got 5 of 4 weights in layer 1"), ([-1, 2], "n_remaining of integers >= 0, got -1"),
    ([0.5, 1.0], "n_remaining of integers >= 0, got 0.5"), ([], "n_remaining with one number of weights a layer"),
])
def test_bad_counts_for_connectivity_are_refused(n_remaining, message):
    with pytest.raises(ValueError, match=message):
        connectivity([6, 4], n_remaining)
