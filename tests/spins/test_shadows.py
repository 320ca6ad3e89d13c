"""Classical shadows: unbiased to rounding where all bases and outcomes are summed over, and honest error bars."""

import itertools

import numpy as np
import pytest

from lib import rng
from lib.conventions import all_states
from lib.spins import bases, chains, exact, mps, mps_samples, shadows, vectors


def drawn(psi, n_samples, seed=1):
    names = bases.random_bases(n_samples, psi.size.bit_length() - 1, rng=rng.stream(seed, "bases"))
    return bases.sample(psi, names, rng=rng.stream(seed, "outcomes"))


def test_the_mean_over_all_bases_and_outcomes_is_exact():
    # Every basis and outcome once, weighted by its probability: what the mean estimates without any noise.
    psi = vectors.random_state(3, rng=rng.stream(1, "state"))
    other = vectors.random_state(3, rng=rng.stream(2, "state"))
    chain = chains.xxz(3, 0.5, field=[0.3, -0.2, 0.9]) + chains.fields(3, y=0.4)
    names = ["".join(letters) for letters in itertools.product("XYZ", repeat=3)]
    weights = np.concatenate([np.abs(bases.rotate(psi, name)) ** 2 for name in names]) / len(names)
    every = bases.measured(np.tile(all_states(3), (27, 1)), np.repeat(names, 8))
    for paulis in ({0: "X"}, {1: "Y", 2: "Z"}, {0: "Y", 1: "Y", 2: "X"}):
        single = shadows._single(every, tuple(paulis), "".join(paulis.values()))
        assert weights @ single == pytest.approx(bases.expectation(psi, paulis), abs=1e-13)
    terms = sum(value * shadows._single(every, sites, letters) for value, letters, sites in chain.terms)
    assert weights @ terms == pytest.approx(exact.energy(chain, psi), abs=1e-13)
    # The fidelity of single rows, by pairs of equal rows, whose mean is that of the row.
    single = [shadows.fidelity(_and_others(every, k), other).value for k in range(len(every.bits))]
    background = shadows.fidelity(_and_others(every, None), other).value
    n = 27 * 8 + 1
    alone = n * np.array(single) - (n - 1) * background
    assert weights @ alone == pytest.approx(abs(np.vdot(psi, other)) ** 2, abs=1e-9)


def _and_others(every, k):
    """All rows, and row k once more: a set in which every axis occurs."""
    rows = np.arange(len(every.bits))
    return every.rows(rows if k is None else np.append(rows, k))


@pytest.mark.parametrize("kind", ["ising", "heisenberg"])
def test_estimates_lie_within_their_errors(kind):
    chain = chains.ising(6, 1.0) if kind == "ising" else chains.xxz(6, 1.0, next_coupling=0.4)
    value, psi = exact.ground_state(chain)
    state, bond = mps.from_vector(psi), bases.expectation(psi, {2: "Z", 3: "Z"})
    away = []
    for seed in range(100):
        draw = rng.stream(seed, "within errors")
        measurements = mps_samples.sample_in_bases(state, bases.random_bases(800, 6, rng=draw), rng=draw)
        for found, expected in ((shadows.energy(measurements, chain), value),
                                (shadows.fidelity(measurements, psi), 1.0),
                                (shadows.expectation(measurements, {2: "Z", 3: "Z"}), bond)):
            away.append((found.value - expected) / found.error)
    away = np.array(away).reshape(100, 3)
    assert (np.abs(away.mean(axis=0)) < 0.4).all()  # four standard errors
    assert ((0.7 < away.std(axis=0)) & (away.std(axis=0) < 1.3)).all()


def test_the_median_of_means_is_the_mean_of_one_group_and_near_the_truth():
    psi = vectors.ghz(3)
    measurements = drawn(psi, 9000)
    mean = shadows.expectation(measurements, {0: "Z", 2: "Z"})
    assert shadows.median_of_means(measurements, {0: "Z", 2: "Z"}, 1) == pytest.approx(mean.value)
    assert shadows.median_of_means(measurements, {0: "Z", 2: "Z"}, 9) == pytest.approx(1.0, abs=6 * mean.error)


def test_arguments_that_do_not_fit_are_refused():
    measurements = drawn(vectors.ghz(3), 200)
    for call, message in (
            (lambda: shadows.expectation(measurements, {3: "X"}), "sites 0 to 2, got 'X' of site 3"),
            (lambda: shadows.expectation(measurements, {0: "A"}), "letters X, Y, Z"),
            (lambda: shadows.expectation(np.zeros((2, 2)), {0: "X"}), "with their bases, got ndarray"),
            (lambda: shadows.expectation(measurements.rows([0]), {0: "X"}), "at least two measurements"),
            (lambda: shadows.energy(measurements, chains.ising(4, 1.0)), "chain of 3 spins, got one of 4"),
            (lambda: shadows.fidelity(measurements, np.full(4, 0.5)), "2\\^3"),
            (lambda: shadows.median_of_means(measurements, {0: "X"}, 0), "n_groups from 1 to 200, got 0"),
            (lambda: shadows.energy(bases.measured([[0, 1], [1, 1]], ["XZ", "ZX"]), chains.ising(2, 1.0)),
             "site 0 never along Y"),
            (lambda: shadows.expectation(bases.measured([[0], [1], [1], [0]], ["X", "Y", "Z", "T"],
                                                        gates={"T": np.eye(2)}), {0: "X"}), "another gate in row 3"),
            (lambda: shadows.expectation(bases.measured(np.zeros((500, 2), int),
                                                        ["ZZ", "XZ", "ZX", "YZ", "ZY"] * 100), {0: "Z"}),
             "in a share 0.6 of the rows, not 0.333"),
            (lambda: shadows.expectation(bases.measured(np.zeros((600, 2), int), ["XX", "YY", "ZZ"] * 200), {0: "Z"}),
             "with . at site . in a share"),
            (lambda: shadows.fidelity(bases.measured(np.zeros((3, 15), int), ["X" * 15, "Y" * 15, "Z" * 15]), [1.0]),
             "at most 14 spins for a fidelity, got 15")):
        with pytest.raises(ValueError, match=message):
            call()
