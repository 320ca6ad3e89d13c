"""Conditional machines: likelihood and gradient against single machines and finite differences, fits, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import rng
from lib.experiments.learning_conditional import learning_conditional
from lib.rbm import partition
from lib.rbm.conditional import ConditionalMachine, fit, fit_state, loss
from lib.rbm.distributions import effective_energy_gradient
from lib.spins import chains, exact, ising

PARTS = ("weights", "visible_bias", "hidden_bias")
FIELDS = (0.5, 0.9, 2.5)


def rough(n_visible=3, n_hidden=2, degree=2, seed=1) -> ConditionalMachine:
    """A machine all of whose coefficients are drawn."""
    machine = ConditionalMachine.random(n_visible, n_hidden, degree, low=0.5, high=2.0, seed=seed)
    draw = rng.stream(seed, "rough")
    return replace(machine, **{name: torch.from_numpy(draw.standard_normal(getattr(machine, name).shape))
                               for name in PARTS})


def shares(n_visible=3, seed=1):
    q = rng.stream(seed, "shares").dirichlet(np.ones(2**n_visible), len(FIELDS))
    return q * np.array([0.2, 0.3, 0.5])[:, None]


def test_the_loss_is_the_likelihood_of_the_machines_at_the_fields():
    machine, q = rough(), shares()
    expected = -sum(q[k] @ partition.log_probabilities(machine.at(h)).numpy() for k, h in enumerate(FIELDS))
    assert loss(machine, FIELDS, q)[0] == pytest.approx(expected, rel=1e-13)


def test_the_gradient_is_that_of_finite_differences_of_the_exact_loss():
    machine, q, step = rough(), shares(), 1e-5
    _, gradient = loss(machine, FIELDS, q)
    for name in PARTS:
        values = getattr(machine, name)
        for index in np.ndindex(*values.shape):
            moved = torch.zeros_like(values)
            moved[index] = step
            up, down = (loss(replace(machine, **{name: values + sign * moved}), FIELDS, q)[0] for sign in (1, -1))
            found = float(getattr(gradient, name)[index])
            assert found == pytest.approx((up - down) / (2 * step), abs=1e-9), (name, index)


def test_at_degree_zero_and_one_field_it_is_the_gradient_of_a_plain_machine():
    machine, q = rough(degree=0), shares()[:1] / 0.2
    _, gradient = loss(machine, FIELDS[:1], q)
    one = machine.at(1.7)
    assert torch.equal(one.weights, machine.at(0.3).weights)
    states = (np.arange(8)[:, None] >> np.array([2, 1, 0])) & 1
    data, model = (effective_energy_gradient(one, states, p) for p in (q[0], partition.probabilities(one)))
    for name in PARTS:
        expected = getattr(data, name) - getattr(model, name)
        np.testing.assert_allclose(getattr(gradient, name)[0], expected, atol=1e-13)


def test_parameters_are_polynomials_of_the_logarithm_of_the_field():
    machine = rough(degree=2)
    x = np.array([-1.0, 0.0, 0.5, 1.0, 1.25])
    values = [machine.at(0.5 * 4 ** ((1 + at) / 2)).weights[1, 0].item() for at in x]
    first, second, third = machine.weights[:, 1, 0].tolist()
    np.testing.assert_allclose(values, first + second * x + third * (3 * x**2 - 1) / 2, rtol=1e-12)
    assert machine.n_parameters == 3 * (6 + 3 + 2)


def test_a_fit_finds_the_distributions_of_a_machine_of_its_kind():
    true = rough(4, 2, 1, seed=3)
    q = np.stack([partition.probabilities(true.at(h)).numpy() for h in FIELDS]) / len(FIELDS)
    near = replace(true, weights=true.weights + 0.05, visible_bias=true.visible_bias - 0.05)
    found = fit(near, FIELDS, q, n_steps=500)
    least = -(q * np.log(q * len(FIELDS))).sum()
    assert least <= loss(found, FIELDS, q)[0] < least + 1e-8 < loss(near, FIELDS, q)[0]
    np.testing.assert_allclose(partition.probabilities(found.at(1.3)), partition.probabilities(true.at(1.3)), atol=1e-3)


def test_a_start_favours_no_direction_at_any_field():
    start = ConditionalMachine.random(4, 3, 2, low=0.5, high=2.0, seed=5)
    for field in (0.5, 1.0, 3.0):
        p = partition.probabilities(start.at(field)).numpy()
        np.testing.assert_allclose(p, p[::-1], rtol=1e-12)
    assert float(start.weights[1:].abs().max()) == 0 and float(start.weights[0].std()) > 0.05


def test_what_is_out_of_range_is_refused():
    sizes = {"low": 0.5, "high": 2.0, "seed": 1}
    with pytest.raises(ValueError, match="expected at most 14 visible units .* got 15; try n_visible=10"):
        ConditionalMachine.random(15, 3, 1, **sizes)
    with pytest.raises(ValueError, match="expected fields 0 < low < high, got 2.0 and 2.0; try low=0.5"):
        ConditionalMachine.random(4, 3, 1, low=2.0, high=2.0, seed=1)
    for wrong in ({"n_visible": 0}, {"n_hidden": 0}, {"degree": -1}):
        with pytest.raises(ValueError, match="expected"):
            ConditionalMachine.random(**{"n_visible": 4, "n_hidden": 3, "degree": 1} | wrong, **sizes)
    with pytest.raises(ValueError, match="expected fields above 0, .* got .0.0.; try 0.5"):
        rough().at(0.0)
    with pytest.raises(ValueError, match="expected n_steps"):
        fit(rough(), FIELDS, shares(), n_steps=0)


def test_the_experiment_judges_by_sums_and_both_kinds_see_the_same_measurements():
    settings = {"n_spins": 4, "fields": [0.6, 1.0, 1.8], "held_out": [0.8], "n_hidden": 3, "n_samples": 20_000,
                "seed": 1}
    apart = learning_conditional(**settings, together=False, degree=0)
    joint = learning_conditional(**settings, together=True, degree=2)
    for run in (apart, joint):
        assert max(run["kl"]) < 3e-3 and max(run["energy error"]) < 5e-3 and max(run["infidelity"]) < 2e-3
        assert [len(run[name]) for name in ("kl", "held out kl")] == [3, 1]
    assert joint["held out kl"][0] < 5e-3  # nothing was measured there
    assert apart["parameters"] == joint["parameters"] == 3 * 19
    same = learning_conditional(**settings | {"fields": [0.6, 1.0], "held_out": []}, together=True, degree=0)
    assert same["parameters"] == 19 and max(same["kl"]) > 10 * max(joint["kl"])  # one machine for both fields alike


def test_exact_frequencies_and_many_parameters_leave_no_error():
    """A fit to the exact distributions is limited by the machine alone."""
    fields = [0.7, 1.0, 1.5]
    q = np.stack([ising.ground_state(4, h)[1] ** 2 for h in fields]) / 3
    start = ConditionalMachine.random(4, 4, 2, low=0.7, high=1.5, seed=2)
    found = fit(start, fields, q, n_steps=1000)
    assert loss(found, fields, q)[0] + (q * np.log(3 * q)).sum() < 1e-4


def test_a_machine_fitted_to_a_state_is_close_to_it_and_the_best_of_its_starts():
    _, psi = ising.ground_state(5, 1.0)
    one, several = (fit_state(psi, 3, seed=2, n_starts=n) for n in (1, 4))
    fidelities = [float(np.sqrt(partition.probabilities(machine).numpy()) @ psi) ** 2 for machine in (one, several)]
    assert 1 - 1e-3 < fidelities[1] <= 1
    q = psi**2
    likelihoods = [float(q @ partition.log_probabilities(machine).numpy()) for machine in (one, several)]
    assert likelihoods[1] >= likelihoods[0]
    with pytest.raises(ValueError, match="expected n_starts"):
        fit_state(psi, 3, seed=2, n_starts=0)


def test_the_xxz_chain_takes_more_units_than_half_of_its_spins_and_no_more_than_one_a_spin():
    chain = chains.bonds(6, x=-0.25, y=-0.25, z=0.25)
    energy, psi = exact.ground_state(chain)
    errors = []
    for n_hidden in (3, 6):
        root = np.sqrt(partition.probabilities(fit_state(psi, n_hidden, seed=1)).numpy())
        errors.append(abs(exact.energy(chain, root) / energy - 1))
    assert errors[0] > 0.05 and errors[1] < 0.002
