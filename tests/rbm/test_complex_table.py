"""The table of all configurations and sums over turned spins, against the loops that take configurations one by one."""

import numpy as np
import pytest

from lib.native.lanes import N_LANES, load, store
from lib.native.switch import njit
from lib.rbm import _complex_kernels as kernels
from lib.rbm import _complex_table as table
from lib.rbm import rotations
from lib.rbm._kernels import packs
from tests.rbm.test_complex_state import make_state, random_rows


@njit
def functions(x, angles):
    out = np.zeros((3, len(x)))
    for place in range(0, len(x), N_LANES):
        cosine, sine = table.cosine_and_sine(load(angles, place))
        store(out[0], place, table.logarithm(load(x, place)))
        store(out[1], place, cosine)
        store(out[2], place, sine)
    return out


def test_logarithms_cosines_and_sines_to_rounding():
    rng = np.random.default_rng(1)
    x = np.concatenate([np.exp(rng.uniform(-700, 700, 160)), 1 + rng.uniform(-1e-3, 1e-3, 160), [1.0] * 16])
    angles = np.concatenate([rng.uniform(-4, 4, 160), rng.uniform(-1e6, 1e6, 160), np.pi / 4 * np.arange(-8, 8)])
    logarithms, cosines, sines = functions(x, angles)
    np.testing.assert_allclose(logarithms, np.log(x), rtol=1e-15)
    np.testing.assert_allclose(cosines, np.cos(angles), rtol=0, atol=3e-16)
    np.testing.assert_allclose(sines, np.sin(angles), rtol=0, atol=3e-16)


@pytest.mark.parametrize("n_visible, n_hidden, scale", [
    (1, 1, 1.0), (3, 5, 1.0), (4, 3, 0.1), (7, 9, 3.0), (6, 40, 9.0),
])
def test_products_give_the_energies_and_probabilities_of_sums(n_visible, n_hidden, scale):
    """With forty units of weights about nine, a logarithm is due several times."""
    rng = np.random.default_rng(n_visible)
    weights, b, c = (scale * rng.standard_normal(n) for n in (n_visible * n_hidden, n_visible, n_hidden))
    n = 2**n_visible
    visible, hidden, other = (packs(n, k, np.float64) for k in (n_visible, n_hidden, n_hidden))
    table.load_states(n_visible, visible)
    energies = np.zeros((2, N_LANES * len(visible)))
    kernels.evaluate(weights, b, c, visible, other, energies[0])
    assert table.evaluate_table(weights, b, c, hidden, energies[1])
    np.testing.assert_allclose(*energies[:, :n], rtol=1e-12, atol=1e-12)
    lanes = (slice(None), slice(None), slice(None) if n >= N_LANES else slice(n))
    of_units = [p.reshape(len(p), n_hidden, N_LANES)[lanes] for p in (hidden, other)]
    np.testing.assert_allclose(*of_units, rtol=1e-12, atol=1e-300)

    weight = np.zeros(energies.shape[1])
    weight[:n] = rng.standard_normal(n)
    one, two = ([np.zeros(k) for k in (n_visible * n_hidden, n_visible, n_hidden)] for _ in range(2))
    table.add_weighted_table(weight, hidden, *one)
    kernels.add_weighted(weight, visible, other, *two)
    for by, expected in zip(one, two, strict=True):
        np.testing.assert_allclose(by, expected, rtol=1e-12, atol=1e-12)


def test_products_that_would_overflow_are_left_to_sums():
    hidden, energy = packs(4, 1, np.float64), np.full(N_LANES, 7.0)
    assert not table.evaluate_table(np.array([200.0, 200.0]), np.zeros(2), np.zeros(1), hidden, energy)
    assert not table.evaluate_table(np.array([np.nan, 0.0]), np.zeros(2), np.zeros(1), hidden, energy)
    assert (energy == 7).all() and not hidden.any()


@pytest.mark.parametrize("scale", [1.0, 40.0, 150.0])
@pytest.mark.parametrize("n_spins", [2, 4, 7])
def test_rows_have_the_same_amplitudes_in_the_table_and_in_lists(n_spins, scale):
    """At larger scales amplitudes are too far apart for one reference, and products for float64."""
    state, (rows, _) = make_state(n_spins, 3, 2, scale, 5), random_rows(n_spins, 40, n_spins)
    every = np.arange(rows.n_samples)
    (_, *one), (_, *two) = (rotations._sum(state, rows, every, in_table, exact=False) for in_table in (True, False))
    sums = [r + np.log(np.abs(s)) for s, r in (one[2:], two[2:])]
    np.testing.assert_allclose(*sums, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(one[0], two[0], rtol=1e-8, atol=1e-8)
