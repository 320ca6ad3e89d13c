"""The other side of `kernels`, in an environment of its own: neural-tangents times its kernels when it is told to.

Started as `python neural_tangents_peer.py FOLDER THREADS DEPTH ACTIVATION`. Reads inputs.npy from the folder, compiles,
writes nngp.npy and ntk.npy there and "ready"; then answers each line that it reads with the seconds of one evaluation.
"""

import os
import sys

folder, threads, depth, activation = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
# Before jax is imported, which reads both once.
os.environ["XLA_FLAGS"] = (f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} "
                           f"intra_op_parallelism_threads={threads}")
os.environ["JAX_PLATFORMS"] = "cpu"

import time  # noqa: E402
import types  # noqa: E402

# The package imports its experimental part, and that tensorflow (2 GB), which the kernels do not use.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402
import numpy as np  # noqa: E402
from neural_tangents import stax  # noqa: E402

jax.config.update("jax_enable_x64", True)
x = jax.numpy.asarray(np.load(f"{folder}/inputs.npy"))
layers = []
for _ in range(depth):
    layers += [stax.Dense(1, W_std=2**0.5, b_std=0.0), stax.Relu() if activation == "relu" else stax.Erf()]
kernel = stax.serial(*layers, stax.Dense(1, W_std=2**0.5, b_std=0.0))[2]
evaluate = jax.jit(lambda x: tuple(kernel(x, None, ("nngp", "ntk"))))
for name, values in zip(("nngp", "ntk"), jax.block_until_ready(evaluate(x))):
    np.save(f"{folder}/{name}.npy", np.asarray(values))
jax.block_until_ready(evaluate(x))
print("ready", flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    jax.block_until_ready(evaluate(x))
    print(time.perf_counter() - began, flush=True)
