"""All measures of chapter 7 against sums over all states that share no code with the library."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.rbm import quality, sampling
from lib.rbm.machine import Machine
from lib.rng import stream
from lib.spins import free_fermions
from tests import oracles, patience
from tests.rbm.test_machine import make_machine, parameters

MIDDLE = {5: 2, 6: 2, 7: 3, 8: 3}  # counted from 0; of 18 sites that is 8, the ninth


def brute_force(p, psi, field, n_spins, data):
    """The measures by their definitions, with dense matrices and tables."""
    spins = 2 * oracles.states(n_spins) - 1
    hamiltonian = oracles.dense_hamiltonian(n_spins, field)
    amplitudes, m = np.sqrt(p), spins.mean(1)
    local = (hamiltonian @ amplitudes) / amplitudes
    index = data @ (1 << np.arange(n_spins)[::-1])
    q_data = np.bincount(index, minlength=2**n_spins) / len(data)
    seen = q_data > 0

    def correlations(weights):
        i = MIDDLE[n_spins]
        return np.array([weights @ (spins[:, i] * spins[:, j]) - (weights @ spins[:, i]) * (weights @ spins[:, j])
                         for j in range(i, n_spins)])

    def mean_and_deviation(values):
        return p @ values, np.sqrt(p @ values**2 - (p @ values) ** 2)

    return {"kl": (psi**2 * np.log(psi**2 / p)).sum(), "kl data": (q_data[seen] * np.log(q_data[seen] / p[seen])).sum(),
            "infidelity": 1 - (amplitudes @ psi) ** 2, "energy": mean_and_deviation(local),
            "abs m": mean_and_deviation(np.abs(m)), "m": p @ m, "correlation": correlations(p),
            "exact correlation": correlations(psi**2), "exact energy": psi @ hamiltonian @ psi,
            "exact abs m": psi**2 @ np.abs(m),
            "histogram": [p[np.isclose((m + 1) * n_spins / 2, n_up)].sum() for n_up in range(n_spins + 1)],
            "exact histogram": [(psi**2)[np.isclose((m + 1) * n_spins / 2, n_up)].sum() for n_up in range(n_spins + 1)]}


def case(n_spins, field=1.0, scale=0.4, seed=0):
    """A machine that is not symmetric, the ground state, and data of another distribution."""
    machine = make_machine(n_spins, 3, scale, seed)
    psi = np.abs(np.linalg.eigh(oracles.dense_hamiltonian(n_spins, field))[1][:, 0])
    data = (np.random.default_rng(seed).random((500, n_spins)) < 0.6).astype(np.uint8)
    exact = quality.reference(n_spins, field, data, n_samples=100, rng=stream(1))
    return machine, psi, data, exact


@pytest.mark.parametrize("n_spins, field", [(6, 1.0), (8, 0.5), (7, 2.0), (5, 1.0)])
def test_summed_measures_are_their_definitions(n_spins, field):
    machine, psi, data, exact = case(n_spins, field)
    expected = brute_force(oracles.rbm_probabilities(*parameters(machine)), psi, field, n_spins, data)
    assert (exact.energy, exact.abs_m, exact.abs_m_error) == pytest.approx(
        (expected["exact energy"], expected["exact abs m"], 0.0), abs=1e-9)
    np.testing.assert_allclose(exact.correlation, expected["exact correlation"], atol=1e-9)
    np.testing.assert_allclose(exact.histogram, expected["exact histogram"], atol=1e-9)

    found = quality.summed(machine, exact, n_samples=400)
    assert list(found) == NAMES
    for name in ("kl", "kl data", "infidelity", "m"):
        assert found[name] == pytest.approx(expected[name], abs=1e-9), name
    for name, roe in (("energy", "eROE"), ("abs m", "mROE")):
        mean, deviation = expected[name]
        target = expected[f"exact {name}"]
        assert found[name] == pytest.approx(mean, abs=1e-9)
        assert found[f"{name} error"] == pytest.approx(abs(mean - target) / abs(target), abs=1e-9)
        ends = [mean + sign * 2.576 * deviation / np.sqrt(400) for sign in (1, -1)]
        assert found[roe] == pytest.approx(max(abs((target - end) / target) for end in ends), abs=1e-8)
    np.testing.assert_allclose(found["correlation"], expected["correlation"], atol=1e-9)
    np.testing.assert_allclose(found["histogram"], expected["histogram"], atol=1e-12)
    difference = expected["correlation"] - expected["exact correlation"]
    assert len(difference) == n_spins // 2 + 1
    assert found["correlation mse"] == pytest.approx((difference**2).sum() / len(difference), abs=1e-9)
    assert found["correlation sum"] == pytest.approx(expected["correlation"].sum(), abs=1e-9)


NAMES = ["kl", "kl data", "infidelity", "energy", "energy error", "eROE", "abs m", "abs m error", "mROE", "m",
         "correlation", "correlation error", "correlation mse", "correlation sum", "histogram", "m error", "energy tau",
         "abs m tau"]


def test_the_machine_that_is_the_state_has_no_error():
    """Two spins and one hidden unit hold the ground state exactly: all errors vanish but those of finite data."""
    ratio = np.abs(np.linalg.eigh(oracles.dense_hamiltonian(2, 1.0))[1][:, 0])
    target = ratio[0] ** 2 / ratio[1] ** 2  # p(00) / p(01)
    # Symmetric biases: p ~ cosh of the sum of both spins times W/4, up to a factor.
    w = 4 * np.arccosh(target) / 2
    machine = Machine(torch.full((2, 1), w).double(), torch.full((2,), -w / 2).double(), torch.full((1,), -w).double())
    exact = quality.reference(2, 1.0, [[0, 0], [1, 1], [0, 1]], n_samples=10, rng=stream(1))
    found = quality.summed(machine, exact, n_samples=100)
    for name in ("kl", "infidelity", "energy error", "abs m error", "m", "correlation mse"):
        assert abs(found[name]) < 1e-8, name
    assert found["eROE"] < 1e-7 < 1e-2 < found["mROE"]  # no statistical error without a spread of the local energy
    assert found["kl data"] > 0.1


def test_reference_of_long_chains_agrees_with_that_of_short_ones(monkeypatch):
    summed = quality.reference(8, 1.3, np.zeros((1, 8)), n_samples=1, rng=stream(1))
    monkeypatch.setattr(quality, "MAX_SUMMED_SPINS", 4)
    exact = quality.reference(8, 1.3, np.zeros((1, 8)), n_samples=20_000, rng=stream(1))
    assert exact.basis is None and exact.energy == pytest.approx(summed.energy, abs=1e-9)
    np.testing.assert_allclose(exact.correlation, summed.correlation, atol=1e-9)
    assert abs(exact.abs_m - summed.abs_m) < 4 * exact.abs_m_error < 0.02
    error = np.sqrt(summed.histogram * (1 - summed.histogram) / 20_000)
    assert (np.abs(exact.histogram - summed.histogram) < 4 * error).all()
    # The error of the reference is part of mROE.
    machine = make_machine(8, 3)
    samples = sampling.sample(machine, 1000, seed=1, start=np.zeros((1, 8)), n_chains=10)
    with_error = quality.sampled(machine, exact, samples)["mROE"]
    alone = quality.sampled(machine, dataclasses.replace(exact, abs_m_error=0.0), samples)
    own = (alone["mROE"] - alone["abs m error"]) / 2.576
    assert with_error == pytest.approx(alone["abs m error"] + 2.576 * np.hypot(own, exact.abs_m_error / exact.abs_m))
    assert with_error > alone["mROE"]
    with pytest.raises(ValueError, match="by sums over all states, got those of 8 spins from samples; try sampled, or"):
        quality.summed(make_machine(8, 3), exact, n_samples=10)


def test_sampled_measures_are_the_summed_ones_within_their_errors():
    machine, _, data, exact = case(8, scale=0.7)
    by_sum = quality.summed(machine, exact, n_samples=1)
    scores = []
    for seed in range(4):
        samples = sampling.sample(machine, 40_000, seed=seed, start=data, n_chains=400, burn_in=100, thin=2)
        found = quality.sampled(machine, exact, samples)
        assert list(found) == NAMES and found["kl"] is found["kl data"] is found["infidelity"] is None
        for name, roe in (("energy", "eROE"), ("abs m", "mROE")):
            target = getattr(exact, name.replace(" ", "_"))
            error = (found[roe] - found[f"{name} error"]) * abs(target) / 2.576
            scores.append((found[name] - by_sum[name]) / error)
            assert found[f"{name} error"] == pytest.approx(abs(found[name] - target) / abs(target))
        scores.append((found["m"] - by_sum["m"]) / found["m error"])
        scores += ((np.array(found["correlation"]) - by_sum["correlation"]) / (np.array(found["correlation error"])
                                                                              + 1e-12)).tolist()[1:]
        assert found["energy tau"] > 0.999 and found["abs m tau"] > 0.999
        np.testing.assert_allclose(found["histogram"], by_sum["histogram"], atol=0.012)
        assert sum(found["histogram"]) == pytest.approx(1) and found["correlation"][0] <= 1
        assert found["correlation mse"] == pytest.approx(np.mean((found["correlation"] - exact.correlation) ** 2))
        assert found["correlation sum"] == pytest.approx(sum(found["correlation"]))
    assert 0.5 < np.std(scores) < 1.5 and np.abs(scores).max() < 4.5


def test_an_evaluation_loops_over_no_states():
    """Of eighteen spins, 2^18 of them, it takes a fraction of a second then."""
    n_steps = []
    for n_spins in (8, 12):
        data = free_fermions.sample(n_spins, 1.0, 1000, rng=stream(1))
        exact = quality.reference(n_spins, 1.0, data, n_samples=1, rng=stream(1))
        machine = make_machine(n_spins, 9, 0.3)
        quality.summed(machine, exact, n_samples=1)
        n_steps.append(patience.steps(lambda m=machine, e=exact: quality.summed(m, e, n_samples=1)))
    assert n_steps[1] < 2 * n_steps[0]


def test_relative_error_is_the_worst_end_of_the_interval():
    assert quality.relative_error(11.0, 10.0) == pytest.approx(0.1)
    assert quality.relative_error(-11.0, -10.0, 0.5) == pytest.approx((1 + 1.288) / 10)
    with pytest.raises(ValueError, match="an exact value other than 0"):
        quality.relative_error(1.0, 0.0)


def test_no_probability_makes_a_relative_entropy_infinite():
    machine = Machine(torch.zeros(5, 1).double(), torch.full((5,), 900.0).double(), torch.zeros(1).double())
    _, _, _, exact = case(5)
    found = quality.summed(machine, exact, n_samples=1)
    assert 10 < found["kl"] < 700 and np.isfinite(found["energy"])


def test_another_size_is_refused():
    _, _, data, exact = case(5)
    for call in (lambda: quality.summed(make_machine(4, 2), exact, n_samples=1),
                 lambda: quality.sampled(make_machine(4, 2), exact, np.zeros((1, 2, 4), np.uint8))):
        with pytest.raises(ValueError, match="expected a machine of 5 visible units, one a spin, got 4"):
            call()
    with pytest.raises(ValueError, match="data with 6 columns"):
        quality.reference(6, 1.0, data, n_samples=1, rng=stream(1))


def test_errors_of_correlations_are_those_that_repetitions_show():
    """Polarized spins, and chains stuck in two valleys: the errors of <s s'> alone would be wrong by far."""
    up = Machine(torch.zeros(4, 2), torch.full((4,), 1.0), torch.zeros(2))
    exact = quality.reference(4, 1.0, np.zeros((1, 4), np.uint8), n_samples=10, rng=stream(1))
    generator, p_up = np.random.default_rng(2), 1 / (1 + np.exp(-1.0))

    def independent():
        return generator.random((20, 30, 4)) < p_up

    def stuck():
        return np.broadcast_to((generator.random(60) < 0.3)[None, :, None], (10, 60, 4))
    for draw, enough in ((independent, 0.002), (stuck, 0.01)):
        found = [quality.sampled(up, exact, draw().astype(np.uint8)) for _ in range(200)]
        spread = np.std([run["correlation"] for run in found], axis=0)
        errors = np.sqrt(np.mean(np.square([run["correlation error"] for run in found]), axis=0))
        assert (spread > enough).all() and (0.8 < errors / spread).all() and (errors / spread < 1.35).all()


def test_samples_of_another_shape_are_refused():
    machine, _, _, exact = case(5, scale=0.5)
    with pytest.raises(ValueError, match="expected samples .n_draws, n_chains, 5., got .10, 5.; try"):
        quality.sampled(machine, exact, np.zeros((10, 5), np.uint8))
    with pytest.raises(ValueError, match="expected n_samples >= 1, got 0"):
        quality.summed(machine, exact, n_samples=0)
