"""Matrix product states by maximum likelihood: exact likelihoods and gradients, states recovered from their samples."""

import numpy as np
import pytest
import torch

from lib import rng
from lib.conventions import state_index
from lib.spins import bases, ising, mps, mps_fit, vectors
from tests.spins.test_mps import random_state

T = np.array([[0.6, 0.8j], [0.8j, 0.6]])


def drawn(psi, n_samples, *, seed=1, letters="XYZ"):
    n_spins = psi.size.bit_length() - 1
    names = bases.random_bases(n_samples, n_spins, rng=rng.stream(seed, "bases"), letters=letters)
    return bases.sample(psi, names, rng=rng.stream(seed, "outcomes"), gates={"T": T})


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_likelihood_is_that_of_the_rotated_vectors(complex_numbers):
    state = random_state(complex_numbers=complex_numbers)
    measurements = drawn(state.vector(), 300, letters="XYZT")
    logs = [np.log(abs(bases.rotate(state.vector(), name, gates={"T": T})[state_index(bits)]) ** 2)
            for name, bits in zip(measurements.bases(), measurements.bits)]
    assert mps_fit.negative_log_likelihood(state, measurements) == pytest.approx(-np.mean(logs), abs=1e-12)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_gradient_is_that_of_finite_differences(complex_numbers):
    measurements = drawn(random_state().vector(), 40)
    rows, shapes = mps_fit._outcome_rows(measurements), mps_fit._shapes(4, 3)
    start = torch.from_numpy(mps_fit._start(shapes, complex_numbers, 1)).requires_grad_()
    loss = lambda vector: mps_fit._negative_log_likelihood(mps_fit._tensors(vector, shapes, complex_numbers), rows)
    loss(start).backward()
    for place in range(0, len(start), 7):
        step = torch.zeros(len(start), dtype=torch.float64)
        step[place] = 1e-5
        with torch.no_grad():
            slope = (loss(start + step) - loss(start - step)) / 2e-5
        assert float(start.grad[place]) == pytest.approx(float(slope), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("name", "psi", "bond"), [
    ("product", np.full(8, 8**-0.5), 1),
    ("ghz with a phase", vectors.ghz(4, 0.7), 2),
    ("w with phases", vectors.w(4, [0.0, 1.0, -2.0, 0.5]), 2),
    ("random", vectors.random_state(3, rng=rng.stream(2)), 2),
    ("ising", ising.ground_state(6, 1.0)[1], 2),
])
def test_states_come_back_from_their_samples(name, psi, bond):
    measurements = drawn(np.asarray(psi), 4000)
    fits = [mps_fit.maximum_likelihood(measurements, bond_dimension=bond, seed=seed) for seed in (1, 2, 3)]
    best = min(fits, key=lambda fit: fit.negative_log_likelihood)
    assert max(best.state.bond_dimensions) <= bond
    assert abs(np.vdot(best.state.vector(), psi)) ** 2 > 0.98
    assert best.negative_log_likelihood == pytest.approx(
        mps_fit.negative_log_likelihood(best.state, measurements), abs=1e-9)
    true = mps_fit.negative_log_likelihood(mps.from_vector(psi), measurements)
    assert best.negative_log_likelihood < true + 1e-3  # and below it, as far as the bond dimension allows


def test_the_critical_chain_of_ten_spins_from_random_bases():
    # 10,000 measurements, a random Pauli basis each: the example of PastaQ.
    _, psi = ising.ground_state(10, 1.0)
    fit = mps_fit.maximum_likelihood(drawn(psi, 10_000), bond_dimension=2, seed=1, max_steps=40)
    assert abs(np.vdot(fit.state.vector(), psi)) ** 2 > 0.985 and fit.state.n_parameters == 144


def test_fits_repeat_with_the_seed_and_real_ones_are_real():
    measurements = drawn(ising.ground_state(5, 1.0)[1], 500)
    one, other = (mps_fit.maximum_likelihood(measurements, bond_dimension=2, seed=4, complex_numbers=False,
                                             max_steps=20) for _ in range(2))
    assert one.state.dtype == np.float64
    for a, b in zip(one.state.tensors, other.state.tensors):
        np.testing.assert_array_equal(a, b)


def test_long_chains_do_not_underflow():
    n_spins = 1500  # a probability of 2^-1500
    state = mps.MatrixProductState((np.full((1, 2, 1), 0.5**0.5),) * n_spins)
    measurements = bases.measured(np.zeros((3, n_spins), int), "Z" * n_spins)
    assert mps_fit.negative_log_likelihood(state, measurements) == pytest.approx(n_spins * np.log(2))


def test_bond_dimension_of_a_number_of_parameters():
    for n_parameters in (20, 72, 144, 300, 1000, 10**6):
        for complex_numbers in (False, True):
            if n_parameters == 20 and complex_numbers:
                continue
            bond = mps_fit.bond_for(10, n_parameters, complex_numbers=complex_numbers)
            shapes = mps_fit._shapes(10, bond)
            used = sum(np.prod(shape) for shape in shapes) * (2 if complex_numbers else 1)
            more = sum(np.prod(shape) for shape in mps_fit._shapes(10, bond + 1)) * (2 if complex_numbers else 1)
            assert used <= n_parameters and (more > n_parameters or bond == 32)
    with pytest.raises(ValueError, match="at least 40 parameters, .* got 39"):
        mps_fit.bond_for(10, 39)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"measurements": np.zeros((3, 2))}, "measurements with their bases, got ndarray; try .*measured"),
    ({"bond_dimension": 0}, "bond_dimension to be an integer >= 1, got 0"),
    ({"max_steps": 1.5}, "max_steps to be an integer >= 1"),
    ({"seed": -1}, "expected seed"),
])
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    arguments = {"measurements": drawn(np.full(4, 0.5), 10), "bond_dimension": 2, "seed": 1} | arguments
    with pytest.raises(ValueError, match=message):
        mps_fit.maximum_likelihood(**arguments)
    with pytest.raises(ValueError, match="of 4 spins, got 2"):
        mps_fit.negative_log_likelihood(random_state(), drawn(np.full(4, 0.5), 10))
