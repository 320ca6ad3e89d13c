"""What machines miss of shots that they did not learn from, and whether the energy's error bar holds the exact one."""

import numpy as np
import pytest

from lib import rng
from lib.rbm import from_shots, held_out, observables
from lib.spins import free_fermions, measurements
from lib.spins.measurements import MISSING, Readout


def shots(bits, errors=None):
    read = measurements.read(np.asarray(bits), "rows", order="kept", one="up")
    return from_shots.along_z(read, errors)


def chain(n_spins, n_shots, seed, field=1.0):
    return free_fermions.sample(n_spins, field, n_shots, rng=rng.stream(seed, "held-out test"))


def test_a_fifth_is_held_out_and_no_shot_is_on_both_sides():
    data = from_shots.along_z(measurements.read({"001": 600, "111": 390, "010": 10}, "qiskit", expand=False))
    learnt, held = held_out.split(data, np.random.default_rng(1))
    assert (learnt.n_shots, held.n_shots) == (800, 200)
    count = {tuple(row): weight for row, weight in zip(data.bits.tolist(), data.weights, strict=True)}
    for part in (learnt, held):
        assert (part.weights > 0).all()
        for row, weight in zip(part.bits.tolist(), part.weights, strict=True):
            count[tuple(row)] -= weight
    assert set(count.values()) == {0}
    many = from_shots.along_z(measurements.read({"00": 10**9, "11": 10**9}, "qiskit", expand=False))
    learnt, held = held_out.split(many, np.random.default_rng(1))
    assert learnt.n_shots + held.n_shots == 2 * 10**9 and abs(held.n_shots - 4 * 10**8) < 10**6


def test_standard_errors_are_those_of_independent_shots():
    bits = chain(5, 400, 1)
    spins, found = 2.0 * bits - 1, held_out.standard_errors(shots(bits))
    for name, values in (("z", spins.mean(1)), ("z 3", spins[:, 3]), ("zz 1 4", spins[:, 1] * spins[:, 4]),
                         ("energy of bonds", (spins[:, 1:] * spins[:, :-1]).sum(1) / 5)):
        assert found[name] == pytest.approx(values.std(ddof=1) / np.sqrt(400), rel=1e-9), name
    misread = held_out.standard_errors(shots(bits, Readout.uniform(5, 0.1, 0.1)))
    assert misread["z 3"] > 1.2 * found["z 3"]  # each bit tells less
    gaps = shots(bits)
    gaps.bits[:100, 3] = MISSING
    assert held_out.standard_errors(gaps)["z 3"] == pytest.approx(spins[100:, 3].std(ddof=1) / np.sqrt(300), rel=1e-9)


def stand_in(monkeypatch, shift):
    """Machines that have the means of the shots they learn from, and a shift of the bonds on top."""
    def measure(machine, data, *_):
        return {name: observables.Estimate(mean + (shift if name == "energy of bonds" else 0.0), 0.001, 1.0, 100.0)
                for name, mean in from_shots.from_shots(data).items()}

    monkeypatch.setattr(from_shots, "fit", lambda *_: None)
    monkeypatch.setattr(from_shots, "measure", measure)


def test_a_machine_that_misses_nothing_lies_one_bar_away(monkeypatch):
    stand_in(monkeypatch, 0.0)
    bars = np.array([[found[name].bars for name in held_out.HEADLINES] for seed in range(200)
                     if (found := held_out.differences(shots(chain(6, 500, seed)), n_hidden=2, epochs=1, seed=seed))])
    # The mean square of 200 is 1 +- 0.1, and the mean 0 +- 0.07.
    np.testing.assert_allclose((bars**2).mean(0), 1.0, atol=0.45)
    np.testing.assert_allclose(bars.mean(0), 0.0, atol=0.32)


def test_a_machine_that_is_off_is_told(monkeypatch):
    stand_in(monkeypatch, 0.3)
    found = held_out.differences(shots(chain(6, 1000, 1)), n_hidden=2, epochs=1, seed=1)
    name, chance = held_out.furthest(found)
    assert name == "energy of bonds" and found[name].bars > 6 and chance < 1e-6
    others = {name: one for name, one in found.items() if name != "energy of bonds"}
    assert held_out.furthest(others)[1] > 0.001


def test_few_shots_and_sites_that_never_change_are_not_compared(monkeypatch):
    stand_in(monkeypatch, 0.0)
    assert held_out.differences(shots(chain(3, 499, 1)), n_hidden=2, epochs=1, seed=1) == {}
    bits = chain(3, 600, 1)
    bits[:, 1] = 1
    found = held_out.differences(shots(bits), n_hidden=2, epochs=1, seed=1)
    assert "z 1" not in found and {"z 0", "zz 0 1"} <= found.keys()


def test_a_machine_without_enough_hidden_units_is_found_out(monkeypatch):
    """One hidden unit cannot hold correlations that fall off along the chain."""
    monkeypatch.setattr(from_shots, "N_SAMPLES_AGAIN", 5000)
    data = shots(chain(8, 6000, 1, field=0.9))
    chances = {n_hidden: held_out.furthest(held_out.differences(data, n_hidden=n_hidden, epochs=200, seed=1))[1]
               for n_hidden in (1, 8)}
    assert chances[1] < 1e-6 and chances[8] > 1e-3, chances


def test_the_error_bar_of_the_energy_holds_the_exact_energy(monkeypatch):
    """Of the critical chain, from files of 1000 shots; a longer run: the docstring of `from_shots`."""
    monkeypatch.setattr(from_shots, "N_SAMPLES", 20_000)
    monkeypatch.setattr(from_shots, "N_SAMPLES_AGAIN", 5000)
    exact, off = free_fermions.ground_state_energy(6, 1.0) / 6, []
    for seed in range(4):
        _, values = from_shots.reconstruct(shots(chain(6, 1000, seed)), n_hidden=6, epochs=1000, seed=seed, field=1.0,
                                           n_resamples=4)
        value = values["energy"]
        assert value.error == pytest.approx(np.hypot(value.of_sampling, value.of_learning))
        assert value.of_learning > value.of_sampling  # shots are the larger part
        off.append((value.mean - exact) / value.error)
    assert np.max(np.abs(off)) < 4 and np.median(np.abs(off)) < 2.5 and np.median(np.abs(off)) > 0.2
