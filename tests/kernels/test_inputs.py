"""Inputs of kernels: what is refused and how, and filling by blocks: the same numbers in bounded memory."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels import inputs
from lib.kernels.arc_cosine import arc_cosine
from lib.kernels.inputs import as_inputs, as_pair, in_blocks, row_blocks


def squared_distance(x, y):
    """A symmetric formula whose entries depend on their own two inputs alone."""
    return ((x[:, None] - y) ** 2).sum(2)


def slanted(x, y):
    """A formula that is not symmetric."""
    return np.outer(x[:, 0], y[:, 1])


def test_inputs_become_float64_and_are_not_copied_without_need():
    x = np.arange(6.0).reshape(3, 2)
    assert as_inputs(x) is x
    for same in (x.tolist(), x.astype(np.float32), x.astype(np.uint8), torch.tensor(x), np.asfortranarray(x),
                 torch.tensor(x, requires_grad=True)):
        found = as_inputs(same)
        assert found.dtype == np.float64 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, x)
    found, other, same = as_pair(x, None)
    assert found is x and other is x and same
    assert as_pair(x, x + 1)[2] is False


@settings(max_examples=40)
@given(n=st.integers(1, 12), m=st.integers(1, 12), rows=st.one_of(st.none(), st.integers(1, 14)),
       seed=st.integers(0, 1000))
def test_blocks_give_what_the_whole_gives(n, m, rows, seed):
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(n, 3)), generator.normal(size=(m, 3))
    for function in (squared_distance, slanted):
        np.testing.assert_array_equal(in_blocks(function, x, y, rows=rows), function(x, y))
    np.testing.assert_array_equal(in_blocks(squared_distance, x, rows=rows), squared_distance(x, x))
    for other in (y, None):
        parts = list(row_blocks(slanted, x, other, rows=rows))
        assert [row for block, _ in parts for row in range(n)[block]] == list(range(n))
        assert rows is None or max(len(part) for _, part in parts) <= rows
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), slanted(x, y if other is y else x))


def test_a_symmetric_result_is_exactly_so_and_half_of_it_is_computed():
    n_entries = 0

    def rounded(x, y):
        nonlocal n_entries
        n_entries += len(x) * len(y)
        return (x @ y.T) * (1 + 1e-9 * np.arange(len(y)))  # no more symmetric than rounding would leave it
    x = np.random.default_rng(0).normal(size=(60, 3))
    found = in_blocks(rounded, x, rows=5)
    assert (found == found.T).all() and n_entries == 60 * 65 / 2  # blocks of 5
    np.testing.assert_allclose(found, x @ x.T, rtol=1e-7)


def test_out_is_written_to():
    x = np.random.default_rng(0).normal(size=(5, 3))
    out = np.empty((5, 5))
    assert in_blocks(squared_distance, x, out=out, limit_bytes=0) is out  # nothing is allocated
    np.testing.assert_array_equal(out, squared_distance(x, x))


def test_temporaries_stay_small():
    """A kernel of 72 MB takes less than 8 MiB besides; without blocks its formula would take hundreds."""
    x = np.random.default_rng(0).normal(size=(3000, 5))
    result = 8 * 3000**2
    for argument in (x, x[:, ::-1].copy()):
        tracemalloc.start()
        arc_cosine(x, None if argument is x else argument)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result < peak < result + 2**23
    tracemalloc.start()
    total = sum(block.sum() for _, block in row_blocks(arc_cosine, x))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25 < result and total == pytest.approx(arc_cosine(x).sum(), rel=1e-12)


def test_a_result_that_does_not_fit_is_refused_before_the_work():
    def never(x, y):
        raise AssertionError("computed")
    x = np.ones((1000, 2))
    words = r"at most 1\.0 MiB .* the kernel of 1000 and 1000 inputs = 7\.6 MiB; try .*row_blocks\(kernel, x, y\)"
    with pytest.raises(ValueError, match=words):
        in_blocks(never, x, limit_bytes=2**20)
    with pytest.raises(AssertionError, match="computed"):
        in_blocks(never, x, limit_bytes=8 * 1000**2)
    with pytest.raises(ValueError, match="the kernel of 1000 and 3 inputs"):
        in_blocks(never, x, x[:3], limit_bytes=100)


def test_the_memory_that_is_free_is_the_limit(monkeypatch):
    found = inputs.available_memory()
    assert found is None or 2**24 < found < 2**50
    monkeypatch.setattr(inputs, "available_memory", lambda: 2**30)
    with pytest.raises(ValueError, match=r"at most 1\.0 GiB of memory, got the kernel of 20000 .* = 2\.9 GiB"):
        arc_cosine(np.ones((20_000, 1)))
    monkeypatch.setattr(inputs, "available_memory", lambda: None)
    assert arc_cosine(np.ones((2, 1))).shape == (2, 2)


@pytest.mark.parametrize("make, words", [
    (lambda: as_inputs([1.0, 2.0]), r"x as a table .* got shape \(2,\); try numpy.atleast_2d\(x\)"),
    (lambda: as_inputs(np.ones((2, 3, 4)), "y"), r"y as a table .* got shape \(2, 3, 4\); try y.reshape"),
    (lambda: as_inputs(np.ones((0, 4))), r"neither of them 0, got shape \(0, 4\)"),
    (lambda: as_inputs(np.ones((4, 0))), r"neither of them 0, got shape \(4, 0\)"),
    (lambda: as_inputs([[1.0, 2.0], [3.0]]), "x with rows of one length"),
    (lambda: as_inputs([["a"]]), "made of real numbers, got dtype <U1"),
    (lambda: as_inputs([[1j]]), "made of real numbers, got dtype complex128"),
    (lambda: as_inputs([[1, 2], [3, float("nan")]]), "finite entries, got nan in row 1, column 1"),
    (lambda: as_inputs([[float("inf"), 1]]), "finite entries, got inf in row 0, column 0"),
    (lambda: as_inputs([[-float("inf"), 1]]), "finite entries, got -inf in row 0, column 0"),
    (lambda: as_inputs([[1, 2], [-1e80, 1]]), r"from 1e-70 to 1e70, got 1e\+80 in row 1"),
    (lambda: as_inputs([[1e-90, 0]]), "from 1e-70 to 1e70, got 1e-90 in row 0"),
    (lambda: as_pair(np.ones((2, 3)), np.ones((2, 4))), "the same number of features, got 3 and 4"),
    (lambda: as_pair(np.ones((2, 3)), [[np.nan] * 3]), "expected y with finite entries"),
    (lambda: in_blocks(slanted, np.ones((2, 3)), rows=0), "expected rows to be an integer >= 1, got 0"),
    (lambda: in_blocks(slanted, np.ones((2, 3)), rows=2.0), "expected rows to be an integer >= 1, got 2.0"),
    (lambda: in_blocks(slanted, np.ones((2, 3)), out=np.ones((3, 2))), r"out as float64 \(2, 2\), got .* \(3, 2\)"),
    (lambda: in_blocks(slanted, np.ones((2, 3)), out=np.ones((2, 2), int)), "out as float64"),
    (lambda: row_blocks(slanted, np.ones((2, 3)), rows=True), "expected rows"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
