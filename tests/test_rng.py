"""Named streams: repeatable, and different for different names."""

import itertools
import re

import numpy as np
import pytest

from lib import rng

USES = [(1,), (2,), (12,), (1, 2), (1, "2"), (1, "a"), (1, "b"), (1, "a", 0), (1, "a", "0"), (1, 0, "a"),
        (1, "a0"), (1, "é")]


def test_equal_arguments_give_equal_numbers():
    np.testing.assert_array_equal(rng.stream(3, "gibbs", 7).random(5), rng.stream(3, "gibbs", 7).random(5))
    assert rng.child_seed(np.int64(3), "gibbs", np.int32(7)) == rng.child_seed(3, "gibbs", 7)


def test_other_arguments_give_other_numbers():
    first = [rng.stream(*use).integers(2**63) for use in USES]
    seeds = [rng.child_seed(*use) for use in USES]
    for numbers in (first, seeds):
        assert all(a != b for a, b in itertools.combinations(numbers, 2))
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_numbers_stay_what_they_were():
    # The book's numbers hang on these: a change here changes every figure.
    assert rng.child_seed(1, "a") == 2682206067055362400
    assert rng.stream(1, "a").random() == 0.4002948328714777


def test_streams_do_not_touch_global_state():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    rng.stream(1, "a").random(10)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_parallel_streams_are_uncorrelated():
    draws = np.array([rng.stream(1, "chain", chain).standard_normal(4000) for chain in range(50)])
    correlation = np.corrcoef(draws)[np.triu_indices(50, 1)]
    # 1225 correlations of standard deviation 1/sqrt(4000): five deviations are beyond chance.
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize("seed", [-1, 1.0, True, None, "1"])
def test_seed_must_be_a_natural_number(seed):
    with pytest.raises(ValueError, match=re.escape(f"got {seed!r}")):
        rng.stream(seed)


@pytest.mark.parametrize("name", [0.5, None, True, ("a",)])
def test_names_are_strings_and_integers(name):
    with pytest.raises(ValueError, match=re.escape(f"got {name!r}")):
        rng.child_seed(1, name)
