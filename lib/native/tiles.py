"""Sums of shifted pixels and their products, a tile of pixels at a time: what every sparse layer is made of.

Forward, gradient by the input and gradient by the weights of a sparse convolution (any kernel and stride) or linear
layer are two operations, and they differ in index lists alone (`lib.models.sparse` makes them):

    sums:      out[c, p] = sum_k weights[k] x[p + offsets[k]]     over the weights k of channel c, for each pixel p
    products:  result[k] = sum_p g[c(k), p] x[p + offsets[k]]     over all pixels p

Every pixel is sixteen numbers, one of each of sixteen images, side by side in memory: one register of an AVX-512
processor. `sums_plain` and `products_plain` say the same as plain loops (`_plain_tiles`); tests compare.

How it gets its speed
- A tile of sixteen output pixels stays in sixteen registers while one channel's weights pass by. A weight is read
  once, spread over a register, and sixteen fused multiply-adds follow, whose pixels lie at fixed distances from one
  address: no index is looked up but the weight's own. Plain loops re-read the output for every weight, and reach a
  fifth of the speed.
- A tile is a power of two of pixels side by side in each of one or more rows: 1 x 16, 2 x 8, 4 x 4, 8 x 2, or up to
  8 x 1. Rows of small images come from several of them, so that 2 x 2 pixels still fill a tile. What is left at an edge
  is done in smaller tiles; rows of one pixel, as linear layers have, in tiles of nearly equal numbers of rows. All
  shapes are written out, once for each distance between pixels (strides).
- Weights of a few input channels at a time (a *segment*): their part of the tile's surroundings stays in the
  first-level cache while all output channels are served. The tile is then stored and fetched again in between.
- `products` keeps the tile of the gradient in registers and adds to sixteen partial sums per weight. Where images are
  small and weights many, a segment passes by all tiles of a block before the next: its sums stay in the cache.

A processor without AVX-512 has too few registers for such a tile; tiles are of four pixels there, or of up to seven
rows of one pixel, from the same code (the compiler splits sixteen numbers into the registers that it has).

numba's cache on disk knows the functions here by the content of this file. Of what it imports they contain the
number of lanes: after an edit of `lib.native.lanes`, see there.
"""

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lib.native import switch
from lib.native._plain_tiles import STEPS, products_plain, sums_plain
from lib.native.lanes import N_LANES as LANES  # images side by side
from lib.native.switch import njit, prange
from lib.native.weights import lane_totals, taken

__all__ = ["COLUMN", "LANES", "PIXELS", "STEPS", "lane_totals", "products", "products_plain", "sums",
           "sums_plain", "taken"]

