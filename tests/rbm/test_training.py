"""Training against exact gradients, exact expectations of CD-k, and a twin that draws the same numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lib.rbm import _training_engines, sampling, training, training_settings
from lib.rbm.machine import Machine, balanced_biases
from lib.rbm.metrics import negative_log_likelihood
from lib.rbm.partition import probabilities
from lib.rbm.training import TrainingSettings, train
from lib.spins.measurements import read_psi, read_text
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters
from tests.rbm.test_sampling import ENGINES, Xoshiro


def difference(result, machine):
    """The change of all parameters, one vector."""
    return np.concatenate([(after - before).ravel() for after, before in
                           zip(parameters(result.machine.to(dtype=torch.float64)), parameters(machine))])


def random_mask(n_visible, n_hidden, share=0.4, seed=3):
    return np.random.default_rng(seed).random((n_visible, n_hidden)) < share


def small_data(n_rows=600, n_visible=3, seed=1):
    """Rows that are far from uniform."""
    generator = np.random.default_rng(seed)
    share = generator.dirichlet(np.ones(2**n_visible))
    return oracles.states(n_visible)[generator.choice(2**n_visible, n_rows, p=share)].astype(np.uint8)


@pytest.mark.parametrize("settings", [
    TrainingSettings(epochs=2, batch_size=100, n_gibbs=3, learning_rate=0.1, precision="float64"),
    TrainingSettings(epochs=2, batch_size=70, negative_batch_size=130, n_gibbs=1, learning_rate=0.1,
                     final_learning_rate=0.01, precision="float64"),
    TrainingSettings(epochs=2, batch_size=250, persistent=True, n_chains=120, n_gibbs=2, learning_rate=0.1,
                     precision="float64"),
    TrainingSettings(epochs=2, batch_size=100, n_gibbs=2, learning_rate=0.3, symmetric=True, precision="float64"),
], ids=["CD-3", "CD-1 with its own batch, cosine", "PCD-2", "symmetric"])
def test_kernel_and_plain_twin_take_the_same_steps(settings, monkeypatch):
    """Both engines with the same uniforms: equal to rounding over two epochs, in float64."""
    machine, data = make_machine(3, 5, 0.3, seed=2), small_data(620)
    if settings.symmetric:
        machine = Machine.random(3, 5, seed=2, scale=0.3, symmetric_biases=True)
    ours = train(machine, data, settings, seed=3).machine
    monkeypatch.setattr(training, "choose_engine", lambda machine, engine: "torch")
    n_chains = settings.n_chains or settings.negative_batch_size or settings.batch_size
    monkeypatch.setattr(_training_engines, "uniforms",
                        lambda seed, device: Xoshiro(sampling.generators(seed, n_chains)))
    plain = train(machine, data, settings, seed=3).machine
    for fast, slow in zip(parameters(ours), parameters(plain)):
        np.testing.assert_allclose(fast, slow, atol=1e-12)
    assert difference(training.TrainingResult(ours), machine).std() > 0.01  # something was learnt


# --- machines that are symmetric under flipping all units


@pytest.mark.parametrize("way", [{}, {"persistent": True}, {"engine": "torch"}, {"negative_phase": "exact"},
                                 {"precision": "float64", "n_gibbs": 3}], ids=str)
@pytest.mark.parametrize("pruned", [False, True])
def test_symmetric_training_keeps_the_symmetry(way, pruned):
    """From data that are not symmetric at all: p(v) = p(v flipped) after every epoch, to rounding."""
    machine = Machine.random(4, 3, seed=1, scale=0.5, symmetric_biases=True)
    if pruned:
        weights = machine.pruned(random_mask(4, 3, 0.6)).weights
        machine = Machine(weights, *balanced_biases(weights), torch.from_numpy(random_mask(4, 3, 0.6)))
    settings = TrainingSettings(epochs=5, batch_size=50, learning_rate=0.5, symmetric=True, **way)

    def asymmetry(epoch, current):
        p = probabilities(current)
        return float((p - p.flip(0)).abs().max())
    result = train(machine, small_data(300, 4), settings, seed=2, every=1, callback=asymmetry)
    assert max(value for _, value in result.history) < (1e-12 if way.get("precision") == "float64" else 1e-6)
    assert (result.machine.weights - machine.weights).abs().max() > 0.1
    assert not pruned or torch.equal(result.machine.weights == 0, ~machine.mask)


def test_symmetric_step_is_the_slope_along_symmetric_machines():
    """Against finite differences of the likelihood by the weights, the biases following."""
    machine, data = Machine.random(3, 2, seed=4, scale=0.7, symmetric_biases=True), small_data(200)
    settings = TrainingSettings(epochs=1, batch_size=200, learning_rate=1.0, symmetric=True, precision="float64",
                                negative_phase="exact")
    step = (train(machine, data, settings, seed=1).machine.weights - machine.weights).numpy()

    def likelihood(weights):
        weights = torch.from_numpy(weights)
        return -negative_log_likelihood(Machine(weights, *balanced_biases(weights)), data)
    for i, j in np.ndindex(3, 2):
        up, down = machine.weights.numpy().copy(), machine.weights.numpy().copy()
        up[i, j] += 1e-5
        down[i, j] -= 1e-5
        assert step[i, j] == pytest.approx((likelihood(up) - likelihood(down)) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("n_gibbs", [1, 3])
@pytest.mark.parametrize("engine, precision", ENGINES)
def test_one_step_is_the_exact_expectation_of_contrastive_divergence(engine, precision, n_gibbs):
    """Mean over seeds of one full-batch step: -rate (<grad E>_data - <grad E>_q), q = data moved k sweeps."""
    machine, data = make_machine(3, 2, seed=1), small_data()
    settings = TrainingSettings(epochs=1, batch_size=len(data), n_gibbs=n_gibbs, learning_rate=0.5,
                                engine=engine, precision=precision)
    steps = np.array([difference(train(machine, data, settings, seed=seed), machine) for seed in range(60)])
    empirical = np.bincount(data @ [4, 2, 1], minlength=8) / len(data)
    moved = empirical @ np.linalg.matrix_power(oracles.gibbs_transition(*parameters(machine)), n_gibbs)
    hidden = oracles.rbm_hidden_probability(*parameters(machine))
    states = oracles.states(3)
    change = empirical - moved
    by_weights = (states * change[:, None]).T @ hidden
    expected = 0.5 * np.concatenate([by_weights.ravel(), change @ states, change @ hidden])
    error = steps.std(0, ddof=1) / np.sqrt(len(steps))
    assert (np.abs(steps.mean(0) - expected) < 4.5 * error + 1e-7).all()
    assert error.max() < 0.1 * np.abs(expected).max()  # tight enough to see a wrong term


def test_exact_negative_phase_is_the_exact_gradient():
    machine, data = make_machine(3, 2, seed=4), small_data(200)
    settings = TrainingSettings(epochs=1, batch_size=200, learning_rate=0.25, negative_phase="exact",
                                precision="float64")
    gradient = np.concatenate([part.ravel() for part in oracles.rbm_nll_gradient(*parameters(machine), data)])
    step = difference(train(machine, data, settings, seed=0), machine)
    np.testing.assert_allclose(step, -0.25 * gradient, atol=1e-12)


def test_persistent_chains_follow_the_model():
    """At a tiny rate the chains of PCD-1 equilibrate over the steps, and their mean gradient is the model's (4.19)."""
    machine, data, rate = make_machine(3, 2, 1.5, seed=6), small_data(4000), 1e-7
    gradient = np.concatenate([part.ravel() for part in oracles.rbm_nll_gradient(*parameters(machine), data)])
    error = {}
    for name, more in (("PCD", {"persistent": True, "n_chains": 400}), ("CD", {"negative_batch_size": 400})):
        settings = TrainingSettings(epochs=1, batch_size=10, learning_rate=rate, precision="float64", **more)
        steps = np.array([difference(train(machine, data, settings, seed=seed), machine) for seed in range(8)])
        error[name] = np.abs(steps.mean(0) / (400 * rate) + gradient).max()
    assert error["PCD"] < 0.01 < 0.05 < error["CD"]


