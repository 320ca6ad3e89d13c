"""What resampled machines add to error bars."""

import numpy as np
import pytest

from lib.rbm import from_shots, observables
from lib.spins import measurements


def test_error_bars_hold_what_the_resampled_machines_are_off_on_average(monkeypatch):
    """A stand-in for machines: the first is at 1, those of resampled shots are at 1.3 +- 0.1."""
    found = iter([1.0, 1.2, 1.3, 1.4])
    monkeypatch.setattr(from_shots, "fit", lambda *_: None)
    monkeypatch.setattr(from_shots, "measure", lambda *_: {"S2 1": observables.Estimate(next(found), 0.05, 1.0, 100.0)})
    data = from_shots.along_z(measurements.read(np.eye(20, dtype=int), "rows", order="kept", one="up"))
    _, values = from_shots.reconstruct(data, n_hidden=2, epochs=1, seed=1, n_resamples=3)
    assert values["S2 1"].mean == 1.0
    assert values["S2 1"].error == pytest.approx(np.sqrt(0.05**2 + (0.2**2 + 0.3**2 + 0.4**2) / 3))
