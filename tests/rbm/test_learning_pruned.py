"""Weights needed after pruning, on records whose numbers are known."""

import pytest

from lib.rbm import learning_pruned


def test_jumps_are_counted_from_steps_that_began_within_the_bound():
    assert learning_pruned.jumps([0.001, 0.0015, 0.006, 0.9], 0.0005, 0.002) == pytest.approx([1.5, 4])
    assert learning_pruned.jumps([], 0.001, 0.002).size == 0
