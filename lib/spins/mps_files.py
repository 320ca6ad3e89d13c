"""Matrix product states on disk: numpy's npz format without pickle.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from lib import atomic
from lib.spins.mps import MatrixProductState

_FORMAT = "matrix product state 1"


def save(path: str | Path, state: MatrixProductState, *, metadata: dict | None = None) -> None:
    """Write a state as an npz archive without pickle; the file appears whole or not at all.

    Its members are format, bonds (int64, n_spins + 1), values (all tensors one after another) and
    metadata (JSON). Equal states give equal bytes. A missing folder is made.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in .npz.
    state : MatrixProductState
        The state to look at.
    metadata : dict, optional
        Of str, int, finite float, bool, list and dict.

    Raises
    ------
    ValueError
        For another ending than .npz and for metadata that JSON cannot hold.

    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"expected a path that ends in .npz, got {path}; try {path.with_suffix('.npz')}")
    try:
        text = json.dumps({} if metadata is None else metadata, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError("expected metadata of str, int, finite float, bool, list and dict, "
                         f"got {metadata!r} ({error}); try float(...) for numpy numbers") from None
    content = io.BytesIO()
    np.savez(content, format=np.array(_FORMAT), bonds=np.array([1, *state.bond_dimensions, 1], dtype=np.int64),
             values=np.concatenate([tensor.ravel() for tensor in state.tensors]), metadata=np.array(text))
    atomic.write_bytes(path, content.getvalue())


def load(path: str | Path) -> tuple[MatrixProductState, dict]:
    """Read a file of `save`.

    Parameters
    ----------
    path : str or pathlib.Path
        Of the file.

    Returns
    -------
    state : MatrixProductState
    metadata : dict

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        For a file that is cut, damaged, of another kind, or holds pickled objects, which are never
        loaded.

    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"expected a file of a matrix product state, got no file at {path}; try another path")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise ValueError("members that are not stored as they are")
        with np.load(path, allow_pickle=False) as archive:
            found, bonds, values, text = (archive[name] for name in ("format", "bonds", "values", "metadata"))
        if str(found) != _FORMAT:
            raise ValueError(f"the format {str(found)!r}")
        sizes = bonds[:-1] * 2 * bonds[1:]
        if bonds.dtype != np.int64 or bonds.ndim != 1 or bonds.size < 2 or bonds.min() < 1 \
                or sizes.sum() != values.size:
            raise ValueError("bonds that do not fit the values")
        parts = np.split(values, np.cumsum(sizes)[:-1])
        tensors = tuple(part.reshape(left, 2, right) for part, left, right in zip(parts, bonds[:-1], bonds[1:]))
        return MatrixProductState(tensors), json.loads(str(text))
    # zlib.error and struct.error are among what a damaged archive can raise, without a common base class.
    except Exception as error:
        raise ValueError(f"expected a state written by lib.spins.mps_files.save, got something else in {path} "
                         f"({error or type(error).__name__}); try to make or copy the file again") from error
