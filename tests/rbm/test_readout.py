"""Readout errors and missing sites: posteriors, likelihoods and gradients against sums that are written out."""

import itertools

import numpy as np
import pytest
import torch

from lib.rbm import _readout_rows, metrics, readout, rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings
from lib.rbm.distributions import effective_energy_gradient
from lib.rbm.machine import Machine
from lib.rbm.partition import probabilities
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import bases, density
from lib.spins.measurements import MISSING, Readout
from tests import oracles

N = 3
ERRORS = Readout([0.10, 0.02, 0.30], [0.05, 0.25, 0.00])  # the last site: a 0 may be read as 1, a 1 never as 0
READ = np.array([[0, 1, 1], [1, 0, MISSING], [1, 1, 0]], np.uint8)
STATES = list(itertools.product((0, 1), repeat=N))
BASES = ["XYZ", "ZZX", "YXX"]


def chance(read, true, turned=False, errors=ERRORS):
    """The product over sites of C[read | true], from a table that is written out; 1 for what was not read."""
    product = 1.0
    for site, (r, s) in enumerate(zip(read, true)):
        if r == MISSING:
            continue
        r, s = (1 - r, 1 - s) if turned else (r, s)
        a, b = errors.one_if_zero[site], errors.zero_if_one[site]
        product *= {(0, 0): 1 - a, (1, 0): a, (0, 1): b, (1, 1): 1 - b}[int(r), int(s)]
    return product


def machine():
    return Machine.random(N, 4, seed=3, scale=1.2)


def models():
    rng = np.random.default_rng(5)
    pure, mixed = ComplexState.random(N, 3, seed=2, scale=0.9), MixedState.random(N, 2, n_ancillas=1, seed=4, scale=0.9)
    measured = bases.measured(rng.integers(0, 2, (3, N)), BASES)
    return {"pure": (pure, measured, [bases.probabilities(pure.psi().numpy(), basis) for basis in BASES]),
            "mixed": (mixed, measured, [bases.probabilities(mixed.density_matrix().numpy(), b) for b in BASES])}


def with_bits(measured, read):
    """The measurements with these bits, and where they are missing."""
    clean = np.where(read == MISSING, 0, read).astype(np.uint8)
    return bases.Measurements(clean, measured.codes, measured.letters, measured.gates), read == MISSING


@pytest.mark.parametrize("turned", [False, True])
def test_likelihood_of_a_machine(turned):
    p = probabilities(machine()).numpy()
    exact = -np.mean([np.log(sum(p[k] * chance(read, s, turned) for k, s in enumerate(STATES))) for read in READ])
    found = readout.negative_log_likelihood(machine(), READ, readout=ERRORS, turned=turned)
    assert found == pytest.approx(exact, rel=1e-12)
    # Without errors and gaps it is the ordinary one.
    rows = READ[[0, 2]]
    assert readout.negative_log_likelihood(machine(), rows) == pytest.approx(
        metrics.negative_log_likelihood(machine(), rows), rel=1e-12)


@pytest.mark.parametrize("kind", ["pure", "mixed"])
def test_likelihood_of_states_in_several_bases(kind):
    state, measured, exact = models()[kind]
    turned = np.array([[True, False, False]] * 3)
    rows, missing = with_bits(measured, READ)
    total = 0.0
    for read, flips, p in zip(READ, turned, exact):
        total += np.log(sum(p[k] * np.prod([chance(read[i:i + 1], state_k[i:i + 1], flips[i], ERRORS.ordered([i]))
                                            for i in range(N)]) for k, state_k in enumerate(STATES)))
    found = readout.negative_log_likelihood(state, rows, readout=ERRORS, missing=missing, turned=turned)
    assert found == pytest.approx(-total / 3, rel=1e-10)


