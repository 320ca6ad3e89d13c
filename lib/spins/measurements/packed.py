"""Our own files of measurements: packed bits in an npz archive (`save`, `load`).

The archive has the members
    format    "measurements 1"
    shape     (n_samples, n_spins)
    packed    uint8 (n_samples, ceil(n_spins / 8)), each row packed by itself with site 0 in the highest bit
    metadata  one JSON object
It holds no pickle and no time of day, so equal measurements give equal bytes, whose SHA-256 can be published.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from lib import atomic
from lib.chain_checks import check_bits
from lib.spins.measurements.checking import check_shots, check_size
from lib.spins.measurements.documents import check_archive
from lib.spins.measurements.shots import LIMIT, SPIN_PLUS, UP, Shots

_FORMAT = "measurements 1"
_MEMBERS = ("format", "shape", "packed", "metadata")


def save(path: str | Path, bits: np.ndarray, *, metadata: dict | None = None) -> None:
    """Write measurements as packed bits; the file appears whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in .npz; an existing file is replaced, and a missing folder made.
    bits : array_like of 0 and 1, shape (n_samples, n_spins)
        The measurements.
    metadata : dict or None
        What JSON can hold, for example {"field": 1.0, "seed": 3}.

    Raises
    ------
    ValueError
        For bits or metadata that cannot be stored, and for another ending than .npz.
    OSError
        As the system does, naming the path.

    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"expected a path that ends in .npz, got {path}; try {path.with_suffix('.npz')}")
    bits = check_bits(bits)
    try:
        text = json.dumps({} if metadata is None else metadata, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError("expected metadata of str, int, finite float, bool, list and dict, "
                         f"got {metadata!r} ({error}); try float(...) for numpy numbers") from None
    if not text.startswith("{"):
        raise ValueError(f"expected metadata as a dict, got {metadata!r}; try {{'note': ...}}")
    members = {"format": np.array(_FORMAT), "shape": np.array(bits.shape, dtype=np.int64),
               "packed": np.packbits(bits, axis=1), "metadata": np.array(text)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in _MEMBERS:
            array = io.BytesIO()
            np.lib.format.write_array(array, members[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), array.getvalue())  # dated 1980, not now
    atomic.write_bytes(path, content.getvalue())


def load(path: str | Path, *, limit: int = LIMIT) -> tuple[np.ndarray, dict]:
    """Read a file of `save`.

    Parameters
    ----------
    path : str or Path
        The file.
    limit : int, bytes
        What the archive may declare and the bits may take.

    Returns
    -------
    bits : ndarray of uint8, shape (n_samples, n_spins)
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
    hint = "try to copy or make the file again"
    if not path.exists():
        raise FileNotFoundError(f"expected a file of measurements, got no file at {path}; {hint}")
    check_archive(path, limit)
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("a single array")
        with archive:
            missing = [name for name in _MEMBERS if name not in archive.files]
            if missing:
                raise ValueError(f"no member {missing[0]!r} among {archive.files}")
            found, shape, packed, text = (archive[name] for name in _MEMBERS)
    # zlib.error and struct.error are among what a damaged archive can raise, without a common base class.
    except Exception as error:
        raise ValueError("expected measurements written by lib.spins.measurements.save, "
                         f"got something else in {path} ({_reason(error)}); {hint}") from error
    if str(found) != _FORMAT:
        raise ValueError(f"expected the format {_FORMAT!r}, got {str(found)!r} in {path}; "
                         "try the version of this package that wrote it")
    if shape.shape != (2,) or shape.dtype != np.int64 or min(shape) < 1 or packed.dtype != np.uint8 \
            or packed.shape != (shape[0], -(-shape[1] // 8)):
        raise ValueError(f"expected packed bits for the stored shape {shape.tolist()}, got {packed.dtype} "
                         f"{packed.shape} in {path}; {hint}")
    if packed.shape[1] and (packed[:, -1] & (0xFF >> ((shape[1] - 1) % 8 + 1))).any():
        raise ValueError(f"expected zeros in the bits that fill up the last byte of a row, got ones in {path}; {hint}")
    check_size(int(shape[0]) * int(shape[1]), "bits", str(path), limit)
    try:
        metadata = json.loads(str(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected metadata in JSON, got {str(text)[:40]!r} in {path} ({error}); "
                         f"{hint}") from None
    return np.unpackbits(packed, axis=1, count=int(shape[1])), metadata


def read_packed(path: Path, *, limit: int = LIMIT, shots: int | None = None) -> Shots:
    """A file of `save` as `read` gives it.

    Parameters
    ----------
    path : Path
        The file.
    limit, shots : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, as of `load`, and for another number of shots.

    """
    bits, metadata = load(path, limit=limit)
    check_shots(len(bits), None, str(path), shots)
    names = metadata.get("sites") if isinstance(metadata, dict) else None
    sites = tuple(map(str, names)) if isinstance(names, list) and len(names) == bits.shape[1] else \
        tuple(map(str, range(bits.shape[1])))
    return Shots(bits, sites, f"{UP}; columns as saved", plus=SPIN_PLUS)


def _reason(error: Exception) -> str:
    text = str(error)
    if "pickle" in text.lower():
        return "pickled objects, which are never loaded"
    return text or type(error).__name__
