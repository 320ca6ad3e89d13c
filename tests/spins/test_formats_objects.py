"""Live objects of other packages, by the names of their types: the packages need not be here."""

import json
import sys
from collections import Counter

import numpy as np
import pytest

from lib.spins import measurements
from lib.spins.measurements import read
from tests.formats import BITS, MADE, bit_array, deviations, reader, vendor


@pytest.fixture
def read_text(tmp_path):
    return reader(tmp_path)


def test_objects_of_qiskit_are_read_as_their_files():
    one = bit_array(BITS)
    assert read(one).bits.tolist() == BITS.tolist()
    data = vendor("qiskit.primitives.containers.data_bin", "DataBin", dict)(front=bit_array(BITS[:, :4]),
                                                                          back=bit_array(BITS[:, 4:]))
    pub = vendor("qiskit.primitives.containers.sampler_pub_result", "SamplerPubResult",
                 vendor("qiskit.primitives.containers.pub_result", "PubResult"))()
    pub.data, pub.metadata = data, {"shots": 2000}
    result = vendor("qiskit.primitives.containers.primitive_result", "PrimitiveResult", list)([pub])
    result.metadata = {"version": 2}
    for found in (data, pub, result):
        assert read(found).bits.tolist() == BITS.tolist() and read(found).sites[4] == "back[0]"
    with pytest.raises(ValueError, match="task=, which of its 2 pubs"):
        again = type(result)([pub, pub])
        again.metadata = {}
        read(again)
    counts = vendor("qiskit.result.counts", "Counts", dict)({"011": 3, "100": 1})
    assert read(counts).bits.tolist() == [[1, 1, 0]] * 3 + [[0, 0, 1]]
    swept = bit_array(BITS)
    swept.array = np.stack([one.array, one.array[::-1]])
    with pytest.raises(ValueError, match=r"task=\(pub, \.\.\.\), which parameters of a pub of shape \(2,\)"):
        read(swept)
    assert read(swept, task=(1,)).bits.tolist() == BITS[::-1].tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_cirq_objects_of_every_type(dtype):
    result = vendor("cirq.study.result", "ResultDict")()
    result.records = {"m": BITS[:, None].astype(dtype)}
    found = read(result)
    assert found.bits.tolist() == BITS.tolist() and found.bits.dtype == np.uint8


def test_objects_of_clients_are_read_or_refused_by_name(read_text):
    ionq = vendor("cirq_ionq.results", "QPUResult", num_qubits=lambda self: 3,
                  counts=lambda self: Counter({6: 2, 1: 1}))
    assert read(ionq()).bits.tolist() == [[1, 1, 0]] * 2 + [[0, 0, 1]]  # it has turned the keys around
    with pytest.raises(ValueError, match="probabilities of a simulator"):
        read(vendor("cirq_ionq.results", "SimulatorResult")())
    quil = vendor("pyquil.api._qam", "QAMExecutionResult", get_register_map=lambda self: {"ro": BITS, "idle": None})
    assert read(quil()).bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="order=: an array tells no order"):
        read(BITS, format="pyquil")
    assert read(BITS, format="pyquil", order="reverse").bits.tolist() == BITS[:, ::-1].tolist()
    packed = json.loads((MADE / "pytket.json").read_text())
    tket = vendor("pytket.backends.backendresult", "BackendResult", to_dict=lambda self: packed)
    assert read(tket()).bits.tolist() == BITS.tolist()
    one = {"width": 9, "array": [[0b10000000, 0b10000000]]}
    counted = {"qubits": [], "bits": [["c", [8 - i]] for i in range(9)], "counts": [{"outcome": one, "count": 2}]}
    assert read(counted).bits.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 1]] * 2


def test_objects_of_rydberg_devices_are_read_with_their_missing_atoms():
    shot = lambda status, pre, post: vendor("braket.x", "ShotResult")  # noqa: E731
    rows = []
    for status, pre, post in (("Success", [1, 1, 1], [0, 1, 1]), ("Success", [1, 0, 1], [1, 1, 0]),
                              ("Failure", [], [])):
        row = shot(status, pre, post)()
        row.status, row.pre_sequence, row.post_sequence = status, np.array(pre), np.array(post)
        rows.append(row)
    analog = vendor("braket.tasks.analog_hamiltonian_simulation_quantum_task_result",
                    "AnalogHamiltonianSimulationQuantumTaskResult")()
    analog.measurements = rows
    found = read(analog)
    assert found.bits.tolist() == [[1, 0, 0]]
    assert found.dropped == {"shots of status 'Failure'": 1, "sites that were empty before and not after": 1,
                             "shots with an empty site": 1}
    gate = vendor("braket.tasks.gate_model_quantum_task_result", "GateModelQuantumTaskResult")()
    gate.measurements, gate.measured_qubits = np.array([[0, 1, 1]]), [4, 0, 2]
    gate.measurement_probabilities, gate.measurements_copied_from_device = {"011": 1.0}, True
    gate.task_metadata = vendor("braket.x", "TaskMetadata", shots=1)()
    assert read(gate).bits.tolist() == [[1, 1, 0]] and read(gate).sites == ("0", "2", "4")
    gate.measurements_copied_from_device = False
    gate.task_metadata.shots = 4
    assert read(gate).bits.tolist() == [[1, 1, 0]] * 4
    gate.measurement_probabilities = {"011": 0.3, "000": 0.7}  # of a simulator: 1.2 shots
    with pytest.raises(ValueError, match=r"relative frequencies of 4 shots, got 0.3 = 1.2 shots"):
        read(gate)
    atoms = vendor("pulser.backend.results", "Results", atom_order=("a", "b"),
                   get_result_times=lambda self, tag: [0.5, 1.0],
                   get_result=lambda self, tag, time: {"10": 2} if time == 1.0 else {"01": 2})()
    assert read(atoms).bits.tolist() == [[1, 0]] * 2 and read(atoms).sites == ("a", "b")
    assert read(atoms, task=0).bits.tolist() == [[0, 1]] * 2


