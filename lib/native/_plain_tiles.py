"""`lib.native.tiles` as plain loops: the reference that tests compare with, and what runs without compiled loops."""

import numpy as np

from lib.native.lanes import N_LANES as LANES

STEPS = [(1, 1), (2, 1), (1, 2)]  # distance between neighbours in x and in the other array, in pixels


def sums_plain(steps, x, x_rows, out, out_rows, n_columns, band, channel, starts, offsets, weights, add):
    """`sums` without tiles: the plain reference."""
    x_step, out_step = STEPS[steps]
    n_segments, n_channels = starts.shape[0], starts.shape[1] - 1
    for x_row, out_row in zip(x_rows, out_rows, strict=True):
        for column in range(n_columns):
            for c in range(n_channels):
                place = out_row + c * channel + LANES * out_step * column
                total = out[place:place + LANES] * np.float32(add)
                for s in range(n_segments):
                    for k in range(starts[s, c], starts[s, c + 1]):
                        at = x_row + offsets[k] + LANES * x_step * column
                        total = total + weights[k] * x[at:at + LANES]
                out[place:place + LANES] = total


def products_plain(steps, x, x_rows, g, g_rows, n_columns, band, channel, starts, offsets, result, n_parts, block,
                   add):
    """`products` without tiles: the plain reference."""
    x_step, g_step = STEPS[steps]
    if not add:
        result[:] = 0
    for segment in starts:
        for c in range(starts.shape[1] - 1):
            for k in range(segment[c], segment[c + 1]):
                for x_row, g_row in zip(x_rows, g_rows, strict=True):
                    for column in range(n_columns):
                        at, place = x_row + offsets[k] + LANES * x_step * column, g_row + c * channel \
                            + LANES * g_step * column
                        result[LANES * k:LANES * (k + 1)] += g[place:place + LANES] * x[at:at + LANES]
