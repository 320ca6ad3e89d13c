"""The tile kernels against their plain twins: whole numbers, whose sums float32 holds exactly, so every bit must agree.
"""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from lib.native import tiles
from lib.native.tiles import LANES, STEPS, lane_totals, products, products_plain, sums, sums_plain
from tests.tree import ROOT

WIDTHS = (1, 2, 3, 5, 7, 9, 13, 16, 17, 33)
ROWS_AND_BANDS = ((1, 1), (3, 2), (9, 8), (13, 4), (12, 7), (14, 8), (18, 6), (3, 3))
STEP_NUMBERS = range(len(STEPS))


def whole(generator, n):
    return generator.integers(-4, 5, n).astype(np.float32)


def make_call(steps, n_columns, n_rows, band, n_segments=3, n_channels=5, seed=0):
    """The arguments of `sums` and of `products` up to `starts`, the offsets and the number of weights.

    Rows lie in random order, segments and channels have from 0 to 3 weights, one channel has none.
    """
    generator = np.random.default_rng([seed, steps, n_columns, n_rows, band])
    x_step, out_step = STEPS[steps]
    reach = 3 * LANES  # of the offsets, to both sides
    x_length, out_length = LANES * x_step * n_columns + 2 * reach, LANES * (out_step * n_columns + 1)
    x, out = whole(generator, n_rows * x_length), whole(generator, n_rows * n_channels * out_length + LANES)
    x_rows = generator.permutation(n_rows) * x_length + reach
    out_rows = generator.permutation(n_rows) * out_length + LANES // 2
    counts = generator.integers(0, 4, (n_segments, n_channels))
    counts[:, 2], counts[0, 0], counts[-1, -1] = 0, 0, 2
    ends = np.cumsum(counts).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    n_weights = int(counts.sum())
    offsets = (generator.integers(-3, 4, n_weights) * LANES).astype(np.int32)
    call = steps, x, x_rows, out, out_rows, n_columns, band, n_rows * out_length, starts, offsets
    return call, whole(generator, n_weights)


def both_sums(call, weights, add):
    """What `sums` and its twin leave in the array of results, all of it."""
    results = []
    for function in (sums, sums_plain):
        arguments = [*call, weights, add]
        arguments[3] = call[3].copy()
        function(*arguments)
        results.append(arguments[3])
    return results


def both_products(call, weights, n_parts, n_bands=1, before=None):
    """What `products` and its twin leave; before: what stands there and is added to."""
    results = []
    for function in (products, products_plain):
        result = np.full(LANES * len(weights), np.nan if before is None else before, np.float32)
        function(*call, result, n_parts, n_bands * call[6], before is not None)
        results.append(result)
    return results


def covered_tiles(n_columns, n_rows, band, most=tiles.COLUMN):
    """The numbers of the tiles that cover so many rows and columns."""
    for begin in range(0, n_rows, band):
        for number, _, _ in tiles._cover(begin, min(n_rows, begin + band), n_columns, most):
            yield number


def check_every_tile(rows_and_bands=ROWS_AND_BANDS):
    """Sums and products of every tile and step against the plain twins; also called on an imitated processor."""
    for steps, n_columns, (n_rows, band) in itertools.product(STEP_NUMBERS, WIDTHS, rows_and_bands):
        call, weights = make_call(steps, n_columns, n_rows, band)
        for add in (0, 1):
            np.testing.assert_array_equal(*both_sums(call, weights, add))
        for before in (None, 3.0):
            np.testing.assert_array_equal(*both_products(call, weights, 1, before=before))


def digest():
    """Numbers that round, from all kernels, as bytes: the same on any number of threads, or not."""
    result = []
    for steps, n_columns, n_parts in itertools.product(STEP_NUMBERS, (7, 21), (1, 2, 3)):
        call, weights = make_call(steps, n_columns, 13, 4)
        call = (steps, np.sin(np.arange(len(call[1]), dtype=np.float32)), call[2], np.cos(call[3]), *call[4:])
        sums(*call, np.sin(weights), 1)
        out = np.zeros(LANES * len(weights), np.float32)
        products(*call, out, n_parts, call[6] * n_parts, False)
        result += [call[3].tobytes(), out.tobytes()]
    # Parts and blocks decide only who computes what, and when.
    assert len(set(result)) == 4 * len(STEPS)
    return b"".join(result)


def run_in_another_process(code, **variables):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | variables, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_every_tile_and_step_is_exact():
    check_every_tile()


def test_the_cases_above_meet_every_tile_that_can_occur():
    met = {number for width, (n_rows, band) in itertools.product(WIDTHS, ROWS_AND_BANDS)
           for number in covered_tiles(width, n_rows, band)}
    n_shapes = len(tiles._SHAPES)
    assert all(rows * columns <= max(tiles.PIXELS, tiles.COLUMN) for rows, columns in tiles._SHAPES)
    # The largest size fills a tile with one row: its two numbers mean the same, and the second is taken.
    assert met == set(range(n_shapes)) - {n_shapes - 2}


