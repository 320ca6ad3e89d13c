"""Contrastive divergence of sixteen machines at once, one a lane: `_training_kernels.train_epoch` to the same bits.

In `_kernels` a vector holds sixteen chains of one machine. Here it holds the same chain of sixteen machines, so that
- no lane is empty, where a hundred chains fill six packs and a quarter of a seventh;
- the sums over chains end as they are, one number a machine, where a pack's sixteen have to be added up;
- bits stay masks (`native.masks`): of 128 chains of 20 units in sixteen machines 5 kB.
Every machine takes its numbers in the order of `_kernels`: its own generators, sums over units one after another, sums
over chains first in sixteen parts and then by halves. So its bits are those of a training of its own.

Masks stand in x[width unit + chain], width being the number of chains rounded up to a multiple of sixteen; beyond the
chains none is set. A row behind those of the units is set for all chains. Lanes of parameter k stand in [16 k].
"""

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, load, signed_to_float, store
from lib.native.masks import add_where, lanes_and, less, nonzero
from lib.native.switch import njit
from lib.rbm._kernels import next_random, packs, probability, tanh_half
from lib.rbm.optimizers import SGD, descend

WORD = 32  # bits of a row of data in one number


@njit
def decide(a, bits):
    """`_kernels.decide` as a mask."""
    numerator, denominator = tanh_half(a)
    t = (signed_to_float(bits, a) + 0.5) * 2.0**-31
    return less(t * denominator, numerator)


@njit
def four_fields(weights, first, by_in, by_out, bias, x, n_in, chain, width):
    """bias + sum_i x[i] w[i] of four units in two chains: eight lanes, so that each weight is read once for two."""
    a0, a1, a2, a3 = load(bias, 0), load(bias, N_LANES), load(bias, 2 * N_LANES), load(bias, 3 * N_LANES)
    b0, b1, b2, b3 = a0, a1, a2, a3
    for i in range(n_in):
        one, two = x[width * i + chain], x[width * i + chain + 1]
        w0, w1 = load(weights, first), load(weights, first + by_out)
        w2, w3 = load(weights, first + 2 * by_out), load(weights, first + 3 * by_out)
        a0, a1, a2, a3 = add_where(a0, one, w0), add_where(a1, one, w1), add_where(a2, one, w2), add_where(a3, one, w3)
        b0, b1, b2, b3 = add_where(b0, two, w0), add_where(b1, two, w1), add_where(b2, two, w2), add_where(b3, two, w3)
        first += by_in
    return a0, a1, a2, a3, b0, b1, b2, b3


@njit
def two_fields(weights, first, by_in, bias, x, n_in, chain, width):
    """The same of one unit."""
    a, b = load(bias, 0), load(bias, 0)
    for i in range(n_in):
        w = load(weights, first)
        a = add_where(a, x[width * i + chain], w)
        b = add_where(b, x[width * i + chain + 1], w)
        first += by_in
    return a, b


