"""Sums over all single flips of a positive state as one loop: what local energies take (5.7, 5.9).

Sixteen samples advance as one (`native.lanes`), their bits as masks, so that a weight is read once for all of them and
a flip chooses between two numbers. The logarithm-free products are those of `states._flip_kernel`; here no logarithm is
taken at all, so that the caller has to see to it that a product of n_hidden factors stays in the range of float64.
"""

import numpy as np
from numba import njit

from lib.native.lanes import N_LANES, lanes_of, larger, load, number_at, quotient, square_root, store
from lib.native.masks import add_where, choose, less
from lib.rbm._kernels import exponential, packs


@njit
def chances(theta):
    """p = S(theta) and 1 - p, both without cancellation."""
    small = exponential(0.0 - larger(theta, 0.0 - theta))
    high = quotient(lanes_of(1.0), 1.0 + small)
    low = small * high
    positive = less(theta * 0.0, theta)
    return choose(positive, high, low), choose(positive, low, high)


@njit
def chosen(mask, down, up):
    """One of two numbers in every lane."""
    return choose(mask, lanes_of(down), lanes_of(up))


@njit
def factor(mask, p, q, up, down):
    """q + p e^(s W) of one hidden unit, with s = -1 where the mask is set."""
    return q + p * chosen(mask, down, up)


@njit(cache=True, error_model="numpy")
def flip_sums(bits, weights_t, hidden_bias, grow, shrink, rise, fall, sums, walls):
    """Write sum_i psi(flip i)/psi of each row of bits, and how many neighbours differ.

    bits: uint8 (n_samples, n_visible). weights_t: flat, w[i, j] = weights_t[n_visible j + i]. grow, shrink: flat, e^w
    and e^-w in [n_hidden i + j]. rise, fall: e^(b/2) and e^(-b/2), with three more sites than there are, where they are
    zero, since flips come in fours. sums: float64 (n_samples,). walls: int64 (n_samples,).
    """
    n_samples, n_visible = bits.shape
    n_hidden = len(hidden_bias)
    room = packs(2 * N_LANES, n_hidden, np.float64)
    on, off = room[0], room[1]
    two = packs(2 * N_LANES, 1, np.float64)
    masks = np.zeros(n_visible + 3, np.uint16)
    one = lanes_of(1.0)
    for first in range(0, n_samples, N_LANES):
        used = min(N_LANES, n_samples - first)
        masks[:] = 0
        for lane in range(used):
            row = bits[first + lane]
            for i in range(n_visible):
                masks[i] |= np.uint16(row[i]) << np.uint16(lane)
        for j in range(n_hidden):
            theta = lanes_of(hidden_bias[j])
            for i in range(n_visible):
                theta = add_where(theta, masks[i], lanes_of(number_at(weights_t, n_visible * j + i)))
            p, q = chances(theta)
            store(on, N_LANES * j, p)
            store(off, N_LANES * j, q)
        total, apart = one * 0.0, one * 0.0
        for i in range(0, n_visible, 4):
            a, b, c, d = one, one, one, one
            m0, m1, m2, m3 = masks[i], masks[i + 1], masks[i + 2], masks[i + 3]
            k0, k1, k2, k3 = n_hidden * i, n_hidden * (i + 1), n_hidden * (i + 2), n_hidden * (i + 3)
            for j in range(n_hidden):
                p, q = load(on, N_LANES * j), load(off, N_LANES * j)
                a = a * factor(m0, p, q, number_at(grow, k0 + j), number_at(shrink, k0 + j))
                b = b * factor(m1, p, q, number_at(grow, k1 + j), number_at(shrink, k1 + j))
                c = c * factor(m2, p, q, number_at(grow, k2 + j), number_at(shrink, k2 + j))
                d = d * factor(m3, p, q, number_at(grow, k3 + j), number_at(shrink, k3 + j))
            total = total + chosen(m0, fall[i], rise[i]) * square_root(a)
            total = total + chosen(m1, fall[i + 1], rise[i + 1]) * square_root(b)
            total = total + chosen(m2, fall[i + 2], rise[i + 2]) * square_root(c)
            total = total + chosen(m3, fall[i + 3], rise[i + 3]) * square_root(d)
        for i in range(n_visible - 1):
            apart = add_where(apart, masks[i] ^ masks[i + 1], one)
        store(two[0], 0, total)
        store(two[1], 0, apart)
        for lane in range(used):
            sums[first + lane] = two[0, lane]
            walls[first + lane] = np.int64(two[1, lane])
