#!/usr/bin/env bash
# pyquil 4.22.0: two functions called `sample_bitstrings` put the qubits in opposite orders.
#
# Of three qubits, qubit 0 is flipped. Seen: NumpyWavefunctionSimulator.sample_bitstrings gives 1 0 0 (column 0 is qubit
# 0, as its text says), Wavefunction.sample_bitstrings of the same state gives 0 0 1 (column 0 is qubit 2; its text does
# not say). Both return an array of the same shape and type, so that nothing downstream can tell which it has.
# What this book does: an array of pyQuil is refused until the reader says order="kept" or order="reverse"
# (lib/spins/measurements/clients.py).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet pyquil==4.22.0

env/bin/python -W ignore - <<'CODE'
import numpy as np
from pyquil import Program
from pyquil.gates import X
from pyquil.simulation import NumpyWavefunctionSimulator
from pyquil.wavefunction import Wavefunction

simulator = NumpyWavefunctionSimulator(3, rs=np.random.RandomState(1))
simulator.do_program(Program(X(0)))
state = Wavefunction(simulator.wf.transpose().reshape(-1))  # the simulator keeps an axis a qubit, qubit 0 first
one, other = simulator.sample_bitstrings(1)[0].tolist(), state.sample_bitstrings(1)[0].tolist()
print("state:", state, "| simulator:", one, "| wave function:", other)
assert str(state) == "(1+0j)|001>"
assert one == [1, 0, 0] and other == [0, 0, 1], "pyquil has changed"
CODE
