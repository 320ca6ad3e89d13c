"""Sixteen numbers in one variable: a vector type for compiled code, so that sixteen chains advance as one.

The compiler turns an operation on `Lanes` into the vector instructions of the processor at hand (one of 512
bits, two of 256, four of 128), in float32, float64, uint32 or uint64 alike. Written as inner loops over
chains the same code takes about twice the time, because the compiler then has to prove again and again that
arrays do not overlap.

Inside numba functions: `load` and `store` sixteen consecutive numbers of a flat array, `number_at` for a single one,
`+ - * ^ | << >>` between lanes or with a number (which then stands in every lane), `smaller`, `larger`, `quotient`,
`one_where_less`, `add_chosen`, `square_root`, `total`, and three changes of type; `_typing_context` is passed by numba.
Nothing is reordered, and nothing fused that would be rounded twice otherwise: the bits are those of the operations as
they are written, on every processor. Nothing here knows about Boltzmann machines or networks.

numba's cache on disk knows a function by the content of the file that it stands in, not by what that file imports:
after an edit here, what was compiled before goes on being used, whatever the dates of the files. The book and the tests
therefore keep one cache a version of the code. Elsewhere, after an edit here, start with NUMBA_CACHE_DIR set to a new
folder, or delete what numba keeps beside the modules: find lib -name "*.nb[ic]" -delete
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lib.native import _plain, switch
from lib.native._lane_type import N_LANES, Lanes, larger, one_where_less, quotient, smaller, vector_of, widened

__all__ = ["N_LANES", "Lanes", "add_chosen", "bits_of", "from_bits", "lanes_of", "larger", "load", "number_at",
           "one_where_less", "quotient", "signed_to_float", "smaller", "square_root", "store", "store_past", "total"]


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(array_type.dtype), N_LANES)
    size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer()), size


@intrinsic
def load(_typing_context, array, index):
    """Sixteen numbers side by side of an array.

    Parameters
    ----------
    array : ndarray, shape (n,), contiguous
        Of one of the four types; no bounds are checked.
    index : int
        Of the first of the sixteen.

    Returns
    -------
    Lanes
        array[index] ... array[index + 15].

    """
    lanes = Lanes(array.dtype)

    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=size)
    return lanes(array, types.intp), generate


@intrinsic
def number_at(_typing_context, array, index):
    """One number of an array, for an index that is not negative, which numba asks for every time.

    Parameters
    ----------
    array : ndarray, shape (n,), contiguous
        Of one of the four types; no bounds are checked.
    index : int, >= 0
        Which one.

    Returns
    -------
    number
        array[index], of the dtype of the array.

    """
    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))
    return array.dtype(array, types.intp), generate


@intrinsic
def store(_typing_context, array, index, value):
    """Write lanes to array[index] ... array[index + 15].

    Parameters
    ----------
    array : ndarray, shape (n,), contiguous
        Of one of the four types; no bounds are checked.
    index : int
        Of the first of the sixteen.
    value : Lanes
        Of the dtype of the array.

    """
    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=size)
        return context.get_dummy_value()
    return types.void(array, types.intp, value), generate


@intrinsic
def store_past(_typing_context, array, index, value):
    """`store` past the caches, for arrays larger than those.

    The line that is written need not be read first, which is a third of the traffic with memory.

    Parameters
    ----------
    array : ndarray, shape (n,), contiguous
        Of one of the four types; no bounds are checked.
    index : int
        Of the first; the address of array[index] has to be a multiple of 64 bytes.
    value : Lanes
        Of the dtype of the array.

    """
    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments[:2])
        written = builder.store(arguments[2], pointer, align=N_LANES * size)
        written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()
    return types.void(array, types.intp, value), generate


@intrinsic
def lanes_of(_typing_context, number):
    """Sixteen times the same number.

    Parameters
    ----------
    number : float32, float64, uint32 or uint64
        What stands in every lane.

    Returns
    -------
    Lanes
        Of its dtype.

    """
    lanes = Lanes(number)

    def generate(context, builder, signature, arguments):
        return widened(context, builder, arguments[0], number, lanes)
    return lanes(number), generate


@intrinsic
def add_chosen(_typing_context, lanes, number, bits):
    """lanes + number bits: one operation where the processor has it, two elsewhere.

    The product is exact, so that the sum is rounded once either way, and the bits are those of the two operations.

    Parameters
    ----------
    lanes : Lanes of float32 or float64
        What is added to.
    number : float
        What is added where a bit is 1.
    bits : Lanes
        0.0 or 1.0, of the dtype of lanes.

    Returns
    -------
    Lanes
        Of the dtype of lanes.

    """
    def generate(context, builder, signature, arguments):
        kind = signature.return_type
        vector, number = arguments[0], widened(context, builder, arguments[1], signature.args[1], kind)
        name = f"llvm.fmuladd.v{N_LANES}f{8 * context.get_abi_sizeof(vector.type.element)}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector.type, [vector.type] * 3), name)
        return builder.call(fused, [number, arguments[2], vector])
    return lanes(lanes, number, bits), generate


@intrinsic
def total(_typing_context, lanes):
    """The sum of the sixteen lanes, in an order that is always the same.

    Parameters
    ----------
    lanes : Lanes of float32 or float64
        The summands.

    Returns
    -------
    number
        Of the dtype of lanes.

    """
    def generate(context, builder, signature, arguments):
        vector = arguments[0]
        n = N_LANES
        while n > 1:  # halves on halves: 16, 8, 4, 2, 1
            n //= 2
            index = ir.VectorType(ir.IntType(32), n)
            low = ir.Constant(index, list(range(n)))
            high = ir.Constant(index, list(range(n, 2 * n)))
            low, high = (builder.shuffle_vector(vector, vector, half) for half in (low, high))
            vector = builder.fadd(low, high)
        return builder.extract_element(vector, ir.IntType(32)(0))
    return lanes.dtype(lanes), generate


@intrinsic
def square_root(_typing_context, lanes):
    """The square root of each lane.

    Parameters
    ----------
    lanes : Lanes of float32 or float64
        Not negative.

    Returns
    -------
    Lanes
        Of the dtype of lanes.

    """
    def generate(context, builder, signature, arguments):
        vector = arguments[0].type
        name = f"llvm.sqrt.v{N_LANES}f{8 * context.get_abi_sizeof(vector.element)}"
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name)
        return builder.call(root, arguments)
    return lanes(lanes), generate


@intrinsic
def signed_to_float(_typing_context, lanes, like):
    """Integer lanes, read as signed, as floating-point numbers.

    Parameters
    ----------
    lanes : Lanes of uint32 or uint64
        The integers.
    like : Lanes of float32 or float64
        Whose dtype the result has.

    Returns
    -------
    Lanes
        Of the dtype of like.

    """
    def generate(context, builder, signature, arguments):
        return builder.sitofp(arguments[0], vector_of(context, like))
    return like(lanes, like), generate


@intrinsic
def bits_of(_typing_context, lanes):
    """The bits of float64 lanes.

    Parameters
    ----------
    lanes : Lanes of float64
        Whose bits.

    Returns
    -------
    Lanes of uint64
        The same bits.

    """
    integers = Lanes(types.uint64)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], vector_of(context, integers))
    return integers(lanes), generate


@intrinsic
def from_bits(_typing_context, lanes):
    """The inverse of `bits_of`.

    Parameters
    ----------
    lanes : Lanes of uint64
        The bits.

    Returns
    -------
    Lanes of float64
        The numbers with these bits.

    """
    floats = Lanes(types.float64)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], vector_of(context, floats))
    return floats(lanes), generate


if not switch.COMPILED:
    _plain.put_in_place(globals())