@njit
def draw_units(weights, by_in, by_out, bias, x, out, states, chain, width):
    """`_kernels.draw_units` of two chains: the weight of (i, j) stands in [by_in i + by_out j]."""
    n_in, n_out = len(weights) // len(bias), len(bias) // N_LANES
    at = 4 * N_LANES * chain
    for j in range(0, n_out - 3, 4):
        a0, a1, a2, a3, b0, b1, b2, b3 = four_fields(weights, by_out * j, by_in, by_out, bias[N_LANES * j:], x, n_in,
                                                     chain, width)
        s0, s1 = load(states, at), load(states, at + N_LANES)
        s2, s3 = load(states, at + 2 * N_LANES), load(states, at + 3 * N_LANES)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * j + chain] = decide(a0, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 1) + chain] = decide(a1, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 2) + chain] = decide(a2, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 3) + chain] = decide(a3, bits)
        keep(states, at, s0, s1, s2, s3)
        s0, s1 = load(states, at + 4 * N_LANES), load(states, at + 5 * N_LANES)
        s2, s3 = load(states, at + 6 * N_LANES), load(states, at + 7 * N_LANES)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * j + chain + 1] = decide(b0, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 1) + chain + 1] = decide(b1, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 2) + chain + 1] = decide(b2, bits)
        bits, s0, s1, s2, s3 = next_random(s0, s1, s2, s3)
        out[width * (j + 3) + chain + 1] = decide(b3, bits)
        keep(states, at + 4 * N_LANES, s0, s1, s2, s3)
    for j in range(n_out // 4 * 4, n_out):
        a, b = two_fields(weights, by_out * j, by_in, bias[N_LANES * j:], x, n_in, chain, width)
        for which in range(2):
            first = at + 4 * N_LANES * which
            bits, s0, s1, s2, s3 = next_random(load(states, first), load(states, first + N_LANES),
                                               load(states, first + 2 * N_LANES), load(states, first + 3 * N_LANES))
            out[width * j + chain + which] = decide(a if which == 0 else b, bits)
            keep(states, first, s0, s1, s2, s3)


@njit
def keep(states, first, s0, s1, s2, s3):
    """Write the state of a generator."""
    store(states, first, s0)
    store(states, first + N_LANES, s1)
    store(states, first + 2 * N_LANES, s2)
    store(states, first + 3 * N_LANES, s3)


@njit
def half_sum(p, first, x, row, start, width):
    """Sum of x p over the chains of eight of sixteen parts, those from `start` on in twos, by halves."""
    zero = lanes_of(p[0]) * 0.0
    t0, t1, t2, t3, t4, t5, t6, t7 = zero, zero, zero, zero, zero, zero, zero, zero
    for chain in range(start, width, N_LANES):
        k, q = row + chain, first + N_LANES * chain
        t0 = add_where(t0, x[k], load(p, q))
        t1 = add_where(t1, x[k + 8], load(p, q + 8 * N_LANES))
        t2 = add_where(t2, x[k + 4], load(p, q + 4 * N_LANES))
        t3 = add_where(t3, x[k + 12], load(p, q + 12 * N_LANES))
        t4 = add_where(t4, x[k + 2], load(p, q + 2 * N_LANES))
        t5 = add_where(t5, x[k + 10], load(p, q + 10 * N_LANES))
        t6 = add_where(t6, x[k + 6], load(p, q + 6 * N_LANES))
        t7 = add_where(t7, x[k + 14], load(p, q + 14 * N_LANES))
    return ((t0 + t1) + (t2 + t3)) + ((t4 + t5) + (t6 + t7))


@njit
def add_gradient(weights, hidden_bias, x, p, n_chains, width, factor, by_weights, by_visible, by_hidden):
    """`_kernels.add_gradient`; p: room for the p_j of two hidden units in all chains."""
    n_visible, n_hidden = len(by_visible) // N_LANES, len(hidden_bias) // N_LANES
    one = lanes_of(factor) * 0.0 + 1.0
    for i in range(n_visible):
        count = one * 0.0
        for chain in range(n_chains):
            count = add_where(count, x[width * i + chain], one)
        store(by_visible, N_LANES * i, load(by_visible, N_LANES * i) + factor * count)
    by_in = N_LANES * n_hidden
    for j in range(n_hidden):
        for chain in range(0, n_chains, 2):
            a, b = two_fields(weights, N_LANES * j, by_in, hidden_bias[N_LANES * j:], x, n_visible, chain, width)
            store(p, N_LANES * chain, probability(a))
            store(p, N_LANES * (chain + 1), probability(b))
        for i in range(n_visible + 1):  # behind the last unit the row that is set
            found = factor * (half_sum(p, 0, x, width * i, 0, width) + half_sum(p, 0, x, width * i, 1, width))
            if i < n_visible:
                at = N_LANES * (n_hidden * i + j)
                store(by_weights, at, load(by_weights, at) + found)
            else:
                store(by_hidden, N_LANES * j, load(by_hidden, N_LANES * j) + found)


@njit
def load_rows(words, places, rows, step, n_visible, x, width):
    """Masks of rows of data: machine m has those of rows[m, step] in words[places[m]]."""
    some = packs(1, 1, words.dtype)[0]
    for chain in range(rows.shape[2]):
        for word in range(words.shape[2]):
            for machine in range(N_LANES):
                some[machine] = words[places[machine], rows[machine, step, chain], word]
            bits = load(some, 0)
            for unit in range(WORD * word, min(WORD * (word + 1), n_visible)):
                x[width * unit + chain] = nonzero(lanes_and(bits, np.uint32(1) << np.uint32(unit - WORD * word)))


@njit
def masks(n_units, n_chains):
    """Room for masks, with the row that is set for all chains."""
    width = (n_chains + N_LANES - 1) // N_LANES * N_LANES
    x = np.zeros((n_units + 1) * width, np.uint16)
    x[n_units * width:n_units * width + n_chains] = 0xffff
    return x, width


@njit(cache=True, nogil=True)
def train_epoch(parameters, words, places, batches, starts, persistent, chains, generators, optimizer, momentum,
                moments, n_done, n_gibbs, rates):
    """One epoch of sixteen machines in place: as `_kernels.train_epoch`, with a first axis of machines.

    parameters: (16, n_parameters). words: uint32 (n_sets, n_samples, n_words), bit b of word w of a row being that of
    visible unit 32 w + b. places: int64 (16,), the set of each machine. batches: int64 (16, n_steps, batch_size);
    starts: int64 (16, n_steps, n_chains). chains: uint8 (16, n_chains, n_visible). generators: uint32
    (16, n_chains, 4). moments: (2, 16 n_parameters), lane by lane.
    """
    n_chains, n_visible = chains.shape[1:]
    n_parameters = parameters.shape[1]
    n_hidden = (n_parameters - n_visible) // (n_visible + 1)
    n_steps, batch_size = batches.shape[1:]
    real = rates.dtype.type
    flat, gradient = packs(1, n_parameters, parameters.dtype)[0], packs(1, n_parameters, parameters.dtype)[0]
    positive, batch_width = masks(n_visible, batch_size)
    negative, width = masks(n_visible, n_chains)
    hidden = masks(n_hidden, n_chains)[0]
    p = packs(1, max(batch_width, width), parameters.dtype)[0]
    states = packs(1, 4 * width, generators.dtype)[0]
    for machine in range(N_LANES):
        for k in range(n_parameters):
            flat[N_LANES * k + machine] = parameters[machine, k]
        for chain in range(n_chains):
            for word in range(4):
                states[N_LANES * (4 * chain + word) + machine] = generators[machine, chain, word]
            for unit in range(n_visible):
                negative[width * unit + chain] |= np.uint16(chains[machine, chain, unit]) << np.uint16(machine)
    visible, last = N_LANES * n_visible * n_hidden, N_LANES * n_visible * (n_hidden + 1)
    weights, visible_bias, hidden_bias = flat[:visible], flat[visible:last], flat[last:]
    by_weights, by_visible, by_hidden = gradient[:visible], gradient[visible:last], gradient[last:]

    for step in range(n_steps):
        gradient[:] = 0
        rate, scale = rates[step], real(1)
        if optimizer == SGD:
            rate, scale = scale, rate
        load_rows(words, places, batches, step, n_visible, positive, batch_width)
        add_gradient(weights, hidden_bias, positive, p, batch_size, batch_width, -scale / real(batch_size), by_weights,
                     by_visible, by_hidden)
        if not persistent:
            load_rows(words, places, starts, step, n_visible, negative, width)
        for chain in range(0, n_chains, 2):  # an odd number has one more, which no sum takes
            for _ in range(n_gibbs):
                draw_units(weights, N_LANES * n_hidden, N_LANES, hidden_bias, negative, hidden, states, chain, width)
                draw_units(weights, N_LANES, N_LANES * n_hidden, visible_bias, hidden, negative, states, chain, width)
        if n_chains % 2:
            for unit in range(n_visible):
                negative[width * unit + n_chains] = 0
        add_gradient(weights, hidden_bias, negative, p, n_chains, width, scale / real(n_chains), by_weights, by_visible,
                     by_hidden)
        descend(flat, gradient, moments, optimizer, rate, momentum, n_done + step + 1)

    for machine in range(N_LANES):
        for k in range(n_parameters):
            parameters[machine, k] = flat[N_LANES * k + machine]
        for chain in range(n_chains):
            for word in range(4):
                generators[machine, chain, word] = states[N_LANES * (4 * chain + word) + machine]
            for unit in range(n_visible):
                chains[machine, chain, unit] = (negative[width * unit + chain] >> machine) & 1