@pytest.mark.parametrize("way", ["all completions", "table of all states", "Gibbs chains"])
@pytest.mark.parametrize("kind", ["machine", "pure", "mixed"])
def test_rows_are_drawn_from_the_posterior(kind, way, monkeypatch):
    n_copies = 4000 if kind == "machine" else 1200
    monkeypatch.setattr(_readout_rows, "MAX_OPEN", 0 if way == "Gibbs chains" else readout.MAX_OPEN)
    monkeypatch.setattr(_readout_rows, "_MAX_TABLE", 0 if way == "all completions" else 16)
    read = np.repeat(READ, n_copies, axis=0)
    if kind == "machine":
        rows, of = _readout_rows.Rows(read, N, ERRORS, False, None, 1), _readout_rows.OfMachine(machine())
        exact = [probabilities(machine()).numpy()] * 3
    else:
        state, measured, exact = models()[kind]
        rows = _readout_rows.Rows(read, N, ERRORS, False, None, 1, np.repeat(measured.codes, n_copies, axis=0))
        of = _readout_rows.OfState(state, measured, rows.codes)
    for epoch in range(1, 12 if way == "Gibbs chains" else 2):
        drawn = rows.draw(of, epoch)
    for place, (row, p) in enumerate(zip(READ, exact)):
        posterior = np.array([p[k] * chance(row, state) for k, state in enumerate(STATES)])
        index = drawn[place * n_copies:(place + 1) * n_copies] @ [4, 2, 1]
        assert (posterior[index] > 0).all()
        _, _, p_value = oracles.chi_square(index, posterior / posterior.sum())
        assert p_value > 1e-4, (kind, way, place)


def slope(function, values, step=1e-5):
    """Central differences by every parameter."""
    found = []
    for k in range(len(values)):
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[k] += sign * step
            ends.append(function(moved))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


def test_the_mean_step_of_a_machine_follows_the_gradient_of_the_likelihood():
    start = machine()
    shapes = [start.weights.shape, start.visible_bias.shape, start.hidden_bias.shape]

    def brute_force(flat):
        parts, place = [], 0
        for shape in shapes:
            parts.append(torch.from_numpy(flat[place:place + shape.numel()].copy()).reshape(shape))
            place += shape.numel()
        p = probabilities(Machine(*parts)).numpy()
        return -np.mean([np.log(sum(p[k] * chance(read, s) for k, s in enumerate(STATES))) for read in READ])

    flat = torch.cat([x.reshape(-1) for x in (start.weights, start.visible_bias, start.hidden_bias)]).numpy()
    exact = slope(brute_force, flat)
    rows = _readout_rows.Rows(np.repeat(READ, 20_000, axis=0), N, ERRORS, False, None, 1)
    drawn = rows.draw(_readout_rows.OfMachine(start), 1)
    negative = effective_energy_gradient(start, np.array(STATES), probabilities(start))
    parts = [positive - other for positive, other in zip(effective_energy_gradient(start, drawn), negative)]
    # Means over 60,000 rows of terms of at most 1: standard errors below 0.002.
    np.testing.assert_allclose(np.concatenate([part.numpy().ravel() for part in parts]), exact, atol=0.009)
    naive = effective_energy_gradient(start, READ[[0, 2]].repeat(10, 0))
    assert max(float((a - b - c).abs().max()) for a, b, c in zip(naive, negative, parts)) > 0.05


def test_the_mean_step_of_a_state_follows_the_gradient_of_the_likelihood():
    state, measured, _ = models()["pure"]
    rows, missing = with_bits(measured, READ)

    def likelihood(flat):  # checked against brute force above
        return readout.negative_log_likelihood(rotations.from_flat(flat, state), rows, readout=ERRORS, missing=missing)

    exact = slope(likelihood, rotations.flat_parameters(state))
    n_copies = 5000
    many = _readout_rows.Rows(np.repeat(READ, n_copies, axis=0), N, ERRORS, False, None, 1,
                         np.repeat(measured.codes, n_copies, axis=0))
    drawn = many.draw(_readout_rows.OfState(state, measured, many.codes), 1)
    completed = bases.Measurements(drawn, np.repeat(measured.codes, n_copies, axis=0), measured.letters, measured.gates)
    found = np.concatenate([part.numpy().ravel() for of in rotations.gradient(state, completed) for part in of])
    np.testing.assert_allclose(found, exact, atol=0.03)
    assert np.abs(exact).max() > 0.2


