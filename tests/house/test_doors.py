"""What may be handed over as an array: `doors_of_states` and `doors_of_networks` list every public function
that takes one, this walks over them.

Each door gets arrays in many forms. The same numbers in another form give the same result, or for a form that the
function does not take a refusal in our words; what would lose something on the way is always refused; and nothing ends
in an error of numpy, torch or Python.
"""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from lib import checks
from lib.chain_checks import check_bits
from lib.kernels.inputs import as_inputs
from lib.rbm import observables
from tests import doors_of_networks, doors_of_states
from tests.doors import BITS, Door, X, flattened

LIB = Path(checks.__file__).parent
DOORS = doors_of_states.DOORS + doors_of_networks.DOORS
DOOR = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)


def _memmap(array: np.ndarray, folder: Path) -> np.memmap:
    np.save(folder / "array.npy", array)
    return np.load(folder / "array.npy", mmap_mode="r")


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


class _Broken:
    """An array of another library that cannot give its numbers."""

    def __init__(self, error):
        self._error = error

    def __array__(self, dtype=None, copy=None):
        raise self._error


class _Wrapped:
    """What other libraries' arrays look like to numpy."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


def same_numbers(door: Door, folder: Path) -> dict:
    """The door's own array in other forms."""
    good, forms = door.good, {}
    forms |= {"Fortran order": np.asfortranarray(good), "negative strides": good[::-1].copy()[::-1],
              "every second": np.repeat(good, 2, axis=0)[::2], "other byte order": good.astype(
                  good.dtype.newbyteorder(">")), "read-only": _read_only(good), "memory map": _memmap(good, folder),
              "nothing masked": np.ma.array(good), "mask all False": np.ma.array(good, mask=np.zeros(good.shape, bool)),
              "__array__": _Wrapped(good), "list of arrays": list(good), "tensor": torch.from_numpy(good.copy()),
              "list of tensors": list(torch.from_numpy(good.copy())), "memory": memoryview(good.copy()),
              "tensor, strides": torch.from_numpy(np.repeat(good, 2, axis=0))[::2]}
    if good.dtype.kind == "f":
        forms["tensor with gradient"] = torch.from_numpy(good.copy()).requires_grad_()
        forms["parameter"] = torch.nn.Parameter(torch.from_numpy(good.copy()))
        forms["inference tensor"] = _inference(good)
    if good.ndim == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forms["matrix"] = np.matrix(good)
        forms["table"] = pd.DataFrame(good)
    if good.ndim == 1:
        forms["column"] = pd.Series(good)
    if door.dtypes:
        forms |= {"nested list": good.tolist(), "tuple": tuple(good.tolist()), "objects": good.astype(object)}
        if good.ndim <= 2 and door.kind in ("bits", "spins", "integer", "bits*"):
            forms["nullable table"] = (pd.DataFrame if good.ndim == 2 else pd.Series)(good).convert_dtypes()
    if door.dtypes and door.kind not in ("integer", "mask"):
        forms |= {name: good.astype(name) for name in ("float64", "float32", "float16", "longdouble")}
        forms["bfloat16"] = torch.from_numpy(good.astype(np.float64)).bfloat16()
        forms["bfloat16 with gradient"] = torch.from_numpy(good.astype(np.float64)).bfloat16().requires_grad_()
    if door.kind == "bits":
        forms |= {name: good.astype(name) for name in ("bool", "int8", "int64", "uint64", ">i4", ">f8")}
    if door.kind == "complex":
        forms["complex"], forms["complex tensor"] = good.astype(complex), torch.from_numpy(good.astype(complex)).conj()
    return forms


