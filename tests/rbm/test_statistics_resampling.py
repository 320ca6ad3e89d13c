"""Bootstraps of the data and extrapolations of energies: against formulas, numpy and repetitions."""

import numpy as np
import pytest

from lib.conventions import all_states
from lib.rbm import observables, operators
from lib.rbm.bootstrap import bootstrap, resampled
from lib.rbm.extrapolation import extrapolated
from lib.rbm.machine import Machine
from lib.rbm.observables import Estimate, estimate
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import bases, chains, exact, ising
from tests.rbm.test_statistics import covered


# --- what data and training leave open
def test_a_bootstrap_has_the_error_of_the_data():
    """Of a mean, whose error is known, for bits and for measurements with bases."""
    bits = np.random.default_rng(2).integers(0, 2, (400, 3), dtype=np.uint8)
    for rows in (bits, bases.measured(bits, "XYZ")):
        found = bootstrap(lambda rows, seed: {"up": float(getattr(rows, "bits", rows).mean())}, rows, n_resamples=100,
                          seed=4)["up"]
        assert found.mean == bits.mean() and found.of_sampling == 0
        assert found.error == pytest.approx(bits.mean(1).std() / 20, rel=0.25)
    assert str(found) == f"{found.mean:.6g} +- {found.error:.2g}"


def test_error_bars_of_a_bootstrap_cover_the_truth_where_those_of_samples_do_not():
    """The magnetization along x of machines, each trained on shots of its own."""
    psi = ising.ground_state(2, 1.0)[1]
    exactly = ising.magnetization_x(psi).mean()
    settings = TrainingSettings(epochs=100, learning_rate=2.0, final_learning_rate=0.01, n_gibbs=5)

    def learn(rows, seed):
        state = PositiveState(train(Machine.random(2, 2, seed=seed), rows, settings, seed=seed).machine)
        p = state.psi().numpy() ** 2
        draws = all_states(2)[np.random.default_rng(seed).choice(4, (1, 20_000), p=p)]
        return {"x": estimate(observables.magnetization_x(state, draws))}

    alone = both = 0
    for seed in range(6):
        rows = bases.sample(psi, "ZZ", 500, rng=np.random.default_rng(seed)).bits
        found = bootstrap(learn, rows, n_resamples=5, seed=seed)["x"]
        alone += abs(found.mean - exactly) < 2 * found.of_sampling
        both += abs(found.mean - exactly) < 2 * found.error
    assert alone <= 2 and both >= 5


def test_resampled_rows_are_rows_of_the_data():
    bits = np.random.default_rng(3).integers(0, 2, (6, 12), dtype=np.uint8)
    parts = list(resampled(bits, 3, seed=1))
    assert len(parts) == 3 and all({tuple(row) for row in part} <= {tuple(row) for row in bits} for part in parts)
    assert any((parts[0] != part).any() for part in parts[1:])
    for again, part in zip(resampled(bits, 3, seed=1), parts, strict=True):
        np.testing.assert_array_equal(again, part)
    with pytest.raises(ValueError, match="n_resamples to be an integer >= 2, got 1"):
        bootstrap(lambda rows, seed: {}, bits, n_resamples=1, seed=1)
    with pytest.raises(ValueError, match="the same names every time"):
        bootstrap(lambda rows, seed: {str(seed): 1.0}, bits, n_resamples=2, seed=1)


# --- energies
def test_energies_extrapolate_to_the_ground_state():
    """Machines of an Ising chain at stages of one training, by exact sums with the errors that 1e5 samples would have.

    What is left is the bend of the line, which no error bar shows."""
    chain = chains.ising(6, 1.0)
    truth, psi = exact.ground_state(chain)
    bits = bases.sample(psi, "Z" * 6, 5000, rng=np.random.default_rng(1)).bits
    energies, variances = [], []

    def stage(epoch, machine):
        if epoch < 8:
            return
        state = PositiveState(machine)
        p = state.psi().numpy() ** 2
        local = operators.of_chain(chain)(state, all_states(6))
        mean = p @ local
        spread, fourth = p @ (local - mean) ** 2, p @ (local - mean) ** 4
        energies.append(Estimate(mean, (spread / 1e5) ** 0.5, 1.0, 1e5))
        variances.append(Estimate(spread, ((fourth - spread**2) / 1e5) ** 0.5, 1.0, 1e5))

    settings = TrainingSettings(epochs=40, learning_rate=0.3, final_learning_rate=0.003, n_gibbs=5)
    train(Machine.random(6, 6, seed=1), bits, settings, seed=1, every=5, callback=stage)
    found = extrapolated(energies, variances)
    best = min(energy.mean for energy in energies) - truth
    assert best > 0.02  # of -7.3
    assert abs(found.energy - truth) < 0.3 * best and found.slope > 0 and found.error < 0.01


def test_the_line_of_an_extrapolation_against_numpy_and_its_error_against_repetitions():
    x, rng = np.array([0.5, 1.0, 2.0, 4.0]), np.random.default_rng(6)
    errors = np.array([0.1, 0.2, 0.1, 0.3])
    results = []
    for _ in range(200):
        y = -3 + 0.7 * x + errors * rng.normal(size=4)
        found = extrapolated([Estimate(*pair, 1, 1) for pair in zip(y, errors)], [Estimate(v, 0.0, 1, 1) for v in x])
        slope, energy = np.polyfit(x, y, 1, w=1 / errors)
        assert found.energy == pytest.approx(energy) and found.slope == pytest.approx(slope)
        results.append(Estimate(found.energy, found.error, 1, 1))
    assert covered(results, -3, 2) > 0.93  # with a stretch where points scatter, so that it is more than 0.95 mostly
    two = extrapolated([Estimate(1.0, 0.1, 1, 1), Estimate(2.0, 0.1, 1, 1)], [Estimate(v, 0.1, 1, 1) for v in (1, 2)])
    assert two.chi2 is None and two.energy == pytest.approx(0) and two.error > 0.22


@pytest.mark.parametrize("energies, variances, message", [
    ([1.0], [1.0], "two states or more, got 1 and 1"),
    ([1.0, 2.0], [1.0], "got 2 and 1"),
    ([1.0, 2.0], [1.0, 1.0], "different variances"),
])
def test_what_cannot_be_extrapolated_is_refused(energies, variances, message):
    one = [[Estimate(value, 0.1, 1, 1) for value in values] for values in (energies, variances)]
    with pytest.raises(ValueError, match=message):
        extrapolated(*one)
