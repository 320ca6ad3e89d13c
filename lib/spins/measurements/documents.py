"""JSON and numpy's archives, read with care: no pickle, no member twice, no NaN, nothing larger than a limit."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from lib.memory import format_bytes
from lib.spins.measurements.checking import check_size, wrong

JSON_FACTOR = 48  # bytes that Python's objects take at most for a byte of text, the text included: lists within lists
MAX_DIMENSIONS = 8


def read_json(path: Path, limit: int) -> object:
    """The one JSON document of a file.

    JSON is read whole. What could take more than the limit then is refused before it is opened:
    more than 42 MiB of text where nobody asks otherwise. Rows of bits take a fifth of what is
    reckoned with, some a tenth.

    Parameters
    ----------
    path : Path
        The file.
    limit : int, bytes
        What its objects may take in memory.

    Returns
    -------
    object
        Dictionaries, lists, strings and numbers.

    Raises
    ------
    ValueError
        For anything else, naming line and column.

    """
    source, size = str(path), path.stat().st_size
    check_size(JSON_FACTOR * size, f"JSON of {format_bytes(size)}, which could become objects", source, limit,
               "or the bits packed, without JSON: lib.spins.measurements.save in the program that has them")
    return parse_json(path.read_bytes(), source)


def parse_json(content: bytes, source: str) -> object:
    """A JSON document without names that come twice, NaN or infinity.

    Parameters
    ----------
    content : bytes
        Of the file.
    source : str
        Where it comes from, for the message.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        For anything else, with the line where it is.

    """
    again = "to export or copy the file again"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(source, "JSON in UTF-8", f"byte {content[error.start]:#04x}", again,
                    f"byte {error.start}") from None

    def members(pairs: list[tuple[str, object]]) -> dict:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise wrong(source, "members with different names", f"{twice[:60]!r} twice",
                        "to rename one of them before exporting")
        return found

    def refuse(text: str):
        raise wrong(source, "finite numbers", text, "to clean the file")

    try:
        return json.loads(text, object_pairs_hook=members, parse_constant=refuse)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        if error.msg == "Extra data":
            raise wrong(source, "one JSON document", "another one after it", "to split the file there",
                        place) from None
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise wrong(source, "JSON", f"the end of a file that was cut ({error.msg})" if cut else error.msg, again,
                    place) from None
    except ValueError as error:
        if "integer string conversion" not in str(error):  # one of the above
            raise
        raise wrong(source, "numbers of at most some thousand digits", "a longer one", again) from None
    except RecursionError:
        raise wrong(source, "JSON of results", "lists within lists beyond Python's depth", again) from None


def open_array(content: bytes, source: str, limit: int, what: str = "a numpy array") -> np.ndarray:
    """The array of an .npy file, whose declared size is checked before anything is made of it.

    Parameters
    ----------
    content : bytes
        Of the file.
    source : str
        What messages call it.
    limit : int, bytes
        What the array may take.
    what : str
        What it should be, "a numpy array" by default.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        For a damaged one, pickled objects, which are never loaded, and a declared size beyond the
        limit.

    """
    again = "to export or copy the file again"
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](stream, max_header_size=10_000)
    except KeyError:
        raise wrong(source, f"{what} of numpy's format 1.0 or 2.0", f"format {version}", "numpy.save again") from None
    except Exception as error:  # numpy raises whatever it meets in a damaged header
        raise wrong(source, what, f"a damaged one ({error})", again) from None
    if dtype.hasobject:
        raise wrong(source, what, "pickled objects, which are never loaded", "array.astype(numpy.uint8) before saving")
    size = dtype.itemsize
    for length in shape:
        size *= length
    check_size(size, f"{what} of shape {shape}", source, limit)
    if len(shape) > MAX_DIMENSIONS or len(content) - stream.tell() != size:
        raise wrong(source, f"{size} bytes of an array of shape {shape}", f"{len(content) - stream.tell()}", again)
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def check_archive(path: Path, limit: int) -> None:
    """Refuse an archive that declares too much, or has bytes before it, such as another archive.

    Parameters
    ----------
    path : Path
        The file; a damaged archive passes, as whoever reads it says so.
    limit : int, bytes
        What it may declare.

    Raises
    ------
    ValueError
        For more than the limit, and for bytes before it.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception:  # a damaged archive, of which whoever reads it says so
        return
    check_size(sum(entry.file_size for entry in entries), "an archive", str(path), limit)
    if entries and min(entry.header_offset for entry in entries) > 0:
        raise wrong(str(path), "one archive", "bytes before it, perhaps another one", "to take the archives apart")


def open_archive(path: Path, limit: int) -> dict[str, np.ndarray]:
    """All arrays of an .npz archive, by name, after `check_archive`.

    Parameters
    ----------
    path : Path
        The file.
    limit : int, bytes
        What it may declare.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        As of `check_archive` and `open_array`, for a damaged archive, and for two members of one
        name.

    """
    source = str(path)
    again = "to export or copy the file again"
    check_archive(path, limit)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            contents = {}
            for entry in entries:
                with archive.open(entry) as file:  # no more than declared, whatever the stream would give
                    contents[entry.filename.removesuffix(".npy")] = file.read(entry.file_size + 1)
    except Exception as error:  # zipfile, zlib and struct have no common base class
        raise wrong(source, "an npz archive", f"a damaged one ({error})", again) from None
    if len(contents) < len(entries):
        raise wrong(source, "members with different names", "one twice", again)
    return {name: open_array(content, f"{source}, member {name!r}", limit) for name, content in contents.items()}
