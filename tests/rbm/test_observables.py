"""Local estimators against exact sums over the basis; error bars against repeated experiments."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.rbm import observables, sampling
from lib.rbm.machine import Machine
from lib.rbm.observables import estimate
from lib.rbm.states import PositiveState
from tests import oracles
from tests.rbm.test_states import make_machine, parameters

# --- local estimators


@given(n_spins=st.integers(1, 5), n_hidden=st.integers(1, 4), seed=st.integers(0, 10**6),
       field=st.floats(-2, 2), coupling=st.floats(-2, 2))
def test_local_estimators_average_to_the_expectation_value(n_spins, n_hidden, seed, field, coupling):
    """sum_v |psi(v)|^2 O_loc(v) = <psi|O|psi> (5.5 to 5.7), the operators as Kronecker products."""
    machine = make_machine(n_spins, n_hidden, 1.0, seed)
    state, bits = PositiveState(machine), oracles.states(n_spins).astype(np.uint8)
    p = oracles.rbm_probabilities(*parameters(machine))
    psi = np.sqrt(p)

    local = observables.energy(state, bits, field, coupling)
    exact = oracles.expectation(psi, oracles.dense_hamiltonian(n_spins, field, coupling))
    assert p @ local == pytest.approx(exact, abs=1e-11)
    # Point by point (5.7): O_loc(v) = (O psi)(v) / psi(v).
    product = oracles.dense_hamiltonian(n_spins, field, coupling) @ psi
    np.testing.assert_allclose(local * psi, product, atol=1e-11 * (1 + np.abs(local).max()))

    sx, sz = (sum(oracles.operator(n_spins, {i: matrix}) for i in range(n_spins)) / n_spins
              for matrix in (oracles.SIGMA_X, oracles.SIGMA_Z))
    for values, operator in ((observables.magnetization_x(state, bits), sx),
                             (observables.magnetization_z(bits), sz),
                             (observables.absolute_magnetization(bits), abs(sz))):
        assert p @ values == pytest.approx(oracles.expectation(psi, operator), abs=1e-11)


def test_local_energy_of_an_eigenstate_has_no_spread():
    """Zero weights give the product state along x: the ground state without coupling."""
    state = PositiveState(Machine(torch.zeros(4, 2), torch.zeros(4), torch.zeros(2)))
    local = observables.energy(state, oracles.states(4), 0.7, coupling=0.0)
    np.testing.assert_allclose(local, -2.8, rtol=1e-15)


REGIONS = [[0], [3], [0, 1], [1, 3], [2, 0], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3]]


@pytest.mark.parametrize("region", REGIONS)
def test_swap_over_all_pairs_is_the_purity(region):
    machine = make_machine(4, 3, 1.2, 11)
    state, p = PositiveState(machine), oracles.rbm_probabilities(*parameters(machine))
    bits = oracles.states(4).astype(np.uint8)
    first, second = np.repeat(bits, 16, axis=0), np.tile(bits, (16, 1))
    weight = np.outer(p, p).ravel()
    values = observables.swap(state, first, second, region)
    assert weight @ values == pytest.approx(np.exp(-oracles.renyi2(np.sqrt(p), region)), abs=1e-12)
    assert weight @ values**2 == pytest.approx(1, abs=1e-12)  # so the variance never exceeds 1
    rest = [site for site in range(4) if site not in region]
    if rest:  # exchanging A or everything else is the same, up to the names of the replicas
        np.testing.assert_allclose(values, observables.swap(state, first, second, rest), rtol=1e-12)
    else:
        np.testing.assert_allclose(values, 1, rtol=1e-13)


@given(n_spins=st.integers(2, 5), n_hidden=st.integers(1, 5), seed=st.integers(0, 10**6),
       scale=st.sampled_from([0.3, 3.0, 50.0]), data=st.data())
def test_swap_is_the_ratio_of_amplitudes_of_exchanged_samples(n_spins, n_hidden, seed, scale, data):
    region = data.draw(st.lists(st.integers(0, n_spins - 1), min_size=1, max_size=n_spins, unique=True))
    state = PositiveState(make_machine(n_spins, n_hidden, scale, seed))
    a, b = np.random.default_rng(seed).integers(0, 2, (2, 6, n_spins), dtype=np.uint8)
    a_new, b_new = a.copy(), b.copy()
    a_new[:, region], b_new[:, region] = b[:, region], a[:, region]
    before, after = (state.log_psi(x) + state.log_psi(y) for x, y in ((a, b), (a_new, b_new)))
    expected = (after - before).numpy()
    values = observables.swap(state, a, b, region)
    np.testing.assert_allclose(np.log(values), expected, rtol=1e-9, atol=1e-11 * (1 + scale))


def test_correlations_between_sites():
    bits = np.random.default_rng(2).integers(0, 2, (9, 5, 4), dtype=np.uint8)
    spins = 2.0 * bits - 1
    result = observables.correlation_zz(bits)
    for i in range(4):
        for j in range(4):
            assert result[i, j] == pytest.approx(np.mean(spins[..., i] * spins[..., j]))


def test_results_keep_the_shape_and_kind_of_the_samples():
    state = PositiveState(make_machine(4, 3, 1.0, 0))
    bits = np.random.default_rng(2).integers(0, 2, (6, 5, 4), dtype=np.uint8)
    for function in (observables.magnetization_z, observables.absolute_magnetization,
                     lambda s: observables.magnetization_x(state, s),
                     lambda s: observables.energy(state, s, 1.0),
                     lambda s: observables.swap(state, s, s, [0])):
        values, tensor = function(bits), function(torch.from_numpy(bits))
        assert isinstance(values, np.ndarray) and values.shape == (6, 5) and values.dtype == np.float64
        assert isinstance(tensor, torch.Tensor) and np.array_equal(tensor.numpy(), values)
        assert function(bits[2, 3]).shape == ()


@pytest.mark.parametrize("region, message", [([], "at least one site"), ([1, 1], "distinct"), ([4], "0 to 3"),
                                             ([-1], "0 to 3"), ([1.0], "0 to 3"), ([True], "0 to 3")])
def test_bad_regions_are_refused(region, message):
    state, bits = PositiveState(make_machine(4, 3, 1.0, 0)), np.zeros((5, 2, 4), np.uint8)
    with pytest.raises(ValueError, match=message):
        observables.swap(state, bits, bits, region)
    with pytest.raises(ValueError, match=message):
        observables.renyi2(state, bits, region)


def test_bad_samples_are_refused():
    state, bits = PositiveState(make_machine(4, 3, 1.0, 0)), np.zeros((5, 2, 4), np.uint8)
    with pytest.raises(ValueError, match="0 or 1, got -1"):
        observables.magnetization_z(2 * bits.astype(int) - 1)
    with pytest.raises(ValueError, match="at least one"):
        observables.magnetization_z(bits[:0])
    with pytest.raises(ValueError, match="both replicas of one shape"):
        observables.swap(state, bits, bits[:4], [0])
    for too_few in (bits[:, :1], bits[:, 0]):
        with pytest.raises(ValueError, match="at least 2 chains"):
            observables.renyi2(state, too_few, [0])


def test_samples_of_a_machine_give_its_expectation_values():
    """The whole path (5.4, 5.6, 5.10): samples, local estimators, errors; means within 4 errors."""
    machine = Machine.random(5, 4, seed=3, scale=1.0, symmetric_biases=True)
    state, psi = PositiveState(machine), np.sqrt(oracles.rbm_probabilities(*parameters(machine)))
    samples = state.sample(100_000, seed=1, n_chains=100, burn_in=200)
    exact_energy = oracles.expectation(psi, oracles.dense_hamiltonian(5, 0.8))
    for result, exact in ((estimate(observables.energy(state, samples, 0.8)), exact_energy),
                          (observables.renyi2(state, samples, [0, 1]), oracles.renyi2(psi, [0, 1]))):
        assert abs(result.mean - exact) < 4 * result.error
        assert result.error < 0.01


# --- Renyi entropy


def exact_chains(machine, n_draws, n_chains, rng):
    """Block Gibbs chains in equilibrium, drawn from the exact transition matrix over the basis; bits."""
    steps = np.cumsum(oracles.gibbs_transition(*parameters(machine)), axis=1)
    p = oracles.rbm_probabilities(*parameters(machine))
    index = rng.choice(len(p), size=n_chains, p=p)
    indices = np.empty((n_draws, n_chains), dtype=int)
    for t in range(n_draws):
        indices[t] = index
        index = np.minimum((rng.random((n_chains, 1)) > steps[index]).sum(1), len(p) - 1)
    return oracles.states(machine.n_visible).astype(np.uint8)[indices]


@pytest.mark.parametrize("n_draws, n_chains", [(400, 10), (1, 1000)])
def test_error_bars_of_the_renyi_entropy(n_draws, n_chains):
    """Over many experiments with correlated chains: the errors cover, the mean is right."""
    machine = Machine.random(4, 3, seed=6, scale=2.0, symmetric_biases=True)
    exact = oracles.renyi2(np.sqrt(oracles.rbm_probabilities(*parameters(machine))), [0, 1])
    assert exact > 0.3
    n_experiments = 300
    samples = exact_chains(machine, n_draws, n_chains * n_experiments, np.random.default_rng(6))
    results = [observables.renyi2(PositiveState(machine), block, [0, 1])
               for block in np.split(samples, n_experiments, axis=1)]
    deviation = np.array([(result.mean - exact) / result.error for result in results])
    assert np.mean(np.abs(deviation) < 1) == pytest.approx(0.683, abs=0.08)
    assert np.mean(np.abs(deviation) < 2) == pytest.approx(0.954, abs=0.04)
    if n_draws > 1:  # otherwise this test would not see errors that ignore the correlations
        assert np.mean([result.tau for result in results]) > 3


def test_replicas_are_the_two_halves_of_the_chains():
    state = PositiveState(make_machine(4, 3, 1.0, 0))
    bits = np.random.default_rng(2).integers(0, 2, (50, 7, 4), dtype=np.uint8)  # the last has no partner
    result = observables.renyi2(state, bits, [1, 2])
    values = observables.swap(state, bits[:, :3], bits[:, 3:6], [1, 2])
    assert result.mean == pytest.approx(-np.log(values.mean()))
    assert result.error == pytest.approx(estimate(values).error / values.mean())
    assert observables.renyi2(state, torch.from_numpy(bits), [1, 2]) == result


def test_renyi_entropy_of_the_whole_chain_and_of_a_product_state_is_zero():
    bits = np.random.default_rng(2).integers(0, 2, (50, 4, 4), dtype=np.uint8)
    whole = observables.renyi2(PositiveState(make_machine(4, 3, 1.0, 0)), bits, [0, 1, 2, 3])
    product = make_machine(4, 1, 1.0, 0)
    product = Machine(torch.zeros_like(product.weights), product.visible_bias, product.hidden_bias)
    for result in (whole, observables.renyi2(PositiveState(product), bits, [0, 2])):
        assert result.mean == pytest.approx(0, abs=1e-13)
        assert result.error == pytest.approx(0, abs=1e-13)


def test_renyi_entropy_stays_in_logarithms():
    """Weights of 5000 and samples that are not its own: Swap values beyond e^1000, and S2 still a number."""
    state = PositiveState(make_machine(6, 8, 5000.0, 1))
    bits = np.random.default_rng(2).integers(0, 2, (50, 4, 6), dtype=np.uint8)
    a, b = bits[:, :2], bits[:, 2:]
    with np.errstate(over="ignore"):
        assert np.isinf(observables.swap(state, a, b, [0, 1])).any()
    assert np.isfinite(observables.renyi2(state, bits, [0, 1]).mean)


def test_estimators_that_need_amplitudes_refuse_a_machine():
    machine, rows = make_machine(3, 2, 1.0, 0), np.zeros((4, 2, 3), np.uint8)
    for function in (lambda: observables.magnetization_x(machine, rows), lambda: observables.energy(machine, rows, 1.0),
                     lambda: observables.swap(machine, rows, rows, [0]),
                     lambda: observables.renyi2(machine, rows, [0])):
        with pytest.raises(ValueError, match=r"expected a PositiveState, got Machine; try PositiveState\(machine\)"):
            function()


def test_reversed_and_read_only_samples(recwarn):
    machine = make_machine(4, 3, 0.5, seed=1)
    samples = sampling.sample(machine, 50, seed=1, n_chains=5)
    samples.flags.writeable = False
    mirrored = samples[..., ::-1]
    np.testing.assert_array_equal(observables.magnetization_z(mirrored), observables.magnetization_z(samples))
    np.testing.assert_array_equal(observables.correlation_zz(samples[::-1]), observables.correlation_zz(samples))
    np.testing.assert_allclose(observables.energy(PositiveState(machine), mirrored, 1.0),
                               observables.energy(PositiveState(machine), mirrored.copy(), 1.0))
    assert PositiveState(machine).log_psi(np.zeros((1, 4))[::-1]).shape == (1,)
    by_lists = observables.renyi2(PositiveState(machine), samples.tolist(), [0])
    assert by_lists == observables.renyi2(PositiveState(machine), samples, [0])
    assert not recwarn.list
    with pytest.raises(ValueError, match="expected field to be a finite number, got nan"):
        observables.energy(PositiveState(machine), samples, float("nan"))
