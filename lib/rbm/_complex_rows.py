"""Sums over the turned spins of rows, and the weights of their terms, for `_complex_kernels` (5.13, 5.14).

A row's amplitude is summed spin by spin: what belongs to a turned spin that is up, times the ratio of two elements of
its gate, is added to what belongs to the same spin down. On the way back the weights double spin by spin. In the table
of all configurations the last four units are the lanes of a pack: what spins among them contribute, turned or not, is
one product of sixteen numbers.

psi, weight, terms: (2, n), real and imaginary parts.
"""

import math

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, load, number_at, smaller, store, total
from lib.native.switch import njit
from lib.rbm._complex_table import cosine_and_sine, range_of
from lib.rbm._kernels import exponential

# ln of the largest over the smallest amplitude: squares of exp(-300), and their products, stay inside float64.
LARGEST_SPREAD = 300.0
# |sum|^2 over the square of the largest term: below, all digits are rounding, and the outcome counts as impossible.
IMPOSSIBLE = 1e-30
# Numbers that are taken one by one: lanes would wait for what was just written in other pieces.
_FEW = 4


@njit
def elements_of(gates, mixing):
    """Of each gate and outcome: the element of a spin that is down, or not turned; the ratio of the other to it, of a
    turned spin; whether a spin that is not turned is up."""
    shape = gates.shape[:2]
    first, ratio, up = np.zeros(shape, np.complex128), np.zeros(shape, np.complex128), np.zeros(shape, np.int64)
    for code in range(len(gates)):
        for outcome in range(2):
            one, other = gates[code, outcome, 0], gates[code, outcome, 1]
            up[code, outcome] = not mixing[code] and abs(other) > abs(one)
            first[code, outcome] = other if up[code, outcome] else one
            if mixing[code]:
                ratio[code, outcome] = other / one
    return first, ratio, up


@njit
def elements_in_lanes(elements, mixing):
    """The elements in every lane for each bit of its number, gate and outcome, (4, n_gates, 2, 2, 16), the last but one
    axis for real and imaginary parts: zero where a spin that is not turned has the other value."""
    first, ratio, up = elements
    out = np.zeros((4, len(mixing), 2, 2, N_LANES))
    for bit in range(4):
        for code in range(len(mixing)):
            for outcome in range(2):
                for lane in range(N_LANES):
                    value, is_up = first[code, outcome], (lane >> bit) & 1
                    if mixing[code] and is_up:
                        value *= ratio[code, outcome]
                    if mixing[code] or is_up == up[code, outcome]:
                        out[bit, code, outcome, 0, lane], out[bit, code, outcome, 1, lane] = value.real, value.imag
    return out


@njit
def relative(psi, start, stop, energy, angle, reference):
    """exp(-(energy + i angle)/2 - reference), cut to sizes of at most 1, from start to stop, multiples of sixteen."""
    for place in range(start, stop, N_LANES):
        size = exponential(smaller(load(energy, place) * -0.5 - reference, 0.0))
        cosine, sine = cosine_and_sine(load(angle, place) * -0.5)
        store(psi[0], place, size * cosine)
        store(psi[1], place, size * sine)


@njit
def multiply(re, im, other_re, other_im):
    """Multiply complex numbers by others in place; as many as there are of the others."""
    for place in range(0, len(other_re), N_LANES):
        x, y, a, b = load(re, place), load(im, place), load(other_re, place), load(other_im, place)
        store(re, place, x * a - y * b)
        store(im, place, x * b + y * a)


@njit
def fold(re, im, size, ratio):
    """Add the second `size` numbers, times the ratio, onto the first."""
    a, b = ratio.real, ratio.imag
    if size < _FEW:
        for m in range(size):
            x, y = number_at(re, size + m), number_at(im, size + m)
            re[m] += a * x - b * y
            im[m] += a * y + b * x
    else:  # what stands in lanes behind them is used no more
        for m in range(0, size, N_LANES):
            x, y = load(re, size + m), load(im, size + m)
            store(re, m, load(re, m) + (x * a - y * b))
            store(im, m, load(im, m) + (y * a + x * b))


@njit
def unfold(re, im, size, ratio):
    """Put the first `size` numbers, times the ratio, behind them."""
    a, b = ratio.real, ratio.imag
    if size < _FEW:
        for m in range(size):
            x, y = number_at(re, m), number_at(im, m)
            re[size + m] = a * x - b * y
            im[size + m] = a * y + b * x
    else:
        for m in range(0, size, N_LANES):
            x, y = load(re, m), load(im, m)
            store(re, size + m, x * a - y * b)
            store(im, size + m, y * a + x * b)


