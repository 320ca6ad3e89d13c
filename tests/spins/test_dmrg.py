"""DMRG against exact diagonalization for every kind of chain, and against free fermions at 100 spins."""

import logging
import sys

import numpy as np
import pytest

from lib import rng
from lib.conventions import spins_from_bits
from lib.spins import chains, dmrg, exact, free_fermions, mps_averages, mps_samples
from tests.spins.test_chains import kinds


@pytest.mark.parametrize("kind", kinds(7))
def test_ground_state_of_every_kind(kind):
    chain = kinds(7)[kind]
    value, psi = exact.ground_state(chain)
    found = dmrg.ground_state(chain)
    assert found.energy == pytest.approx(value, abs=1e-9) and found.converged and found.truncation < 1e-12
    assert abs(np.vdot(found.state.vector(), psi)) ** 2 == pytest.approx(1, abs=1e-8)
    assert found.axis == chains.parity_axis(chain)
    if chain.is_real and found.axis != "Y":
        assert found.state.dtype == np.float64
    if chains.has_positive_ground_state(chain):
        assert found.parity in (1, None) and found.state.vector().min() > -1e-7


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", ["ising, critical", "xxz, random fields", "xyz"])
def test_either_sector_on_request(kind, sign):
    chain = kinds(7)[kind]
    found = dmrg.ground_state(chain, parity=sign)
    assert found.parity == sign
    assert found.energy == pytest.approx(exact.ground_state(chain, parity=sign)[0], abs=1e-9)
    parity = mps_averages.expectation(found.state, dict.fromkeys(range(7), found.axis))
    assert parity == pytest.approx(sign, abs=1e-9)


def test_three_spins_are_the_fewest():
    chain = chains.xxz(3, 1.0)
    assert dmrg.ground_state(chain).energy == pytest.approx(exact.ground_state(chain)[0], abs=1e-12)


def test_a_critical_chain_of_a_hundred_spins_and_its_samples():
    n_spins, n_samples = 100, 40_000
    found = dmrg.ground_state(chains.ising(n_spins, 1.0), bond_dimension=16, tolerance=1e-6)
    above = found.energy - free_fermions.ground_state_energy(n_spins, 1.0)
    assert 0 < above < 1e-6 and found.truncation < 1e-8
    assert mps_averages.magnetization(found.state) == pytest.approx(0, abs=1e-9)
    exact_z = free_fermions.correlation_zz(n_spins, 1.0)
    exact_x = free_fermions.magnetization_x(n_spins, 1.0)
    np.testing.assert_allclose(mps_averages.correlation(found.state), exact_z, atol=5e-4)
    np.testing.assert_allclose(mps_averages.magnetization(found.state, "X"), exact_x, atol=1e-6)
    spins = spins_from_bits(mps_samples.sample(found.state, n_samples, rng=rng.stream(1, "hundred"))).astype(float)
    error = np.sqrt((1 - exact_z**2) / n_samples) + 1e-12
    assert (np.abs(spins.T @ spins / n_samples - exact_z) < 5 * error + 5e-4).all()
    turned = mps_samples.sample_in_bases(found.state, "X" * n_spins, n_samples, rng=rng.stream(1, "hundred, x"))
    values = 1.0 - 2.0 * turned.bits  # along x the outcome +1 is bit 0
    error = np.sqrt((1 - exact_x**2) / n_samples)
    assert (np.abs(values.mean(axis=0) - exact_x) < 5 * error).all()
    # Energies of single measurements along z and x: their means are those of the two parts of H.
    energy = -(spins[:, 1:] * spins[:, :-1]).sum(axis=1).mean() - values.sum(axis=1).mean()
    assert energy == pytest.approx(free_fermions.ground_state_energy(n_spins, 1.0), abs=5 * (250 / n_samples) ** 0.5)


