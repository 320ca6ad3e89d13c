"""The files of this folder, by the packages themselves: `python make_files.py qiskit`, with the pins below.

Nine qubits are turned about y, each by its own angle, then two controlled NOTs act (1 -> 8, 2 -> 5). The outcomes
along z are thus independent bits with the probabilities P of a one, of which two are then changed by others; their
marginals differ pairwise by more than five standard errors, and no mirror image of the chain or exchange of 0 and 1
gives the same. `draw` takes them from there for the packages that run no circuits. tests/spins/test_formats.py compares
all files with the exact marginals and pair correlations. For each, in an environment of its own:

    python -m venv env && env/bin/pip install PINS && env/bin/python make_files.py NAME

    qiskit:    qiskit==2.6.2 qiskit-ibm-runtime==0.51.0
    cirq:      cirq-core==1.7.0
    braket:    amazon-braket-sdk==1.127.5
    pulser:    pulser-core==1.9.1
    bloqade:   bloqade-analog==0.16.9
    pennylane: pennylane==0.45.1
    stim:      stim==1.16.0
    pytket:    pytket==2.18.5
    pyquil:    pyquil==4.22.0
    qutip:     qutip==5.3.1
    tenpy:     physics-tenpy==1.1.1
    quimb:     quimb==1.16.0
    netket:    netket==3.23.0
    layouts:   numpy h5py==3.16.0 (no package of a maker: IonQ's job, PastaQ's HDF5, counts, QuCumber's text)
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
P = [0.76, 0.13, 0.40, 0.90, 0.04, 0.60, 0.31, 0.63, 0.12]
NOTS = [(1, 8), (2, 5)]
SEED = 5
SHOTS = 2000
ANGLES = [2 * np.arcsin(np.sqrt(p)) for p in P]


def draw(n_shots=SHOTS):
    """Outcomes of the state, uint8 (n_shots, 9)."""
    bits = (np.random.default_rng(SEED).random((n_shots, len(P))) < P).astype(np.uint8)
    for control, target in NOTS:
        bits[:, target] ^= bits[:, control]
    return bits


def strings(bits):
    return Counter("".join(map(str, row)) for row in bits.tolist())


def write(name, document):
    (HERE / name).write_text(document if isinstance(document, str) else json.dumps(document))


def qiskit():
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
    from qiskit.primitives import StatevectorSampler
    from qiskit.providers.basic_provider import BasicSimulator
    from qiskit_ibm_runtime import RuntimeEncoder

    def circuit(*registers):
        found = QuantumCircuit(QuantumRegister(9), *registers)
        for qubit, angle in enumerate(ANGLES):
            found.ry(angle, qubit)
        for control, target in NOTS:
            found.cx(control, target)
        found.measure(range(9), range(9))
        return found

    two = circuit(ClassicalRegister(4, "front"), ClassicalRegister(5, "back"))  # not in alphabetical order
    for name, run in (("qiskit_one_register.json", circuit(ClassicalRegister(9, "meas"))),
                      ("qiskit_two_registers.json", two)):
        write(name, json.dumps(StatevectorSampler(seed=SEED).run([run], shots=SHOTS).result(), cls=RuntimeEncoder))
    result = BasicSimulator().run(two, shots=SHOTS, seed_simulator=SEED).result()
    write("qiskit_backend_result.json", json.dumps(result.to_dict(), cls=RuntimeEncoder))
    write("qiskit_counts.json", result.get_counts())


def cirq():
    import cirq
    qubits = cirq.LineQubit.range(9)
    gates = [cirq.ry(angle)(qubit) for angle, qubit in zip(ANGLES, qubits)]
    gates += [cirq.CNOT(qubits[control], qubits[target]) for control, target in NOTS]
    simulator = cirq.Simulator(seed=SEED)
    endings = {"cirq_one_key.json": [cirq.measure(*qubits, key="m")],
               "cirq_nine_keys.json": [cirq.measure(qubit, key=f"q{place}") for place, qubit in enumerate(qubits)],
               "cirq_repeated_key.json": [cirq.measure(*qubits, key="m"), *(cirq.X(qubit) for qubit in qubits),
                                          cirq.measure(*qubits, key="m")]}
    for name, ending in endings.items():
        write(name, cirq.to_json(simulator.run(cirq.Circuit(gates + ending), repetitions=SHOTS)))


def braket():
    from braket.circuits import Circuit
    from braket.default_simulator import StateVectorSimulator
    from braket.ir.openqasm import Program
    from braket.task_result import AnalogHamiltonianSimulationTaskResult
    circuit = Circuit()
    for qubit, angle in enumerate(ANGLES):
        circuit.ry(qubit, angle)
    for control, target in NOTS:
        circuit.cnot(control, target)
    circuit.measure([6, 2, 8, 0, 4, 1, 7, 3, 5])
    np.random.seed(SEED)
    source = circuit.to_ir("OPENQASM").source
    write("braket_gate.json", StateVectorSimulator().run(Program(source=source), shots=SHOTS).json())

    # Bits of the state written by the schema of the analog results: site 4 is declared empty, atoms are missing now and
    # then, five shots failed.
    rng = np.random.default_rng(SEED)
    shots = []
    for place, row in enumerate(draw(600)):
        before = (rng.random(9) > 0.02).astype(int)
        before = np.insert(before, 4, 0)
        after = np.where(before == 1, 1 - np.insert(row, 4, 0), 0)
        shots.append({"shotMetadata": {"shotStatus": "Success" if place % 120 else "Failure"},
                      "shotResult": {"preSequence": before.tolist(), "postSequence": after.tolist()}})
    metadata = {"braketSchemaHeader": {"name": "braket.task_result.task_metadata", "version": "1"}, "id": "made",
                "shots": len(shots), "deviceId": "made"}
    write("braket_analog.json", AnalogHamiltonianSimulationTaskResult(taskMetadata=metadata, measurements=shots).json())


def pulser():
    from pulser.backend.results import Results
    results = Results.from_final_bitstrings([f"atom{site}" for site in range(9)], 1000, strings(draw()))
    write("pulser.json", results.to_abstract_repr())


def bloqade():
    from bloqade.analog import dumps, start
    positions = [(60.0 * site, 0.0) for site in range(9)]  # far apart: no interaction
    program = start.add_position(positions).rydberg.rabi.amplitude.uniform.constant(6.0, 0.55)
    program = program.detuning.location(list(range(9)), [0.0, 3.1, 8.9, 1.7, 5.0, 2.4, 6.6, 4.1, 3.6])
    np.random.seed(SEED)
    write("bloqade.json", dumps(program.constant(1.0, 0.55).bloqade.python().run(1000)))


def pennylane():
    import pennylane as qml
    device = qml.device("default.qubit", wires=9, seed=SEED)

    def circuit():
        for wire, angle in enumerate(ANGLES):
            qml.RY(angle, wires=wire)
        for control, target in NOTS:
            qml.CNOT(wires=[control, target])

    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def shadow():
        circuit()
        return qml.classical_shadow(wires=range(9), seed=SEED)

    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def samples():
        circuit()
        return qml.sample(wires=range(9))

    bits, recipes = shadow()
    np.savez_compressed(HERE / "pennylane_shadow.npz", bits=bits, recipes=recipes)
    np.save(HERE / "pennylane_samples.npy", np.asarray(samples()).astype(np.int8))


def stim():
    import stim
    bits = draw().astype(bool)
    for kind in ("01", "b8", "r8", "ptb64", "hits", "dets"):
        rows = bits[:1984] if kind == "ptb64" else bits
        stim.write_shot_data_file(data=rows, path=HERE / f"stim.{kind}", format=kind, num_measurements=9)


def pytket():
    from pytket.backends.backendresult import BackendResult
    from pytket.circuit import Bit
    from pytket.utils.outcomearray import OutcomeArray
    order = [3, 8, 0, 5, 1, 7, 2, 6, 4]
    result = BackendResult(c_bits=[Bit("c", place) for place in order], shots=OutcomeArray.from_readouts(
        draw()[:, order].tolist()))
    write("pytket.json", result.to_dict())


def pyquil():
    from pyquil import Program
    from pyquil.gates import CNOT, MEASURE, RY
    from pyquil.pyqvm import PyQVM
    program = Program()
    memory = program.declare("ro", "BIT", 9)
    program += [RY(angle, qubit) for qubit, angle in enumerate(ANGLES)]
    program += [CNOT(control, target) for control, target in NOTS]
    program += [MEASURE(qubit, memory[qubit]) for qubit in range(9)]
    program.wrap_in_numshots_loop(SHOTS)
    machine = PyQVM(n_qubits=9, seed=SEED)
    found = machine.get_result(machine.execute(program)).get_register_map()
    write("pyquil.json", {name: rows.tolist() for name, rows in found.items()})


def psi():
    """The amplitudes, float64 (512,), qubit 0 the slowest index."""
    states = (np.arange(2**9)[:, None] >> np.arange(9)[::-1]) & 1
    amplitudes = np.sqrt(np.prod(np.where(states, P, 1 - np.array(P)), axis=1))
    for control, target in NOTS:
        states[:, target] ^= states[:, control]
    found = np.zeros(2**9)
    found[states @ (1 << np.arange(9)[::-1])] = amplitudes
    return found


def qutip():
    from qutip import basis, qeye, sigmaz, tensor
    from qutip.core.gates import cnot
    from qutip.measurement import measure_observable
    np.random.seed(SEED)
    rows = np.zeros((600, 9), dtype=int)
    turned = [np.sqrt(1 - p) * basis(2, 0) + np.sqrt(p) * basis(2, 1) for p in P]
    # QuTiP diagonalizes each observable anew: no more qubits at a time than are entangled.
    for first, second in NOTS:
        both = cnot() * tensor(turned[first], turned[second])
        for row in rows:
            row[first], after = measure_observable(both, tensor(sigmaz(), qeye(2)))
            row[second], _ = measure_observable(after, tensor(qeye(2), sigmaz()))
    for site in set(range(9)) - {site for pair in NOTS for site in pair}:
        for row in rows:
            row[site], _ = measure_observable(turned[site], sigmaz())
    write("qutip.json", rows.tolist())


def tenpy():
    from tenpy.networks.mps import MPS
    from tenpy.networks.site import SpinHalfSite
    site = SpinHalfSite(conserve=None)
    assert site.state_labels["down"] == 1, "1 is up"
    state = MPS.from_full([site] * 9, _tensor(site), form="B")
    rng = np.random.default_rng(SEED)
    found = [state.sample_measurements(rng=rng) for _ in range(1000)]
    write("tenpy.json", [[[int(outcome) for outcome in outcomes], float(weight)] for outcomes, weight in found])


def _tensor(site):
    from tenpy.linalg import np_conserved as npc
    return npc.Array.from_ndarray(psi().reshape([2] * 9), [site.leg] * 9, labels=[f"p{place}" for place in range(9)])


def quimb():
    from quimb.tensor import MatrixProductState
    state = MatrixProductState.from_dense(psi(), [2] * 9)
    found = state.sample(1000, seed=SEED)
    write("quimb.json", [[[int(outcome) for outcome in outcomes], float(weight)] for outcomes, weight in found])


def netket():
    import netket as nk
    space = nk.hilbert.Spin(0.5, 9)
    order = (1 - space.all_states()) // 2 @ (1 << np.arange(9)[::-1])  # the gates' outcome 0 is the eigenvalue +1
    model = nk.models.LogStateVector(space, param_dtype=float)
    state = nk.vqs.MCState(nk.sampler.ExactSampler(space), model, n_samples=SHOTS, sampler_seed=SEED)
    state.parameters = {"logstate": np.log(psi()[order.astype(int)])}
    np.save(HERE / "netket.npy", np.asarray(state.samples).astype(np.int8))


def layouts():
    import h5py
    bits = draw()
    few = bits[:300]  # a string a bit takes room
    histogram = {str(int(key[::-1], 2)): str(count / SHOTS) for key, count in strings(bits).items()}
    write("ionq.json", {"id": "made", "status": "completed", "stats": {"qubits": "9"}, "target": "qpu.made",
                        "metadata": {"shots": SHOTS}, "data": {"histogram": histogram}})
    lines = [f"{key},{count}" for key, count in sorted(strings(bits).items())]
    write("counts.csv", "\n".join(["bitstring,count", *lines]) + "\n")
    np.savetxt(HERE / "qucumber.txt", bits, fmt="%d")
    with h5py.File(HERE / "pastaq.h5", "w") as file:
        file.create_dataset("outcomes", data=few.T.astype(np.int64), compression=9)
        file.create_dataset("bases", data=np.full(few.T.shape, b"Z"), dtype=h5py.string_dtype(), compression=9)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