def ising(n_sites, seed=1):
    """A machine that is far from uniform, its distribution, and 6000 shots of it."""
    target = Machine.random(n_sites, 3, seed=seed, scale=2.0)
    p = probabilities(target).numpy()
    index = np.random.default_rng(seed).choice(len(p), 6000, p=p / p.sum())
    return np.sqrt(p / p.sum()), ((index[:, None] >> np.arange(n_sites)[::-1]) & 1).astype(np.uint8)


SETTINGS = TrainingSettings(epochs=60, batch_size=50, n_gibbs=5, learning_rate=0.3, final_learning_rate=0.01)


def learnt(n_sites, read, **options):
    start = Machine.random(n_sites, 6, seed=1, scale=0.01)
    return readout.train(start, read, SETTINGS, seed=1, **options).machine


@pytest.mark.parametrize("n_sites", [4, 9])  # by all completions, and by Gibbs chains
def test_training_corrects_readout_errors(n_sites):
    psi, bits = ising(n_sites)
    errors = Readout.uniform(n_sites, 0.04, 0.10)
    read = errors.misread(bits, rng=np.random.default_rng(2))
    machines = {"clean": learnt(n_sites, bits), "raw": learnt(n_sites, read),
                "mended": learnt(n_sites, read, readout=errors)}
    fidelity = {name: metrics.fidelity(PositiveState(found), psi) for name, found in machines.items()}
    assert 1 - fidelity["mended"] < 0.5 * (1 - fidelity["raw"]), fidelity
    assert fidelity["mended"] <= fidelity["clean"] + 0.005, fidelity


def test_training_sums_over_missing_sites():
    psi, bits = ising(6)
    read = bits.copy()
    gaps = np.random.default_rng(3).random(bits.shape) < 0.1
    read[gaps] = MISSING
    whole = bits[~gaps.any(1)]
    found = metrics.fidelity(PositiveState(learnt(6, read)), psi)
    assert found > 0.98 and found > metrics.fidelity(PositiveState(learnt(6, whole[:600])), psi)


def test_training_corrects_a_mixed_state_in_many_bases():
    bell = np.array([1, 0, 0, 1j]) / np.sqrt(2)
    rng = np.random.default_rng(1)
    rows = bases.sample(bell, bases.random_bases(3000, 2, rng=rng), rng=rng)
    errors = Readout.uniform(2, 0.05, 0.15)
    turned = np.array([letter != "X" for letter in rows.letters])[rows.codes]  # as for packages of gates
    read = errors.misread(rows.bits ^ turned, rng=rng) ^ turned
    rows = bases.Measurements(read.astype(np.uint8), rows.codes, rows.letters, rows.gates)
    start = MixedState.random(2, 4, seed=1)
    settings = StateSettings(epochs=100, batch_size=50, learning_rate=0.03, final_learning_rate=0.001, optimizer="adam")
    found = {}
    for name, options in {"raw": {}, "mended": {"readout": errors, "turned": turned}}.items():
        *_, last = readout.train_state(start, rows, settings, seed=1, every=100, **options)
        found[name] = density.fidelity(last.state.density_matrix().numpy(), bell)
    assert found["mended"] > 0.96 and found["raw"] < 0.8, found


# --- weights


def test_weights_are_shares_of_every_epoch(monkeypatch):
    monkeypatch.setattr(_readout_rows, "MAX_ROWS", 1000)
    weights = np.array([1, 10**9, 3 * 10**8, 0, 7 * 10**5])
    rows = _readout_rows.Rows([[0, 0], [0, 1], [1, 0], [1, 1], [1, 1]], 2, None, False, weights, 1)
    exact, found = 1000 * weights / weights.sum(), []
    for epoch in range(1, 400):
        rows.draw(_readout_rows.OfMachine(Machine.random(2, 1, seed=1)), epoch)
        counts = np.bincount(rows.who, minlength=5)
        assert (np.abs(counts - exact) < 1).all() and counts.sum() == 1000 and counts[3] == 0
        found.append(counts)
    np.testing.assert_allclose(np.mean(found, 0), exact, atol=4 * 0.5 / 20)


