"""NetKet in a process of its own: for each line "way seed", CPU seconds of its training until the fidelity is reached.

python netket_peer.py DATA PSI FIDELITY MAX_STEPS. It says "ready" and, for each of WAYS, the CPU seconds of its first
steps, most of which are compiling. The answer to a line is seconds and steps, or "inf" and MAX_STEPS. Fidelities are
off the clock.

Measured is `netket.experimental.QSR` with a real restricted Boltzmann machine of as many hidden as visible units, in
float64. Of plain descent and Adam at several rates and of natural gradients, Adam at 0.01 took the fewest seconds, and
independent samples fewer than Metropolis chains, which did not get there in as many steps.
"""

import math
import os
import sys
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [folder for folder in sys.path if folder != HERE]  # a file here has the name of a package that NetKet needs
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ |= {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
warnings.filterwarnings("ignore")

import jax  # noqa: E402
import netket as nk  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from netket.experimental import QSR  # noqa: E402

WAYS = ("samples", "sums")  # a hundred independent samples for the negative phase, or all configurations
RATE, BATCH_SIZE, N_SAMPLES, EVERY = 0.01, 100, 100, 10


def seconds_to(spins, psi, enough, steps, way, seed):
    """CPU seconds of steps until the fidelity is reached, and steps."""
    hilbert = nk.hilbert.Spin(0.5, N=spins.shape[1])
    model = nk.models.RBM(alpha=1, param_dtype=float)
    state = nk.vqs.FullSumState(hilbert, model, seed=seed) if way == "sums" else \
        nk.vqs.MCState(nk.sampler.ExactSampler(hilbert), model, n_samples=N_SAMPLES, seed=seed)
    bases = np.array(["Z" * spins.shape[1]] * len(spins))
    run = QSR((spins, bases), BATCH_SIZE, optax.adam(RATE), variational_state=state, seed=seed)
    taken = 0.0
    for done in range(0, steps, EVERY):
        vector = np.asarray(state.to_array())
        if abs(vector @ psi) ** 2 / (vector @ vector) >= enough:
            return taken, done
        began = time.process_time()
        run.run(EVERY, show_progress=False)
        jax.block_until_ready(state.parameters)
        taken += time.process_time() - began
    return math.inf, steps


def main():
    data, amplitudes, enough, steps = sys.argv[1:5]
    spins = 2 * np.loadtxt(data) - 1
    psi = np.loadtxt(amplitudes)[:, 0]
    states = np.asarray(nk.hilbert.Spin(0.5, N=spins.shape[1]).all_states())
    psi = psi[(states > 0) @ (1 << np.arange(spins.shape[1])[::-1])]
    psi = psi / np.linalg.norm(psi)
    compiling = []
    for way in WAYS:
        began = time.process_time()
        seconds_to(spins, psi, math.inf, EVERY, way, 0)
        compiling.append(time.process_time() - began)
    print("ready", *compiling, flush=True)
    for line in sys.stdin:
        way, seed = line.split()
        print(*seconds_to(spins, psi, float(enough), int(steps), way, int(seed)), flush=True)


if __name__ == "__main__":
    main()
