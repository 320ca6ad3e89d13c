"""Machines trained as one batch against the same machines trained one after another: the same bits."""

import re

import numpy as np
import pytest
import torch
from numba import njit

from lib import rng
from lib.native import masks
from lib.native.lanes import load, store
from lib.rbm import _training_kernels, ensembles
from lib.rbm.ensembles import train_ensemble
from lib.rbm.machine import Machine
from lib.rbm.training import Diverged, TrainingSettings, train
from lib.spins.free_fermions import sample


@njit
def masked(a, b, mask, bits, sums, found):
    store(sums, 0, masks.add_where(load(a, 0), mask, load(b, 0)))
    found[0] = masks.less(load(a, 0), load(b, 0))
    found[1] = masks.nonzero(masks.lanes_and(load(bits, 0), bits[0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_choose_lanes(dtype):
    draw = np.random.default_rng(1)
    a, b = draw.standard_normal((2, 16)).astype(dtype)
    a[3] = b[3]
    bits, mask = draw.integers(0, 2**32, 16, dtype=np.uint32) & np.uint32(0x0f000003), np.uint16(0b1001_0110_1100_0001)
    sums, found = np.empty_like(a), np.empty(2, np.uint16)
    masked(a, b, mask, bits, sums, found)
    lane = np.arange(16)
    np.testing.assert_array_equal(sums, np.where(mask >> lane & 1, a + b, a))
    np.testing.assert_array_equal(found[0] >> lane & 1, a < b)
    np.testing.assert_array_equal(found[1] >> lane & 1, (bits & bits[0]) != 0)
    assert 0 < found[1] < 0xffff and 0 < found[0] < 0xffff


def rows_of(n_spins, n_rows, seed=1):
    return sample(n_spins, 1.0, n_rows, rng=rng.stream(seed, "ensembles", n_spins))


def machines_of(n_machines, n_visible=6, n_hidden=5):
    return [Machine.random(n_visible, n_hidden, seed=seed) for seed in range(n_machines)]


def settings_of(**other):
    return TrainingSettings(**{"epochs": 3, "batch_size": 20, "learning_rate": 0.1, "n_gibbs": 2} | other)


def same(found, wanted):
    return all(torch.equal(getattr(found, name), getattr(wanted, name))
               for name in ("weights", "visible_bias", "hidden_bias"))


@pytest.mark.parametrize("n_visible, n_hidden, options", [
    (6, 5, {}),
    (6, 5, {"precision": "float64"}),
    (7, 4, {"persistent": True, "n_chains": 33, "final_learning_rate": 0.001}),
    (5, 9, {"negative_batch_size": 7, "optimizer": "adam"}),
    (5, 2, {"batch_size": 50, "optimizer": "momentum", "precision": "float64"}),
    (35, 11, {"batch_size": 16, "persistent": True, "n_chains": 16}),
])
def test_sixteen_machines_have_the_bits_of_each_alone(n_visible, n_hidden, options, monkeypatch):
    rows, settings = rows_of(n_visible, 90), settings_of(**options)
    machines, seeds = machines_of(16, n_visible, n_hidden), range(40, 56)
    wanted = [train(machine, rows, settings, seed=seed).machine for machine, seed in zip(machines, seeds)]
    monkeypatch.setattr(_training_kernels, "train_epoch", None)  # all of them take the other loops
    found = train_ensemble(machines, rows, settings, seeds=seeds)
    for result, alone, start in zip(found, wanted, machines, strict=True):
        assert same(result.machine, alone) and not same(result.machine, start)
        assert result.machine.dtype == start.dtype


def test_other_data_other_sizes_and_few_machines():
    """Groups of sixteen, of fourteen with two empty lanes, and single ones: nothing depends on the neighbours."""
    sizes = [(6, 5)] * 30 + [(6, 3)] * 2 + [(8, 5)] * 3
    machines = [Machine.random(*size, seed=number) for number, size in enumerate(sizes)]
    few, many = rows_of(6, 60, seed=2), rows_of(6, 60, seed=3)
    data = [few if number % 2 else many for number in range(32)] + [rows_of(8, 45)] * 3
    seeds, settings = range(len(sizes)), settings_of()
    found = train_ensemble(machines, data, settings, seeds=seeds, threads=2)
    for number, result in enumerate(found):
        assert same(result.machine, train(machines[number], data[number], settings, seed=seeds[number]).machine), number
    runs = [ensembles.begin(*each, settings, 1) for each in zip(machines, data)]
    assert sorted(map(len, ensembles._groups(runs, settings))) == [1, 1, 1, 1, 1, 14, 16]
    for threads in (1, 3):
        again = train_ensemble(machines, data, settings, seeds=seeds, threads=threads)
        assert all(same(one.machine, other.machine) for one, other in zip(found, again, strict=True))


@pytest.mark.parametrize("options", [{"symmetric": True}, {"centred": True}, {"negative_phase": "exact"},
                                     {"optimizer": "natural"}, {"engine": "torch"}])
def test_what_the_lanes_do_not_have_is_trained_one_after_another(options):
    settings = settings_of(epochs=1, **options)
    machines = [Machine.random(4, 3, seed=seed, symmetric_biases=True) for seed in range(16)]
    rows = rows_of(4, 40)
    found = train_ensemble(machines, rows, settings, seeds=range(16))
    for seed, result in enumerate(found):
        assert same(result.machine, train(machines[seed], rows, settings, seed=seed).machine)


def test_pruned_machines_keep_their_mask():
    mask = np.random.default_rng(1).random((6, 5)) < 0.5
    machines = [machine.pruned(mask) for machine in machines_of(16)]
    rows = rows_of(6, 40)
    found = train_ensemble(machines, rows, settings_of(), seeds=range(16))
    assert all((result.machine.weights.numpy()[~mask] == 0).all() for result in found)
    assert same(found[3].machine, train(machines[3], rows, settings_of(), seed=3).machine)


@pytest.mark.parametrize("n_machines", [16, 2])
def test_values_on_the_way_are_those_of_each_alone(n_machines):
    machines, rows, settings = machines_of(n_machines), rows_of(6, 60), settings_of(epochs=5)
    found = train_ensemble(machines, rows, settings, seeds=range(n_machines), every=2,
                           callback=lambda number, epoch, machine: (number, float(machine.weights.sum())))
    for number, result in enumerate(found):
        alone = train(machines[number], rows, settings, seed=number, every=2,
                      callback=lambda epoch, machine: float(machine.weights.sum()))
        assert result.history == [(epoch, (number, value)) for epoch, value in alone.history]
        assert [epoch for epoch, _ in result.history] == [0, 2, 4, 5]
        assert result.seconds > 0


def test_one_array_stays_one():
    """Sixteen machines on the same rows read one copy of them."""
    rows = rows_of(6, 40)
    runs = [ensembles.begin(machine, rows, settings_of(), seed) for seed, machine in enumerate(machines_of(16))]
    assert len(ensembles._Together(runs).words) == 1


def test_bad_input_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(ensembles, "_train", None)
    machines, rows, settings = machines_of(3), rows_of(6, 40), settings_of()
    for arguments, options, message in (
        ((machines, rows, settings), {"seeds": [1, 2]}, "expected seeds for each of 3 machines, got 2"),
        ((machines, [rows, rows], settings), {"seeds": [1, 2, 3]}, "expected data for each of 3 machines, got 2"),
        (([*machines, Machine.random(7, 5, seed=1)], rows, settings), {"seeds": range(4)},
         "machine 3 (counted from 0): expected data with 7 columns, one a spin, got 6"),
        ((machines, [rows, rows, 2 * rows], settings), {"seeds": range(3)}, "machine 2 (counted from 0): expected data "
         "of 0 and 1"),
        (([machines[0], 5], rows, settings), {"seeds": range(2)}, "machine 1 (counted from 0): expected a Machine"),
        (([], rows, settings), {"seeds": []}, "expected number of machines to be an integer >= 1, got 0"),
        ((machines, rows, {"epochs": 1}), {"seeds": range(3)}, "expected settings as TrainingSettings"),
        ((machines, rows, settings), {"seeds": range(3), "threads": 0}, "expected threads to be an integer >= 1"),
        ((machines, rows, settings), {"seeds": range(3), "every": 0}, "expected every to be an integer >= 1, got 0"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            train_ensemble(*arguments, **options)


@pytest.mark.parametrize("n_machines", [16, 1])
def test_a_training_that_diverges_is_named(n_machines):
    settings = settings_of(epochs=200, learning_rate=1e30)
    with pytest.raises(Diverged, match=r"machine 0 \(counted from 0\): .* try learning_rate="):
        train_ensemble(machines_of(n_machines), rows_of(6, 40), settings, seeds=range(n_machines))
