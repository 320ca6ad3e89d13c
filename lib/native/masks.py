"""Sixteen bits in one number: lane l of `lanes.Lanes` is chosen where bit l is one.

Bits that are stored so take a thirty-second of the room of float32 lanes, and a sum of what they choose needs no
product. Processors with masks for vector instructions (AVX-512, SVE) take them as they are; others unpack them.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lib.native import _plain, switch
from lib.native.lanes import N_LANES

_BITS = ir.VectorType(ir.IntType(1), N_LANES)


@intrinsic
def add_where(_typing_context, lanes, mask, other):
    """lanes + other in some of the lanes; the others as they are.

    Parameters
    ----------
    lanes : Lanes of float32 or float64
        What is added to.
    mask : uint16
        Bit l is one where lane l is meant.
    other : Lanes
        What is added, of the same dtype.

    Returns
    -------
    Lanes
        Of the dtype of lanes.

    """
    def generate(context, builder, signature, arguments):
        left, mask, right = arguments
        return builder.select(builder.bitcast(mask, _BITS), builder.fadd(left, right), left)
    return lanes(lanes, types.uint16, lanes), generate


@intrinsic
def choose(_typing_context, mask, chosen, others):
    """Some lanes of one, the others of another.

    Parameters
    ----------
    mask : uint16
        Bit l is one where lane l is meant.
    chosen : Lanes
        Taken where the mask is set.
    others : Lanes
        Taken elsewhere, of the same dtype.

    Returns
    -------
    Lanes
        Of the dtype of chosen.

    """
    def generate(context, builder, signature, arguments):
        return builder.select(builder.bitcast(arguments[0], _BITS), *arguments[1:])
    return chosen(types.uint16, chosen, chosen), generate


@intrinsic
def less(_typing_context, lanes, other):
    """Where lanes < other.

    Parameters
    ----------
    lanes, other : Lanes of float32 or float64
        Of one dtype.

    Returns
    -------
    uint16
        A mask.

    """
    def generate(context, builder, signature, arguments):
        return builder.bitcast(builder.fcmp_ordered("<", *arguments), ir.IntType(N_LANES))
    return types.uint16(lanes, lanes), generate


@intrinsic
def nonzero(_typing_context, lanes):
    """Where integer lanes are not zero.

    Parameters
    ----------
    lanes : Lanes of uint32 or uint64
        The integers.

    Returns
    -------
    uint16
        A mask.

    """
    def generate(context, builder, signature, arguments):
        zero = ir.Constant(arguments[0].type, None)
        return builder.bitcast(builder.icmp_unsigned("!=", arguments[0], zero), ir.IntType(N_LANES))
    return types.uint16(lanes), generate


@intrinsic
def lanes_and(_typing_context, lanes, number):
    """Bitwise "and" of integer lanes with a number.

    Parameters
    ----------
    lanes : Lanes of uint32 or uint64
        The integers.
    number : uint32 or uint64
        Of the dtype of lanes.

    Returns
    -------
    Lanes
        Of the dtype of lanes.

    """
    def generate(context, builder, signature, arguments):
        vector = arguments[0].type
        single = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[1], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), N_LANES), None)
        return builder.and_(arguments[0], builder.shuffle_vector(single, single, zeros))
    return lanes(lanes, lanes.dtype), generate


if not switch.COMPILED:
    _plain.put_in_place(globals())
