"""Machines on disk: numpy's npz format without pickle, ending in a checksum, written whole or not at all.

A file is a zip archive as `numpy.savez` writes it, readable by `numpy.load(..., allow_pickle=False)`, with
these members and no others (the mask only of a pruned machine):

    format          int64 scalar, the version of this format: 1
    weights         float32 or float64, (n_visible, n_hidden)
    visible_bias    the same type, (n_visible,)
    hidden_bias     the same type, (n_hidden,)
    mask            bool, (n_visible, n_hidden), True where a weight exists
    metadata        uint8, a JSON object in UTF-8

A checkpoint of `lib.rbm.checkpoints` has other arrays between format and metadata, and is else the same.

The archive's comment, the last 64 bytes of the file, is the SHA-256 of all bytes before it in hexadecimal.
It is checked before anything is parsed: a file cut short or with a changed bit is refused whole, not read in
part. Equal machines with equal metadata give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import torch

from lib import atomic
from lib.rbm.machine import Machine, check_machine

FORMAT = 1
PARAMETERS = ("weights", "visible_bias", "hidden_bias")
MASK = "mask"
MEMBERS = ("format", *PARAMETERS, "metadata")
N_DIGEST = 64  # hexadecimal digits of SHA-256


def save(path: str | os.PathLike, machine: Machine, *, metadata: dict | None = None) -> None:
    """Write a machine, in its own precision, to exactly this path.

    The bytes go to a temporary file beside the target, which is renamed over it once they are on
    the disk: whatever goes wrong on the way, a full disk or a killed process, an earlier file stays
    as it was.

    Parameters
    ----------
    path : str or os.PathLike
        The file; nothing is added to its name.
    machine : Machine
        To be saved.
    metadata : dict or None
        What JSON can hold (str keys; str, int, float, bool, None, lists and dicts of them; no NaN).
        None, the default, saves an empty one.

    Raises
    ------
    ValueError
        For anything but a Machine and for metadata that JSON would change.
    FileNotFoundError
        Where the folder is missing; try ``Path(folder).mkdir(parents=True)``.
    OSError
        Others as the system does, naming the path.

    """
    check_machine(machine)
    names = PARAMETERS if machine.mask is None else (*PARAMETERS, MASK)
    arrays = {name: np.ascontiguousarray(getattr(machine, name).detach().cpu().numpy()) for name in names}
    write(path, arrays, {} if metadata is None else metadata)


def write(path: str | os.PathLike, arrays: dict[str, np.ndarray], metadata: dict) -> None:
    """Write any arrays, as `save` does those of a machine.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    arrays : dict of str to ndarray
        Members of the archive, between format and metadata.
    metadata : dict
        What JSON can hold.

    Raises
    ------
    ValueError
        For metadata that JSON would change.
    FileNotFoundError
        Where the folder is missing.

    """
    text = _metadata_text(metadata)
    buffer = io.BytesIO()
    np.savez(buffer, format=np.int64(FORMAT), **arrays, metadata=np.frombuffer(text, np.uint8))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * N_DIGEST  # its length is stored before it, so the place is kept free
    content = buffer.getvalue()[:-N_DIGEST]
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"expected an existing folder to save {path} in, got no folder {path.parent}; "
                                f"try Path({str(path.parent)!r}).mkdir(parents=True)")
    atomic.write_bytes(path, content + _digest(content))


def load(path: str | os.PathLike) -> tuple[Machine, dict]:
    """Read a machine and its metadata.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `save` wrote.

    Returns
    -------
    machine : Machine
        On the CPU and in the precision it was saved in.
    metadata : dict
        What was saved with it.

    Raises
    ------
    ValueError
        Naming the file if it is damaged, cut short, made by another program (pickle and torch.save
        included: nothing is ever unpickled) or holds no valid machine; try saving the machine
        again, or `checkpoints.load`, if it is one of a training.
    OSError
        If it cannot be read.

    """
    arrays, metadata = read(path, "machine", "rbm.files.save")
    try:
        if sorted(arrays) not in (sorted(PARAMETERS), sorted((*PARAMETERS, MASK))):
            raise ValueError(f"expected the members {', '.join(MEMBERS)}, and perhaps {MASK}, got "
                             f"{', '.join(arrays) or 'none'}; try checkpoints.load, if it is one of a training, or "
                             "saving the machine again")
        return Machine(*(torch.from_numpy(arrays[name]) for name in (*PARAMETERS, MASK) if name in arrays)), metadata
    except Exception as error:  # as below
        raise ValueError(f"{path}: no valid machine: {error or type(error).__name__}") from error


def read(path: str | os.PathLike, what: str, written_by: str) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays and the metadata of a file, both as `load` checks them.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    what : str
        What it should be, for the messages.
    written_by : str
        The function that writes such files, for the messages.

    Returns
    -------
    arrays : dict of str to ndarray
        The members but format and metadata.
    metadata : dict
        What was saved with them.

    Raises
    ------
    ValueError
        As `load`.
    OSError
        If the file cannot be read.

    """
    path = Path(path)
    content = path.read_bytes()
    if len(content) <= N_DIGEST or _digest(content[:-N_DIGEST]) != content[-N_DIGEST:]:
        raise ValueError(f"expected {path} to be a {what} written by {written_by}, got {len(content)} "
                         "bytes that do not end in their checksum: damaged, cut short, or made by another "
                         f"program such as pickle or torch.save; try saving the {what} again")
    try:
        arrays = _read_members(content)
        version, text = arrays.pop("format"), arrays.pop("metadata")
        if version.dtype != np.int64 or version.shape != () or version != FORMAT:
            raise ValueError(f"expected format {FORMAT}, got {version}; try a newer version of this code")
        metadata = json.loads(text.tobytes().decode())
        if not isinstance(metadata, dict):
            raise ValueError(f"expected metadata as a JSON object, got {type(metadata).__name__}; "
                             "try saving it again")
    # The checksum is right, so this comes from a file that some program wrote so on purpose: zipfile and numpy then
    # raise whatever they meet.
    except Exception as error:
        raise ValueError(f"{path}: no valid {what}: {error or type(error).__name__}") from error
    return arrays, metadata


def _read_members(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of the archive, with format and metadata among them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(content):
            raise ValueError(f"expected members that are stored as they are, got more than {len(content)} bytes of "
                             "them; try saving it again")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        if not {"format", "metadata"} <= set(archive.files):
            raise ValueError(f"expected the members format and metadata, got {', '.join(archive.files) or 'none'}; try "
                             "saving it again")
        return {name: archive[name] for name in archive.files}


def _metadata_text(metadata: dict) -> bytes:
    """JSON in UTF-8, refused if reading it back would give something else."""
    advice = "try plain numbers, strings, lists and dicts with str keys, and None for a missing number"
    if not isinstance(metadata, dict):
        raise ValueError(f"expected metadata as a dict, got {type(metadata).__name__}; {advice}")
    try:
        text = json.dumps(metadata, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected metadata that JSON can hold, got: {error}; {advice}") from error
    if json.loads(text) != metadata:
        raise ValueError(f"expected metadata that JSON gives back unchanged, got {metadata!r}; {advice}")
    return text.encode()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
