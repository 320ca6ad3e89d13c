"""What a caller hands over as a plain numpy array, of whatever dtype: the first half of the door in :mod:`lib.checks`.

Masked entries are refused here, since numpy would drop the masks in silence.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, np.generic)


def refuse_masked(values: Any, name: str) -> None:
    """Refuse an array, or a torch tensor of the masked kind, that marks entries as masked.

    Parameters
    ----------
    values : object
        Other things than arrays and tensors pass.
    name : str
        What the messages call it.

    Raises
    ------
    ValueError
        Saying how many entries are masked and where the first is; the message names a remedy.

    """
    if callable(getattr(values, "get_mask", None)):  # torch's, where True is what exists
        mask = ~np.asarray(values.get_mask().cpu())
    else:  # numpy's, and other subclasses of its arrays that follow it
        mask = getattr(values, "mask", None) if isinstance(values, np.ndarray) else None
    if mask is None or not np.any(mask):
        return
    mask = np.broadcast_to(mask, values.shape)
    where = tuple(int(i) for i in np.argwhere(mask)[0])
    place = {0: "", 1: f", the first at index {where[0] if where else ''}",
             2: f", the first in row {where[0]}, column {where[-1]} (counted from 0)" if where else ""}.get(
        mask.ndim, f", the first at index {where}")
    it = _expression(name)
    remedy = {1: f"{it}.compressed(), which drops them (and the same entries of what belongs to them)",
              2: f"numpy.ma.compress_rows({it}), which drops the rows with masked entries (and the same rows of what "
                 "belongs to them)"}.get(mask.ndim, f"{it}.filled(value) with a value that is right there")
    n_masked = int(mask.sum())
    raise ValueError(f"expected {name} without masked entries, got {n_masked} of {mask.size} masked{place}; "
                     f"try {remedy}")


def as_plain(values: Any, name: str) -> np.ndarray:
    """A plain array of whatever dtype, for those who look at that themselves.

    Parameters
    ----------
    values : array_like
        As in `as_array`.
    name : str
        What the messages call it.

    Returns
    -------
    ndarray, shape of values

    Raises
    ------
    ValueError
        For masked entries, and for what numpy cannot read as an array.

    """
    if isinstance(values, np.ndarray):
        if values.dtype.names is None:  # a record with names is refused by its dtype
            refuse_masked(values, name)
        return np.asarray(values.data if isinstance(values, np.ma.MaskedArray) else values)
    if hasattr(values, "detach"):
        return _from_tensor(values, name)
    if isinstance(values, (list, tuple)):
        return _from_list(values, name)
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise ValueError(f"expected {name} as an array, got a sparse matrix of shape {values.shape}; try "
                         f"{_expression(name)}.toarray()")
    try:  # a subclass may come out, with a mask: not np.asarray, which would drop it
        array = np.asanyarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    except Exception as error:  # whatever a foreign object raises on its way into numpy
        raise ValueError(f"expected {name} as an array, got {_type(values)} that numpy cannot read "
                         f"({type(error).__name__}: {error}); try numpy.array of its numbers") from None
    return as_plain(array, name)


def _from_tensor(tensor: Any, name: str) -> np.ndarray:
    """The numbers of a torch tensor; torch itself is not imported, for those who have none."""
    refuse_masked(tensor, name)
    if getattr(tensor, "is_quantized", False):
        tensor = tensor.dequantize()
    if getattr(tensor, "is_nested", False) or str(getattr(tensor, "layout", "torch.strided")) != "torch.strided":
        raise ValueError(f"expected {name} as a dense tensor, got one of layout {tensor.layout}; try "
                         f"{_expression(name)}.to_dense(), or to_padded_tensor for a nested one")
    if getattr(tensor, "is_meta", False):
        raise ValueError(f"expected {name} with numbers in it, got a tensor on the device meta, which has none; try "
                         'a tensor on device="cpu"')
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    try:
        return tensor.numpy()
    except TypeError:  # a format that numpy does not have, of 16 or 8 bits
        return tensor.float().numpy()


def _from_list(values: list | tuple, name: str) -> np.ndarray:
    if _holds_objects(values):  # arrays, tensors and the like, each through the door by itself
        values = [as_plain(part, f"{name}[{number}]") for number, part in enumerate(values)]
    try:
        return np.array(values)
    except ValueError:
        raise ValueError(f"expected {name} with rows of one length, got rows of several; try to pad or cut "
                         "them") from None


def _holds_objects(values: list | tuple) -> bool:
    """Whether nested lists hold anything but plain numbers and text."""
    for kind in set(map(type, values)):
        if issubclass(kind, (list, tuple)):
            if any(_holds_objects(part) for part in values if type(part) is kind):
                return True
        elif not issubclass(kind, _PLAIN) and kind is not type(None):
            return True
    return False


def _type(values: Any) -> str:
    name = type(values).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _expression(name: str) -> str:
    """What stands for the array in advice: its name, if that is one in Python."""
    return name if re.fullmatch(r"[A-Za-z_][\w.\[\]]*", name) else "them"
