"""Contrastive divergence as one fused loop an epoch, on the chains of `_kernels`: the fast path on the CPU.

Its plain torch twin is in `training`, and it is tested against that. One thread, no global state.
"""

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, load, store, total
from lib.native.switch import njit
from lib.rbm._kernels import four_fields, load_rows, packs, probability, store_rows, sweep, two_fields
from lib.rbm.optimizers import SGD, descend


@njit
def add_products(factor, i, n_hidden, visible, hidden, by_weights, zero):
    """Add factor times the sum of v_i p_j over all lanes of all packs to by_weights, for each j; zero: lanes of 0."""
    for four in range(n_hidden // 4):  # four products for each time that v_i is read
        j = 4 * four
        first = n_hidden * i + j
        t0, t1, t2, t3 = zero, zero, zero, zero
        for pack in range(len(visible)):
            v, p = load(visible[pack], N_LANES * i), hidden[pack]
            t0 = t0 + v * load(p, N_LANES * j)
            t1 = t1 + v * load(p, N_LANES * (j + 1))
            t2 = t2 + v * load(p, N_LANES * (j + 2))
            t3 = t3 + v * load(p, N_LANES * (j + 3))
        by_weights[first] += factor * total(t0)
        by_weights[first + 1] += factor * total(t1)
        by_weights[first + 2] += factor * total(t2)
        by_weights[first + 3] += factor * total(t3)
    for j in range(n_hidden // 4 * 4, n_hidden):
        t0 = zero
        for pack in range(len(visible)):
            t0 = t0 + load(visible[pack], N_LANES * i) * load(hidden[pack], N_LANES * j)
        by_weights[n_hidden * i + j] += factor * total(t0)


@njit
def add_gradient(weights_t, hidden_bias, visible, hidden, n_chains, factor, by_weights, by_visible, by_hidden):
    """Add factor * sum over chains of (v_i p_j, v_i, p_j), p_j = p(h_j = 1 | v): minus (4.20, 4.22, 4.21).

    weights_t: flat, the transpose. visible: packs of bits; hidden: as many packs of room for the p_j. by_weights is
    flat.
    """
    n_hidden = len(hidden_bias)
    n_visible = len(weights_t) // n_hidden
    n_packs = len(visible)
    used = packs(1, 1, weights_t.dtype)[0]  # of the last pack: 1 in the lanes of chains, 0 in the empty ones
    for lane in range(N_LANES):
        used[lane] = N_LANES * (n_packs - 1) + lane < n_chains
    for i in range(n_visible):
        store(visible[n_packs - 1], N_LANES * i, load(visible[n_packs - 1], N_LANES * i) * load(used, 0))
    for pack in range(0, n_packs, 2):
        other = min(pack + 1, n_packs - 1)  # the last one twice, where their number is odd
        v, v_next, p, p_next = visible[pack], visible[other], hidden[pack], hidden[other]
        for four in range(n_hidden // 4):
            j = 4 * four
            a0, a1, a2, a3, b0, b1, b2, b3 = four_fields(weights_t, hidden_bias, v, v_next, j, n_visible)
            store(p, N_LANES * j, probability(a0))
            store(p, N_LANES * (j + 1), probability(a1))
            store(p, N_LANES * (j + 2), probability(a2))
            store(p, N_LANES * (j + 3), probability(a3))
            store(p_next, N_LANES * j, probability(b0))
            store(p_next, N_LANES * (j + 1), probability(b1))
            store(p_next, N_LANES * (j + 2), probability(b2))
            store(p_next, N_LANES * (j + 3), probability(b3))
        for j in range(n_hidden // 4 * 4, n_hidden):
            a0, b0 = two_fields(weights_t, hidden_bias, v, v_next, j, n_visible)
            store(p, N_LANES * j, probability(a0))
            store(p_next, N_LANES * j, probability(b0))
    for j in range(n_hidden):
        store(hidden[n_packs - 1], N_LANES * j, load(hidden[n_packs - 1], N_LANES * j) * load(used, 0))
    zero = lanes_of(factor) * 0.0
    for j in range(n_hidden):
        sum_j = zero
        for pack in range(len(visible)):
            sum_j = sum_j + load(hidden[pack], N_LANES * j)
        by_hidden[j] += factor * total(sum_j)
    for i in range(n_visible):
        sum_i = zero
        for pack in range(len(visible)):
            sum_i = sum_i + load(visible[pack], N_LANES * i)
        by_visible[i] += factor * total(sum_i)
        add_products(factor, i, n_hidden, visible, hidden, by_weights, zero)


@njit
def balance(weights, visible_bias, hidden_bias):
    """Set the biases to those of `machine.balanced_biases`."""
    n_hidden = len(hidden_bias)
    half = weights.dtype.type(0.5)
    visible_bias[:] = 0
    hidden_bias[:] = 0
    for i in range(len(visible_bias)):
        for j in range(n_hidden):
            visible_bias[i] -= half * weights[n_hidden * i + j]
            hidden_bias[j] -= half * weights[n_hidden * i + j]


@njit
def parts(parameters, first, n_visible, n_hidden):
    """Views of one machine in a flat vector: weights, visible bias, hidden bias."""
    weights = first + n_visible * n_hidden
    visible = weights + n_visible
    return parameters[first:weights], parameters[weights:visible], parameters[visible:visible + n_hidden]


@njit
def centre(by_weights, by_visible, by_hidden, visible, hidden, pruned):
    """The twin of `optimizers.centred`, in place."""
    n_hidden = len(by_hidden)
    for i in range(len(by_visible)):
        for j in range(n_hidden):
            by_weights[n_hidden * i + j] -= by_visible[i] * hidden[j] + visible[i] * by_hidden[j]
    for place in pruned:
        by_weights[place] = 0
    for i in range(len(by_visible)):
        for j in range(n_hidden):
            by_visible[i] -= by_weights[n_hidden * i + j] * hidden[j]
            by_hidden[j] -= by_weights[n_hidden * i + j] * visible[i]


@njit(cache=True, nogil=True)
def train_epoch(parameters, gradient, pruned, symmetric, centred, data, batches, starts, persistent, chains, generators,
                optimizer, momentum, moments, n_done, n_gibbs, rates):
    """One epoch of contrastive divergence (4.19, 4.23) in place: the fast twin of the steps in `training`.

    parameters: flat, as `parts`. gradient: as long; holds that of the last step afterwards, but for plain descent.
    pruned: int64, the places in the weights of those that are zero and stay so. symmetric: whether the biases are those
    of `machine.balanced_biases`, at the start and after every step. centred: see `optimizers.centred`.
    data: uint8 (n_samples, n_visible). batches: int64 (n_steps, batch_size), the rows of each minibatch. starts:
    int64 (n_steps, n_chains), the rows at which the negative chains of each step begin; with `persistent` they
    run on in `chains` instead, uint8 (n_chains, n_visible), through all steps and epochs. generators: uint32
    (n_chains, 4), advanced in place. optimizer, momentum, moments: see `optimizers.descend`. n_done: steps before this
    epoch. rates: the learning rate of each step, in the precision of the parameters.
    """
    n_visible = data.shape[1]
    n_hidden = (len(parameters) - n_visible) // (n_visible + 1)
    n_steps, batch_size = batches.shape
    n_chains = len(chains)
    real = rates.dtype.type
    weights, visible_bias, hidden_bias = parts(parameters, 0, n_visible, n_hidden)
    by_weights, by_visible, by_hidden = parts(gradient, 0, n_visible, n_hidden)
    weights_t = np.empty_like(weights)
    mean_visible, mean_hidden = np.empty_like(by_visible), np.empty_like(by_hidden)
    positive = packs(batch_size, n_visible, parameters.dtype)
    negative = packs(n_chains, n_visible, parameters.dtype)
    hidden = packs(max(batch_size, n_chains), n_hidden, parameters.dtype)
    states = packs(n_chains, 4, generators.dtype)
    every_chain = np.arange(n_chains)
    load_rows(generators, every_chain, states)
    load_rows(chains, every_chain, negative)

    for step in range(n_steps):
        gradient[:] = 0
        for i in range(n_visible):
            for j in range(n_hidden):
                weights_t[n_visible * j + i] = weights[n_hidden * i + j]
        # Plain descent has its rate in the gradient, which saves a product.
        rate, scale = rates[step], real(1)
        if optimizer == SGD and not centred:
            rate, scale = scale, rate
        # The average of dE over the minibatch,
        load_rows(data, batches[step], positive)
        add_gradient(weights_t, hidden_bias, positive, hidden, batch_size, -scale / real(batch_size),
                     by_weights, by_visible, by_hidden)
        if centred:
            mean_visible[:], mean_hidden[:] = by_visible, by_hidden
        # minus that over the chains after n_gibbs sweeps.
        if not persistent:
            load_rows(data, starts[step], negative)
        sweep(weights, weights_t, visible_bias, hidden_bias, negative, hidden, states, n_gibbs)
        add_gradient(weights_t, hidden_bias, negative, hidden, n_chains, scale / real(n_chains),
                     by_weights, by_visible, by_hidden)
        if centred:  # <v>_data = -mean, <v>_model = <v>_data + by
            for i in range(n_visible):
                mean_visible[i] = by_visible[i] * real(0.5) - mean_visible[i]
            for j in range(n_hidden):
                mean_hidden[j] = by_hidden[j] * real(0.5) - mean_hidden[j]
            centre(by_weights, by_visible, by_hidden, mean_visible, mean_hidden, pruned)
        if symmetric:  # the slope along machines whose biases follow from their weights
            for i in range(n_visible):
                for j in range(n_hidden):
                    by_weights[n_hidden * i + j] -= (by_visible[i] + by_hidden[j]) * real(0.5)
            by_visible[:] = 0
            by_hidden[:] = 0
        for place in pruned:
            by_weights[place] = 0
        descend(parameters, gradient, moments, optimizer, rate, momentum, n_done + step + 1)
        if symmetric:
            balance(weights, visible_bias, hidden_bias)

    store_rows(states, generators)
    store_rows(negative, chains)
