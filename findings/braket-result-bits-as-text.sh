#!/usr/bin/env bash
# amazon-braket-sdk 1.127.5: the results of the local simulators hold the bits as text, against their own schema.
#
# The schema (GateModelTaskResult) declares integers from 0 to 1. Seen: the simulator's result, and the JSON that it
# writes, hold "0" and "1", since it is assembled without validation; parsed by the schema again they are numbers. Code
# that reads the JSON by itself gets an array of text, or, with bool(...), ones everywhere: a text "0" is true.
# What this book does: both spellings are read, anything else is refused with row and column
# (lib/spins/measurements/braket.py).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet amazon-braket-sdk==1.127.5

env/bin/python -W ignore - <<'CODE'
import json

from braket.circuits import Circuit
from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program
from braket.task_result import GateModelTaskResult

source = Circuit().x(0).i(1).measure([0, 1]).to_ir("OPENQASM").source
result = StateVectorSimulator().run(Program(source=source), shots=2)
written = json.loads(result.json())["measurements"]
parsed = GateModelTaskResult.parse_raw(result.json()).measurements
print("written:", written, "| parsed by the schema:", parsed, "| as bool:", [bool(bit) for bit in written[0]])
assert parsed == [[1, 0], [1, 0]]
assert written == [["1", "0"], ["1", "0"]], "braket has changed"
CODE