@pytest.mark.parametrize("most", [4, tiles.COLUMN])
def test_tiles_cover_every_pixel_once(most):
    for n_columns, n_rows in itertools.product(range(1, 20), range(1, 19)):
        covered = np.zeros((n_rows, n_columns), int)
        for number, row, column in tiles._cover(0, n_rows, n_columns, most):
            rows, columns = tiles._SHAPES[number]
            assert rows <= most or columns > 1
            covered[row:row + rows, column:column + columns] += 1
        assert (covered == 1).all()


@pytest.mark.parametrize("n_segments, n_channels", [(1, 1), (1, 7), (4, 1), (5, 6)])
def test_segments_and_channels_in_any_number(n_segments, n_channels):
    generator = np.random.default_rng(n_segments)
    for n_columns in (1, 6, 19):
        call, _ = make_call(0, n_columns, 5, 2, 1, max(n_channels, 3))
        counts = generator.integers(0, 5, (n_segments, n_channels))
        ends = np.cumsum(counts).reshape(counts.shape)
        starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
        offsets = (generator.integers(-3, 4, counts.sum()) * LANES).astype(np.int32)
        call = (*call[:-2], starts, offsets)
        for add, n_parts, n_bands in ((0, 1, 1), (1, 2, 3), (1, 5, 100)):
            np.testing.assert_array_equal(*both_sums(call, whole(generator, len(offsets)), add))
            np.testing.assert_array_equal(*both_products(call, offsets, n_parts, n_bands))


def test_the_lanes_of_each_weight_are_added_as_numpy_adds_them():
    generator = np.random.default_rng(3)
    result, order = generator.normal(size=(50, LANES)).astype(np.float32), generator.permutation(50).astype(np.int32)
    out = np.full(50, np.nan, np.float32)
    lane_totals(result.ravel(), order, out)
    np.testing.assert_array_equal(out[order], result.sum(1))


def test_without_weights_sums_are_zero_or_what_stood_there():
    call, weights = make_call(0, 7, 3, 2, n_segments=2)
    call = (*call[:-2], np.zeros_like(call[-2]), call[-1][:0])
    kept, emptied = both_sums(call, weights[:0], 1)[0], both_sums(call, weights[:0], 0)
    np.testing.assert_array_equal(kept, call[3])
    np.testing.assert_array_equal(*emptied)
    assert (emptied[0] == 0).sum() > (call[3] == 0).sum()


def test_what_stands_in_the_result_is_not_read_unless_asked_for():
    call, weights = make_call(0, 9, 3, 2)
    call[3][:] = np.nan
    ours = both_sums(call, weights, 0)[0]
    expected = both_sums((*call[:3], np.zeros_like(call[3]), *call[4:]), weights, 0)[1]
    written = np.isfinite(ours)
    np.testing.assert_array_equal(ours[written], expected[written])
    assert not expected[~written].any() and written.sum() == 3 * 9 * 5 * LANES


def test_lanes_do_not_mix():
    call, weights = make_call(0, 9, 3, 2)
    before = both_sums(call, weights, 0)[0].reshape(-1, LANES // 2)
    lanes = call[1].reshape(-1, LANES)
    lanes[:, 5] = np.nan
    after = both_sums(call, weights, 0)[0].reshape(-1, LANES // 2)
    assert np.isnan(after).any(0).tolist() == [False] * 5 + [True] + [False] * 2
    np.testing.assert_array_equal(before[~np.isnan(after)], after[~np.isnan(after)])
    results = both_products(call, weights, 1)[0].reshape(-1, LANES)
    assert np.isnan(results).any(0).nonzero()[0].tolist() == [5]


def test_the_bits_are_the_same_on_any_number_of_threads():
    code = ("import sys, numba; from tests.native import test_tiles\n"
            "assert numba.get_num_threads() == 2\n"
            "sys.stdout.buffer.write(test_tiles.digest())")
    assert run_in_another_process(code, NUMBA_NUM_THREADS="2") == digest()


def test_a_processor_without_avx_512_computes_the_same():
    """The smallest processor that numba knows, imitated: tiles of four pixels, no wide register, no fused operation."""
    code = """
import llvmlite.binding
features = llvmlite.binding.FeatureMap()
llvmlite.binding.get_host_cpu_features = lambda: features
from tests.native import test_tiles
assert test_tiles.tiles.PIXELS == 4 and test_tiles.STEPS == test_tiles.tiles.STEPS
test_tiles.check_every_tile(((3, 2), (9, 8), (18, 6), (14, 7), (3, 3)))
test_tiles.test_the_cases_above_meet_every_tile_that_can_occur()
"""
    run_in_another_process(code, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
