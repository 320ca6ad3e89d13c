"""`lib.native.lanes` and `lib.native.masks` on numpy arrays, for loops that Python itself runs (`lib.native.switch`).

The functions have the names that they have there, and do the same, lane by lane.
"""

from __future__ import annotations

import operator

import numpy as np

N_LANES = 16


class Sixteen:
    """Sixteen numbers of one dtype; a single number beside them stands in every lane, in their dtype."""

    __slots__ = ("values",)
    __array_ufunc__ = None  # numbers of numpy leave their operations with these to them

    def __init__(self, values):
        self.values = values


def _with(lanes, other):
    return other.values if isinstance(other, Sixteen) else lanes.values.dtype.type(other)


def _operation(function):
    def apply(a, b):
        lanes = a if isinstance(a, Sixteen) else b
        return Sixteen(function(_with(lanes, a), _with(lanes, b)))
    return apply


for _name, _function in (("add", operator.add), ("sub", operator.sub), ("mul", operator.mul), ("xor", operator.xor),
                         ("or", operator.or_), ("lshift", operator.lshift), ("rshift", operator.rshift)):
    _apply = _operation(_function)
    setattr(Sixteen, f"__{_name}__", _apply)
    setattr(Sixteen, f"__r{_name}__", lambda b, a, apply=_apply: apply(a, b))
smaller = _operation(lambda a, b: np.where(a < b, a, b))
larger = _operation(lambda a, b: np.where(a > b, a, b))
quotient = _operation(np.divide)
one_where_less = _operation(lambda a, b: (a < b).astype(a.dtype))


def load(array, index):
    return Sixteen(array[index:index + N_LANES].copy())


def number_at(array, index):
    return array[index]


def store(array, index, value):
    array[index:index + N_LANES] = value.values


store_past = store


def lanes_of(number):
    return Sixteen(np.full(N_LANES, number))


def add_chosen(lanes, number, bits):
    return lanes + number * bits


def multiply_add(number, lanes, sum_):
    return number * lanes + sum_


def total(lanes):
    values = lanes.values
    while len(values) > 1:  # halves on halves: 16, 8, 4, 2, 1
        values = values[:len(values) // 2] + values[len(values) // 2:]
    return values[0]


def signed_to_float(lanes, like):
    return Sixteen(lanes.values.view(f"i{lanes.values.itemsize}").astype(like.values.dtype))


def bits_of(lanes):
    return Sixteen(lanes.values.view(np.uint64))


def from_bits(lanes):
    return Sixteen(lanes.values.view(np.float64))


def _chosen(mask):
    return (int(mask) >> np.arange(N_LANES)) & 1 == 1


def _mask(chosen):
    return np.uint16((chosen << np.arange(N_LANES)).sum())


def add_where(lanes, mask, other):
    return Sixteen(np.where(_chosen(mask), lanes.values + other.values, lanes.values))


def less(lanes, other):
    return _mask(lanes.values < other.values)


def nonzero(lanes):
    return _mask(lanes.values != 0)


def lanes_and(lanes, number):
    return Sixteen(lanes.values & lanes.values.dtype.type(number))


def put_in_place(module):
    """Let a module's functions of these names be those of this one."""
    module.update({name: value for name, value in globals().items() if name in module and callable(value)
                   and not name.startswith("_")})
