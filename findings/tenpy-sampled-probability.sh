#!/usr/bin/env bash
# TeNPy 1.1.1: sample_measurements(complex_amplitude=False) promises a probability and returns another number.
#
# Three spins in the state (|up> + |down>)^3 / sqrt 8: each of the eight outcomes has the probability 1/8.  Seen: the
# amplitude, asked for with complex_amplitude=True, is 0.3536, whose square is 1/8, as it should be; "the probability
# (False), which is the abs(amplitude) ** 2" is 0.0078 = 2^-7.  The running product is squared at every site instead of
# once at the end, so the weight of an early site enters to a high power: at ten spins 10^-308 comes in place of 10^-3.
# Estimators that divide by this weight go wrong without a word.
# What this book does: it has a sampler of its own, and takes amplitudes of samples from lib/spins/mps.py.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet physics-tenpy==1.1.1 numpy==2.4.6 scipy==1.17.1

cat > weight.py <<'CODE'
import warnings

import numpy as np
from tenpy.networks.mps import MPS
from tenpy.networks.site import SpinHalfSite

warnings.simplefilter("ignore")
for n_spins in (1, 2, 3, 10):
    plus = MPS.from_product_state([SpinHalfSite(conserve=None)] * n_spins, [np.array([1, 1]) / 2**0.5] * n_spins,
                                  unit_cell_width=n_spins)
    _, amplitude = plus.sample_measurements(rng=np.random.default_rng(1))
    _, probability = plus.sample_measurements(rng=np.random.default_rng(1), complex_amplitude=False)
    print(f"{n_spins:2d} spins: exact {2.0**-n_spins:.4g}  amplitude^2 {abs(amplitude) ** 2:.4g}  "
          f"\"probability\" {probability:.4g}")
    assert np.isclose(abs(amplitude) ** 2, 2.0**-n_spins), "TeNPy has changed"
    assert np.isclose(probability, 2.0**-n_spins) == (n_spins == 1), "TeNPy has changed"
CODE
env/bin/python weight.py
