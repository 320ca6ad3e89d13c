"""Trainings as iterators, and interrupted ones that go on: to the same bits, or a refusal in words."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.rbm import checkpoints, files, rotations
from lib.rbm import complex_training as of_complex
from lib.rbm.checkpoints import Checkpoint
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings
from lib.rbm.machine import Machine
from lib.rbm.training import TrainingSettings, steps, train
from tests.rbm.test_complex_state import random_rows
from tests.rbm.test_machine import make_machine, parameters
from tests.rbm.test_training import random_mask, small_data

OPTIMIZERS = ({"optimizer": "sgd"}, {"optimizer": "momentum"}, {"optimizer": "adam"}, {"optimizer": "natural"},
              {"centred": True})
PHASES = ({}, {"persistent": True, "n_chains": 7}, {"negative_batch_size": 9}, {"engine": "torch"},
          {"engine": "torch", "persistent": True}, {"negative_phase": "exact"},
          {"negative_phase": "tempered", "n_chains": 3}, {"precision": "float64"})
MACHINE, DATA = make_machine(3, 4, 0.5, seed=2), small_data(50)


def positive(state=MACHINE, data=DATA, seed=5, every=3, resume=None, **options):
    settings = TrainingSettings(**{"epochs": 6, "batch_size": 20, "learning_rate": 0.1,
                                   "final_learning_rate": 0.01} | options)
    return steps(state, data, settings, seed=seed, every=every, resume=resume)


def cut_and_gone_on(run, path):
    """The steps after 0, 3 and 6 epochs in one go, and those after 3 and 6 of a training that began from a file."""
    whole = []
    for step in run():
        whole.append(step)
        if step.epoch == 3:
            checkpoints.save(path, step)
    return whole, list(run(resume=checkpoints.load(path)))


def assert_same_bits(one, other):
    """Of everything: parameters, moments, chains, random numbers."""
    assert one.training == other.training and one.epoch == other.epoch and set(one.arrays) == set(other.arrays)
    for name, value in one.arrays.items():
        assert value.tobytes() == other.arrays[name].tobytes(), name


@pytest.mark.parametrize("phase", PHASES, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda options: next(iter(options.values())))
def test_three_epochs_a_file_and_three_more_are_six(optimizer, phase, tmp_path):
    whole, later = cut_and_gone_on(lambda **more: positive(**optimizer, **phase, **more), tmp_path / "run.npz")
    assert [step.epoch for step in whole] == [0, 3, 6] and [step.epoch for step in later] == [3, 6]
    for one, other in zip(whole[1:], later, strict=True):
        for a, b in zip(parameters(one.state), parameters(other.state)):
            np.testing.assert_array_equal(a, b)
    assert_same_bits(whole[-1].checkpoint(), later[-1].checkpoint())
    assert later[-1].seconds > later[0].seconds == whole[1].seconds > 0
    assert not np.array_equal(*(step.state.weights for step in whole[1:]))


@pytest.mark.parametrize("chains", ["auto", "persistent"])
@pytest.mark.parametrize("negative_phase", ["exact", "sampled"])
@pytest.mark.parametrize("optimizer", of_complex.optimizers.OPTIMIZERS)
@pytest.mark.parametrize("state", [ComplexState.random(2, 3, n_hidden_phase=2, seed=1),
                                   MixedState.random(2, 2, n_ancillas=1, seed=1)], ids=["pure", "mixed"])
def test_complex_and_mixed_states_go_on_too(state, optimizer, negative_phase, chains, tmp_path):
    rows, _ = random_rows(2, 50, 3)
    settings = StateSettings(epochs=6, batch_size=20, optimizer=optimizer, negative_phase=negative_phase, chains=chains,
                             negative_batch_size=7, allow_undetermined=True)
    whole, later = cut_and_gone_on(lambda **more: of_complex.train(state, rows, settings, seed=5, every=3, **more),
                                   tmp_path / "run.npz")
    for one, other in zip(whole[1:], later, strict=True):
        np.testing.assert_array_equal(*(rotations.flat_parameters(step.state) for step in (one, other)))
        assert one.loss == other.loss and (one.loss is None) == (negative_phase == "sampled")
    assert_same_bits(whole[-1].checkpoint(), later[-1].checkpoint())


@pytest.mark.parametrize("more", [{}, {"negative_phase": "exact"}], ids=["numba", "torch"])
@pytest.mark.parametrize("kind", ["pruned", "symmetric", "float32"])
def test_machines_of_other_kinds_go_on(kind, more, tmp_path):
    machine = {"pruned": MACHINE.pruned(random_mask(3, 4, 0.6)), "float32": MACHINE.to(dtype=torch.float32),
               "symmetric": Machine.random(3, 4, seed=2, symmetric_biases=True)}[kind]
    whole, later = cut_and_gone_on(lambda **go_on: positive(machine, symmetric=kind == "symmetric", optimizer="adam",
                                                            **more, **go_on), tmp_path / "run.npz")
    assert_same_bits(whole[-1].checkpoint(), later[-1].checkpoint())
    assert later[-1].state.dtype == machine.dtype and (later[-1].state.mask is None) == (kind != "pruned")


def test_train_is_a_loop_over_the_steps():
    settings = TrainingSettings(epochs=5, batch_size=20, learning_rate=0.1)
    found = list(steps(MACHINE, DATA, settings, seed=5, every=2))
    assert [step.epoch for step in found] == [0, 2, 4, 5] and found[0].loss is None
    result = train(MACHINE, DATA, settings, seed=5, every=2, callback=lambda epoch, machine: machine)
    for step, (epoch, machine) in zip(found, result.history, strict=True):
        assert step.epoch == epoch
        for one, other in zip(parameters(step.state), parameters(machine)):
            np.testing.assert_array_equal(one, other)
    for step in steps(MACHINE, DATA, settings, seed=5):
        if step.epoch == 2:
            break  # and what was reached stays
    np.testing.assert_array_equal(step.state.weights, found[1].state.weights)
    gone_on = train(MACHINE, DATA, settings, seed=5, resume=step.checkpoint(), every=1,
                    callback=lambda epoch, machine: epoch)
    assert gone_on.history == [(epoch, epoch) for epoch in (2, 3, 4, 5)]
    np.testing.assert_array_equal(gone_on.machine.weights, result.machine.weights)


def test_a_constant_rate_lets_a_training_be_longer():
    whole = list(positive(final_learning_rate=None, persistent=True))[-1]
    short = list(positive(final_learning_rate=None, persistent=True, epochs=3))[-1].checkpoint()
    longer = list(positive(final_learning_rate=None, persistent=True, resume=short))
    np.testing.assert_array_equal(longer[-1].state.weights, whole.state.weights)
    with pytest.raises(ValueError, match="with epochs 6 instead of 2"):
        positive(final_learning_rate=None, persistent=True, epochs=2, resume=whole.checkpoint())
    done = list(positive(resume=list(positive())[-1].checkpoint()))
    assert [step.epoch for step in done] == [6]  # nothing is left to do


def test_a_step_left_behind_is_no_checkpoint(tmp_path):
    iterator = positive()
    first = next(iterator)
    kept = first.checkpoint()
    before = {name: value.copy() for name, value in kept.arrays.items()}
    next(iterator)
    for name, value in before.items():
        np.testing.assert_array_equal(kept.arrays[name], value)
    with pytest.raises(ValueError, match="step of epoch 0 before the training goes on, got one at epoch 3; try"):
        checkpoints.save(tmp_path / "run.npz", first)
    assert list(tmp_path.iterdir()) == []
    assert repr(kept) == "Checkpoint(epoch 0 of a positive state)" and repr(first).startswith("Step(epoch 0, 0 s, Mach")


HALF = next(step.checkpoint() for step in positive() if step.epoch == 3)


@pytest.mark.parametrize("change, message", [
    ({"seed": 6}, "got one with seed 5 instead of 6"), ({"learning_rate": 0.2}, "learning_rate 0.1 instead of 0.2"),
    ({"epochs": 9}, "epochs 6 instead of 9"), ({"optimizer": "adam"}, "optimizer 'sgd' instead of 'adam'"),
    ({"data": small_data(50, seed=9)}, "got one with data '"), ({"engine": "torch"}, "engine 'numba' instead of "),
    ({"state": MACHINE.pruned(random_mask(3, 4))}, "mask None instead of"),
    ({"state": make_machine(3, 5, 0.5, seed=2)}, "moments of type and shape .* got"),
    ({"precision": "float64"}, "precision 'float32' instead of 'float64'")], ids=str)
def test_the_checkpoint_of_another_training_is_refused(change, message):
    with pytest.raises(ValueError, match=f"expected .*({message}).*; try"):
        positive(**change, resume=HALF)


def test_a_checkpoint_of_another_kind_of_state_is_refused():
    rows, _ = random_rows(2, 50, 3)
    with pytest.raises(ValueError, match="expected a checkpoint of this very training"):
        of_complex.train(ComplexState.random(2, 3, seed=1), rows, StateSettings(), seed=5, resume=HALF)
    with pytest.raises(ValueError, match=r"expected resume as a Checkpoint, got str; try checkpoints.load\(path\)"):
        positive(resume="run.npz")
    short = dataclasses.replace(HALF, arrays={name: value for name, value in HALF.arrays.items() if name != "chains"})
    with pytest.raises(ValueError, match="expected chains of type and shape .* got None"):
        positive(resume=short)


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    files.save(path, MACHINE, metadata={"epochs": 3})
    with pytest.raises(ValueError, match="run.npz to be the checkpoint of a training, got .*try files.load"):
        checkpoints.load(path)
    with pytest.raises(ValueError, match="expected a step of a training .* got Machine; try files.save"):
        checkpoints.save(path, MACHINE)
    checkpoints.save(path, HALF)
    with pytest.raises(ValueError, match="no valid machine: expected the members .* try checkpoints.load"):
        files.load(path)
    again = checkpoints.load(path)
    assert isinstance(again, Checkpoint) and again.seconds == HALF.seconds
    assert_same_bits(again, HALF)
    content = path.read_bytes()
    for damaged in (content[:-100], content[:500] + bytes([content[500] ^ 1]) + content[501:], b"", b"\x80\x04."):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="run.npz to be a checkpoint written by rbm.checkpoints.save, got .* try"):
            checkpoints.load(path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        checkpoints.save(tmp_path / "nowhere" / "run.npz", HALF)


def test_a_training_whose_rows_are_drawn_anew_has_no_checkpoint():
    """No file holds its rows: said when the checkpoint is asked for, and the training goes on."""
    machine, bits = Machine.random(3, 2, seed=1), np.eye(3, dtype=np.uint8)
    state, rows = ComplexState.random(3, 2, seed=1), random_rows(3, 9, 2)[0]
    trainings = (steps(machine, bits, TrainingSettings(epochs=2), seed=1, renew=lambda epoch, machine: 1 - bits),
                 of_complex.train(state, rows, StateSettings(epochs=2, allow_undetermined=True), seed=1,
                                        renew=lambda epoch, state: rows.bits))
    for training in trainings:
        for step in training:
            with pytest.raises(ValueError, match="expected the same rows in every epoch .*; try to save its machine"):
                step.checkpoint()
        assert step.epoch == 2
