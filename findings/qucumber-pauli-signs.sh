#!/usr/bin/env bash
# QuCumber 1.3.3: its observables along x, y and z do not belong together.
#
# Pauli operators multiply as XY = iZ.  QuCumber's SigmaX and SigmaY are those of the textbook, for which bit 0 has the
# value +1 along z; its SigmaZ gives +1 to bit 1.  Seen, for one spin in a random complex state and exact sums over both
# bits: x and y are the textbook's averages, z is minus that of the textbook.  So a Hamiltonian that is odd in z, such as
# one with fields along x, y and z at once, has another spectrum there than on paper.
# What this book does: Y = iXZ for the Z with +1 at bit 1 (lib/conventions.py), so that y has the other sign.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
# Its release asks for an old torch, and runs under this one when installed without its dependencies.
env/bin/pip install --quiet torch==2.13.0 numpy==2.4.6 scipy==1.17.1 tqdm matplotlib
env/bin/pip install --quiet --no-deps qucumber==1.3.3

cat > signs.py <<'CODE'
import numpy as np
import qucumber
from qucumber.nn_states import ComplexWaveFunction
from qucumber.observables import SigmaX, SigmaY, SigmaZ

qucumber.set_random_seed(1, cpu=True, gpu=False, quiet=True)
state = ComplexWaveFunction(1, 1, gpu=False)
both = state.generate_hilbert_space(1)
real, imaginary = state.psi(both).numpy()
psi = (real + 1j * imaginary) / np.linalg.norm(real + 1j * imaginary)
textbook = {"x": [[0, 1], [1, 0]], "y": [[0, -1j], [1j, 0]], "z": [[1, 0], [0, -1]]}
for (axis, matrix), operator, sign in zip(textbook.items(), (SigmaX(), SigmaY(), SigmaZ()), (1, 1, -1)):
    found = float(np.abs(psi) ** 2 @ operator.apply(state, both).numpy())
    paper = np.vdot(psi, np.array(matrix) @ psi).real
    print(f"{axis}: QuCumber {found:+.6f}, textbook {paper:+.6f}")
    assert np.isclose(found, sign * paper), "QuCumber has changed"
CODE
env/bin/python signs.py