PIXELS = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f", False) else 4  # of a tile: registers for sums
_MOST_ROWS = 8  # each needs an address register, of which there are sixteen
COLUMN = 8 if PIXELS == 16 else 7  # rows of one column: 7 pixels, a weight and what it multiplies fill 16 registers
_COLUMN_OF_PRODUCTS = 8 if PIXELS == 16 else 4  # which need registers for their sums
_SIZES = [size for size in (2, 4, 8, 16) if size <= PIXELS]
# (rows, columns): first one column of any number of rows, then for each size one row, and as many as fill the tile.
_SHAPES = [(rows, 1) for rows in range(1, COLUMN + 1)]
_SHAPES += [shape for size in _SIZES for shape in ((1, size), (min(PIXELS // size, _MOST_ROWS), size))]
_N_SHAPES = len(_SHAPES)

_INT, _FLOAT = ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_FUSED = ("contract",)  # fused multiply-add is allowed, and nothing else: sums keep their order


class _Emit:
    """Writes the instructions of one tile; the arguments of the intrinsics below by name."""

    def __init__(self, context, builder, signature, arguments, names):
        self.builder = builder
        for name, kind, value in zip(names, signature.args, arguments, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            setattr(self, name, value)

    def each_shape(self, write):
        """Jump to the instructions that write(rows, columns, steps) has left for this shape and these steps."""
        builder = self.builder
        end, impossible = builder.append_basic_block("end"), builder.append_basic_block("impossible")
        switch = builder.switch(self.code, impossible)
        for code in range(len(STEPS) * _N_SHAPES):
            block = builder.append_basic_block(f"shape{code}")
            switch.add_case(_INT(code), block)
            builder.position_at_end(block)
            write(*_SHAPES[code % _N_SHAPES], *STEPS[code // _N_SHAPES])
            builder.branch(end)
        builder.position_at_end(impossible)
        builder.branch(end)
        builder.position_at_end(end)

    def row_starts(self, array, starts, step, n_rows, channel=None):
        """Addresses array[starts[row + r] + channel + 16 step column] for the rows r of the tile."""
        builder = self.builder
        shift = builder.mul(self.column, _INT(LANES * step))
        shift = shift if channel is None else builder.add(shift, channel)
        rows = [builder.load(builder.gep(starts, [builder.add(self.row, _INT(r))])) for r in range(n_rows)]
        return [builder.gep(array, [builder.add(row, shift)]) for row in rows]

    def pixels(self, row_starts, step, n_columns):
        """Addresses of the tile's pixels, row by row."""
        return [self.builder.bitcast(self.builder.gep(start, [_INT(LANES * step * column)]), _VECTOR.as_pointer())
                for start in row_starts for column in range(n_columns)]

    def load(self, address):
        return self.builder.load(address, align=4)

    def spread(self, number):
        """The number in all sixteen places."""
        builder, places = self.builder, ir.VectorType(ir.IntType(32), LANES)
        single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.IntType(32)(0))
        return builder.shuffle_vector(single, single, ir.Constant(places, None))

    def multiply_add(self, a, b, c):
        product = self.builder.fmul(a, b, flags=_FUSED)
        return product if c is None else self.builder.fadd(c, product, flags=_FUSED)

    def over_weights(self, sources, body):
        """for k in range(first, last), with values handed from turn to turn: body(k, rows at offsets[k], values).

        sources: (rows of x, list of (values before the first turn, block that they come from)). Returns the values
        after the last turn.
        """
        builder, (rows, starts) = self.builder, sources
        head, turn, end = (builder.append_basic_block(name) for name in ("head", "turn", "after"))
        for _, block in starts:
            with builder.goto_block(block):
                if not block.is_terminated:
                    builder.branch(head)
        builder.position_at_end(head)
        k = builder.phi(_INT)
        values = [builder.phi(_VECTOR) for _ in starts[0][0]]
        for before, block in starts:
            k.add_incoming(self.first, block)
            for value, old in zip(values, before, strict=True):
                value.add_incoming(old, block)
        builder.cbranch(builder.icmp_signed("<", k, self.last), turn, end)
        builder.position_at_end(turn)
        offset = builder.sext(builder.load(builder.gep(self.offsets, [k])), _INT)
        after = body(k, [builder.gep(row, [offset]) for row in rows], values)
        k.add_incoming(builder.add(k, _INT(1)), turn)
        for value, new in zip(values, after, strict=True):
            value.add_incoming(new, turn)
        builder.branch(head)
        builder.position_at_end(end)
        return values


_SUM = ("code", "x", "x_rows", "out", "out_rows", "row", "column", "channel", "offsets", "weights", "first", "last",
        "add")
_PRODUCT = ("code", "x", "x_rows", "g", "g_rows", "row", "column", "channel", "offsets", "result", "first", "last",
            "add")


@intrinsic
def _tile_sum(typing_context, code, x, x_rows, out, out_rows, row, column, channel, offsets, weights, first, last,
              add):
    """`sums` for one tile of one channel and the weights from first up to last."""
    number = types.int64

    def generate(context, builder, signature, arguments):
        e = _Emit(context, builder, signature, arguments, _SUM)

        def write(n_rows, n_columns, x_step, out_step):
            out = e.pixels(e.row_starts(e.out, e.out_rows, out_step, n_rows, e.channel), out_step, n_columns)
            rows = e.row_starts(e.x, e.x_rows, x_step, n_rows)
            empty, fetch = builder.append_basic_block("empty"), builder.append_basic_block("fetch")
            builder.cbranch(builder.icmp_signed("!=", e.add, _INT(0)), fetch, empty)
            builder.position_at_end(fetch)
            starts = [([ir.Constant(_VECTOR, None)] * len(out), empty), ([e.load(place) for place in out], fetch)]

            def turn(k, rows, tile):
                weight = e.spread(builder.load(builder.gep(e.weights, [k])))
                return [e.multiply_add(weight, e.load(pixel), value)
                        for value, pixel in zip(tile, e.pixels(rows, x_step, n_columns), strict=True)]
            for value, place in zip(e.over_weights((rows, starts), turn), out, strict=True):
                builder.store(value, place, align=4)
        e.each_shape(write)
        return context.get_dummy_value()
    return types.void(number, x, x_rows, out, out_rows, number, number, number, offsets, weights, number, number,
                      number), generate


@intrinsic
def _tile_product(typing_context, code, x, x_rows, g, g_rows, row, column, channel, offsets, result, first, last,
                  add):
    """`products` for one tile of one channel and the weights from first up to last, added to result[k, :] for add."""
    number = types.int64

    def generate(context, builder, signature, arguments):
        e = _Emit(context, builder, signature, arguments, _PRODUCT)

        def write(n_rows, n_columns, x_step, g_step):
            rows = e.row_starts(e.x, e.x_rows, x_step, n_rows)
            grads = e.row_starts(e.g, e.g_rows, g_step, n_rows, e.channel)
            tile = [e.load(pixel) for pixel in e.pixels(grads, g_step, n_columns)]
            adds, nothing = builder.icmp_signed("!=", e.add, _INT(0)), ir.Constant(_VECTOR, None)

            def turn(k, rows, _):
                place = builder.bitcast(builder.gep(e.result, [builder.mul(k, _INT(LANES))]), _VECTOR.as_pointer())
                # Four, or each addition would wait for the one before.
                sums = [builder.select(adds, e.load(place), nothing), None, None, None]
                for n, pixel in enumerate(e.pixels(rows, x_step, n_columns)):
                    sums[n % 4] = e.multiply_add(tile[n], e.load(pixel), sums[n % 4])
                total = sums[0]
                for part in sums[1:]:
                    total = total if part is None else builder.fadd(total, part)
                builder.store(total, place, align=4)
                return []
            e.over_weights((rows, [([], builder.block)]), turn)
        e.each_shape(write)
        return context.get_dummy_value()
    return types.void(number, x, x_rows, g, g_rows, number, number, number, offsets, result, number, number,
                      number), generate


@njit
def _shape(n_columns_left, n_rows_left, column):
    """The largest tile that still fits: (its number, its rows, its columns); column: most rows of one column."""
    i, size = 0, 1
    while 2 * size <= n_columns_left and 2 * size <= PIXELS:
        i, size = i + 1, 2 * size
    if size == 1:
        n_tiles = (n_rows_left + column - 1) // column
        n_rows = (n_rows_left + n_tiles - 1) // n_tiles
        return n_rows - 1, n_rows, 1
    n_rows, number = min(PIXELS // size, _MOST_ROWS), COLUMN + 2 * (i - 1)
    return (number + 1, n_rows, size) if n_rows_left >= n_rows else (number, 1, size)


@njit
def _cover(begin, end, n_columns, most):
    """The tiles that cover the rows from begin up to end: (number of its shape, first row, first column) of each."""
    column = 0
    while column < n_columns:
        row, n = begin, 1
        while row < end:
            shape, n_rows, n = _shape(n_columns - column, end - row, most)
            yield shape, row, column
            row += n_rows
        column += n


@njit(cache=True, parallel=True)
def sums(steps, x, x_rows, out, out_rows, n_columns, band, channel, starts, offsets, weights, add):
    """out[out_rows[r] + c channel + 16 step column + lane] = sum_k weights[k] x[x_rows[r] + offsets[k] + 16 ...].

    The numbers do not depend on how many threads run. No bounds are checked.

    Parameters
    ----------
    steps : int
        Index into STEPS, the distances between neighbours.
    x : ndarray of float32, flat
        What is read with the offsets.
    out : ndarray of float32, flat
        Where the sums go.
    x_rows, out_rows : ndarray of int64, shape (n_rows,)
        Where the rows begin.
    n_columns : int
        Pixels of a row.
    band : int
        Rows that one thread does at a time.
    channel : int
        Numbers from a channel of `out` to the next.
    starts : ndarray of int64, shape (n_segments, n_channels + 1)
        The weights of channel c in segment s stand from starts[s, c] to starts[s, c + 1].
    offsets : ndarray of int32, shape (n_weights,)
        Of each weight.
    weights : ndarray of float32, shape (n_weights,)
        The factors.
    add : int
        1 adds to what stands in `out`, 0 does not read it.

    """
    n_segments, n_channels = starts.shape[0], starts.shape[1] - 1
    for b in prange((len(x_rows) + band - 1) // band):
        for shape, row, column in _cover(b * band, min(len(x_rows), (b + 1) * band), n_columns, COLUMN):
            for s in range(n_segments):
                for c in range(n_channels):
                    first, last = starts[s, c], starts[s, c + 1]
                    adds = 1 if s > 0 else add
                    if first < last or not adds:
                        _tile_sum(steps * _N_SHAPES + shape, x, x_rows, out, out_rows, row, column, c * channel,
                                  offsets, weights, first, last, adds)


@njit(cache=True, parallel=True)
def products(steps, x, x_rows, g, g_rows, n_columns, band, channel, starts, offsets, result, n_parts, block,
             add):
    """result[k, lane] = sum over rows and columns of g[...] x[... + offsets[k]].

    The sum over lanes is left to `lane_totals`; n_parts and block do not change the numbers.

    Parameters
    ----------
    steps, x, x_rows, n_columns, band, channel, starts, offsets
        As of `sums`, with g in the place of out.
    g : ndarray of float32, flat
        The gradient by the output.
    g_rows : ndarray of int64, shape (n_rows,)
        Where its rows begin.
    result : ndarray of float32, shape (16 n_weights,)
        Where the products go, sixteen a weight.
    n_parts : int
        Into so many parts the channels are divided, one for each thread; each part reads all of x.
    block : int
        Rows, a multiple of band, that one segment passes before the next.
    add : int
        1 adds to what stands in `result`, 0 does not read it.

    """
    n_segments, n_channels = starts.shape[0], starts.shape[1] - 1
    for part in prange(n_parts):  # channels and not rows: every weight is one thread's own
        low, high = part * n_channels // n_parts, (part + 1) * n_channels // n_parts
        for begin in range(0, len(x_rows), block):
            end = min(len(x_rows), begin + block)
            for s in range(n_segments):
                adds = add if begin == 0 else 1
                for b in range(begin, end, band):
                    for shape, row, column in _cover(b, min(end, b + band), n_columns, _COLUMN_OF_PRODUCTS):
                        for c in range(low, high):
                            if starts[s, c] < starts[s, c + 1]:
                                _tile_product(steps * _N_SHAPES + shape, x, x_rows, g, g_rows, row, column,
                                              c * channel, offsets, result, starts[s, c], starts[s, c + 1], adds)
                        adds = 1


if not switch.COMPILED:
    sums, products = sums_plain, products_plain
