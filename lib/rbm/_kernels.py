"""Block Gibbs chains as fused loops: the fast path on the CPU.

Each function does what its plain torch twin in `sampling` does, and is tested against it. Both
precisions run through the same code. One thread, no global state: the numbers depend on the arguments alone.

How it gets its speed
- Sixteen chains advance as one. A pack holds the values of a unit in sixteen chains next to each other,
  x[16 unit + lane], and an operation on `Lanes` serves them all. Two packs go together, so that a weight is read
  once for 32 chains and additions of one pack run while those of the other wait for their results. A pack of
  75 units of float32 takes 5 kB, so that two stay in the first-level cache with the weights from their first
  sweep to their last.
- One generator a chain, kept in registers: xoshiro128+ (Blackman and Vigna, arXiv:1805.01407), six shifts and
  exclusive-ors and one addition of 32-bit integers. Every chain has a stream of its own, so its numbers do
  not depend on its place in a pack.
- No division and no library call in the decision u < S(a). With t = 2u - 1, uniform on [-1, 1], it reads
  t < tanh(a/2), and with tanh(a/2) = numerator/denominator, t * denominator < numerator: see `tanh_half`.
- Everything that many sweeps, or an epoch (`_training_kernels`), need happens in one call.

Where the number of chains is no multiple of sixteen, the last pack carries empty lanes that start from zeros,
are simulated like the others and are never read.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from lib.native.lanes import (
    N_LANES,
    Lanes,
    add_chosen,
    bits_of,
    from_bits,
    lanes_of,
    larger,
    load,
    number_at,
    one_where_less,
    quotient,
    signed_to_float,
    smaller,
    store,
)
from lib.native.switch import njit

# tanh(a/2) = a P(a^2) / Q(a^2), fitted for |a| <= 15 with the smallest largest error (differential
# correction: linear programmes on 3000 points). Largest error of the probability 0.5 + 0.5 tanh(a/2): 7.6e-7
# in exact arithmetic, under 1e-6 in float32 (tests/rbm/test_sampling.py measures it against float64).
_P0, _P1, _P2, _P3 = 0.4999964562759022, 0.015294831910032893, 6.933435032558832e-05, 2.861637800946232e-08
_Q1, _Q2, _Q3 = 0.11391714812585226, 0.0012998603989305077, 2.1265960204745803e-06
_A_SQUARED = 15.0**2
# exp(x) = 2^n exp(f) with n = round(x / ln 2) and |f| <= ln(2)/2. The Taylor series up to f^13 is exact to
# 1e-17.
_LOG2_E = 1 / math.log(2)
_LN_2 = math.log(2)
_C2, _C3, _C4, _C5, _C6, _C7 = (1 / math.factorial(k) for k in range(2, 8))
_C8, _C9, _C10, _C11, _C12, _C13 = (1 / math.factorial(k) for k in range(8, 14))
# Adding 1.5 * 2^52 rounds a float64 to an integer, which then stands in the lowest bits of the sum.
_ROUND = 1.5 * 2.0**52


def _tanh_half_float32(a):
    # Beyond |a| = 15 the factor P/Q stays constant and the value goes on growing with a, past 1: then the
    # comparison is always true (or always false), as it should be up to S(-15) = 3e-7.
    s = smaller(a * a, _A_SQUARED)
    return a * (_P0 + s * (_P1 + s * (_P2 + s * _P3))), 1.0 + s * (_Q1 + s * (_Q2 + s * _Q3))


def _tanh_half_float64(a):
    # (1 - e^-a) / (1 + e^-a) to rounding: the path that float32 is tested against.
    e = exponential(0.0 - a)
    return 1.0 - e, 1.0 + e


def tanh_half(a):
    """tanh(a/2) as (numerator, denominator > 0); compiled by the overload below."""
    return (_tanh_half_float32 if a.values.dtype == np.float32 else _tanh_half_float64)(a)


@overload(tanh_half)
def _tanh_half(a):
    return _tanh_half_float32 if a == Lanes(types.float32) else _tanh_half_float64


@njit
def exponential(x):
    """exp(x) of float64 lanes, for x cut to [-700, 700]."""
    x = smaller(larger(x, -700.0), 700.0)
    rounded = x * _LOG2_E + _ROUND
    f = x - (rounded - _ROUND) * _LN_2
    series = _C8 + f * (_C9 + f * (_C10 + f * (_C11 + f * (_C12 + f * _C13))))
    series = _C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * (_C6 + f * (_C7 + f * series)))))
    series = 1.0 + f * (1.0 + f * series)
    return from_bits(bits_of(series) + (bits_of(rounded) << 52))  # n added to the exponent: times 2^n


@njit
def next_random(s0, s1, s2, s3):
    """One step of xoshiro128+ in every lane: 32 random bits and the new state."""
    bits = s0 + s3
    shifted = s1 << 9
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ shifted
    s3 = (s3 << 11) | (s3 >> 21)
    return bits, s0, s1, s2, s3


@njit
def decide(a, bits):
    """1 with probability S(a), else 0 (4.11): u < S(a) with u = (signed bits + 1/2) / 2^32 + 1/2."""
    numerator, denominator = tanh_half(a)
    t = (signed_to_float(bits, a) + 0.5) * 2.0**-31  # in float32 rounded to 24 bits
    return one_where_less(t * denominator, numerator)


@njit
def probability(a):
    """S(a) = (1 + tanh(a/2)) / 2 (4.11); the float32 fraction is cut to [-1, 1]."""
    numerator, denominator = tanh_half(a)
    numerator = smaller(larger(numerator, 0.0 - denominator), denominator)
    return quotient(denominator + numerator, denominator + denominator)


@njit
def four_fields(weights, bias, x, y, j, n_in):
    """bias[j] + sum_i x[i] w[i, j] of four units from j on in two packs, so that each weight is read once for both.

    weights, x, y: as in `draw_two`. Weights that are read together stand far from each other: of neighbours the
    compiler makes a vector, which takes longer to spread over the lanes than to read them one by one.
    """
    a0, a1 = lanes_of(bias[j]), lanes_of(bias[j + 1])
    a2, a3 = lanes_of(bias[j + 2]), lanes_of(bias[j + 3])
    b0, b1, b2, b3 = a0, a1, a2, a3
    first = n_in * j
    for i in range(n_in):
        one, two = load(x, N_LANES * i), load(y, N_LANES * i)
        w0, w1 = number_at(weights, first + i), number_at(weights, first + n_in + i)
        w2, w3 = number_at(weights, first + 2 * n_in + i), number_at(weights, first + 3 * n_in + i)
        a0, a1 = add_chosen(a0, w0, one), add_chosen(a1, w1, one)
        a2, a3 = add_chosen(a2, w2, one), add_chosen(a3, w3, one)
        b0, b1 = add_chosen(b0, w0, two), add_chosen(b1, w1, two)
        b2, b3 = add_chosen(b2, w2, two), add_chosen(b3, w3, two)
    return a0, a1, a2, a3, b0, b1, b2, b3


@njit
def two_fields(weights, bias, x, y, j, n_in):
    """The same of one unit."""
    a = lanes_of(bias[j])
    b = a
    for i in range(n_in):
        w = number_at(weights, n_in * j + i)
        a, b = add_chosen(a, w, load(x, N_LANES * i)), add_chosen(b, w, load(y, N_LANES * i))
    return a, b


@njit
def add_inputs(start, weights, x, j, n_in):
    """start + sum_i x[i] w[i, j] of one unit in one pack."""
    for i in range(n_in):
        start = add_chosen(start, number_at(weights, n_in * j + i), load(x, N_LANES * i))
    return start


@njit
def draw_unit(a, out, j, s0, s1, s2, s3):
    """out[j] = 1 with probability S(a), with the next numbers of the generators."""
    bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
    store(out, N_LANES * j, decide(a, bits))
    return s0, s1, s2, s3


@njit
def draw_units(weights, bias, x, out, s0, s1, s2, s3):
    """Draw a layer given the other one: out[j] = 1 with probability S(bias[j] + sum_i x[i] w[i, j]) (4.9,
    4.10).

    weights: flat, w[i, j] = weights[n_in j + i]. x, out: packs of bits. s0 to s3: the generators. Four units
    at a time, so that each x[i] is read once for four products.
    """
    n_out = len(bias)
    n_in = len(weights) // n_out
    for four in range(n_out // 4):
        j = 4 * four
        a0, a1 = lanes_of(bias[j]), lanes_of(bias[j + 1])
        a2, a3 = lanes_of(bias[j + 2]), lanes_of(bias[j + 3])
        first = n_in * j
        for i in range(n_in):
            unit = load(x, N_LANES * i)
            a0 = add_chosen(a0, number_at(weights, first + i), unit)
            a1 = add_chosen(a1, number_at(weights, first + n_in + i), unit)
            a2 = add_chosen(a2, number_at(weights, first + 2 * n_in + i), unit)
            a3 = add_chosen(a3, number_at(weights, first + 3 * n_in + i), unit)
        s0, s1, s2, s3 = draw_unit(a0, out, j, s0, s1, s2, s3)
        s0, s1, s2, s3 = draw_unit(a1, out, j + 1, s0, s1, s2, s3)
        s0, s1, s2, s3 = draw_unit(a2, out, j + 2, s0, s1, s2, s3)
        s0, s1, s2, s3 = draw_unit(a3, out, j + 3, s0, s1, s2, s3)
    for j in range(n_out // 4 * 4, n_out):
        a0 = add_inputs(lanes_of(bias[j]), weights, x, j, n_in)
        s0, s1, s2, s3 = draw_unit(a0, out, j, s0, s1, s2, s3)
    return s0, s1, s2, s3


@njit
def draw_two(weights, bias, x, y, out, out_y, s0, s1, s2, s3, t0, t1, t2, t3):
    """`draw_units` of two packs, x with the generators s and y with t: while sums of one wait, the other's go."""
    n_out = len(bias)
    n_in = len(weights) // n_out
    for four in range(n_out // 4):
        j = 4 * four
        a0, a1, a2, a3, b0, b1, b2, b3 = four_fields(weights, bias, x, y, j, n_in)
        s0, s1, s2, s3 = draw_unit(a0, out, j, s0, s1, s2, s3)
        t0, t1, t2, t3 = draw_unit(b0, out_y, j, t0, t1, t2, t3)
        s0, s1, s2, s3 = draw_unit(a1, out, j + 1, s0, s1, s2, s3)
        t0, t1, t2, t3 = draw_unit(b1, out_y, j + 1, t0, t1, t2, t3)
        s0, s1, s2, s3 = draw_unit(a2, out, j + 2, s0, s1, s2, s3)
        t0, t1, t2, t3 = draw_unit(b2, out_y, j + 2, t0, t1, t2, t3)
        s0, s1, s2, s3 = draw_unit(a3, out, j + 3, s0, s1, s2, s3)
        t0, t1, t2, t3 = draw_unit(b3, out_y, j + 3, t0, t1, t2, t3)
    for j in range(n_out // 4 * 4, n_out):
        a0, b0 = two_fields(weights, bias, x, y, j, n_in)
        s0, s1, s2, s3 = draw_unit(a0, out, j, s0, s1, s2, s3)
        t0, t1, t2, t3 = draw_unit(b0, out_y, j, t0, t1, t2, t3)
    return s0, s1, s2, s3, t0, t1, t2, t3


@njit
def generators_of(states):
    """The four words of the generators of a pack."""
    return load(states, 0), load(states, N_LANES), load(states, 2 * N_LANES), load(states, 3 * N_LANES)


@njit
def keep(states, s0, s1, s2, s3):
    """The inverse, in place."""
    store(states, 0, s0)
    store(states, N_LANES, s1)
    store(states, 2 * N_LANES, s2)
    store(states, 3 * N_LANES, s3)


@njit
def sweep(weights, weights_t, visible_bias, hidden_bias, visible, hidden, states, n_sweeps):
    """n_sweeps block Gibbs sweeps v -> h -> v (figure 4.2) of packs, in place: of two at a time where there are."""
    n_packs = len(visible)
    for pack in range(0, n_packs - 1, 2):
        v, v_next, h, h_next = visible[pack], visible[pack + 1], hidden[pack], hidden[pack + 1]
        s0, s1, s2, s3 = generators_of(states[pack])
        t0, t1, t2, t3 = generators_of(states[pack + 1])
        for _ in range(n_sweeps):
            s0, s1, s2, s3, t0, t1, t2, t3 = draw_two(weights_t, hidden_bias, v, v_next, h, h_next, s0, s1, s2, s3,
                                                      t0, t1, t2, t3)
            s0, s1, s2, s3, t0, t1, t2, t3 = draw_two(weights, visible_bias, h, h_next, v, v_next, s0, s1, s2, s3,
                                                      t0, t1, t2, t3)
        keep(states[pack], s0, s1, s2, s3)
        keep(states[pack + 1], t0, t1, t2, t3)
    if n_packs % 2:
        v, h = visible[n_packs - 1], hidden[n_packs - 1]
        s0, s1, s2, s3 = generators_of(states[n_packs - 1])
        for _ in range(n_sweeps):
            s0, s1, s2, s3 = draw_units(weights_t, hidden_bias, v, h, s0, s1, s2, s3)
            s0, s1, s2, s3 = draw_units(weights, visible_bias, h, v, s0, s1, s2, s3)
        keep(states[n_packs - 1], s0, s1, s2, s3)


@njit
def packs(n_chains, n_units, dtype):
    """Zeros for the packs of n_chains chains, one row a pack: (n_packs, 16 n_units), from a 64-byte boundary
    on.

    A vector of 64 bytes that straddles two cache lines costs two accesses.
    """
    n_packs = (n_chains + N_LANES - 1) // N_LANES
    size = n_packs * n_units * N_LANES
    room = np.zeros(size + 64, dtype)
    skip = (-room.ctypes.data % 64) // room.itemsize
    return room[skip:skip + size].reshape((n_packs, n_units * N_LANES))


@njit
def load_rows(data, rows, x):
    """Pack rows of bits: x[chain // 16, 16 unit + chain % 16] = data[rows[chain], unit]."""
    for chain in range(len(rows)):
        row = data[rows[chain]]
        pack = x[chain // N_LANES]
        lane = chain % N_LANES
        for unit in range(len(row)):
            pack[N_LANES * unit + lane] = row[unit]


@njit
def store_rows(x, out):
    """The inverse: out[chain, unit] = x[chain // 16, 16 unit + chain % 16]."""
    n_chains, n_units = out.shape
    for chain in range(n_chains):
        pack = x[chain // N_LANES]
        lane = chain % N_LANES
        for unit in range(n_units):
            out[chain, unit] = out.dtype.type(pack[N_LANES * unit + lane])


@njit(cache=True)
def run_chains(weights, weights_t, visible_bias, hidden_bias, start, generators, burn_in, thin, out):
    """Chains from `start`, burn_in sweeps, then one row each `thin` sweeps into `out`: `sampling.sample`.

    weights: (n_visible, n_hidden) flat; weights_t: its transpose, flat. start: uint8 (n_chains, n_visible).
    generators: uint32 (n_chains, 4). out: uint8 (n_draws, n_chains, n_visible). Two packs run to their end before
    the next two begin.
    """
    n_draws, n_chains, n_visible = out.shape
    visible = packs(n_chains, n_visible, weights.dtype)
    states = packs(n_chains, 4, generators.dtype)
    hidden = packs(2 * N_LANES, len(hidden_bias), weights.dtype)
    every_chain = np.arange(n_chains)
    load_rows(start, every_chain, visible)
    load_rows(generators, every_chain, states)
    for pack in range(0, len(visible), 2):
        v, own, first = visible[pack:pack + 2], states[pack:pack + 2], N_LANES * pack
        sweep(weights, weights_t, visible_bias, hidden_bias, v, hidden, own, burn_in)
        for draw in range(n_draws):
            sweep(weights, weights_t, visible_bias, hidden_bias, v, hidden, own, thin)
            store_rows(v, out[draw, first:first + 2 * N_LANES])