@njit
def open_sites(bits, codes, row, elements, mixing, sites, ratio):
    """The product of the elements of the first sites, turned spins down; how many are turned, whose ratios are kept."""
    factor, n_open = 1.0 + 0.0j, 0
    for site in range(sites):
        code, outcome = codes[row, site], bits[row, site]
        factor *= elements[0][code, outcome]
        if mixing[code]:
            ratio[n_open] = elements[1][code, outcome]
            n_open += 1
    return factor, n_open


@njit
def open_packs(bits, codes, row, elements, mixing, sites, n_visible, index):
    """The first places in the table of what the first sites leave open, which doubles with every turned spin."""
    index[0], n = 0, 1
    for site in range(sites):
        step = np.uint64(1 << (n_visible - 1 - site))
        code = codes[row, site]
        if mixing[code]:
            for m in range(n):
                index[n + m] = index[m] + step
            n *= 2
        elif elements[2][code, bits[row, site]]:
            for m in range(n):
                index[m] += step


@njit
def largest_term(psi, places, factors, ratio, n_others):
    """The largest |element psi|^2 of a row with first places, times |factor|^2 of the lanes behind each."""
    largest = 0.0
    for m in range(len(places)):
        size = 1.0
        for k in range(len(ratio)):
            if (m >> k) & 1:
                size *= ratio[k].real ** 2 + ratio[k].imag ** 2
        for lane in range(n_others):
            place, at = np.intp(places[m]) + lane, lane % factors.shape[1]
            of_lane = factors[0, at] ** 2 + factors[1, at] ** 2
            largest = max(largest, size * of_lane * (psi[0, place] ** 2 + psi[1, place] ** 2))
    return largest


@njit
def add_rows(bits, codes, gates, mixing, rows, n_ancillas, energy, angle, psi, index, terms, weight, sums, references):
    """Sum the amplitude of every row (5.13) and add the weights of its configurations in the table; a row that is
    impossible, or -1.

    energy, angle: E of the amplitude and of the phase machine for all configurations, so that ln psi = -(E + i angle)/2
    (5.12). psi: room for amplitudes; weight: zero before. sums, references: ln of a row's amplitude is reference +
    ln sum (with ancillas, half the ln of its probability). index, terms: room for what one row leaves open.
    """
    n_spins = bits.shape[1]
    n_visible = n_spins + n_ancillas
    n_inner = min(4, n_visible)
    n_outer = min(n_spins, n_visible - n_inner)
    width = max(N_LANES, 1 << n_ancillas)  # numbers for each choice of the spins that count packs
    n_same = min(N_LANES, 1 << n_ancillas)  # of them, in each pack, values of ancillas
    lowest, highest = range_of(energy, 1 << n_visible)
    narrow = 0.5 * (highest - lowest) < LARGEST_SPREAD
    if narrow:  # one exponential a configuration; else one for each term of each row, relative to its largest
        relative(psi, 0, len(energy), energy, angle, -0.5 * lowest)
    elements, ratio = elements_of(gates, mixing), np.empty(n_spins, np.complex128)
    in_lanes, n_gates = elements_in_lanes(elements, mixing).reshape(-1), len(mixing)
    factors, used = np.empty((2, N_LANES)), np.zeros(N_LANES)
    used[:1 << n_inner] = 1
    re, im, c, d = terms[0], terms[1], factors[0], factors[1]
    for number in range(len(rows)):
        row = rows[number]
        factor, n_open = open_sites(bits, codes, row, elements, mixing, n_outer, ratio)
        open_packs(bits, codes, row, elements, mixing, n_outer, n_visible, index)
        a, b = load(used, 0), lanes_of(0.0)
        for site in range(n_outer, n_spins):
            code, outcome = np.intp(codes[row, site]), np.intp(bits[row, site])
            at = 2 * N_LANES * (2 * (n_gates * (n_visible - 1 - site) + code) + outcome)
            x, y = load(in_lanes, at), load(in_lanes, at + N_LANES)
            a, b = a * x - b * y, a * y + b * x
        store(c, 0, a)
        store(d, 0, b)
        n, reference = 1 << n_open, -0.5 * lowest
        if not narrow:
            reference = -np.inf
            for m in range(n):
                for lane in range(width):
                    if c[lane % N_LANES] != 0 or d[lane % N_LANES] != 0:
                        reference = max(reference, -0.5 * energy[np.intp(index[m]) + lane])
            for m in range(n):
                relative(psi, np.intp(index[m]), np.intp(index[m]) + width, energy, angle, reference)
        for m in range(n):
            first = np.intp(index[m])
            for lane in range(0, width, N_LANES):
                store(re, width * m + lane, load(psi[0], first + lane))
                store(im, width * m + lane, load(psi[1], first + lane))
        size, bound = n * width, 1.0  # no psi and no element is above 1
        for k in range(n_open - 1, -1, -1):
            size //= 2
            bound *= max(1.0, ratio[k].real ** 2 + ratio[k].imag ** 2)
            fold(re, im, size, ratio[k])
        probability = 0.0
        for lane in range(0, width, N_LANES):
            x, y, a, b = load(re, lane), load(im, lane), load(c, 0), load(d, 0)
            x, y = x * a - y * b, x * b + y * a
            if n_same == 1:
                re[0], im[0] = total(x), total(y)
            else:
                store(re, lane, x)
                store(im, lane, y)
                half = N_LANES // 2
                while half >= n_same:
                    for m in range(lane, lane + half):
                        re[m] += re[half + m]
                        im[m] += im[half + m]
                    half //= 2
            for m in range(lane, lane + n_same):
                probability += re[m] * re[m] + im[m] * im[m]
        sums[number] = factor * complex(re[0], im[0]) if n_ancillas == 0 else abs(factor) * math.sqrt(probability)
        references[number] = reference
        if not probability > IMPOSSIBLE * bound and not probability > IMPOSSIBLE * largest_term(
                psi, index[:n], factors, ratio[:n_open], width):  # NaN is not
            return row
        for lane in range(0, width, N_LANES):
            half = n_same
            for m in range(lane, lane + n_same):
                re[m] /= probability
                im[m] /= -probability
            while half < N_LANES:
                for m in range(lane, lane + half):
                    re[half + m], im[half + m] = re[m], im[m]
                half *= 2
            x, y, a, b = load(re, lane), load(im, lane), load(c, 0), load(d, 0)
            store(re, lane, x * a - y * b)
            store(im, lane, x * b + y * a)
        for k in range(n_open):
            unfold(re, im, size, ratio[k])
            size *= 2
        for m in range(n):
            first = np.intp(index[m])
            if not narrow:
                multiply(re[width * m:], im[width * m:], psi[0, first:first + width], psi[1, first:first + width])
            for lane in range(0, width, N_LANES):
                store(weight[0], first + lane, load(weight[0], first + lane) + load(re, width * m + lane))
                store(weight[1], first + lane, load(weight[1], first + lane) + load(im, width * m + lane))
    if narrow:
        multiply(weight[0], weight[1], psi[0], psi[1])
    return -1


