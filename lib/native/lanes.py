"""Sixteen numbers in one variable: a vector type for compiled code, so that sixteen chains advance as one.

The compiler turns an operation on `Lanes` into the vector instructions of the processor at hand (one of 512
bits, two of 256, four of 128), in float32, float64, uint32 or uint64 alike. Written as inner loops over
chains the same code takes about twice the time, because the compiler then has to prove again and again that
arrays do not overlap.

Inside numba functions: `load` and `store` sixteen consecutive numbers of a flat array, `number_at` for a single one,
`+ - * ^ | << >>` between lanes or with a number (which then stands in every lane), `smaller`, `larger`, `quotient`,
`one_where_less`, `add_chosen`, `square_root`, `total`, and three changes of type. Nothing is reordered, and nothing
fused that would be rounded twice otherwise: the bits are those of the operations as they are written, on every
processor. Nothing here knows about Boltzmann machines or networks.

numba's cache on disk knows a function by the content of the file that it stands in, not by what that file imports:
after an edit here, what was compiled before goes on being used, whatever the dates of the files. The book and the tests
therefore keep one cache a version of the code. Elsewhere, after an edit here, start with NUMBA_CACHE_DIR set to a new
folder, or delete what numba keeps beside the modules: find lib -name "*.nb[ic]" -delete
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from lib.native import _plain, switch

N_LANES = 16


class Lanes(types.Type):
    """The numba type of sixteen numbers of one dtype."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        number = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(number, N_LANES))


def _vector(context, lanes):
    return context.get_value_type(lanes)


def _widen(context, builder, value, kind, lanes):
    """A number as sixteen equal lanes; lanes as they are."""
    if kind == lanes:
        return value
    number = context.cast(builder, value, kind, lanes.dtype)
    vector = _vector(context, lanes)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), N_LANES), None))


def _binary(emit):
    """An intrinsic of two operands, at least one of them lanes; emit(builder, left, right, dtype)."""
    @intrinsic
    def apply(typing_context, a, b):
        lanes = a if isinstance(a, Lanes) else b

        def generate(context, builder, signature, arguments):
            left, right = (_widen(context, builder, value, kind, lanes)
                           for value, kind in zip(arguments, signature.args, strict=True))
            return emit(builder, left, right, lanes.dtype)
        return lanes(a, b), generate
    return apply


def _is_float(dtype):
    return isinstance(dtype, types.Float)


def _emit_add(builder, a, b, dtype):
    return builder.fadd(a, b) if _is_float(dtype) else builder.add(a, b)


def _emit_subtract(builder, a, b, dtype):
    return builder.fsub(a, b) if _is_float(dtype) else builder.sub(a, b)


def _emit_multiply(builder, a, b, dtype):
    return builder.fmul(a, b) if _is_float(dtype) else builder.mul(a, b)


def _emit_smaller(builder, a, b, dtype):
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _emit_larger(builder, a, b, dtype):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _emit_one_where_less(builder, a, b, dtype):
    one, zero = (ir.Constant(a.type, [ir.Constant(a.type.element, value)] * N_LANES) for value in (1.0, 0.0))
    return builder.select(builder.fcmp_ordered("<", a, b), one, zero)


_add = _binary(_emit_add)
_subtract = _binary(_emit_subtract)
_multiply = _binary(_emit_multiply)
_xor = _binary(lambda builder, a, b, dtype: builder.xor(a, b))
_or = _binary(lambda builder, a, b, dtype: builder.or_(a, b))
_shift_left = _binary(lambda builder, a, b, dtype: builder.shl(a, b))
_shift_right = _binary(lambda builder, a, b, dtype: builder.lshr(a, b))
smaller = _binary(_emit_smaller)
larger = _binary(_emit_larger)
quotient = _binary(lambda builder, a, b, dtype: builder.fdiv(a, b))
one_where_less = _binary(_emit_one_where_less)