def _inference(good: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        return torch.from_numpy(good.copy()) * 1


def lossy(door: Door) -> dict:
    """Arrays that would lose something on their way into numbers."""
    good, forms = door.good, {}
    first = np.zeros(good.shape, bool)
    first.flat[0] = True
    forms |= {"first masked": np.ma.array(good, mask=first), "last masked": np.ma.array(good, mask=first[::-1]),
              "all masked": np.ma.array(good, mask=True), "hard mask": np.ma.array(good, mask=first, hard_mask=True),
              "masked behind __array__": _Wrapped(np.ma.array(good, mask=first)),
              "ValueError behind __array__": _Broken(ValueError("no")),
              "RuntimeError behind __array__": _Broken(RuntimeError("no")),
              "list with an error": [_Broken(ValueError("no"))] * len(good),
              "records": np.zeros(good.shape, [("a", float), ("b", int)]),
              "masked records": np.ma.zeros(good.shape, [("a", float), ("b", int)]),
              "text": np.full(good.shape, "x"), "dates": np.full(good.shape, "2026-01-01", "datetime64[D]"),
              "holes": np.full(good.shape, None), "missing": np.full(good.shape, pd.NA),
              "an object": object(), "a function": len, "a path": Path("data"), "words": "data", "a dict": {"a": 1},
              "a set": {1, 2}, "an iterator": iter(()), "bytes": b"01",
              "meta": torch.empty(good.shape, device="meta")}
    if good.dtype.kind != "b":
        with warnings.catch_warnings():  # masked tensors are a prototype of torch
            warnings.simplefilter("ignore")
            data = torch.from_numpy(good.astype(np.int64) if good.dtype.kind in "ui" else good.copy())
            forms["masked tensor"] = torch.masked.masked_tensor(data, torch.from_numpy(~first))
    if good.ndim >= 2:
        forms |= {"list with masked rows": [np.ma.array(row, mask=mask) for row, mask in zip(good, first)],
                  "deeper": [[np.ma.array(good[0], mask=first[0])]],
                  "ragged": [good[0].tolist(), good[0].tolist()[:-1]]}
    else:
        forms["list with masked"] = [np.ma.masked, *good[1:].tolist()]
        forms["list with None"] = [None, *good[1:].tolist()]
    if good.ndim == 2:
        forms |= {"csr": scipy.sparse.csr_array(good), "coo": scipy.sparse.coo_matrix(good),
                  "torch sparse": torch.from_numpy(good.copy()).to_sparse()}
    if good.ndim <= 2:
        table = (pd.DataFrame if good.ndim == 2 else pd.Series)(good).astype(object)
        (table.iloc if good.ndim == 1 else table.iat)[(0,) if good.ndim == 1 else (0, 0)] = pd.NA
        forms["table with NA"] = table
    if not door.kind.startswith("complex"):
        forms["complex"] = good + 1j
        forms["complex tensor"] = torch.from_numpy(good + 1j)
        forms["complex list"] = (good + 1j).tolist()
    return forms


def doubtful(door: Door) -> dict:
    """What one function may take and another not."""
    good = door.good
    real = good.astype(float)
    holes = real.copy()
    holes.flat[0] = np.nan
    infinite = real.copy()
    infinite.flat[0] = np.inf
    return {"0-d": np.array(1.0), "a number": 1, "0-d tensor": torch.tensor(1.0), "empty": good[:0], "NaN": holes,
            "no columns": good[..., :0], "NaN tensor": torch.from_numpy(holes), "infinity": infinite,
            "halves": real / 2, "shifted": real - 7, "flat": good.ravel(), "deeper": good[None], "one row": good[:1],
            "empty list": [], "wide": np.concatenate([good, good], axis=-1), "zeros": np.zeros_like(good),
            "text of numbers": good.astype(str), "bools": good.astype(bool), "huge": np.full(good.shape, 2.0**70),
            "transposed": good.T, "big": np.full(good.shape, 2**63, np.uint64), "mask": np.ones(good.shape, bool),
            "real": real}


def _in_our_words(error: ValueError) -> bool:
    return bool(re.search(r"expected .*got .*; try .", str(error), re.DOTALL))


def _tried(door: Door, value):
    """("gave", arrays) or ("refused", message), or ("broke", error) for errors and warnings that are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Warnings of ours, and of torch about masked tensors.
        warnings.filterwarnings("ignore", message="the kernel is singular")
        warnings.filterwarnings("ignore", message="The PyTorch API of MaskedTensors")
        try:
            return "gave", flattened(door.call(value))
        except ValueError as error:
            return ("refused" if _in_our_words(error) else "broke"), error
        except Exception as error:
            return "broke", error


@DOOR
def test_same_numbers_in_another_form_give_the_same(door, tmp_path):
    how, expected = _tried(door, door.good)
    assert how == "gave", expected
    wrong = {}
    for name, value in same_numbers(door, tmp_path).items():
        how, found = _tried(door, value)
        # "*": functions whose precision follows that of what they are given.
        coarse = name in ("float16", "bfloat16", "bfloat16 with gradient")
        tolerance = 0.02 if coarse else 1e-5 if name == "float32" else 1e-12
        if how != "gave" or len(found) != len(expected) or not all(
                np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
                for one, other in zip(found, expected)):
            wrong[name] = (how, found)
    assert not wrong


@DOOR
def test_what_would_lose_something_is_refused_in_our_words(door):
    outcomes = {name: _tried(door, value) for name, value in lossy(door).items()}
    assert {name: found for name, found in outcomes.items() if found[0] != "refused"} == {}
    for name in ("first masked", "last masked", "masked behind __array__"):
        assert f"got 1 of {door.good.size} masked" in str(outcomes[name][1]), outcomes[name][1]


@DOOR
def test_doubtful_input_is_taken_or_refused_in_our_words(door):
    outcomes = {name: _tried(door, value) for name, value in doubtful(door).items()}
    assert {name: found for name, found in outcomes.items() if found[0] == "broke"} == {}


def test_no_other_way_in():
    """Arrays come in through `checks.as_array`: numpy.asarray and its kin, which drop masks, stand nowhere else."""
    forbidden = {"asarray", "asanyarray", "asfarray", "as_tensor"}
    allowed = {("plain_arrays.py", "asarray"), ("plain_arrays.py", "asanyarray"),
               ("image_sets.py", "asarray"),  # pictures of Pillow
               ("ising.py", "asarray"),  # vectors of ARPACK
               ("mixing.py", "asarray"),  # sums of our own
               ("reconstruction_trials.py", "asarray"),  # values of our own observables
               ("resident.py", "as_tensor")}  # images that came through it before
    found = set()
    for path in LIB.rglob("*.py"):
        if {"study", "pipeline"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in forbidden and isinstance(node.value, ast.Name) \
                    and node.value.id in ("np", "torch"):
                found.add((path.name, node.attr))
    assert found == allowed


@pytest.mark.parametrize("masked, call", [
    (np.ma.array(BITS, mask=np.eye(12, 4, dtype=bool)), check_bits),
    (np.ma.array(X, mask=np.eye(6, 3, dtype=bool)), as_inputs),
    (np.ma.array([1.0, 2.0, 4.0], mask=[0, 1, 0]), observables.estimate)])
def test_the_remedy_for_masked_entries_can_be_followed(masked, call):
    with pytest.raises(ValueError, match=f"got {masked.mask.sum()} of {masked.size} masked, the first") as caught:
        call(masked)
    remedy = re.search(r"try ([\w.]+\([\w.]*\))", str(caught.value))[1]
    name = re.search(r"expected (\w+)", str(caught.value))[1]
    found = eval(remedy, {"numpy": np, name: masked})
    call(found)
    assert len(found) < len(masked)


@pytest.mark.parametrize("place", [(0, 0), (3, 2), (11, 3)])
def test_the_message_says_where_the_first_masked_entry_is(place):
    mask = np.zeros(BITS.shape, bool)
    mask[place] = mask[11, 3] = True
    with pytest.raises(ValueError, match=rf"the first in row {place[0]}, column {place[1]} \(counted from 0\)"):
        check_bits(np.ma.array(BITS, mask=mask))