@pytest.mark.parametrize(("module", "kind"), [("pulser_simulation.simresults", "pulser"), ("braket.x", "braket"),
                                               ("cirq.x", "cirq"), ("pytket.x", "pytket"), ("pyquil.x", "pyquil")])
def test_objects_without_shots_are_refused_in_words(module, kind):
    with pytest.raises(ValueError, match=f"a result of {kind}|register=|expected") as caught:
        read(vendor(module, "Other")())
    assert "; try " in str(caught.value)


def test_samples_of_simulators_are_read_whatever_their_axes():
    signs = 1 - 2 * BITS.astype(float)  # the gates' outcome 0 has the eigenvalue +1
    assert read(signs, format="pennylane", n_sites=9).bits.tolist() == BITS.tolist()
    # [qml.sample(qml.Z(wire)) for wire in ...] has a row a wire.
    assert read(list(signs.T), format="pennylane", n_sites=9).bits.tolist() == BITS.tolist()
    assert read(signs[:9].T, format="pennylane", n_sites=9).bits.tolist() == BITS[:9].tolist()
    assert read(BITS.astype(np.int64), format="pennylane").bits.tolist() == BITS.tolist()
    assert read(signs.tolist(), format="qutip").bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="eigenvalues -1 and \\+1, got 0"):
        read(BITS.tolist(), format="qutip")
    chains = signs.reshape(20, 100, 9)
    netket = read(chains, format="netket")
    assert netket.bits.tolist() == (1 - BITS).tolist() == netket.in_conventions().tolist()
    turned = read((signs, ["XYZ" * 3] * 2000), format="netket")
    assert turned.bases[5, 1] == "Y" and (turned.in_conventions()[:, 0] == BITS[:, 0]).all()
    for bad in (["xyz" * 3] * 2000, ["XYZ"] * 2000, ["XYI" * 3] * 2000):
        with pytest.raises(ValueError, match="try"):
            read((signs, bad), format="netket")
    tenpy = [(list(row), -0.5j) for row in BITS[:50]]
    assert read(tenpy, format="tenpy", one="up").in_conventions().tolist() == BITS[:50].tolist()
    assert read(tenpy, format="tenpy", one="down").in_conventions().tolist() == (1 - BITS[:50]).tolist()
    with pytest.raises(ValueError, match='one="up" where \'up\' is 1'):
        read(tenpy, format="tenpy")
    assert read(tenpy, format="quimb").in_conventions().tolist() == (1 - BITS[:50]).tolist()
    with pytest.raises(ValueError, match="could be tenpy or quimb or qutip or rows"):
        read(tenpy)
    shadow = np.stack([BITS, np.full(BITS.shape, 2)]).astype(np.int8)
    assert (read(shadow, format="pennylane").bases == "Z").all()
    assert read((BITS, shadow[1]), format="pennylane").bits.tolist() == BITS.tolist()


def test_arrays_of_stim_are_read_packed_or_not(read_text):
    assert read(BITS.astype(bool), format="stim").bits.tolist() == BITS.tolist()
    packed = np.packbits(BITS, axis=1, bitorder="little")
    assert read(packed, format="stim", n_sites=9).bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="n_sites=, the number of bits a shot"):
        read(packed, format="stim")
    with pytest.raises(ValueError, match=r"expected 2 bytes a shot for 9 bits, got 9"):
        read(BITS, format="stim", n_sites=9)
    both = "shot M0 D1 L0\nshot\n"
    assert read_text("x.dets", both, n_sites={"M": 1, "D": 2, "L": 1}).bits.tolist() == [[1, 0, 1, 1], [0, 0, 0, 0]]