def _overload_operator(python_operator, implementation):
    @overload(python_operator)
    def choose(a, b):
        if isinstance(a, Lanes) or isinstance(b, Lanes):
            return lambda a, b: implementation(a, b)


for _operator, _implementation in ((operator.add, _add), (operator.sub, _subtract), (operator.mul, _multiply),
                                   (operator.xor, _xor), (operator.or_, _or), (operator.lshift, _shift_left),
                                   (operator.rshift, _shift_right)):
    _overload_operator(_operator, _implementation)


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(array_type.dtype), N_LANES)
    size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer()), size


@intrinsic
def load(typing_context, array, index):
    """Lanes of array[index] ... array[index + 15] of a flat contiguous array; no bounds are checked."""
    lanes = Lanes(array.dtype)

    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=size)
    return lanes(array, types.intp), generate


@intrinsic
def number_at(typing_context, array, index):
    """array[index] of a flat contiguous array, for an index that is not negative, which numba asks for every time."""
    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))
    return array.dtype(array, types.intp), generate


@intrinsic
def store(typing_context, array, index, value):
    """Write lanes to array[index] ... array[index + 15] of a flat contiguous array; no bounds are checked."""
    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=size)
        return context.get_dummy_value()
    return types.void(array, types.intp, value), generate


@intrinsic
def store_past(typing_context, array, index, value):
    """`store` past the caches, for arrays larger than those; array[index] has to begin at a multiple of 64 bytes.

    The line that is written need not be read first, which is a third of the traffic with memory.
    """
    def generate(context, builder, signature, arguments):
        pointer, size = _address(context, builder, signature.args[0], *arguments[:2])
        written = builder.store(arguments[2], pointer, align=N_LANES * size)
        written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()
    return types.void(array, types.intp, value), generate


@intrinsic
def lanes_of(typing_context, number):
    """Sixteen times the same number."""
    lanes = Lanes(number)

    def generate(context, builder, signature, arguments):
        return _widen(context, builder, arguments[0], number, lanes)
    return lanes(number), generate


@intrinsic
def add_chosen(typing_context, lanes, number, bits):
    """lanes + number * bits, for bits of 0.0 and 1.0: one operation where the processor has it, two elsewhere.

    The product is exact, so that the sum is rounded once either way, and the bits are those of the two operations.
    """
    def generate(context, builder, signature, arguments):
        kind = signature.return_type
        vector, number = arguments[0], _widen(context, builder, arguments[1], signature.args[1], kind)
        name = f"llvm.fmuladd.v{N_LANES}f{8 * context.get_abi_sizeof(vector.type.element)}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector.type, [vector.type] * 3), name)
        return builder.call(fused, [number, arguments[2], vector])
    return lanes(lanes, number, bits), generate


@intrinsic
def total(typing_context, lanes):
    """The sum of the sixteen lanes, a number, in an order that is always the same."""
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
def square_root(typing_context, lanes):
    """The square root of each lane."""
    def generate(context, builder, signature, arguments):
        vector = arguments[0].type
        name = f"llvm.sqrt.v{N_LANES}f{8 * context.get_abi_sizeof(vector.element)}"
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name)
        return builder.call(root, arguments)
    return lanes(lanes), generate


@intrinsic
def signed_to_float(typing_context, lanes, like):
    """Integer lanes, read as signed, as floating-point numbers of the type of `like`."""
    def generate(context, builder, signature, arguments):
        return builder.sitofp(arguments[0], _vector(context, like))
    return like(lanes, like), generate


@intrinsic
def bits_of(typing_context, lanes):
    """The bits of float64 lanes as uint64 lanes."""
    integers = Lanes(types.uint64)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _vector(context, integers))
    return integers(lanes), generate


@intrinsic
def from_bits(typing_context, lanes):
    """uint64 lanes as the float64 lanes with these bits."""
    floats = Lanes(types.float64)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _vector(context, floats))
    return floats(lanes), generate


if not switch.COMPILED:
    _plain.put_in_place(globals())
