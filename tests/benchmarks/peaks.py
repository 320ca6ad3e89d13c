"""This machine's peaks on one thread: multiply-adds from registers and from the first-level cache, and memory.

By the clock of the process, which others on the machine disturb less.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_LANES, _CHAINS, _PLACES = 16, 12, 16  # sums that do not wait for each other; places that the loads take in turn


def _turns(from_cache: bool):
    """n turns of 12 fused multiply-adds of sixteen numbers, one operand in a register or fetched from x each time.

    x: float32, 12 16 16 numbers (12 kB).
    """
    @intrinsic
    def turns(typing_context, n, x):
        def generate(context, builder, signature, arguments):
            integer, sixteen = ir.IntType(64), ir.VectorType(ir.FloatType(), _LANES)
            array = context.make_array(signature.args[1])(context, builder, arguments[1]).data

            def address(place):
                return builder.bitcast(builder.gep(array, [place]), sixteen.as_pointer())
            before, factor = builder.block, builder.load(address(integer(0)), align=4)
            turn, end = builder.append_basic_block("turn"), builder.append_basic_block("end")
            builder.branch(turn)
            builder.position_at_end(turn)
            k, sums, results = builder.phi(integer), [builder.phi(sixteen) for _ in range(_CHAINS)], []
            k.add_incoming(integer(0), before)
            start = builder.mul(builder.and_(k, integer(_PLACES - 1)), integer(_LANES * _CHAINS))
            for chain, value in enumerate(sums):
                value.add_incoming(ir.Constant(sixteen, [float(chain)] * _LANES), before)
                other = builder.load(address(builder.add(start, integer(_LANES * chain))), align=4) if from_cache \
                    else factor
                product = builder.fmul(factor, other if from_cache else value, flags=("contract",))
                results.append(builder.fadd(product, value if from_cache else factor, flags=("contract",)))
                value.add_incoming(results[-1], turn)
            after = builder.add(k, integer(1))
            k.add_incoming(after, turn)
            builder.cbranch(builder.icmp_signed("<", after, arguments[0]), turn, end)
            builder.position_at_end(end)
            for chain, value in enumerate(results):  # or nothing would be computed
                builder.store(value, address(integer(_LANES * chain)), align=4)
            return context.get_dummy_value()
        return types.void(n, x), generate
    return turns


_from_registers, _from_cache = _turns(False), _turns(True)


@njit
def _run_registers(n, x):
    _from_registers(n, x)


@njit
def _run_cache(n, x):
    _from_cache(n, x)


@njit(fastmath={"contract"})
def _triad(a, b, c):
    for i in range(len(a)):
        a[i] = b[i] + np.float32(0.5) * c[i]


def _typical(run, n_runs: int) -> float:
    run()  # compiles
    seconds = []
    for _ in range(n_runs):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def peaks(quick: bool = False) -> dict[str, float]:
    """gflops: 10^9 operations a second (a multiply-add is two) from registers; gflops_cache: with one operand fetched
    from the first-level cache, as in a sparse kernel; gbytes: 10^9 bytes a second of a triad a = b + s c in memory."""
    runs, n = (3, 10**6) if quick else (9, 10**7)
    x = np.full(_LANES * _CHAINS * _PLACES, 1e-3, np.float32)
    operations = 2 * n * _CHAINS * _LANES
    arrays = [np.ones(2**24, np.float32) for _ in range(3)]  # 64 MiB each: larger than the caches
    return {"gflops": 1e-9 * operations / _typical(lambda: _run_registers(n, x), runs),
            "gflops_cache": 1e-9 * operations / _typical(lambda: _run_cache(n, x), runs),
            "gbytes": 1e-9 * sum(a.nbytes for a in arrays) / _typical(lambda: _triad(*arrays), runs)}
