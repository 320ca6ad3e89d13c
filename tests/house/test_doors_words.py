"""Regions, fields and unnormalised states: refused in words that can be followed."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from lib.chain_checks import check_region, check_state_vector
from lib.rbm import observables, states
from lib.rbm.machine import Machine
from lib.spins import free_fermions, ising, measurements
from tests.doors import BITS, PSI


# --- messages that cannot be followed
def test_an_unnormalised_file_is_mended_by_what_the_message_says(tmp_path):
    path = tmp_path / "psi of mine.txt"
    np.savetxt(path, np.column_stack([2 * PSI, 0 * PSI]))
    with pytest.raises(ValueError, match="normalised") as caught:
        measurements.read_psi(path)
    names = {"numpy": np}
    exec(re.search(r"try (.*), if only", str(caught.value))[1], names)
    assert np.allclose(check_state_vector(names["psi"]), PSI)


def test_an_unnormalised_vector_is_mended_by_what_the_message_says():
    with pytest.raises(ValueError, match="normalised") as caught:
        ising.energy(2 * PSI, 1.0)
    assert np.allclose(eval(re.search("try (.*)", str(caught.value))[1], {"numpy": np, "psi": 2 * PSI}), PSI)
    with pytest.raises(ValueError, match="all 0"):
        ising.energy(0 * PSI, 1.0)


REGIONS = {"a number": 3, "numpy's": np.int64(3), "0-d": np.array(3), "0-d tensor": torch.tensor(3), "None": None,
           "text": "01", "a float": 1.5, "floats": [0.0, 1.0], "bools": [True, False, True, True],
           "bool array": np.array([True, False, True, True]), "masked": np.ma.array([0, 1], mask=[0, 1]),
           "table": [[0, 1]], "array table": np.array([[0, 1]]), "outside": [4], "negative": [-1], "twice": [1, 1],
           "empty": [], "empty array": np.array([], int), "nested": [[0], [1, 2]], "a dict": {"a": 1},
           "slice": slice(2), "complex": np.array([1j]), "holes": [None], "float array": np.array([0.5])}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_regions_that_are_none_are_refused_in_our_words(region):
    state = states.PositiveState(Machine.random(4, 3, seed=1))
    for call in (lambda: check_region(region, 4), lambda: ising.renyi2(np.full(16, 0.25), region),
                 lambda: observables.swap(state, BITS, BITS, region)):
        with pytest.raises(ValueError, match=r"expected .*got .*; try .") as caught:
            call()
        remedy = re.search(r"try (\[[\d, ]*\]|range\(\d+\))", str(caught.value))
        if remedy:
            check_region(eval(remedy[1]), 4)


@pytest.mark.parametrize("region", [[0, 2], (0, 2), {0, 2}, range(0, 3, 2), np.array([0, 2]), torch.tensor([0, 2]),
                                    np.array([0, 2], np.uint8), np.array([0, 2], ">i8"), iter([0, 2]), {0: 1, 2: 1},
                                    np.array([2, 0])[::-1]], ids=lambda region: type(region).__name__)
def test_regions_in_any_form(region):
    assert check_region(region, 4) == (0, 2)


NUMBERS = {"text": "1", "None": None, "complex": 1j, "NaN": float("nan"), "infinity": float("inf"), "a list": [1.0],
           "an array": np.array([1.0]), "bool": True, "masked": np.ma.masked, "an object": object(),
           "NaN tensor": torch.tensor(float("nan")), "complex tensor": torch.tensor(1j)}


@pytest.mark.parametrize("field", NUMBERS.values(), ids=NUMBERS)
def test_fields_that_are_no_numbers_are_refused_in_our_words(field):
    state = states.PositiveState(Machine.random(4, 3, seed=1))
    for call in (lambda: free_fermions.ground_state_energy(4, field), lambda: ising.ground_state(4, field),
                 lambda: ising.hamiltonian(4, field), lambda: ising.energy(np.full(16, 0.25), field),
                 lambda: ising.ground_state(4, 1.0, coupling=field), lambda: free_fermions.correlation_zz(4, field),
                 lambda: observables.energy(state, BITS, field)):
        with pytest.raises(ValueError, match=r"expected .*got .*; try ."):
            call()


@pytest.mark.parametrize("field", [1, 1.0, np.float32(1), np.array(1.0), np.int64(1), torch.tensor(1.0),
                                   torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, dtype=torch.bfloat16)],
                         ids=lambda field: type(field).__name__)
def test_fields_in_any_form(field):
    assert free_fermions.ground_state_energy(4, field) == free_fermions.ground_state_energy(4, 1.0)
    assert ising.ground_state(4, field)[0] == ising.ground_state(4, 1.0)[0]
