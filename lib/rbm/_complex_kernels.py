"""Sums over rotated spins and their gradients as fused loops, for `rotations` and `complex_training` (5.12-5.18).

Machines come as one flat vector: weights (n_visible, n_hidden) row by row, visible and hidden biases of the amplitude
machine, then those of the phase machine. Everything is float64 and complex128. As in `_kernels`, sixteen
configurations advance as one, and the numbers depend on the arguments alone.

The amplitude of an outcome in a rotated basis is a sum over the 2^r configurations along z that its r turned spins
leave open (5.13). Two layouts serve it:
- the table: all 2^n_visible configurations, evaluated once for all rows, which also give the exact negative phase
  (`_complex_table`);
- the list: for every row its own 2^r configurations, where spins are many and few of them are turned.
Either way a configuration has a place, the energies of both machines, and a weight d ln(psi) / d ln(psi_place) summed
over rows, from which the gradients follow.

The last visible units may be ancillas of a mixed state, which nobody measures: the probability of a row is then the sum
of |psi|^2 over their configurations, in the table only.
"""

import math

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, larger, load, one_where_less, quotient, store, total
from lib.native.switch import njit
from lib.rbm._complex_rows import add_listed_rows, add_rows
from lib.rbm._complex_table import add_weighted_table, born, evaluate_table, load_states, logarithm
from lib.rbm._kernels import exponential, load_rows, packs, store_rows, sweep
from lib.rbm._training_kernels import add_gradient, add_products, parts
from lib.rbm.optimizers import descend

# Factors 1 + exp(-|a|) <= 2 that are multiplied before a logarithm is due: 2^512 is far from overflow.
_N_FACTORS = 512


@njit
def evaluate(weights, visible_bias, hidden_bias, visible, hidden, energy):
    """The effective energy (4.5) of every configuration, and S(a_j) = p(h_j = 1 | v) (4.9) into packs `hidden`.

    ln(1 + e^a) = max(a, 0) + ln(1 + e^-|a|), and the second terms are logarithms of a product.
    """
    n_visible, n_hidden = len(visible_bias), len(hidden_bias)
    for pack in range(len(visible)):
        v, p = visible[pack], hidden[pack]
        e = lanes_of(0.0)
        for i in range(n_visible):
            e = e - visible_bias[i] * load(v, N_LANES * i)
        store(energy, N_LANES * pack, e)
        for start in range(0, n_hidden, _N_FACTORS):
            e = load(energy, N_LANES * pack)
            factors = lanes_of(1.0)
            for j in range(start, min(start + _N_FACTORS, n_hidden)):
                a = lanes_of(hidden_bias[j])
                for i in range(n_visible):
                    a = a + weights[n_hidden * i + j] * load(v, N_LANES * i)
                t = exponential(0.0 - larger(a, 0.0 - a))
                above = one_where_less(0.0, a)
                store(p, N_LANES * j, quotient(above + t - above * t, 1.0 + t))
                factors = factors * (1.0 + t)
                e = e - larger(a, 0.0)
            store(energy, N_LANES * pack, e - logarithm(factors))


@njit
def add_weighted(weight, visible, hidden, by_weights, by_visible, by_hidden):
    """Add sum over configurations of weight (v_i p_j, v_i, p_j): minus the weighted (4.20, 4.22, 4.21).

    hidden holds the p_j and is multiplied by the weights in place.
    """
    n_visible, n_hidden = len(by_visible), len(by_hidden)
    zero = lanes_of(0.0)
    for pack in range(len(visible)):
        u = load(weight, N_LANES * pack)
        for j in range(n_hidden):
            store(hidden[pack], N_LANES * j, load(hidden[pack], N_LANES * j) * u)
    for j in range(n_hidden):
        t0 = zero
        for pack in range(len(visible)):
            t0 = t0 + load(hidden[pack], N_LANES * j)
        by_hidden[j] += total(t0)
    for i in range(n_visible):
        t0 = zero
        for pack in range(len(visible)):
            t0 = t0 + load(visible[pack], N_LANES * i) * load(weight, N_LANES * pack)
        by_visible[i] += total(t0)
        add_products(1.0, i, n_hidden, visible, hidden, by_weights, zero)


