"""Energies, conditional distributions, gradients and gauges of the RBM against sums over all states."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from lib.rbm import distributions
from lib.rbm import machine as rbm
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from tests import oracles


def make_machine(n_visible, n_hidden, scale=1.0, seed=0, dtype=torch.float64):
    """Normal weights and biases of this scale, all of them nonzero."""
    generator = np.random.default_rng(seed)
    return Machine(*(torch.from_numpy(scale * generator.standard_normal(shape)).to(dtype)
                     for shape in ((n_visible, n_hidden), (n_visible,), (n_hidden,))))


def parameters(machine):
    return tuple(value.numpy() for value in (machine.weights, machine.visible_bias, machine.hidden_bias))


sizes = {"n_visible": st.integers(1, 4), "n_hidden": st.integers(1, 4), "seed": st.integers(0, 10**6)}


@given(**sizes)
def test_energies_of_all_configurations(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 2.0, seed)
    v, h = oracles.states(n_visible), oracles.states(n_hidden)
    table = np.array([[oracles.rbm_energy(*parameters(machine), row, column) for column in h] for row in v])
    pairs = v[:, None, :].repeat(len(h), 1), h[None].repeat(len(v), 0)
    np.testing.assert_allclose(distributions.energy(machine, *pairs), table, atol=1e-12)
    np.testing.assert_allclose(distributions.effective_energy(machine, v), -logsumexp(-table, axis=1), atol=1e-12)


@given(**sizes)
def test_conditional_probabilities(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 2.0, seed)
    np.testing.assert_allclose(distributions.hidden_probability(machine, oracles.states(n_visible)),
                               oracles.rbm_hidden_probability(*parameters(machine)), atol=1e-12)
    np.testing.assert_allclose(distributions.visible_probability(machine, oracles.states(n_hidden)),
                               oracles.rbm_visible_probability(*parameters(machine)), atol=1e-12)


@given(**sizes)
def test_gradient_is_the_derivative_of_the_effective_energy(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 1.0, seed)
    generator = np.random.default_rng(seed)
    rows = generator.integers(0, 2, (7, n_visible))
    share = generator.random(7)
    leaves = [value.clone().requires_grad_() for value in
              (machine.weights, machine.visible_bias, machine.hidden_bias)]
    energies = distributions.effective_energy(Machine(*leaves), rows)
    for given_share, total in ((None, energies.mean()), (share, energies @ torch.from_numpy(share))):
        expected = torch.autograd.grad(total, leaves, retain_graph=True)
        for ours, reference in zip(distributions.effective_energy_gradient(machine, rows, given_share), expected):
            np.testing.assert_allclose(ours, reference, atol=1e-12)


def test_gradient_of_the_likelihood():
    """<grad E>_data - <grad E>_model (4.19) against the sum over v and h."""
    machine = make_machine(3, 2, seed=1)
    data = np.random.default_rng(2).integers(0, 2, (20, 3))
    positive = distributions.effective_energy_gradient(machine, data)
    negative = distributions.effective_energy_gradient(machine, oracles.states(3),
                                             oracles.rbm_probabilities(*parameters(machine)))
    exact = oracles.rbm_nll_gradient(*parameters(machine), data)
    for plus, minus, expected in zip(positive, negative, exact):
        np.testing.assert_allclose(plus - minus, expected, atol=1e-12)


def test_effective_energy_keeps_its_digits():
    """ln(1 + e^x) at x = 21, 800 and -800, where shortcuts lose e^-x or overflow."""
    for x in (21.0, 800.0, -800.0):
        machine = Machine(torch.zeros(1, 1).double(), torch.zeros(1).double(), torch.tensor([x]).double())
        expected = -np.logaddexp(0, x)
        assert distributions.effective_energy(machine, [0]).item() == pytest.approx(expected, rel=1e-15, abs=1e-300)


@given(**sizes)
def test_gauge_with_units_of_plus_and_minus_one(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 2.0, seed)
    ising, constant = distributions.to_ising_gauge(machine)
    v = oracles.states(n_visible)[:, None, :].repeat(2**n_hidden, 1)
    h = oracles.states(n_hidden)[None].repeat(2**n_visible, 0)
    # E = E~ - Q~ in every configuration, Q~ by (4.25) equal to (4.26)
    np.testing.assert_allclose(distributions.energy(machine, v, h),
                               distributions.ising_energy(ising, 2 * v - 1, 2 * h - 1) - constant, atol=1e-12)
    weights, visible_bias, hidden_bias = parameters(machine)
    expected = visible_bias.sum() / 2 + hidden_bias.sum() / 2 + weights.sum() / 4
    assert constant.item() == pytest.approx(expected)
    for back, original in zip(parameters(distributions.from_ising_gauge(ising)), parameters(machine)):
        np.testing.assert_allclose(back, original, atol=1e-14)


def test_random_machines():
    machine = Machine.random(400, 300, seed=5)
    assert (machine.n_visible, machine.n_hidden, machine.n_parameters) == (400, 300, 120700)
    assert machine.weights.std().item() == pytest.approx(1 / 20, rel=0.02)
    assert abs(machine.weights.mean().item()) < 1e-3
    assert not machine.visible_bias.any() and not machine.hidden_bias.any()
    assert torch.equal(machine.weights, Machine.random(400, 300, seed=5).weights)
    assert not torch.equal(machine.weights, Machine.random(400, 300, seed=6).weights)
    assert Machine.random(400, 300, seed=5, scale=0.01).weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert Machine.random(4, 3, seed=5, dtype=torch.float32).dtype == torch.float32


def test_symmetric_biases_make_the_global_flip_a_symmetry():
    machine = Machine.random(5, 3, seed=1, scale=1.0, symmetric_biases=True)
    p = oracles.rbm_probabilities(*parameters(machine))
    np.testing.assert_allclose(p, p[::-1], rtol=1e-12)  # counting order reversed flips every bit
    ising, _ = distributions.to_ising_gauge(machine)
    np.testing.assert_allclose(ising.visible_bias, 0, atol=1e-15)
    np.testing.assert_allclose(ising.hidden_bias, 0, atol=1e-15)


def test_kinds_of_input_and_precision():
    machine = make_machine(3, 2)
    rows = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    reference = distributions.hidden_probability(machine, rows)
    assert reference.dtype == torch.float64 and reference.shape == (2, 2)
    for same in (rows.tolist(), rows.astype(float), torch.from_numpy(rows), rows[:, ::-1].copy()[:, ::-1]):
        assert torch.equal(distributions.hidden_probability(machine, same), reference)
    single = machine.to(dtype=torch.float32)
    assert single.dtype == torch.float32 and machine.dtype == torch.float64
    np.testing.assert_allclose(distributions.hidden_probability(single, rows), reference, atol=1e-6)
    assert distributions.energy(machine, [0, 1, 1], [1, 0]).shape == ()


zeros = torch.zeros


@pytest.mark.parametrize("arguments, message", [
    ((zeros(3, 0), zeros(3), zeros(0)), "at least one unit"),
    ((zeros(0, 3), zeros(0), zeros(3)), "at least one unit"),
    ((zeros(3), zeros(3), zeros(3)), r"shape \(n_visible, n_hidden\)"),
    ((zeros(3, 2), zeros(2), zeros(3)), r"visible_bias of shape \(3,\)"),
    ((zeros(3, 2), zeros(3), zeros(3)), r"hidden_bias of shape \(2,\)"),
    ((zeros(3, 2), zeros(3).double(), zeros(2)), "torch.float64"),
    ((zeros(3, 2).int(), zeros(3), zeros(2)), "float32 or float64"),
    ((np.zeros((3, 2)), zeros(3), zeros(2)), "torch tensor, got ndarray"),
    ((zeros(3, 2), torch.tensor([0, float("nan"), 0]), zeros(2)), "finite visible_bias"),
    ((zeros(3, 2) + float("inf"), zeros(3), zeros(2)), "finite weights"),
])
def test_a_machine_refuses(arguments, message):
    with pytest.raises(ValueError, match=f"expected .*{message}.*try "):
        Machine(*arguments)


@pytest.mark.parametrize("n_visible, n_hidden", [(4, 0), (0, 4), (-1, 4)])
def test_a_random_machine_refuses_no_units(n_visible, n_hidden):
    with pytest.raises(ValueError, match="at least one visible and one hidden unit"):
        Machine.random(n_visible, n_hidden, seed=0)


@pytest.mark.parametrize("arguments, message", [
    ((10, 2.5), "n_hidden to be an integer >= 1, got 2.5; try n_hidden=10"),
    ((10, "3"), "n_hidden to be an integer >= 1, got '3'; try n_hidden=10"),
    ((None, 3), "n_visible to be an integer >= 1, got None"), ((True, 3), "n_visible .*got True"),
])
def test_numbers_of_units_are_integers(arguments, message):
    with pytest.raises(ValueError, match=f"expected {message}"):
        Machine.random(*arguments, seed=0)
    assert Machine.random(np.int64(3), np.uint8(2), seed=0).n_parameters == 11


def test_a_machine_prints_as_one_line():
    assert repr(Machine.random(10, 10, seed=0)) == "Machine(10 visible, 10 hidden, float64, cpu)"
    assert repr(make_machine(3, 2, dtype=torch.float32)) == "Machine(3 visible, 2 hidden, float32, cpu)"


def test_what_is_no_machine_is_refused():
    machine = make_machine(3, 2)
    assert rbm.check_machine(machine) is machine
    with pytest.raises(ValueError, match="expected a Machine, got PositiveState; try its .machine"):
        rbm.check_machine(PositiveState(machine))
    with pytest.raises(ValueError, match=r"expected a Machine, got int; try Machine.random\("):
        rbm.check_machine(3)


def test_other_refusals():
    machine = make_machine(3, 2)
    with pytest.raises(ValueError, match="finite scale >= 0, got '1'"):
        Machine.random(3, 2, seed=0, scale="1")
    with pytest.raises(ValueError, match="finite scale >= 0, got -1"):
        Machine.random(3, 2, seed=0, scale=-1)
    with pytest.raises(ValueError, match=r"shape \(..., 3\) for this machine, got \(5, 4\)"):
        distributions.effective_energy(machine, np.zeros((5, 4)))
    with pytest.raises(ValueError, match="hidden units"):
        distributions.visible_probability(machine, np.zeros((5, 3)))
    with pytest.raises(ValueError, match="at least one row"):
        distributions.effective_energy_gradient(machine, np.zeros((0, 3)))


# --- pruned machines


MASK = np.array([[True, False], [False, False], [True, True]])


def test_pruning_zeroes_exactly_the_weights_outside_the_mask_and_no_bias():
    machine = make_machine(3, 2)
    pruned = machine.pruned(MASK)
    np.testing.assert_array_equal(pruned.weights, np.where(MASK, machine.weights, 0))
    removed = ~torch.from_numpy(MASK)
    assert (machine.weights[removed] < 0).any() and not torch.signbit(pruned.weights[removed]).any()  # 0, not -0
    assert torch.equal(pruned.visible_bias, machine.visible_bias)
    assert torch.equal(pruned.hidden_bias, machine.hidden_bias)
    assert (machine.n_weights, pruned.n_weights, pruned.n_parameters) == (6, 3, 8)
    assert repr(pruned) == "Machine(3 visible, 2 hidden, 3 of 6 weights, float64, cpu)"
    assert machine.mask is None and machine.weights.all()  # the given machine is left as it is
    for same in (pruned.pruned(MASK), pruned.to(dtype=torch.float64), machine.pruned(torch.from_numpy(MASK))):
        assert torch.equal(same.mask, torch.from_numpy(MASK)) and torch.equal(same.weights, pruned.weights)
    assert torch.equal(pruned.to(dtype=torch.float32).mask, pruned.mask)


def test_pruning_nothing_changes_no_energy_and_pruning_everything_leaves_a_product_state():
    machine = make_machine(3, 2)
    whole, empty = machine.pruned(np.ones((3, 2), bool)), machine.pruned(np.zeros((3, 2), bool))
    assert torch.equal(whole.weights, machine.weights) and whole.n_weights == 6 and empty.n_weights == 0
    up = 1 / (1 + np.exp(-machine.visible_bias.numpy()))
    product = np.prod(np.where(oracles.states(3) == 1, up, 1 - up), axis=1)
    np.testing.assert_allclose(oracles.rbm_probabilities(*parameters(empty)), product, rtol=1e-12)


def test_the_mask_survives_both_changes_of_gauge():
    pruned = make_machine(3, 2).pruned(MASK)
    ising, _ = distributions.to_ising_gauge(pruned)
    assert torch.equal(ising.mask, pruned.mask) and torch.equal(distributions.from_ising_gauge(ising).mask, pruned.mask)


@pytest.mark.parametrize("mask, message", [
    (np.ones((2, 3), bool), r"a mask of shape \(3, 2\) on cpu like the weights, got \(2, 3\) on cpu"),
    (np.ones(6, bool), r"shape \(3, 2\) .*got \(6,\)"), (np.ones((3, 2)), "of bool, .* got torch.float64"),
    ([[True]], "of bool, .* got list"), (None, "of bool, .* got NoneType"),
])
def test_a_mask_that_does_not_fit_is_refused(mask, message):
    with pytest.raises(ValueError, match=f"expected .*{message}.*; try "):
        make_machine(3, 2).pruned(mask)


def test_a_mask_and_weights_that_disagree_are_refused():
    machine = make_machine(3, 2)
    with pytest.raises(ValueError, match="weights of zero where the mask is False, got 3 others; try .*pruned"):
        Machine(machine.weights, machine.visible_bias, machine.hidden_bias, torch.from_numpy(MASK))
    with pytest.raises(ValueError, match="within that of the machine, got 3 weights that were pruned before"):
        machine.pruned(MASK).pruned(np.ones((3, 2), bool))
