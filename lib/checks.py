"""The one door for arrays: what a caller may hand over where a function wants numbers.

`as_array` takes numpy arrays of any memory order and byte order, torch tensors with or without gradients in any
precision, tables of pandas, nested lists of all these, and what else numpy can read. It refuses, in words and with a
remedy, what would lose something on the way: masked entries (how lost atoms and unread qubits are marked; numpy drops
masks in silence), missing values, imaginary parts where real numbers are wanted, sparse matrices, text and objects.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.plain_arrays import _expression, _type, as_plain, refuse_masked

if TYPE_CHECKING:
    import torch

__all__ = ["COMPLEX", "INTEGER", "REAL", "as_array", "as_broadcast", "as_floats", "as_plain", "as_tensor",
           "check_number", "is_integer", "is_real", "refuse_masked", "require_count"]

REAL, COMPLEX, INTEGER = "buif", "buifc", "bui"  # kinds of dtypes as numpy names them
_WORDS = {REAL: "real numbers", COMPLEX: "numbers", INTEGER: "integers", "b": "True and False"}


def is_integer(value: Any) -> bool:
    """Whether a value is an integer in Python's or numpy's sense, True and False excepted.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool

    """
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))


def is_real(value: Any) -> bool:
    """Whether a value is a real number in Python's or numpy's sense, True and False excepted.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool

    """
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def require_count(name: str, value: int, least: int = 1, most: int | None = None, *,
                  hint: str | None = None) -> int:
    """A count as a plain int.

    Parameters
    ----------
    name : str
        What the message calls the value.
    value : int
        To be checked.
    least : int
        The smallest that is allowed.
    most : int, optional
        The largest that is allowed.
    hint : str, optional
        What the message advises to try, else a number.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For integers out of range, for True and False, and for other types; the message names one
        that fits.

    """
    if not is_integer(value) or value < least or (most is not None and value > most):
        whole = isinstance(value, float) and value.is_integer() and least <= value <= (most or value)
        fits = int(value) if whole else most if most is not None else max(least, 1)
        hint = hint or f"{name}={fits}"
        raise ValueError(f"expected {name} to be an integer >= {least}{'' if most is None else f' and <= {most}'}, "
                         f"got {value!r}; try {hint}")
    return int(value)


def as_array(values: Any, name: str = "values", *, kinds: str = REAL, words: str | None = None) -> np.ndarray:
    """The values as a plain numpy array in the byte order of the machine.

    They stay in their own memory where that can be. Shape and range are left to the caller.

    Parameters
    ----------
    values : array_like
        What the module names.
    name : str, default "values"
        What the messages call it.
    kinds : str, default REAL
        Of dtypes that are allowed: REAL, COMPLEX, INTEGER, or "b".
    words : str, optional
        What the messages call them.

    Returns
    -------
    ndarray, shape of values

    Raises
    ------
    ValueError
        For masked entries, saying how many there are and where the first is, for rows of several
        lengths, and for what holds other things than such numbers; the message names a remedy.

    """
    words = words or _WORDS[kinds]
    array = as_plain(values, name)
    if array.dtype.kind == "O":
        array = _from_objects(array, name, words)
    if array.dtype.kind not in kinds:
        raise ValueError(f"expected {name} made of {words}, got {_got(array, values)}; "
                         f"try {_remedy(array, name, kinds)}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_number(value: Any, name: str, *, least: float = -math.inf, hint: str | None = None) -> float:
    """A finite real number as a float.

    Parameters
    ----------
    value : float
        Python's, numpy's, or an array or tensor of one.
    name : str
        What the messages call it.
    least : float, default -inf
        The smallest that is allowed.
    hint : str, optional
        What the message advises to try, else a number.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For anything else.

    """
    text = f"a finite number >= {least:g}" if least > -math.inf else "a finite number"
    hint = hint or f"{name}={max(least, 1.0):g}"
    if not isinstance(value, Real) and getattr(value, "shape", None) == ():
        try:
            value = as_array(value, name)[()]
        except ValueError:
            raise ValueError(f"expected {name} to be {text}, got {value!r}; try {hint}") from None
    if not is_real(value) or not math.isfinite(value) or value < least:
        raise ValueError(f"expected {name} to be {text}, got {value!r}; try {hint}")
    return float(value)


def as_floats(values: Any, name: str = "values", *, shape: tuple[int | str, ...] | None = None,
              finite: bool = False) -> np.ndarray:
    """The same as `as_array`, as float64.

    Parameters
    ----------
    values : array_like
        As in `as_array`.
    name : str, default "values"
        What the messages call it.
    shape : tuple of int or str, optional
        What it must be, with a word for a length that may be any but 0, such as ("n_images", 784).
    finite : bool, default False
        Refuse NaN and infinity, with their place.

    Returns
    -------
    ndarray of float64, shape of values

    Raises
    ------
    ValueError
        As `as_array` does, and for another shape and what `finite` refuses.

    """
    array = as_array(values, name).astype(np.float64, copy=False)
    if shape is not None:
        fits = len(shape) == array.ndim and all(
            found == wanted if isinstance(wanted, int) else found > 0 for found, wanted in zip(array.shape, shape))
        if not fits:
            text = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
            raise ValueError(f"expected {name} of shape ({text}), got {array.shape}; try {_expression(name)}.reshape, "
                             "if it is only the order of axes")
    if finite and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"expected {name} made of finite numbers, got {array[where]} at index {where}; try to look at "
                         f"what {name} was made from")
    return array


def as_broadcast(**named: Any) -> list[np.ndarray]:
    """Finite float64 arrays, one a name, of shapes that fit together as numpy broadcasts them.

    Parameters
    ----------
    **named : array_like
        The values, by the names that the messages call them.

    Returns
    -------
    list of ndarray of float64
        In the order of the names, of their own shapes.

    Raises
    ------
    ValueError
        As `as_array` does, for NaN and infinity, and for shapes that do not fit together.

    """
    arrays = [as_floats(values, name, finite=True) for name, values in named.items()]
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        raise ValueError(f"expected {', '.join(named)} of shapes that fit together, got "
                         f"{', '.join(str(array.shape) for array in arrays)}; try one value of each for every "
                         "result") from None
    return arrays


def as_tensor(values: Any, name: str = "values") -> torch.Tensor:
    """A torch tensor of real numbers as it is, and anything else by way of numpy.

    The tensor lies in the memory of an array if it can.

    Parameters
    ----------
    values : array_like or torch.Tensor
        As in `as_array`.
    name : str, default "values"
        What the messages call it.

    Returns
    -------
    torch.Tensor, shape of values

    Raises
    ------
    ValueError
        As `as_array` does.

    """
    import torch  # not for those who have none

    if isinstance(values, torch.Tensor) and values.layout == torch.strided and not hasattr(values, "get_mask") \
            and not (values.is_complex() or values.is_quantized or values.is_meta or values.is_nested):
        return values
    array = as_array(values, name)
    if array.dtype == np.longdouble:  # torch has no such
        array = array.astype(np.float64)
    if not array.flags.writeable or any(step < 0 for step in array.strides):  # torch takes neither
        array = array.copy()
    return torch.from_numpy(array)


def _from_objects(array: np.ndarray, name: str, words: str) -> np.ndarray:
    """An array of Python objects, if they are numbers: so come tables whose columns can have missing values."""
    for where, value in np.ndenumerate(array):
        if not isinstance(value, (bool, int, float, complex, np.number, np.bool_)) or value is np.ma.masked:
            missing = value is None or "NA" in type(value).__name__
            place = f" at index {', '.join(map(str, where))}" if where else ""
            raise ValueError(f"expected {name} made of {words}, got {'no value' if missing else _type(value)} "
                             f"({str(value)[:40]!r}){place}; try "
                             + ("to drop the rows with missing values" if missing and where else
                                "a numpy array of numbers"))
    return np.array(array.tolist())


def _got(array: np.ndarray, values: Any) -> str:
    first = f" (first value {array.flat[0].item()!r})" if array.size and array.dtype.kind in "US" else ""
    return f"dtype {array.dtype}{first}" if array.shape or array.dtype.kind not in "US" else _type(values)


def _remedy(array: np.ndarray, name: str, kinds: str) -> str:
    name = _expression(name)
    if array.dtype.kind == "c":
        return f"{name}.real, or numpy.abs({name})"
    if array.dtype.names:
        return f"numpy.lib.recfunctions.structured_to_unstructured({name})"
    if kinds == "b":
        return f"{name} != 0"
    if kinds == INTEGER:
        return f"numpy.asarray({name}, int)"
    if array.dtype.kind in "US":
        return f"numpy.asarray({name}, float), if it holds numbers as text"
    return "an array of numbers"