def test_without_parity_the_symmetry_breaks_silently():
    # h = 0.5: the lowest states of both parities differ by about 10^-30. DMRG that does not know of them returns one
    # valley of the two, with an energy that is right to twelve digits.
    broken = dmrg.ground_state(chains.ising(100, 0.5), conserve=None, tolerance=1e-8)
    assert broken.converged
    assert broken.energy == pytest.approx(free_fermions.ground_state_energy(100, 0.5), abs=1e-10)
    # Neither the energy nor correlations tell: these are the symmetric ones.
    symmetric = free_fermions.correlation_zz(100, 0.5)
    np.testing.assert_allclose(mps_averages.correlation(broken.state), symmetric, atol=1e-6)
    assert np.abs(mps_averages.magnetization(broken.state)).mean() > 0.9
    up = mps_samples.sample(broken.state, 2000, rng=rng.stream(1)).mean(axis=1) > 0.5
    assert up.all() or not up.any()


def test_with_parity_it_does_not():
    whole, broken = (dmrg.ground_state(chains.ising(30, 0.5), conserve=conserve, tolerance=1e-8)
                     for conserve in ("parity", None))
    for found in (whole, broken):
        assert found.energy == pytest.approx(free_fermions.ground_state_energy(30, 0.5), abs=1e-8)
    assert np.abs(mps_averages.magnetization(whole.state)).max() < 1e-9 and whole.parity == 1
    assert np.abs(mps_averages.magnetization(broken.state)).mean() > 0.9
    up = mps_samples.sample(whole.state, 2000, rng=rng.stream(1)).mean(axis=1) > 0.5
    assert abs(up.mean() - 0.5) < 0.06
    # The entropy in the middle: ln 2 more for the sum of both valleys.
    middle = [mps_averages.entanglement_entropies(found.state)[14] for found in (whole, broken)]
    assert middle[0] - middle[1] == pytest.approx(np.log(2), abs=1e-6)


def test_a_bond_dimension_that_is_too_small_shows_in_the_truncation():
    chain = chains.ising(12, 1.0)
    value, _ = exact.ground_state(chain)
    small, better = (dmrg.ground_state(chain, bond_dimension=bond) for bond in (2, 4))
    assert max(small.state.bond_dimensions) == 2 and max(better.state.bond_dimensions) == 4
    assert 1e-4 < small.truncation < 1e-3 and better.truncation < 1e-5
    assert value + 1e-2 < small.energy < value + 3e-2 and value + 1e-6 < better.energy < value + 1e-4


def test_logging_is_left_as_it_was():
    logger = logging.getLogger("tenpy")
    logger.setLevel(logging.WARNING)
    dmrg.ground_state(chains.ising(3, 1.0))
    assert logger.level == logging.WARNING


def test_without_tenpy_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tenpy", None)
    with pytest.raises(ImportError, match=r"physics-tenpy.*pip install '.\[dmrg\]', or lib.spins.free_fermions"):
        dmrg.ground_state(chains.ising(4, 1.0))


@pytest.mark.parametrize(("chain", "arguments", "message"), [
    (chains.ising(2, 1.0), {}, "chain.n_spins to be an integer >= 3, got 2; try lib.spins.exact"),
    (chains.ising(4, 1.0), {"bond_dimension": 1}, "bond_dimension to be an integer >= 2"),
    (chains.ising(4, 1.0), {"max_sweeps": 2.5}, "max_sweeps to be an integer >= 1"),
    (chains.ising(4, 1.0), {"tolerance": 0.0}, "tolerance between 0 and 1"),
    (chains.ising(4, 1.0), {"conserve": "Sz"}, 'conserve to be "parity" or None'),
    (chains.ising(4, 1.0), {"conserve": None, "parity": 1}, "with None and no parity"),
    (chains.ising(4, 1.0), {"parity": 0}, r"parity to be \+1, -1 or None, got 0"),
    (chains.ising(4, 1.0) + chains.fields(4, z=0.1), {"parity": 1}, "conserves none"),
])
def test_refuses(chain, arguments, message):
    with pytest.raises(ValueError, match=message):
        dmrg.ground_state(chain, **arguments)
