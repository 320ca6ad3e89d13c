"""Error bars beyond a single mean: against exact values, over many repetitions."""

import doctest

import numpy as np
import pytest
import torch

from lib.conventions import all_states
from lib.rbm import metrics, observables, operators, statistics
from lib.rbm.complex_state import ComplexState
from lib.rbm.machine import Machine
from lib.rbm.observables import Estimate, estimate
from lib.rbm.states import PositiveState
from lib.rbm.statistics import Streaming, bootstrap, extrapolated, measure, of_means, resampled, variance
from lib.rbm.training import TrainingSettings, train
from lib.spins import bases, chains, density, exact, ising
from tests.rbm.test_complex_state import make_state
from tests.rbm.test_mixed_state import make_mixed
from tests.rbm.test_observables import autoregressive, exact_chains
from tests.rbm.test_states import make_machine


def covered(results, exactly, errors=1.0):
    """The share of results whose bar, so many errors long, holds the exact value."""
    return np.mean([abs(result.mean - exactly) < errors * result.error for result in results])


# --- functions of means


def test_the_delta_method_against_the_formula_for_a_ratio():
    rng = np.random.default_rng(3)
    x = rng.normal(2, 1, (500, 20))
    y = 0.8 * x + rng.normal(1, 0.5, (500, 20))
    found = of_means(lambda a, b: a / b, x, y)
    ratio = x.mean() / y.mean()
    by_hand = estimate((x - ratio * y) / y.mean())
    assert found.mean == pytest.approx(ratio)
    assert found.error == pytest.approx(by_hand.error, rel=1e-4)  # what is left of x after y: far less than either's


@pytest.mark.parametrize("phi", [0.0, 0.8])
def test_error_bars_of_a_function_of_means_cover_the_truth(phi):
    """200 repetitions of short correlated chains of two observables that know of each other."""
    results = []
    for seed in range(200):
        x = autoregressive(phi, 200, 8, np.random.default_rng(seed)) + 1
        results.append(of_means(lambda a, b: b - a * a, x, x**2))
    assert covered(results, 1) == pytest.approx(0.683, abs=0.1)  # the variance of the process
    assert covered(results, 1, 2) == pytest.approx(0.954, abs=0.04)


def test_a_constant_takes_no_part_and_infinity_is_refused():
    x = np.random.default_rng(1).normal(1, 1, (50, 4))
    assert of_means(lambda a, b: a * b, x, np.full((50, 4), 2.0)).error == pytest.approx(2 * estimate(x).error)
    with pytest.raises(ValueError, match="finite at the means"), np.errstate(invalid="ignore"):
        of_means(np.log, -x)
    with pytest.raises(ValueError, match="equal shapes"):
        of_means(lambda a, b: a, x, x[:-1])
    with pytest.raises(ValueError, match="equal shapes, got none"):
        of_means(lambda: 1.0)


def test_the_variance_of_a_local_energy_is_that_of_the_hamiltonian():
    state, chain = make_state(4, 3, 3, 0.8, 6), chains.xxz(4, 0.7)
    psi, h = state.psi().numpy(), exact.hamiltonian(chain).toarray()
    exactly = np.vdot(psi, h @ h @ psi).real - np.vdot(psi, h @ psi).real ** 2
    rows = all_states(4)[np.random.default_rng(2).choice(16, (400, 40), p=np.abs(psi) ** 2)]
    values = operators.of_chain(chain)(state, rows)
    found = variance(values)
    assert abs(found.mean - exactly) < 5 * found.error < 0.2 * exactly
    assert variance(values.real).mean != pytest.approx(found.mean)  # the imaginary part has its share


# --- entropies and fidelities


@pytest.mark.parametrize("kind", ["complex", "mixed"])
def test_swap_of_complex_and_mixed_states_over_all_pairs_is_the_purity(kind):
    state = make_state(3, 4, 3, 1.2, 3) if kind == "complex" else make_mixed(3, 1, 4, 1.2, 3)
    n_units = 3 + state.n_ancillas
    whole = make_state(3, 4, 3, 1.2, 3).psi().numpy() if kind == "complex" else \
        ComplexState(state.amplitude, state.phase).psi().numpy()
    rho = density.density_matrix(whole) if kind == "complex" else state.density_matrix().numpy()
    bits, p = all_states(n_units), np.abs(whole) ** 2
    first, second = np.repeat(bits, len(bits), axis=0), np.tile(bits, (len(bits), 1))
    for region in ([0], [1, 2], [0, 1, 2]):
        values = observables.swap(state, first, second, region)
        assert np.outer(p, p).ravel() @ values == pytest.approx(density.purity(density.reduced(rho, region)), abs=1e-12)


