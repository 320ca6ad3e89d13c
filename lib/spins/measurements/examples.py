"""One shot of three sites in every format, for the page "Your own measurements" and its test.

The first site is in the state that packages of gates call 1 (spin down), or is the atom that is excited; no mirror
image and no exchange of 0 and 1 gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from lib.spins.measurements import packed
from lib.spins.measurements.reading import read
from lib.spins.measurements.shots import Shots

if TYPE_CHECKING:
    import pandas as pd  # of the book


@dataclass(frozen=True, eq=False)
class Example:
    """The shot in one spelling.

    Attributes
    ----------
    format : str
        One of FORMATS.
    shown : str
        How it is written.
    source : object or bytes
        An object, or the bytes of a file of this ending.
    options : dict
        Arguments of `read`, none by default.
    ending : str
        Of the file's name, "" by default.

    """

    format: str
    shown: str
    source: object
    options: Mapping[str, object] = field(default_factory=dict)
    ending: str = ""

    def read(self, folder: Path) -> Shots:
        """What `read` makes of it, after writing it into the folder where it is a file.

        Parameters
        ----------
        folder : Path
            A folder that exists.

        Returns
        -------
        Shots

        """
        path = folder / f"shot.{self.ending}"
        if self.format == "packed":
            packed.save(path, self.source)
        elif isinstance(self.source, bytes):
            path.write_bytes(self.source)
        else:
            return read(self.source, self.format, **self.options)
        return read(path, self.format, **self.options)


_PICTURES = {"shotMetadata": {"shotStatus": "Success"},
             "shotResult": {"preSequence": [1, 1, 1], "postSequence": [0, 1, 1]}}
_BLOQADE = {"shot_status": "Completed", "pre_sequence": [1, 1, 1], "post_sequence": [0, 1, 1]}
_CIRQ = {"cirq_type": "ResultDict", "records": {"m": {"packed_digits": "80", "binary": True, "shape": [1, 1, 3]}}}
_TKET = {"qubits": [], "bits": [["c", [0]], ["c", [1]], ["c", [2]]], "shots": {"width": 3, "array": [[128]]}}
_BITS = {"__type__": "BitArray", "__value__": {"array": np.uint8([[1]]), "num_bits": 3}}

EXAMPLES = (
    Example("qiskit", 'counts "001"', {"001": 1}),
    Example("qiskit", 'counts "0x1", or 1 in get_int_counts', {"0x1": 1}, {"n_sites": 3}),
    Example("qiskit", "BitArray of 3 bits, byte 0x01", _BITS),
    Example("cirq", "packed digits 80 (100 and five bits of filling)", _CIRQ),
    Example("cirq", "4 in a histogram", {4: 1}, {"n_sites": 3}),
    Example("braket", "[0, 1, 0] of measured qubits 2, 0, 1", {"measurements": [[0, 1, 0]],
                                                               "measuredQubits": [2, 0, 1]}),
    Example("braket", "analog: [1, 1, 1] before, [0, 1, 1] after", {"measurements": [_PICTURES]}),
    Example("braket", 'analog counts "rgg"', {"rgg": 1}),
    Example("pulser", '"100"', {"100": 1}),
    Example("bloqade", "[1, 1, 1] before, [0, 1, 1] after", {"shot_outputs": [_BLOQADE]}),
    Example("pennylane", 'counts "100"', {"100": 1}),
    Example("pennylane", "observables -1, +1, +1, a row each", [[-1.0], [1.0], [1.0]], {"n_sites": 3}),
    Example("pennylane", "shadow: bits 1 0 0, recipes 2 2 2", (np.int8([[1, 0, 0]]), np.int8([[2, 2, 2]]))),
    Example("stim", "bool True, False, False", np.array([[True, False, False]])),
    Example("01", "100", b"100\n", ending="01"),
    Example("b8", "byte 0x01", b"\x01", {"n_sites": 3}, "b8"),
    Example("r8", "bytes 0x00 0x02 (no zero, a one; two zeros, the end)", b"\x00\x02", {"n_sites": 3}, "r8"),
    Example("ptb64", "of 64 shots: bit 0 of the first of three words", b"\x01" + 23 * b"\x00", {"n_sites": 3}, "ptb64"),
    Example("hits", "0", b"0\n", {"n_sites": 3}, "hits"),
    Example("dets", "shot M0", b"shot M0\n", {"n_sites": 3}, "dets"),
    Example("pytket", "byte 0x80 of bits c[0], c[1], c[2]", _TKET),
    Example("pyquil", "row 1 0 0 of the register", {"ro": [[1, 0, 0]]}),
    Example("ionq", "1 in a histogram", {"histogram": {"1": 1.0}}, {"n_sites": 3, "shots": 1}),
    Example("qutip", "eigenvalues -1, +1, +1", [[-1, 1, 1]]),
    Example("tenpy", "1 0 0 with conserve None (state 1 is down)", [([1, 0, 0], 0.5)], {"one": "down"}),
    Example("quimb", "1 0 0", [([1, 0, 0], 0.25)]),
    Example("netket", "-1, +1, +1", [[-1, 1, 1]]),
    Example("pastaq", "outcomes, a column a shot: 1, 0, 0", {"outcomes": np.array([[1], [0], [0]])}),
    Example("qucumber", "0 1 1", b"0 1 1\n", ending="txt"),
    Example("packed", "row 0 1 1", np.uint8([[0, 1, 1]]), ending="npz"),
    Example("counts", '100,1 where 1 is said to be down', b"100,1\n", {"order": "kept", "one": "down"}, "csv"),
    Example("rows", "1 0 0 where 1 is said to be down", [[1, 0, 0]], {"order": "kept", "one": "down"}),
)


def table() -> pd.DataFrame:
    """What `read` makes of every example.

    Returns
    -------
    pandas.DataFrame
        By format: the shot as it is written, its bits, and the bits in our conventions.

    """
    import pandas as pd

    rows = []
    with TemporaryDirectory() as folder:
        for example in EXAMPLES:
            shot = example.read(Path(folder))
            bits, ours = (" ".join(map(str, bits[0])) for bits in (shot.bits, shot.in_conventions()))
            rows.append((example.format, example.shown, bits, ours))
    return pd.DataFrame(rows, columns=["format", "the shot", "bits", "in_conventions()"]).set_index("format")
