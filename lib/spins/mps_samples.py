"""Independent measurements of matrix product states, in z or any product of local bases: all samples site by site.

Perfect sampling (A. J. Ferris, G. Vidal, Phys. Rev. B 85, 165146 (2012)): since the tensors are right-canonical, a
vector of one bond dimension carries all that matters of what was measured before. With the vector v of a sample the
two parts

    w_b = v A_i[b]  (turned by the gate g of the basis: w'_a = sum_b g[a, b] w_b)

have the probabilities |w_b|^2, and the part that was drawn is the next v. There are no chains and no burn-in.

How it gets its speed
- Sixteen samples advance as one (`lib.native.lanes`): an element of A serves all of them, four columns in registers.
- A batch goes from site to site together, so that a tensor is read once for a thousand samples.
- Gates act on the two parts, not on the tensors: samples of one batch may all have different bases, and a real state
  is multiplied as a real one in each of them.
Every sample follows from its own random numbers alone, by the same operations in the same order: batches and threads
leave no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lib.chain_checks import check_draws
from lib.checks import require_count
from lib.native import _plain
from lib.native.lanes import N_LANES, Lanes, lanes_of, load, store
from lib.native.switch import COMPILED, njit
from lib.spins.bases import Measurements
from lib.spins.gates import basis_codes, gate_table
from lib.spins.mps import MatrixProductState

_BATCH = 1024  # samples that go from site to site together; a multiple of the lanes
_COLUMNS = 4  # of a tensor in registers at a time


def sample(state: MatrixProductState, n_samples: int, *, rng: np.random.Generator, threads: int = 1) -> np.ndarray:
    """Independent measurements of all spins in the z basis.

    Parameters
    ----------
    state : lib.spins.mps.MatrixProductState
        What is measured.
    n_samples : int, >= 1
        Number of rows.
    rng : numpy.random.Generator
        Consumed n_spins uniforms a sample.
    threads : int, >= 1, default 1
        How many work side by side; the samples do not depend on it.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_spins)
        Bits.

    Raises
    ------
    ValueError
        For n_samples < 1 and threads < 1.

    """
    check_draws(n_samples, rng)
    codes = np.zeros((1, state.n_spins), dtype=np.uint8)
    return _measure(state, np.eye(2, dtype=np.complex128)[None], codes, n_samples, rng, threads)


def sample_in_bases(state: MatrixProductState, bases, n_samples: int | None = None, *, rng: np.random.Generator,
                    gates: Mapping[str, np.ndarray] | None = None, threads: int = 1) -> Measurements:
    """Independent measurements, each in its product of local bases.

    This is `bases.sample` for matrix product states.

    Parameters
    ----------
    state : lib.spins.mps.MatrixProductState
        What is measured.
    bases : sequence of str, or str
        One basis a measurement, as strings such as "XZY"; or one for all of them, n_samples many.
    n_samples : int, optional
        Number of measurements, where there is one basis.
    rng : numpy.random.Generator
        Consumed n_spins uniforms a sample.
    gates : dict of str to array_like, optional
        Further 2x2 unitaries by a letter, rows are outcomes; X, Y and Z are those of
        `lib.conventions`.
    threads : int, >= 1, default 1
        How many work side by side; the samples do not depend on it.

    Returns
    -------
    lib.spins.bases.Measurements

    Raises
    ------
    ValueError
        Naming the row, for an unknown letter and a basis of another width; for a gate that is not
        unitary, for several bases with n_samples, and for threads < 1.

    """
    letters, table = gate_table(gates)
    codes = basis_codes(bases, state.n_spins, letters)
    if n_samples is None:
        n_samples = len(codes)
    elif len(codes) != 1:
        raise ValueError(f"expected one basis where n_samples is given, got {len(codes)}; try bases alone")
    check_draws(n_samples, rng)
    bits = _measure(state, table, codes, n_samples, rng, threads)
    return Measurements(bits, np.ascontiguousarray(np.broadcast_to(codes, bits.shape)), letters, table)


def _measure(state: MatrixProductState, table: np.ndarray, codes: np.ndarray, n_samples: int,
             rng: np.random.Generator, threads: int) -> np.ndarray:
    """Bits (n_samples, n_spins) for the gates table[codes[row, site]]; a single row of codes serves all."""
    require_count("threads", threads)
    used = table[np.unique(codes)]
    complex_vectors = state.dtype.kind == "c" or bool(np.any(used.imag != 0))
    matrices, shapes = _flatten(state)
    rotated = bool(np.any(used != np.eye(2)))
    gates = np.ascontiguousarray(np.stack([table.real, table.imag], axis=-1))
    bits = np.empty((n_samples, state.n_spins), dtype=np.uint8)

    def work(start: int, uniforms: np.ndarray) -> None:
        rows = slice(start, start + len(uniforms))
        _advance_batch(matrices, shapes, state.dtype.kind == "c", complex_vectors, rotated, gates,
                       codes if len(codes) == 1 else codes[rows], uniforms, bits[rows])

    # The random numbers are drawn here, in the order of the rows; the batches can then be done in any order.
    with ThreadPoolExecutor(threads) as pool:
        jobs = []
        for start in range(0, n_samples, _BATCH):
            uniforms = rng.random((min(_BATCH, n_samples - start), state.n_spins))
            if threads == 1:
                work(start, uniforms)
            else:
                jobs.append(pool.submit(work, start, uniforms))
        for job in jobs:
            job.result()
    return bits


def _flatten(state: MatrixProductState) -> tuple[np.ndarray, np.ndarray]:
    """All tensors one after another as real matrices, and for each its (start, rows, columns, right bond).

    A matrix has a row for each element of v, and a column for each of the two parts w_b. Of a complex state it acts on
    real and imaginary part, one below the other: [[Re, Im], [-Im, Re]]. Columns are filled up with zeros to a multiple
    of four.
    """
    parts, shapes, start = [], [], 0
    for tensor in state.tensors:
        left, _, right = tensor.shape
        matrix = tensor.reshape(left, 2 * right)
        if state.dtype.kind == "c":
            matrix = np.block([[matrix.real, matrix.imag], [-matrix.imag, matrix.real]])
        padded = np.zeros((len(matrix), -(-matrix.shape[1] // _COLUMNS) * _COLUMNS))
        padded[:, : matrix.shape[1]] = matrix
        parts.append(padded.ravel())
        shapes.append((start, *padded.shape, right))
        start += padded.size
    return np.concatenate(parts), np.array(shapes, dtype=np.int64)


@intrinsic
def _multiply_add(typing_context, number, lanes, sum_):
    """number * lanes + sum_ with a single rounding, on every processor."""
    def generate(context, builder, signature, arguments):
        vector = arguments[1].type
        single = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[0], ir.IntType(32)(0))
        many = builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), N_LANES), None))
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3),
                                               f"llvm.fma.v{N_LANES}f64")
        return builder.call(fused, (many, arguments[1], arguments[2]))
    return Lanes(types.float64)(types.float64, lanes, sum_), generate


if not COMPILED:
    _multiply_add = _plain.multiply_add  # noqa: F811, which rounds twice


@njit(cache=True, nogil=True)
def _multiply(matrices, start, rows, columns, vectors, from_, products, to):
    """products[to + 16 c + lane] = sum_r vectors[from_ + 16 r + lane] matrix[r, c]."""
    for column in range(0, columns, _COLUMNS):
        sum0 = lanes_of(0.0)
        sum1, sum2, sum3 = sum0, sum0, sum0
        place = start + column
        for row in range(rows):
            v = load(vectors, from_ + N_LANES * row)
            sum0 = _multiply_add(matrices[place], v, sum0)
            sum1 = _multiply_add(matrices[place + 1], v, sum1)
            sum2 = _multiply_add(matrices[place + 2], v, sum2)
            sum3 = _multiply_add(matrices[place + 3], v, sum3)
            place += columns
        target = to + N_LANES * column
        store(products, target, sum0)
        store(products, target + N_LANES, sum1)
        store(products, target + 2 * N_LANES, sum2)
        store(products, target + 3 * N_LANES, sum3)


@njit(cache=True, nogil=True)
def _overlaps(products, right, complex_vectors, gram):
    """gram[0], gram[1]: |w_0|^2 and |w_1|^2 of every lane; gram[2], gram[3]: <w_0|w_1>, real and imaginary part."""
    n = N_LANES * right
    norm0 = lanes_of(0.0)
    norm1, real, imaginary = norm0, norm0, norm0
    for place in range(0, n, N_LANES):
        w0, w1 = load(products, place), load(products, n + place)
        norm0, norm1, real = norm0 + w0 * w0, norm1 + w1 * w1, real + w0 * w1
        if complex_vectors:
            y0, y1 = load(products, 2 * n + place), load(products, 3 * n + place)
            norm0, norm1, real = norm0 + y0 * y0, norm1 + y1 * y1, real + y0 * y1
            imaginary = imaginary + (w0 * y1 - y0 * w1)
    store(gram, 0, norm0)
    store(gram, N_LANES, norm1)
    store(gram, 2 * N_LANES, real)
    store(gram, 3 * N_LANES, imaginary)


@njit(cache=True, nogil=True)
def _draw(gram, lane, gate, rotated, uniform, factors):
    """The bit of a lane; its factors become the numbers that w_0 and w_1 take part with, real and imaginary part."""
    norm0, norm1 = gram[lane], gram[N_LANES + lane]
    if not rotated:
        bit = 1 if uniform * (norm0 + norm1) < norm1 else 0
        scale = 1.0 / np.sqrt(norm1 if bit == 1 else norm0)
        factors[lane], factors[2 * N_LANES + lane] = (0.0, scale) if bit == 1 else (scale, 0.0)
        factors[N_LANES + lane] = factors[3 * N_LANES + lane] = 0.0
        return bit
    real, imaginary = gram[2 * N_LANES + lane], gram[3 * N_LANES + lane]
    weight, bit = 0.0, 1
    for attempt in range(2):  # the weight of bit 1 decides; that of bit 0 is needed only where it was drawn
        a, b, c, d = gate[bit, 0, 0], gate[bit, 0, 1], gate[bit, 1, 0], gate[bit, 1, 1]
        weight = ((a * a + b * b) * norm0 + (c * c + d * d) * norm1
                  + 2.0 * ((a * c + b * d) * real - (a * d - b * c) * imaginary))
        if attempt == 1 or uniform * (norm0 + norm1) < weight:
            break
        bit = 0
    # Rounding can make the weight of a very rare outcome too small, even negative; the next step does not rely on it.
    scale = 1.0 / np.sqrt(max(weight, 1e-30 * (norm0 + norm1)))
    factors[lane], factors[N_LANES + lane] = scale * a, scale * b
    factors[2 * N_LANES + lane], factors[3 * N_LANES + lane] = scale * c, scale * d
    return bit


@njit(cache=True, nogil=True)
def _combine(products, right, complex_vectors, factors, vectors, to):
    """v = f_0 w_0 + f_1 w_1 of every lane."""
    n = N_LANES * right
    a, b = load(factors, 0), load(factors, N_LANES)
    c, d = load(factors, 2 * N_LANES), load(factors, 3 * N_LANES)
    for place in range(0, n, N_LANES):
        w0, w1 = load(products, place), load(products, n + place)
        if complex_vectors:
            y0, y1 = load(products, 2 * n + place), load(products, 3 * n + place)
            store(vectors, to + place, (a * w0 - b * y0) + (c * w1 - d * y1))
            store(vectors, to + n + place, (a * y0 + b * w0) + (c * y1 + d * w1))
        else:
            store(vectors, to + place, a * w0 + c * w1)


@njit(cache=True, nogil=True)
def _advance_batch(matrices, shapes, complex_tensors, complex_vectors, rotated, gates, codes, uniforms, bits):
    """Fill bits (n_samples, n_spins), all samples site by site, sixteen at a time."""
    n_samples, n_spins = bits.shape
    n_groups = -(-n_samples // N_LANES)
    parts = 2 if complex_vectors else 1
    largest = shapes[:, 3].max()
    stride = N_LANES * parts * largest
    vectors = np.zeros(n_groups * stride)
    products = np.zeros(N_LANES * (2 * parts * largest + 2 * _COLUMNS))
    gram, factors = np.zeros(4 * N_LANES), np.zeros(4 * N_LANES)
    for group in range(n_groups):
        vectors[group * stride : group * stride + N_LANES] = 1.0
    left = 1
    for site in range(n_spins):
        start, rows, columns, right = shapes[site]
        for group in range(n_groups):
            from_ = group * stride
            _multiply(matrices, start, rows, columns, vectors, from_, products, 0)
            if complex_vectors and not complex_tensors:  # the imaginary part comes after the real one
                _multiply(matrices, start, rows, columns, vectors, from_ + N_LANES * left, products,
                          2 * N_LANES * right)
            _overlaps(products, right, complex_vectors, gram)
            for lane in range(N_LANES):
                sample_ = group * N_LANES + lane
                if sample_ < n_samples:
                    code = codes[sample_ if len(codes) > 1 else 0, site]
                    bits[sample_, site] = _draw(gram, lane, gates[code], rotated, uniforms[sample_, site], factors)
            _combine(products, right, complex_vectors, factors, vectors, from_)
        left = right