@njit
def load_list(bits, codes, gates, mixing, rows, visible, first):
    """The configurations of every row, into packs; first[row] is the place of its first one."""
    n_visible = bits.shape[1]
    place = 0
    for number in range(len(rows)):
        first[number] = place
        row = rows[number]
        n_open = 0
        for site in range(n_visible):
            n_open += mixing[codes[row, site]]
        for m in range(1 << n_open):
            pack, lane = visible[(place + m) // N_LANES], (place + m) % N_LANES
            seen = 0
            for site in range(n_visible):
                code = codes[row, site]
                if mixing[code]:
                    pack[N_LANES * site + lane] = (m >> seen) & 1
                    seen += 1
                else:
                    gate = gates[code, bits[row, site]]
                    pack[N_LANES * site + lane] = abs(gate[1]) > abs(gate[0])
        place += 1 << n_open
    for rest in range(place, len(visible) * N_LANES):  # empty lanes of the last packs
        for site in range(n_visible):
            visible[rest // N_LANES, N_LANES * site + rest % N_LANES] = 0


@njit
def count_open(codes, mixing, rows):
    """Configurations of all these rows, and of the largest one."""
    n_all, n_largest = 0, 1
    for row in rows:
        n = 1
        for code in codes[row]:
            if mixing[code]:
                n *= 2
        n_all, n_largest = n_all + n, max(n_largest, n)
    return n_all, n_largest


@njit
def workspace(n_configurations, n_visible, n_hidden, n_hidden_phase):
    """Room for configurations: their packs, those of both hidden layers, and seven numbers each."""
    visible = packs(n_configurations, n_visible, np.float64)
    n_lanes = len(visible) * N_LANES
    return (visible, packs(n_configurations, n_hidden, np.float64), packs(n_configurations, n_hidden_phase, np.float64),
            np.zeros((7, n_lanes)))


@njit
def evaluate_machine(machine, table, visible, hidden, energy):
    """By products where these are the table and do not overflow, else one by one."""
    if not table or not evaluate_table(machine[0], machine[1], machine[2], hidden, energy):
        evaluate(machine[0], machine[1], machine[2], visible, hidden, energy)


@njit
def add_machine(weight, table, visible, hidden, by):
    if table:
        add_weighted_table(weight, hidden, by[0], by[1], by[2])
    else:
        add_weighted(weight, visible, hidden, by[0], by[1], by[2])


@njit
def add_phases(parameters, sizes, bits, codes, gates, mixing, rows, table, exact, space, row_space, gradient, loss):
    """Add the gradient of the mean of -ln P(row) over the rows: exactly, or without its ln Z; an impossible row or -1.

    With psi = sum_s U_s psi_s and q_s = U_s psi_s / psi, and dE/dlambda = -(v p, v, p): the amplitude machine gets
    p_s - Re q_s, and the phase machine Im q_s, as weights of (v p, v, p). loss[0] gets the mean of -ln |psi|^2 (plus
    ln Z, if exact).
    """
    n_visible, n_hidden, n_hidden_phase = sizes
    visible, hidden, hidden_phase, numbers = space
    index, terms, sums, references, first = row_space
    n_configurations = 1 << n_visible if table else count_open(codes, mixing, rows)[0]
    if not table:
        n_packs = (n_configurations + N_LANES - 1) // N_LANES
        visible, hidden, hidden_phase = visible[:n_packs], hidden[:n_packs], hidden_phase[:n_packs]
        load_list(bits, codes, gates, mixing, rows, visible, first)
    n_lanes = len(visible) * N_LANES
    energy, angle, real = numbers[0, :n_lanes], numbers[1, :n_lanes], numbers[2, :n_lanes]
    weight = numbers[3:5, :n_lanes]
    n_first = n_visible * n_hidden + n_visible + n_hidden
    evaluate_machine(parts(parameters, 0, n_visible, n_hidden), table, visible, hidden, energy)
    evaluate_machine(parts(parameters, n_first, n_visible, n_hidden_phase), table, visible, hidden_phase, angle)
    weight[:] = 0
    psi = numbers[5:7, :n_lanes]
    if table:
        impossible = add_rows(bits, codes, gates, mixing, rows, n_visible - bits.shape[1], energy, angle, psi, index,
                              terms, weight, sums, references)
    else:
        impossible = add_listed_rows(bits, codes, gates, mixing, rows, first, n_configurations, energy, angle, psi,
                                     terms, weight, sums, references)
    if impossible >= 0:
        return impossible
    for number in range(len(rows)):
        loss[0] -= 2 * (references[number] + math.log(abs(sums[number]))) / len(rows)
    real[:] = 0
    if exact:
        loss[0] += born(energy, n_configurations, real)
    for place in range(n_configurations):
        real[place] -= weight[0, place] / len(rows)
    add_machine(real, table, visible, hidden, parts(gradient, 0, n_visible, n_hidden))
    for place in range(n_configurations):
        real[place] = weight[1, place] / len(rows)
    add_machine(real, table, visible, hidden_phase, parts(gradient, n_first, n_visible, n_hidden_phase))
    return -1


@njit
def row_workspace(n_rows, n_largest, n_ancillas):
    """Room for what one row leaves open, with whole packs of it, and for three numbers of every row."""
    n_terms = n_largest * max(N_LANES, 1 << n_ancillas) + 2 * N_LANES
    return (np.zeros(n_largest, np.uint64), np.zeros((2, n_terms)), np.empty(n_rows, np.complex128), np.empty(n_rows),
            np.zeros(n_rows, np.int64))


@njit(cache=True)
def sum_rows(parameters, sizes, bits, codes, gates, mixing, rows, table, exact, gradient, loss, sums, references):
    """`add_phases` once, with room of its own; ln of the rows' amplitudes is references + ln sums."""
    n_visible, n_hidden, n_hidden_phase = sizes
    n_all, n_largest = count_open(codes, mixing, rows)
    space = workspace(1 << n_visible if table else n_all, n_visible, n_hidden, n_hidden_phase)
    if table:
        load_states(n_visible, space[0])
    row_space = row_workspace(len(rows), n_largest, n_visible - bits.shape[1])
    impossible = add_phases(parameters, sizes, bits, codes, gates, mixing, rows, table, exact, space, row_space,
                            gradient, loss)
    sums[:], references[:] = row_space[2], row_space[3]
    return impossible


@njit(cache=True, nogil=True)
def train_epoch(parameters, sizes, bits, codes, gates, mixing, batches, table, exact, start_bits, starts, chains,
                generators, n_gibbs, rates, optimizer, momentum, moments, n_done, losses, gradient):
    """One epoch of steps in place; the number of a row that is impossible under the state, or -1.

    batches: int64 (n_steps, batch_size). exact: the negative phase by the table; else by chains, which begin at rows of
    start_bits, `starts` (n_steps, n_chains), or, where that is empty, run on in `chains`. rates: one a step.
    optimizer, momentum, moments: see `optimizers.descend`. n_done: steps before this epoch. losses: the mean of
    -ln |psi|^2 (exact: -ln P) of every step. gradient: (n_parameters,), that of the last step afterwards.
    """
    n_visible, n_hidden, n_hidden_phase = sizes
    n_steps, batch_size = batches.shape
    n_chains = len(chains)
    n_all, n_largest = 1, 1
    for step in range(n_steps):
        found = count_open(codes, mixing, batches[step])
        n_all, n_largest = max(n_all, found[0]), max(n_largest, found[1])
    space = workspace(1 << n_visible if table else n_all, n_visible, n_hidden, n_hidden_phase)
    if table:
        load_states(n_visible, space[0])
    row_space = row_workspace(batch_size, n_largest, n_visible - bits.shape[1])
    negative = packs(n_chains, n_visible, np.float64)
    hidden = packs(n_chains, n_hidden, np.float64)
    states = packs(n_chains, 4, generators.dtype)
    every_chain = np.arange(n_chains)
    load_rows(generators, every_chain, states)
    load_rows(chains, every_chain, negative)
    weights, visible_bias, hidden_bias = parts(parameters, 0, n_visible, n_hidden)
    by_weights, by_visible, by_hidden = parts(gradient, 0, n_visible, n_hidden)
    weights_t = np.empty_like(weights)

    for step in range(n_steps):
        gradient[:] = 0
        losses[step] = 0
        impossible = add_phases(parameters, sizes, bits, codes, gates, mixing, batches[step], table, exact, space,
                                row_space, gradient, losses[step:step + 1])
        if impossible >= 0:
            return impossible
        if not exact:
            for i in range(n_visible):
                for j in range(n_hidden):
                    weights_t[n_visible * j + i] = weights[n_hidden * i + j]
            if starts.size:
                load_rows(start_bits, starts[step], negative)
            sweep(weights, weights_t, visible_bias, hidden_bias, negative, hidden, states, n_gibbs)
            add_gradient(weights_t, hidden_bias, negative, hidden, n_chains, 1.0 / n_chains, by_weights, by_visible,
                         by_hidden)
        descend(parameters, gradient, moments, optimizer, rates[step], momentum, n_done + step + 1)

    store_rows(states, generators)
    store_rows(negative, chains)
    return -1