@pytest.fixture(scope="module")
def four_spins():
    """The ground state of four spins at h = J and 20,000 measurements of it."""
    psi = np.abs(np.linalg.eigh(oracles.dense_hamiltonian(4, 1.0))[1][:, 0])
    draws = np.random.default_rng(0).choice(16, 20_000, p=psi**2)
    return psi, oracles.states(4)[draws].astype(np.uint8)


@pytest.mark.parametrize("settings", [
    TrainingSettings(epochs=60, n_gibbs=5, learning_rate=0.2, final_learning_rate=0.001),
    TrainingSettings(epochs=60, n_gibbs=1, learning_rate=0.2, final_learning_rate=0.001, persistent=True),
    TrainingSettings(epochs=250, batch_size=4000, learning_rate=2.0, final_learning_rate=0.1,
                     negative_phase="exact"),
], ids=["CD-5", "PCD-1", "exact"])
def test_a_small_target_is_learnt(settings, four_spins):
    psi, data = four_spins
    for seed in (1, 2):
        machine = train(Machine.random(4, 4, seed=seed), data, settings, seed=seed).machine
        p = probabilities(machine).numpy()
        assert (np.sqrt(p) @ psi) ** 2 > 0.998
        assert (psi**2 * np.log(psi**2 / p)).sum() < 0.005