def test_error_bars_of_the_entropy_of_a_complex_state_cover_the_truth():
    state = make_state(4, 5, 5, 4.0, 1)
    psi = state.psi().numpy()
    truth = density.renyi2(psi, [0, 1])
    rng = np.random.default_rng(5)
    results = []
    for _ in range(200):
        rows = all_states(4)[rng.choice(16, (1, 3000), p=np.abs(psi) ** 2)]
        results.append(observables.renyi2(state, rows, [0, 1]))
    assert truth > 0.05
    assert covered(results, truth) == pytest.approx(0.683, abs=0.1)
    assert covered(results, truth, 2) == pytest.approx(0.954, abs=0.04)


def test_entropies_without_a_positive_mean_are_refused():
    state = ComplexState(make_machine(4, 1, 0.01, 1), make_machine(4, 6, 8.0, 1))
    rows = np.random.default_rng(1).integers(0, 2, (1, 400, 4), dtype=np.uint8)
    values = [observables.swap(state, rows[:, [i]], rows[:, [i + 1]], [0, 1])[0, 0] for i in range(300)]
    i = int(np.argmin(values))
    assert values[i] < 0
    with pytest.raises(ValueError, match="enough samples for a positive mean of Swap"):
        observables.renyi2(state, rows[:, i:i + 2], [0, 1])


@pytest.mark.parametrize("n_draws, n_chains", [(1, 1000), (40, 50)])
def test_error_bars_of_a_sampled_fidelity_cover_the_truth(n_draws, n_chains):
    """Independent samples, and chains that remember; the target known as a function."""
    machine = make_machine(4, 3, 1.0, 4)
    other = Machine(0.6 * machine.weights, 0.8 * machine.visible_bias, machine.hidden_bias)
    state, target = PositiveState(machine), PositiveState(other)
    truth = metrics.fidelity(state, target)
    rng = np.random.default_rng(8)
    draws, others = (exact_chains(m, n_draws, 200 * n_chains, rng) for m in (machine, other))
    results = [metrics.sampled_fidelity(state, a, target.log_psi, b)
               for a, b in zip(np.split(draws, 200, axis=1), np.split(others, 200, axis=1))]
    assert 0.3 < truth < 0.98
    assert covered(results, truth) == pytest.approx(0.683, abs=0.1)
    assert covered(results, truth, 2) == pytest.approx(0.954, abs=0.04)
    if n_draws > 1:
        assert np.mean([result.tau for result in results]) > 1.2


def test_sampled_fidelities_of_complex_states_and_of_themselves():
    state, psi = make_state(3, 4, 3, 1.0, 2), make_state(3, 3, 3, 0.8, 9).psi().numpy()
    rng = np.random.default_rng(1)
    both = np.abs(state.psi().numpy()) ** 2, np.abs(psi) ** 2
    rows, others = (all_states(3)[rng.choice(8, 40_000, p=p)] for p in both)
    found = metrics.sampled_fidelity(state, rows, psi, others)
    assert abs(found.mean - metrics.fidelity(state.psi(), psi)) < 4 * found.error < 0.1
    turned = psi * np.exp(1.3j)  # of no consequence
    assert metrics.sampled_fidelity(turned, rows, psi, rows).mean == pytest.approx(1)
    assert metrics.sampled_fidelity(state, rows, state, rows).error == pytest.approx(0, abs=1e-12)
    apart = metrics.sampled_fidelity([1, 0, 0, 0], [[0, 0]], [0, 0, 0, 1], [[1, 1]])
    assert apart.mean == 0 and apart.error == np.inf


def test_samples_that_a_state_cannot_have_given_are_refused():
    with pytest.raises(ValueError, match="samples that their state can give"):
        metrics.sampled_fidelity([1, 0, 0, 0], [[0, 1]], [0.5] * 4, [[0, 0]])
    with pytest.raises(ValueError, match=r"target_samples of shape \(n_draws, n_chains, n_spins\) or"):
        metrics.sampled_fidelity([1, 0], [[0]], [1, 0], [0])


# --- in little memory


