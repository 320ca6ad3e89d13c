"""Shots along z: their meaning, their errors, and what they can tell."""

import re

import numpy as np
import pytest

from lib.rbm import shots_along_z
from lib.spins import measurements


def test_prospects_say_what_the_shots_can_tell():
    bits = np.random.default_rng(1).integers(0, 2, (1000, 4), dtype=np.uint8)
    bits[:, 3] = 1

    def said(error, n_hidden=2, bases=None, rows=bits):
        shots = measurements.read(rows, "rows", order="kept", one="up", bases=bases)
        return "\n".join(shots_along_z.prospects(shots, shots_along_z.along_z(shots), n_hidden, error))

    assert "known to 0.032 from 1,000 shots, not to the 0.01 asked for, which would take" in said(0.01)
    needed = int(re.search(r"which would take ([\d,]+)", said(0.01))[1].replace(",", ""))
    assert 9900 < needed <= 10_000
    assert "not to" not in said(0.04) and "would take" not in said(0.04)
    # Four sites have 15 free probabilities, however many weights the machine has: 15 / 4000.
    assert "15 free parameters learnt from them leave an infidelity of about 0.0037" in said(0.04, n_hidden=50)
    assert "0.001 would take 3,750 shots" in said(0.001, n_hidden=50)
    assert "1 sites never changed" in said(0.04) and "names no basis" in said(0.04)
    letters = np.full(bits.shape, "Z")
    letters[:400, 1] = "X"
    assert "600 of 1,000 shots are along z" in said(0.04, bases=letters)
    assert "names no basis" not in said(0.04, bases=letters)


def test_bits_are_turned_into_our_conventions():
    counts = {"001": 60, "111": 40}
    down = shots_along_z.along_z(measurements.read(counts, "qiskit"))
    assert down.bits[0].tolist() == [0, 1, 1] and down.turned  # classical bit 0 was 1: spin down
    short = shots_along_z.along_z(measurements.read(counts, "qiskit", expand=False))
    assert short.bits.tolist() == [[0, 1, 1], [0, 0, 0]] and short.weights.tolist() == [60, 40]
    rydberg = shots_along_z.along_z(measurements.read(counts, "pulser"))
    assert rydberg.bits[0].tolist() == [0, 0, 1] and not rydberg.turned


def test_resampling_draws_counted_errors_anew():
    errors = measurements.Readout([0.1, 0.02], [0.05, 0.2])
    shots = measurements.read(np.eye(2, dtype=int).repeat(20, 0), "rows", order="kept", one="up")
    exact = shots_along_z.along_z(shots, errors).resampled(np.random.default_rng(1))
    assert exact.readout is errors
    data = shots_along_z.along_z(shots, errors, (400, 100))
    draws = [data.resampled(np.random.default_rng(seed)).readout for seed in range(600)]
    for name, n in (("one_if_zero", 400), ("zero_if_one", 100)):
        p = getattr(errors, name)
        values = np.array([getattr(draw, name) for draw in draws])
        sigma = np.sqrt(p * (1 - p) / (n + 2))
        np.testing.assert_allclose(values.mean(0), p, atol=(5 * sigma / np.sqrt(600)).max())
        np.testing.assert_allclose(values.std(0), sigma, rtol=0.15)
    with pytest.raises(ValueError, match="known well enough to sum to less than 1"):
        errors.redrawn(1, 1, rng=Highest())


class Highest:
    """A stand-in for a generator: errors that are always too large."""

    def beta(self, a, b):
        return np.full(len(a), 0.9)
