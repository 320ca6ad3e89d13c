"""Exact normalisation against sums over all visible and hidden units."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine
from lib.rbm.partition import log_partition, log_probability, probabilities
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters


@given(n_visible=st.integers(1, 4), n_hidden=st.integers(1, 4), scale=st.sampled_from([0.01, 1.0, 30.0]),
       seed=st.integers(0, 10**6))
def test_partition_function_and_probabilities(n_visible, n_hidden, scale, seed):
    machine = make_machine(n_visible, n_hidden, scale, seed)
    expected = oracles.rbm_log_partition(*parameters(machine))
    for layer in (None, "visible", "hidden"):
        assert log_partition(machine, layer=layer).item() == pytest.approx(expected, rel=1e-13, abs=1e-13)
    p = oracles.rbm_probabilities(*parameters(machine))
    np.testing.assert_allclose(probabilities(machine), p, atol=1e-13)
    everything = oracles.states(n_visible)
    np.testing.assert_allclose(log_probability(machine, everything), np.log(p), atol=1e-11)
    np.testing.assert_allclose(log_probability(machine, everything, log_z=0.0),
                               -effective_energy(machine, everything), atol=1e-12)


def test_more_states_than_one_block():
    """13 units are enumerated in 8 blocks; a wrong order of the bits across blocks shows here."""
    machine = make_machine(13, 3, seed=4)
    everything = oracles.states(13)
    log_p = -effective_energy(machine, everything)
    assert log_partition(machine).item() == pytest.approx(torch.logsumexp(log_p, 0).item(), rel=1e-13)
    assert log_partition(machine, layer="visible").item() == pytest.approx(log_partition(machine).item())
    np.testing.assert_allclose(probabilities(machine), torch.softmax(log_p, 0), rtol=1e-11)


def test_energies_beyond_the_range_of_exp():
    machine = Machine(torch.full((2, 2), 900.0).double(), torch.zeros(2).double(), torch.zeros(2).double())
    assert log_partition(machine).item() == pytest.approx(3600)
    np.testing.assert_allclose(probabilities(machine), [0, 0, 0, 1], atol=1e-15)


def test_float32_machines_are_summed_in_float64():
    machine = make_machine(6, 4, dtype=torch.float32)
    assert log_partition(machine).dtype == probabilities(machine).dtype == torch.float64
    double = machine.to(dtype=torch.float64)
    np.testing.assert_allclose(probabilities(machine), probabilities(double), rtol=1e-14)


def test_requests_that_cannot_be_enumerated():
    with pytest.raises(ValueError, match=r"at most 26 units .* got 40: 2\^40 states, 8.0 TiB as float64"):
        log_partition(Machine.random(40, 40, seed=0))
    with pytest.raises(ValueError, match=r"probabilities of 2\^40 states = 24.0 TiB; try"):
        probabilities(Machine.random(40, 2, seed=0))
    with pytest.raises(ValueError, match="\"hidden\", got 'both'"):
        log_partition(Machine.random(2, 2, seed=0), layer="both")
    assert np.isfinite(log_partition(Machine.random(1000, 3, seed=0)).item())  # the small layer decides
