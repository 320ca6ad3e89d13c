"""Gibbs sweeps of chains that each have fields of their own on the visible units, as fused loops; see `_kernels`."""

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, load
from lib.native.switch import njit
from lib.rbm._kernels import add_inputs, draw_unit, draw_units, generators_of, load_rows, packs, store_rows


@njit
def draw_in_fields(weights, bias, fields, x, out, s0, s1, s2, s3):
    """`draw_units` with bias[j] + fields in the place of bias[j]; fields: a pack like out."""
    for j in range(len(bias)):
        a = add_inputs(lanes_of(bias[j]) + load(fields, N_LANES * j), weights, x, j, len(weights) // len(bias))
        s0, s1, s2, s3 = draw_unit(a, out, j, s0, s1, s2, s3)
    return s0, s1, s2, s3


@njit(cache=True)
def run_in_fields(weights, weights_t, visible_bias, hidden_bias, fields, generators, n_sweeps, bits):
    """n_sweeps sweeps v -> h -> v of every row of bits, uint8 (n_rows, n_visible), in place.

    weights: (n_visible, n_hidden) flat; weights_t: its transpose, flat. fields: like bits, in the precision of the
    weights, infinite where a bit is sure. generators: uint32 (n_rows, 4).
    """
    n_rows, n_visible = bits.shape
    hidden = packs(N_LANES, len(hidden_bias), weights.dtype)[0]
    visible, field = packs(N_LANES, n_visible, weights.dtype), packs(N_LANES, n_visible, weights.dtype)
    states = packs(N_LANES, 4, generators.dtype)
    for first in range(0, n_rows, N_LANES):
        rows = np.arange(first, min(first + N_LANES, n_rows))
        load_rows(bits, rows, visible)
        load_rows(fields, rows, field)
        load_rows(generators, rows, states)
        s0, s1, s2, s3 = generators_of(states[0])
        for _ in range(n_sweeps):
            s0, s1, s2, s3 = draw_units(weights_t, hidden_bias, visible[0], hidden, s0, s1, s2, s3)
            s0, s1, s2, s3 = draw_in_fields(weights, visible_bias, field[0], hidden, visible[0], s0, s1, s2, s3)
        store_rows(visible, bits[first:first + N_LANES])
