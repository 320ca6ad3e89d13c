"""The checks that readers share: each names the file, the place in it, what was expected and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lib.chain_checks import check_bits
from lib.memory import format_bytes


def wrong(source: str, expected: str, got: str, hint: str, place: str = "") -> ValueError:
    """The error of a file: what was expected and got, where, and what to try.

    Parameters
    ----------
    source, expected, got, hint : str
        The file, what was expected in it, what was found, and what to try.
    place : str
        Within the source; "", the default, says none.

    Returns
    -------
    ValueError

    """
    return ValueError(f"expected {expected}, got {got} in {source}{', ' + place if place else ''}; try {hint}")


def short(value: object, length: int = 60) -> str:
    """A value for a message.

    Parameters
    ----------
    value : object
        Any.
    length : int, default 60
        Where it is cut.

    Returns
    -------
    str

    """
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."


def number(value: object, source: str, what: str, place: str = "", *, least: int = 0) -> int:
    """A whole number, at least `least`; 3.0 and "3" count, 2.5, -1, NaN and True do not.

    Parameters
    ----------
    value : object
        What a file holds.
    source, what, place : str
        The file, what the number is, and where it stands, for the message.
    least : int
        The smallest that is allowed, 0 by default.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For anything else.

    """
    hint = "whole numbers: probabilities are no shots" if isinstance(value, float) else "to make the file again"
    try:
        whole = int(value)
        if isinstance(value, (bool, np.bool_)) or whole != float(value) or whole < least:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise wrong(source, f"{what} as a whole number, at least {least}", short(value), hint, place) from None
    return whole


def table(rows: object, source: str, what: str = "measurements", n_sites: int | None = None) -> np.ndarray:
    """Rows of zeros and ones as an array.

    Parameters
    ----------
    rows : array_like of 0 and 1, shape (n_rows, n_sites)
        What a file holds.
    source, what : str
        The file, and what it holds, "measurements" by default.
    n_sites : int or None
        The width that the rows must have, if it is known.

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_sites)

    Raises
    ------
    ValueError
        For other values and widths, naming the file, row and column.

    """
    return check_bits(rows, n_sites, name=f"{what} in {source}", hint="n_sites={found}, or the file of the other chain")


def mapping(value: object, source: str, what: str, place: str = "") -> dict:
    """A value that has to be an object of JSON.

    Parameters
    ----------
    value : object
        What was read.
    source : str
        Where it comes from, for the message.
    what : str
        What it is, for the message.
    place : str
        Where in the source.

    Returns
    -------
    dict
        The value.

    Raises
    ------
    ValueError
        For anything else; try to export the file again.

    """
    if not isinstance(value, Mapping):
        raise wrong(source, f"{what} as an object with named members", short(value), "to export the file again", place)
    return value


def member(value: Mapping, name: str, source: str, place: str = "") -> object:
    """A member that has to be there.

    Parameters
    ----------
    value : mapping
        The object.
    name : str
        Of the member.
    source : str
        Where it comes from, for the message.
    place : str
        Where in the source.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        Where it is missing; try to export the file again.

    """
    if name not in value:
        raise wrong(source, f"a member {name!r}", f"only {', '.join(map(str, list(value)[:8])) or 'nothing'}",
                    "to export the file again", place)
    return value[name]


def check_shots(found: int, reported: object, source: str, asked: int | None = None) -> None:
    """That as many shots are there as asked for or, where nobody asked, as the file tells.

    Parameters
    ----------
    found : int
        How many there are.
    reported, asked : int or None
        How many the file tells, and the user asks for.
    source : str
        The file.

    Raises
    ------
    ValueError
        For another number.

    """
    if asked is None and reported is None:
        return
    wanted = number(reported if asked is None else asked, source, "the number of shots")
    if found != wanted:
        who = "asked for" if asked is not None else "the file itself tells"
        raise wrong(source, f"{wanted} shots, as {who}", f"{found}",
                    f"shots={found} if those that are there are all that is wanted, or to fetch the file again")


def unique_names(names: Sequence[str], source: str, what: str) -> tuple[str, ...]:
    """Names that all have to differ.

    Parameters
    ----------
    names : sequence of str
        In their order.
    source : str
        Where it comes from, for the message.
    what : str
        What they are names of, for the message.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        For one that comes twice; try to rename it.

    """
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in seen:
            raise wrong(source, f"{what} with different names", f"{name!r} twice (places {seen[name]} and {place})",
                        "to rename one of them before exporting")
        seen[name] = place
    return tuple(names)


def check_size(n_bytes: int, what: str, source: str, limit: int, other: str = "") -> None:
    """Refuse what would take more memory than allowed, before it is read.

    Parameters
    ----------
    n_bytes, limit : int, bytes
        What it would take, and what is allowed.
    what, source : str
        What it is, and the file.
    other : str
        A way around, besides the usual; "" by default.

    Raises
    ------
    ValueError
        For more than the limit.

    """
    if n_bytes > limit:
        raise wrong(source, f"at most {format_bytes(limit)} of memory", f"{what} of {format_bytes(n_bytes)}",
                    f"limit={n_bytes}, if the file can be trusted, to split it by shots{other and ', ' + other}")
