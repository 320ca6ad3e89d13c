"""The table of all configurations of a machine, for `_complex_kernels`: what it costs less to take together.

A hidden unit's e^a is a product, of one factor for its bias and one for each visible unit that is on. So all
2^n_visible of them come from each other by one product, where each alone would take a sum over the visible units and an
exponential. The other way round, sums over the configurations in which a visible unit is on come by adding halves of
the table onto halves: the upper half is the sum of the first unit, and what is left is a table of the others.

Configurations stand in their order, sixteen in a pack: the last four units are places in a pack, the others count the
packs.
"""

import math

import numpy as np

from lib.native.lanes import (
    N_LANES,
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
    total,
)
from lib.native.switch import njit
from lib.rbm._kernels import exponential

# Exponents of e^a that are allowed, and of products of 1 + e^a before a logarithm is due: float64 ends at 709.
LARGEST_EXPONENT, LARGEST_PRODUCT = 300.0, 650.0
_LN_2, _SQRT_2 = math.log(2), math.sqrt(2)
_ONE = 1023 << 52  # the exponent of 1.0, where it stands in a float64
_A3, _A5, _A7, _A9, _A11, _A13, _A15, _A17, _A19, _A21 = (1 / k for k in range(3, 22, 2))
_TWO_OVER_PI = 2 / math.pi
# pi/2 in two parts, of which the first has 33 bits, so that its product with numbers up to 2^20 is exact.
_HALF_PI, _HALF_PI_REST = 1.57079632673412561417, 6.07710050650619224932e-11
_ROUND = 1.5 * 2.0**52  # as in `_kernels`
_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17 = ((-1) ** (k // 2) / math.factorial(k) for k in range(3, 18, 2))
_C2, _C4, _C6, _C8, _C10, _C12, _C14, _C16 = ((-1) ** (k // 2) / math.factorial(k) for k in range(2, 17, 2))


@njit
def logarithm(x):
    """ln(x) of positive float64 lanes that are neither infinite nor below 2^-1022.

    x = 2^n m with m from sqrt(1/2) to sqrt(2), and ln(m) = 2 artanh(s) with s = (m - 1)/(m + 1), |s| < 0.172. The
    series up to s^21 is exact to 1e-18.
    """
    bits = bits_of(x)
    m = from_bits(((bits << 12) >> 12) | _ONE)
    large = one_where_less(_SQRT_2, m)
    n = signed_to_float(bits >> 52, x) - 1023.0 + large
    m = m * (1.0 - 0.5 * large)
    s = quotient(m - 1.0, m + 1.0)
    q = s * s
    series = _A11 + q * (_A13 + q * (_A15 + q * (_A17 + q * (_A19 + q * _A21))))
    series = q * (_A3 + q * (_A5 + q * (_A7 + q * (_A9 + q * series))))
    return n * _LN_2 + (s + s + (s + s) * series)


@njit
def cosine_and_sine(x):
    """cos(x) and sin(x) of float64 lanes, to 1e-16 up to |x| = 10^6: beyond, x is rounded more than they are.

    x = n pi/2 + f with |f| <= pi/4: n says which of the series of f belong to which, and their signs.
    """
    rounded = x * _TWO_OVER_PI + _ROUND
    n = rounded - _ROUND
    f = (x - n * _HALF_PI) - n * _HALF_PI_REST
    q = f * f
    sine = _S9 + q * (_S11 + q * (_S13 + q * (_S15 + q * _S17)))
    sine = f + f * (q * (_S3 + q * (_S5 + q * (_S7 + q * sine))))
    cosine = _C8 + q * (_C10 + q * (_C12 + q * (_C14 + q * _C16)))
    cosine = 1.0 + q * (_C2 + q * (_C4 + q * (_C6 + q * cosine)))
    bits = bits_of(rounded)
    odd = signed_to_float((bits << 63) >> 63, x)
    even = 1.0 - odd
    first, second = even * cosine + odd * sine, even * sine + odd * cosine
    return (from_bits(bits_of(first) ^ (((bits + 1) >> 1) << 63)), from_bits(bits_of(second) ^ ((bits >> 1) << 63)))


@njit
def load_states(n_visible, visible):
    """All basis states in order, into packs."""
    for state in range(2**n_visible):
        for site in range(n_visible):
            place = N_LANES * site + state % N_LANES
            visible[state // N_LANES, place] = (state >> (n_visible - 1 - site)) & 1


@njit
def exponentials(values):
    """exp of the numbers of an array, with room behind them for the last lanes."""
    n = len(values)
    out = np.zeros((n + N_LANES - 1) // N_LANES * N_LANES)
    out[:n] = values
    for place in range(0, n, N_LANES):
        store(out, place, exponential(load(out, place)))
    return out


@njit
def pauses(weights, hidden_bias, n_visible):
    """Before which hidden units a logarithm is due; whether e^a of all of them stay within LARGEST_EXPONENT."""
    n_hidden = len(hidden_bias)
    due, sum_ = np.zeros(n_hidden, np.bool_), 0.0
    for j in range(n_hidden):
        low, high = hidden_bias[j], hidden_bias[j]
        for i in range(n_visible):
            w = weights[n_hidden * i + j]
            low, high = low + min(w, 0.0), high + max(w, 0.0)
        if not max(high, -low) <= LARGEST_EXPONENT:  # NaN is not
            return due, False
        sum_ += max(high, 0.0) + _LN_2
        if sum_ > LARGEST_PRODUCT:
            due[j], sum_ = True, max(high, 0.0) + _LN_2
    return due, True


@njit
def evaluate_table(weights, visible_bias, hidden_bias, hidden, energy):
    """`_complex_kernels.evaluate` of all configurations; False, with nothing done, where products would overflow."""
    n_visible, n_hidden, n_packs = len(visible_bias), len(hidden_bias), len(hidden)
    due, possible = pauses(weights, hidden_bias, n_visible)
    if not possible:
        return False
    n_inner = min(n_visible, 4)
    n_outer = n_visible - n_inner
    factor, of_packs = exponentials(weights), np.empty(n_packs * n_hidden)
    biases, in_packs = np.zeros(n_packs), np.zeros(N_LANES)
    of_packs[:n_hidden] = exponentials(hidden_bias)[:n_hidden]
    for k in range(n_outer):  # from the last of the units that count packs to the first
        site, half = n_outer - 1 - k, n_hidden << k
        for place in range(half):
            of_packs[half + place] = of_packs[place] * factor[n_hidden * site + place % n_hidden]
        for pack in range(1 << k):
            biases[(1 << k) + pack] = biases[pack] + visible_bias[site]
    of_lanes = np.ones(N_LANES * n_hidden)
    for k in range(n_inner):
        site = n_visible - 1 - k
        for lane in range(1 << k):
            in_packs[(1 << k) + lane] = in_packs[lane] + visible_bias[site]
        for j in range(n_hidden):
            for lane in range(1 << k):
                of_lanes[N_LANES * j + (1 << k) + lane] = of_lanes[N_LANES * j + lane] * factor[n_hidden * site + j]
    for pack in range(n_packs):
        p, first = hidden[pack], n_hidden * pack
        e = 0.0 - (load(in_packs, 0) + biases[pack])
        product = lanes_of(1.0)
        for j in range(n_hidden):
            if due[j]:
                e, product = e - logarithm(product), lanes_of(1.0)
            t = load(of_lanes, N_LANES * j) * number_at(of_packs, first + j)
            store(p, N_LANES * j, quotient(t, 1.0 + t))
            product = product * (1.0 + t)
        store(energy, N_LANES * pack, e - logarithm(product))
    return True


@njit
def add_halves(room, n_visible, by, first, step):
    """Add to by[first + step i] the sum of the numbers of the table `room` where unit i is on; the sum of all."""
    n_packs, n_inner = len(room) // N_LANES, min(n_visible, 4)
    place = first
    while n_packs > 1:
        n_packs //= 2
        t = lanes_of(0.0)
        for pack in range(n_packs):
            upper = load(room, N_LANES * (n_packs + pack))
            t = t + upper
            store(room, N_LANES * pack, load(room, N_LANES * pack) + upper)
        by[place] += total(t)
        place += step
    for k in range(n_inner - 1, -1, -1):
        sum_ = 0.0
        for lane in range(1 << k):
            sum_ += room[(1 << k) + lane]
            room[lane] += room[(1 << k) + lane]
        by[place] += sum_
        place += step
    return room[0]


@njit
def add_weighted_table(weight, hidden, by_weights, by_visible, by_hidden):
    """`_complex_kernels.add_weighted` of all configurations. weight: zero in lanes of no configuration."""
    n_visible, n_hidden, n_packs = len(by_visible), len(by_hidden), len(hidden)
    room = np.empty(N_LANES * n_packs)
    room[:] = weight[:N_LANES * n_packs]
    add_halves(room, n_visible, by_visible, 0, 1)
    for j in range(n_hidden):
        for pack in range(n_packs):
            store(room, N_LANES * pack, load(hidden[pack], N_LANES * j) * load(weight, N_LANES * pack))
        by_hidden[j] += add_halves(room, n_visible, by_weights, j, n_hidden)


@njit
def range_of(values, n):
    """The smallest and the largest of the first n numbers; the lanes behind them become like the first."""
    values[n:] = values[0]
    low = load(values, 0)
    high = low
    for place in range(N_LANES, len(values), N_LANES):
        low, high = smaller(low, load(values, place)), larger(high, load(values, place))
    ends = np.empty(2 * N_LANES)
    store(ends, 0, low)
    store(ends, N_LANES, high)
    return ends[:N_LANES].min(), ends[N_LANES:].max()


@njit
def born(energy, n_configurations, probability):
    """p = exp(-E) / Z of all configurations (4.3), and ln Z; zero in the lanes behind them."""
    lowest = range_of(energy, n_configurations)[0]
    t = lanes_of(0.0)
    for place in range(0, len(energy), N_LANES):
        store(probability, place, exponential(lowest - load(energy, place)))
    probability[n_configurations:] = 0
    for place in range(0, len(energy), N_LANES):
        t = t + load(probability, place)
    z = total(t)
    for place in range(n_configurations):
        probability[place] /= z
    return math.log(z) - lowest