@pytest.mark.parametrize("phi, n_draws, n_chains", [(0.0, 5000, 3), (0.9, 8000, 4), (0.95, 20_000, 2)])
def test_streaming_statistics_are_those_of_all_draws(phi, n_draws, n_chains):
    x = autoregressive(phi, n_draws, n_chains, np.random.default_rng(4)) + 1e6
    total = Streaming()
    for part in np.array_split(x, 37):
        total.add(part)
    found, whole = total.estimate(), estimate(x)
    assert found.mean == pytest.approx(whole.mean, rel=1e-14)
    assert found.error == pytest.approx(whole.error, rel=0.15)
    assert found.tau == pytest.approx(whole.tau, rel=0.3)
    assert found.n_effective == pytest.approx(x.size / found.tau)
    assert total._batches.size == 512 * n_chains  # and nothing else grows


@pytest.mark.parametrize("phi", [0.0, 0.9])
def test_error_bars_of_streams_cover_the_truth(phi):
    results = []
    for seed in range(200):
        total = Streaming()
        total.add(autoregressive(phi, 1500, 4, np.random.default_rng(seed)))
        results.append(total.estimate())
    assert covered(results, 0) == pytest.approx(0.683, abs=0.1)
    assert covered(results, 0, 2) == pytest.approx(0.954, abs=0.04)


def test_short_streams_are_estimated_as_they_are():
    x = autoregressive(0.7, 512, 3, np.random.default_rng(4))
    total = Streaming()
    for part in np.array_split(x, 5):
        total.add(part)
    assert total.estimate() == estimate(x)
    single = Streaming()
    single.add(x[:, 0])
    assert single.estimate() == estimate(x[:, 0])
    constant = Streaming()
    constant.add(np.full((1200, 2), 3.0))
    assert constant.estimate().error == 0


def test_streams_refuse_what_does_not_fit():
    total = Streaming()
    with pytest.raises(ValueError, match="at least one draw, got none"):
        total.estimate()
    total.add(np.zeros((3, 2)))
    for bad, message in ((np.zeros((3, 4)), r"shape \(n_draws, 2\), got \(3, 4\)"), (np.full((1, 2), np.nan), "NaN"),
                         (np.zeros((0, 2)), r"got \(0, 2\)"), (np.zeros(3), r"got \(3, 1\)")):
        with pytest.raises(ValueError, match=message):
            total.add(bad)


def test_several_observables_on_the_same_chains():
    """Against exact averages, and draws against those of plain sampling."""
    state = make_state(3, 4, 3, 0.8, 2)
    psi, chain = state.psi().numpy(), chains.xxz(3, 0.5)
    found = measure(state, {"energy": operators.of_chain(chain), "up": lambda state, bits: bits.sum(-1),
                            "y": operators.pauli({1: "Y"})}, 60_000, seed=3, n_chains=300, burn_in=100, thin=4)
    for name, exactly in (("energy", exact.energy(chain, psi)), ("up", np.abs(psi) ** 2 @ all_states(3).sum(1)),
                          ("y", bases.expectation(psi, {1: "Y"}))):
        assert abs(found[name].mean - exactly) < 4 * found[name].error < 0.1
    again = measure(state, {"up": lambda state, bits: bits.sum(-1)}, 600, seed=3, n_chains=300, burn_in=100, thin=4)
    parts = list(statistics.draws(state, 600, seed=3, n_chains=300, burn_in=100, thin=4))
    assert len(parts) == 2 and again["up"].mean == pytest.approx(np.mean(parts, axis=(0, 1)).sum())
    np.testing.assert_array_equal(parts[0], state.sample(300, seed=3, n_chains=300, burn_in=100, thin=4)[0])
    assert (parts[0] != parts[1]).any()
    with pytest.raises(ValueError, match="observables by name"):
        measure(state, {}, 10, seed=1)
    with pytest.raises(ValueError, match=r"one value a sample, \(1, 5\), of 'bits'"):
        measure(state, {"bits": lambda state, bits: bits}, 10, seed=1, n_chains=5)


def test_the_example_of_the_module():
    outcome = doctest.testmod(statistics)
    assert outcome.attempted > 3 and outcome.failed == 0


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


def test_a_mean_needs_no_torch_tensor():
    x = np.random.default_rng(1).normal(size=(20, 3))
    assert of_means(lambda a: a, torch.from_numpy(x)) == of_means(lambda a: a, x)