def test_arrays_of_pastaq_are_read_with_their_bases():
    words = np.full((9, 2000), b"Z", dtype=object)
    words[3] = b"X"
    found = read({"outcomes": BITS.T.astype(np.int64), "bases": words}, format="pastaq")
    assert found.bits.tolist() == BITS.tolist() and (found.bases[:, 3] == "X").all()
    with pytest.raises(ValueError, match="process tomography"):
        read({"outcomes": BITS.T, "inputs": words}, format="pastaq")
    with pytest.raises(ValueError, match="bases of shape"):
        read({"outcomes": BITS.T, "bases": words.T}, format="pastaq")


def test_pastaq_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match="the package h5py for HDF5 files, got none installed"):
        read(MADE / "pastaq.h5")


def test_a_file_of_pastaq_is_read_within_its_limit_or_refused(read_text):
    pytest.importorskip("h5py")
    found = read(MADE / "pastaq.h5")
    assert max(deviations(found.bits)) < 4.5 and found.bits.shape == (300, 9) and (found.bases == "Z").all()
    with pytest.raises(ValueError, match=r"at most 500.0 B of memory"):
        read(MADE / "pastaq.h5", limit=500)
    with pytest.raises(ValueError, match="an HDF5 file, got a damaged one"):
        read_text("cut.h5", (MADE / "pastaq.h5").read_bytes()[:3000])


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_pastaq_numbers_in_other_files_are_refused(tmp_path, kind):
    h5py = pytest.importorskip("h5py")
    outcomes = BITS[:20].T.astype(np.int64)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["outcomes"] = outcomes
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if kind == "link":
            file["outcomes"] = h5py.ExternalLink("other.h5", "/outcomes")
        elif kind == "storage":
            (tmp_path / "raw").write_bytes(outcomes.tobytes())
            file.create_dataset("outcomes", outcomes.shape, outcomes.dtype,
                                external=[("raw", 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(outcomes.shape, outcomes.dtype)
            layout[:] = h5py.VirtualSource("other.h5", "outcomes", outcomes.shape)
            file.create_virtual_dataset("outcomes", layout)
    with pytest.raises(ValueError, match="numbers in 'outcomes' itself, got a link to another file, .*a.h5; try to "):
        read(tmp_path / "a.h5")


def test_pastaq_link_to_nothing(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["outcomes"] = h5py.SoftLink("/nowhere")
    with pytest.raises(ValueError, match="numbers in 'outcomes', got a link to '/nowhere', which is not there"):
        read(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = BITS[:20].T
        file["outcomes"] = h5py.SoftLink("/data")  # in this file
    assert read(tmp_path / "b.h5").bits.tolist() == BITS[:20].tolist()


def test_our_own_packed_files_are_read_and_damage_is_named(tmp_path):
    measurements.save(tmp_path / "m.npz", BITS, metadata={"sites": [f"s{i}" for i in range(9)]})
    found = read(tmp_path / "m.npz")
    assert found.bits.tolist() == BITS.tolist() == found.in_conventions().tolist() and found.sites[8] == "s8"
    (tmp_path / "m.npz").write_bytes(2 * (tmp_path / "m.npz").read_bytes())
    with pytest.raises(ValueError, match="one archive, got bytes before it"):
        read(tmp_path / "m.npz")


def test_cirq_keys_that_list_their_qubits():
    result = vendor("cirq.study.result", "ResultDict")()
    for key, sites in (("q(0, 0),q(0, 1)", ("q(0, 0)", "q(0, 1)")), ("a,b", ("a", "b")), ("q(0, 1)", ("q(0, 1)[0]",
                       "q(0, 1)[1]")), ("a,a", ("a,a[0]", "a,a[1]")), ("a,b,c", ("a,b,c[0]", "a,b,c[1]"))):
        result.records = {key: np.zeros((3, 1, 2), dtype=int)}
        assert read(result).sites == sites
    result.records = {"a,b": np.zeros((3, 1, 1), dtype=int)}
    assert read(result).sites == ("a,b",) and read(result, n_sites=1).n_sites == 1
    with pytest.raises(ValueError, match="expected 2 columns, got 1"):
        read(result, n_sites=2)


def test_cirq_keys_by_their_numbers():
    for keys in (["q10", "q9", "q1"], ["q(10)", "q(9)", "q(1)"], ["q(1, 0)", "q(0, 10)", "q(0, 9)"]):
        result = vendor("cirq.study.result", "ResultDict")()
        result.records = {key: np.full((3, 1, 1), place % 2) for place, key in enumerate(keys)}
        assert read(result).sites == tuple(keys[::-1]) and read(result).bits[0].tolist() == [0, 1, 0]
        assert "keys by their numbers" in read(result).convention
    result.records = {"b": np.ones((3, 1, 1), dtype=int), "a": np.zeros((3, 1, 2), dtype=int)}
    assert read(result).sites == ("b", "a[0]", "a[1]") and "keys as in the file" in read(result).convention
