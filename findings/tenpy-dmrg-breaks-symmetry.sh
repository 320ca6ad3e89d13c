#!/usr/bin/env bash
# TeNPy 1.1.1: DMRG with the mixer, from a start that has the symmetry of the chain, ends in a state that has not.
#
# The transverse-field Ising chain (TFIChain: H = -sum sx sx - g sum sz, open ends) of 30 spins at g = 0.5, without
# charges, from all spins along the field, a state of even parity.  Every average of a single sx vanishes by symmetry, in
# the start and in the ground state.  Seen: with "mixer": False it does so; with "mixer": True, as is advised against local
# minima, the result has <sx> = -0.96, nearly full magnetization.  Nothing is logged above INFO, the run ends by its
# convergence criteria, and the energy is right to ten digits, because the other parity lies only 1.4e-9 higher.
# Samples of that state show one of two valleys.
# What this book does: it conserves the parity (lib/spins/dmrg.py), and tests the magnetization, not only the energy.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet physics-tenpy==1.1.1 numpy==2.4.6 scipy==1.17.1

cat > breaks.py <<'CODE'
import warnings

import numpy as np
from tenpy.algorithms.dmrg import TwoSiteDMRGEngine
from tenpy.models.tf_ising import TFIChain
from tenpy.networks.mps import MPS

warnings.simplefilter("ignore")
n_spins, g = 30, 0.5
exact = -np.linalg.svd(g * np.eye(n_spins) + np.eye(n_spins, k=1), compute_uv=False).sum()  # free fermions
model = TFIChain({"L": n_spins, "J": 1.0, "g": g, "bc_MPS": "finite", "conserve": None})
found = {}
for mixer in (False, True):
    start = MPS.from_product_state(model.lat.mps_sites(), ["up"] * n_spins, bc="finite",
                                   unit_cell_width=model.lat.mps_unit_cell_width)
    engine = TwoSiteDMRGEngine(start, model, {"trunc_params": {"chi_max": 16, "svd_min": 1e-10}, "max_E_err": 1e-10,
                                              "mixer": mixer, "max_sweeps": 30, "max_N_for_ED": 20})
    energy, state = engine.run()
    found[mixer] = abs(float(np.mean(state.expectation_value("Sigmax"))))
    print(f"mixer {mixer!s:5}  |<sx>| {found[mixer]:.4f}  energy - exact {energy - exact:.1e}  sweeps {engine.sweeps} of 30")
    assert abs(energy - exact) < 2e-9 and engine.sweeps < 30, "TeNPy has changed"
assert found[False] < 1e-3 and found[True] > 0.9, "TeNPy has changed"
CODE
env/bin/python breaks.py