def test_counted_and_repeated_rows_teach_the_same():
    psi, bits = ising(4)
    distinct, counts = np.unique(bits, axis=0, return_counts=True)
    order = np.repeat(distinct, counts, axis=0)
    one, other = learnt(4, distinct, weights=counts), train(Machine.random(4, 6, seed=1, scale=0.01), order, SETTINGS,
                                                            seed=1).machine
    assert torch.equal(one.weights, other.weights)  # nothing to draw: the same rows in the same order
    short = TrainingSettings(epochs=3, batch_size=100, n_gibbs=5, learning_rate=0.3, final_learning_rate=0.01)
    start = Machine.random(4, 6, seed=1, scale=0.01)
    many = readout.train(start, distinct, short, weights=counts * 10**6, seed=1).machine
    assert metrics.fidelity(PositiveState(many), psi) > 0.98


def test_nothing_to_correct_is_plain_training():
    _, bits = ising(4)
    plain = train(Machine.random(4, 6, seed=1, scale=0.01), bits, SETTINGS, seed=1).machine
    assert torch.equal(learnt(4, bits).weights, plain.weights)
    assert torch.equal(learnt(4, bits, readout=Readout.uniform(4, 0.0, 0.0)).weights, plain.weights)


# --- the errors themselves


def test_calibration_counts_errors():
    errors, rng = Readout([0.1, 0.02, 0.0], [0.05, 0.2, 0.01]), np.random.default_rng(1)
    zeros, ones = (errors.misread(np.full((40_000, 3), bit, np.uint8), rng=rng) for bit in (0, 1))
    found = Readout.calibrated(zeros, ones)
    np.testing.assert_allclose(found.one_if_zero, errors.one_if_zero, atol=5 * 0.0016)
    np.testing.assert_allclose(found.zero_if_one, errors.zero_if_one, atol=5 * 0.002)
    assert found.one_if_zero[2] == 0.5 / 40_001  # none seen


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Readout([0.1, 0.6], [0.1, 0.5]), "sum below 1, got 0.6 \\+ 0.5 at site 1"),
    (lambda: Readout([0.1, -0.1], [0.1, 0.5]), "chances from 0 to 1, got -0.1 at site 1"),
    (lambda: Readout([0.1], [0.1, 0.5]), "as many sites in both, got 1 and 2"),
    (lambda: Readout([np.nan], [0.1]), "finite"),
    (lambda: readout.train(machine(), READ, SETTINGS, readout=Readout.uniform(4, 0, 0), seed=1), "3 sites, got 4"),
    (lambda: readout.train(machine(), np.full((5, 3), MISSING), SETTINGS, seed=1), "site 0 .counted from 0."),
    (lambda: readout.train(Machine.random(20, 2, seed=1), np.vstack([np.full((7, 20), MISSING), np.ones((9, 20))]),
                           SETTINGS, seed=1), "at most 8 missing sites a row, .* got 7 of 16 rows with more, up to 20"),
    (lambda: readout.train(machine(), [[0, 1, 2]], SETTINGS, seed=1), "got 2 in row 0, column 2"),
    (lambda: readout.train(machine(), [[0, 1, 1]], SETTINGS, weights=[-1], seed=1), "whole numbers of at least 0"),
    (lambda: readout.train(machine(), [[0, 1, 1]], SETTINGS, weights=[0.5], seed=1), "weights made of integers"),
    (lambda: readout.negative_log_likelihood(Machine.random(9, 2, seed=1), np.zeros((4, 9)),
                                             readout=Readout.uniform(9, 0.1, 0.1)), "got 4 rows with up to 9"),
])
def test_what_cannot_be_corrected_is_said(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "; try " in str(caught.value)
