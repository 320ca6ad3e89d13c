"""The type of sixteen numbers in numba, its operators, and operations of two: the base of `lib.native.lanes`."""

import operator

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

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


def vector_of(context, lanes):
    return context.get_value_type(lanes)


def widened(context, builder, value, kind, lanes):
    """A number as sixteen equal lanes; lanes as they are."""
    if kind == lanes:
        return value
    number = context.cast(builder, value, kind, lanes.dtype)
    vector = vector_of(context, lanes)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), N_LANES), None))


def _binary(emit):
    """An intrinsic of two operands, at least one of them lanes; emit(builder, left, right, dtype)."""
    @intrinsic
    def apply(typing_context, a, b):
        lanes = a if isinstance(a, Lanes) else b

        def generate(context, builder, signature, arguments):
            left, right = (widened(context, builder, value, kind, lanes)
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
