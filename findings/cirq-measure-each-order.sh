#!/usr/bin/env bash
# cirq-core 1.7.0: the columns of `measure_each` follow the moments of the circuit, not the order that was asked for.
#
# Four qubits are measured by cirq.measure_each(q0, q1, q2, q3), and 0 and 3 take part in a gate before. Seen: the
# result's keys and the columns of its table are q(1), q(2), q(0), q(3): the measurements of idle qubits slide into an
# earlier moment. Whoever joins the columns as they come has qubits exchanged, in another circuit in another way.
# What this book does: keys that differ in their numbers only are put in the order of the numbers, the names of the
# columns are part of the result, and it says so (lib/spins/measurements/cirq.py).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet cirq-core==1.7.0

env/bin/python - <<'CODE'
import cirq
import numpy as np

qubits = cirq.LineQubit.range(4)
circuit = cirq.Circuit(cirq.X(qubits[0]), cirq.CNOT(qubits[0], qubits[3]), cirq.measure_each(*qubits))
result = cirq.Simulator(seed=1).run(circuit, repetitions=1)
keys = list(result.measurements)
joined = np.concatenate([result.measurements[key] for key in keys], axis=1)[0].tolist()
print("keys:", keys, "| columns of the table:", list(result.data.columns), "| bits as they come:", joined)
in_order = [int(result.measurements[f"q({place})"][0, 0]) for place in range(4)]
print("bits of qubits 0 to 3:", in_order)
assert in_order == [1, 0, 0, 1]
assert keys != [f"q({place})" for place in range(4)] and joined != in_order, "cirq has changed"
CODE
