"""Error bars beyond a single mean: against exact values, over many repetitions."""

import numpy as np
import pytest
import torch

from lib.conventions import all_states
from lib.rbm import metrics, observables, operators, statistics
from lib.rbm.complex_state import ComplexState
from lib.rbm.machine import Machine
from lib.rbm.observables import estimate
from lib.rbm.states import PositiveState
from lib.rbm.statistics import Streaming, measure, of_means, variance
from lib.spins import bases, chains, density, exact
from tests.rbm.test_autocorrelation import autoregressive
from tests.rbm.test_complex_state import make_state
from tests.rbm.test_mixed_state import make_mixed
from tests.rbm.test_observables import exact_chains
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


def test_a_mean_needs_no_torch_tensor():
    x = np.random.default_rng(1).normal(size=(20, 3))
    assert of_means(lambda a: a, torch.from_numpy(x)) == of_means(lambda a: a, x)
