"""What resampled machines add to error bars."""

import numpy as np
import pytest
import torch

from lib.rbm import from_shots, observables
from lib.rbm.machine import Machine
from lib.spins import measurements


def test_error_bars_hold_what_the_resampled_machines_are_off_on_average(monkeypatch):
    """A stand-in for machines: the first is at 1, those of resampled shots are at 1.3 +- 0.1."""
    found = iter([1.0, 1.2, 1.3, 1.4])
    monkeypatch.setattr(from_shots, "fit", lambda *_: None)
    monkeypatch.setattr(from_shots, "measure", lambda *_: {"S2 1": observables.Estimate(next(found), 0.05, 1.0, 100.0)})
    data = from_shots.along_z(measurements.read(np.eye(20, dtype=int), "rows", order="kept", one="up"))
    _, values = from_shots.reconstruct(data, n_hidden=2, epochs=1, seed=1, n_resamples=3)
    assert values["S2 1"].mean == 1.0
    assert values["S2 1"].error == pytest.approx(np.sqrt(0.05**2 + (0.2**2 + 0.3**2 + 0.4**2) / 3 - 2 * 0.05**2))


def test_chains_count_once_in_an_error_bar(monkeypatch):
    """One machine, whatever the shots are: machines that were trained again differ from it by their samples alone."""
    machine = Machine.random(4, 3, seed=1, scale=0.5, dtype=torch.float64)
    monkeypatch.setattr(from_shots, "fit", lambda *_: machine)
    data = from_shots.along_z(measurements.read(np.tile(np.eye(4, dtype=int), (5, 1)), "rows", order="kept", one="up"))
    runs = [from_shots.reconstruct(data, n_hidden=3, epochs=1, seed=seed, n_resamples=4)[1] for seed in range(5)]
    parts = [(value.of_learning / value.of_sampling) ** 2 for values in runs for name, value in values.items()
             if name.startswith("z")]
    assert np.median(parts) < 3  # counted twice, it would be about 6: from a fifth of the samples