@njit
def add_listed_rows(bits, codes, gates, mixing, rows, first, n_configurations, energy, angle, psi, terms, weight, sums,
                    references):
    """The same where every row has its own configurations in a list, from first[row] on, and there are no ancillas."""
    lowest, highest = range_of(energy, n_configurations)
    narrow = 0.5 * (highest - lowest) < LARGEST_SPREAD
    if narrow:
        relative(psi, 0, len(energy), energy, angle, -0.5 * lowest)
    elements, ratio = elements_of(gates, mixing), np.empty(bits.shape[1], np.complex128)
    re, im, one = terms[0], terms[1], np.full((2, 1), math.sqrt(0.5))
    for number in range(len(rows)):
        row, start = rows[number], first[number]
        factor, n_open = open_sites(bits, codes, row, elements, mixing, bits.shape[1], ratio)
        n, reference = 1 << n_open, -0.5 * lowest
        if not narrow:
            reference = -0.5 * energy[start:start + n].min()
            for place in range(start, start + n):
                size, phase = math.exp(-0.5 * energy[place] - reference), -0.5 * angle[place]
                psi[0, place], psi[1, place] = size * math.cos(phase), size * math.sin(phase)
        re[:n], im[:n] = psi[0, start:start + n], psi[1, start:start + n]
        size, bound = n, 1.0
        for k in range(n_open - 1, -1, -1):
            size //= 2
            bound *= max(1.0, ratio[k].real ** 2 + ratio[k].imag ** 2)
            fold(re, im, size, ratio[k])
        probability = re[0] * re[0] + im[0] * im[0]
        sums[number], references[number] = factor * complex(re[0], im[0]), reference
        if not probability > IMPOSSIBLE * bound and not probability > IMPOSSIBLE * largest_term(
                psi, np.array([np.uint64(start + m) for m in range(n)]), one, ratio[:n_open], 1):
            return row
        re[0], im[0] = re[0] / probability, -im[0] / probability
        for k in range(n_open):
            unfold(re, im, size, ratio[k])
            size *= 2
        weight[0, start:start + n], weight[1, start:start + n] = re[:n], im[:n]
    multiply(weight[0], weight[1], psi[0], psi[1])
    return -1
