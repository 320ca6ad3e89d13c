"""What the tests of other packages' files share: the files, the exact state behind them, stand-ins for live objects."""

import itertools
import json
import runpy
from pathlib import Path

import numpy as np

from lib.spins.measurements import read

MADE = Path(__file__).parents[1] / "data" / "measurements" / "formats"
MAKER = runpy.run_path(str(MADE / "make_files.py"))
N, BITS = len(MAKER["P"]), MAKER["draw"]()
STIM = ("b8", "r8", "ptb64", "hits", "dets")
NUMBERS = [str(site) for site in range(N)]
# Every file: what read needs besides its name, the format it recognizes, the names of the sites.
FILES = {
    "qiskit_one_register.json": ({}, "qiskit", [f"meas[{i}]" for i in range(9)]),
    "qiskit_two_registers.json": ({}, "qiskit", [f"front[{i}]" for i in range(4)] + [f"back[{i}]" for i in range(5)]),
    "qiskit_backend_result.json": ({}, "qiskit", [f"front[{i}]" for i in range(4)] + [f"back[{i}]" for i in range(5)]),
    "qiskit_counts.json": ({}, "qiskit", [f"register0[{i}]" for i in range(4)] +
                           [f"register1[{i}]" for i in range(5)]),
    "cirq_one_key.json": ({}, "cirq", [f"m[{i}]" for i in range(9)]),
    "cirq_nine_keys.json": ({}, "cirq", [f"q{i}" for i in range(9)]),
    "cirq_repeated_key.json": ({"repetition": 0}, "cirq", [f"m[{i}]" for i in range(9)]),
    "braket_gate.json": ({}, "braket", NUMBERS),
    "braket_analog.json": ({}, "braket", ["0", "1", "2", "3", "5", "6", "7", "8", "9"]),
    "pulser.json": ({}, "pulser", [f"atom{i}" for i in range(9)]),
    "pennylane_samples.npy": ({"format": "pennylane"}, "pennylane", NUMBERS),
    "stim.01": ({}, "01", NUMBERS),
    **{f"stim.{kind}": ({"n_sites": 9}, kind, NUMBERS) for kind in STIM[:-1]},
    "stim.dets": ({"n_sites": 9}, "dets", [f"M{i}" for i in range(9)]),
    "pytket.json": ({}, "pytket", [f"c[{i}]" for i in range(9)]),
    "pyquil.json": ({}, "pyquil", [f"ro[{i}]" for i in range(9)]),
    "ionq.json": ({}, "ionq", NUMBERS),
    "qutip.json": ({"format": "qutip"}, "qutip", NUMBERS),
    "tenpy.json": ({"format": "tenpy", "one": "down"}, "tenpy", NUMBERS),
    "quimb.json": ({"format": "quimb"}, "quimb", NUMBERS),
    "counts.csv": ({"order": "kept", "one": "down"}, "counts", NUMBERS),
    "qucumber.txt": ({}, "qucumber", NUMBERS),
}


def exact():
    """Marginals and the means of products of two bits, from the probabilities of all 512 outcomes."""
    states = np.array(list(itertools.product((0, 1), repeat=N)))
    weights = np.prod(np.where(states, MAKER["P"], 1 - np.array(MAKER["P"])), axis=1)
    for control, target in MAKER["NOTS"]:
        states[:, target] ^= states[:, control]
    return weights @ states, (states * weights[:, None]).T @ states


def deviations(bits):
    """The largest deviations of marginals and of pair products from the state, in standard errors."""
    marginals, pairs = exact()
    bits = bits.astype(float)
    found = bits.T @ bits / len(bits)
    error = np.sqrt(pairs * (1 - pairs) / len(bits))
    single = np.sqrt(marginals * (1 - marginals) / len(bits))
    return np.abs((bits.mean(0) - marginals) / single).max(), np.abs((found - pairs) / error).max()


def vendor(module, name, *bases_, **members):
    return type(name, bases_, {"__module__": module, **members})


def bit_array(bits):
    found = vendor("qiskit.primitives.containers.bit_array", "BitArray")()
    padded = np.pad(bits[:, ::-1], ((0, 0), (-bits.shape[1] % 8, 0)))
    found.array, found.num_bits = np.packbits(padded, axis=1), bits.shape[1]
    return found


def small(name):
    return (MADE / name).read_bytes()


def changed(name, *path, value):
    """The document of a file with one member replaced."""
    document = json.loads(small(name))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def reader(folder):
    """A function that reads content as a file of some name in this folder."""
    def read_text(name, content, **options):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path, **options)
    read_text.folder = folder
    return read_text