def test_measurements_that_nobody_here_made():
    """QuCumber's tutorial file, ten spins: fidelity with the exact ground state that comes with it."""
    folder = Path(__file__).parents[2] / "data/measurements/qucumber"
    data, psi = read_text(folder / "tfim1d_data.txt"), read_psi(folder / "tfim1d_psi.txt", 10)
    settings = TrainingSettings(epochs=100, n_gibbs=10, learning_rate=0.1, final_learning_rate=0.001)
    machine = train(Machine.random(10, 10, seed=1), data, settings, seed=1).machine
    assert np.abs(probabilities(machine).sqrt().numpy() @ psi) ** 2 > 0.985


def test_schedule_and_minibatches():
    constant = TrainingSettings(epochs=3, learning_rate=0.2)
    np.testing.assert_array_equal(training_settings.learning_rates(constant, 4, 2), [0.2] * 4)
    cosine = TrainingSettings(epochs=3, learning_rate=0.2, final_learning_rate=0.1)
    rates = np.concatenate([training_settings.learning_rates(cosine, 3, epoch) for epoch in (1, 2, 3)])
    np.testing.assert_allclose([rates[0], rates[4], rates[8]], [0.2, 0.15, 0.1])
    assert (np.diff(rates) < 0).all()

    settings = TrainingSettings(batch_size=30)
    batches, starts = training_settings.minibatches(100, settings, seed=1, epoch=1)
    assert batches.shape == (4, 30) and starts is batches
    flat = batches.ravel()
    np.testing.assert_array_equal(np.sort(flat[:100]), np.arange(100))
    np.testing.assert_array_equal(flat[100:], flat[:20])
    assert (training_settings.minibatches(100, settings, seed=1, epoch=2)[0] != batches).any()
    settings = TrainingSettings(batch_size=500, negative_batch_size=7)
    batches, starts = training_settings.minibatches(100, settings, seed=1, epoch=1)
    assert batches.shape == (1, 100) and starts.shape == (1, 7)


def test_same_seed_same_machine_whatever_the_threads():
    machine, data = make_machine(60, 40, 0.1), np.repeat(small_data(4000), 20, axis=1)
    for options in ({}, {"persistent": True}, {"engine": "torch"}):
        settings = TrainingSettings(epochs=1, batch_size=2000, learning_rate=0.1, **options)
        threads, results = torch.get_num_threads(), []
        try:
            for n in (1, 2):
                torch.set_num_threads(n)
                results.append(difference(train(machine, data, settings, seed=8), machine))
        finally:
            torch.set_num_threads(threads)
        # torch's sums depend on how they are split; a unit then may differ here and there, and no more.
        np.testing.assert_allclose(*results, atol=1e-4 if options.get("engine") == "torch" else 0)
        assert (results[0] != difference(train(machine, data, settings, seed=9), machine)).any()


def test_callback_history_and_the_given_machine():
    machine, data = make_machine(3, 2), small_data()
    before = [value.copy() for value in parameters(machine)]
    seen = []

    def callback(epoch, current):
        seen.append(current)
        return epoch * 10 if epoch != 4 else None

    settings = TrainingSettings(epochs=7, learning_rate=0.1)
    result = train(machine, data, settings, seed=1, every=2, callback=callback)
    assert result.history == [(0, 0), (2, 20), (6, 60), (7, 70)] and result.seconds > 0
    assert len(seen) == 5 and seen[0].dtype == result.machine.dtype == torch.float64
    for original, now in zip(before, parameters(machine)):
        np.testing.assert_array_equal(original, now)
    # What a callback kept is not overwritten by later epochs.
    assert not torch.equal(seen[1].weights, seen[2].weights)
    assert torch.equal(seen[-1].weights, result.machine.weights)
    assert train(machine, data, settings, seed=1).history == []
