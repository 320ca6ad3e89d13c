"""What a file of measurements leaves open is asked for, and what could be two formats is refused with both names."""

import pytest

from lib.spins.measurements import read
from tests.formats import BITS


@pytest.mark.parametrize(("name", "content", "kinds"), [
    ("a", "0\n1\n1\n", ["01", "qucumber"]),
    ("a.txt", "0101,3\n0111,4\n", ["counts", "hits"]),
    ("a.json", '{"0101": 3, "1111": 5}', ["qiskit", "braket", "pulser", "pennylane", "counts"]),
    ("a.json", '{"11": 3, "10": 5}', ["qiskit", "counts", "ionq"]),
    ("a.json", "[[0, 1], [1, 1]]", ["rows", "qutip", "pennylane"]),
    ("a.json", '["010", "111"]', ["qiskit", "braket", "pulser", "pennylane", "counts"]),
    ("a.json", '{"6": 3, "5": 5}', ["qiskit", "cirq", "ionq"]),  # two count qubits from the lowest bit
])
def test_what_could_be_two_formats_is_refused_with_both_names(name, content, kinds, read_text):
    with pytest.raises(ValueError, match="could be") as caught:
        read_text(name, content)
    for kind in kinds:
        assert f'format="{kind}"' in str(caught.value)


@pytest.mark.parametrize(("source", "options", "message"), [
    ({"011": 3, "100": 1}, {"format": "counts"}, "order=: which column is which site"),
    ({"011": 3, "100": 1}, {"format": "counts", "order": "kept"}, 'one="up" or one="down"'),
    (BITS, {"format": "rows"}, "order=: which column is which site"),
    (BITS, {"format": "rows", "order": "kept", "one": "left"}, 'one="up" or one="down"'),
    (BITS, {}, "could be stim or pennylane or pyquil or netket or rows"),
    ({"0x3": 3}, {}, "hexadecimal outcomes do not tell the number of bits"),
    ({"0": 0.5, "3": 0.5}, {}, "n_sites=, the number of qubits"),
    ({"0": 0.5, "3": 0.5}, {"n_sites": 2}, "shots=: relative frequencies tell no number of shots"),
    ({6: 3, 5: 2}, {}, "could be qiskit or cirq or ionq"),
    ({6: 3, 5: 2}, {"format": "cirq"}, "n_sites=, the number of qubits, which whole numbers do not tell"),
    ({"1": 3, "11": 2}, {"format": "qiskit", "n_sites": 5}, "bits without their leading zeros or a whole number"),
    (1.0 - 2 * BITS, {"format": "pennylane"}, "have a row an observable, or a row a shot"),
    ({"a": BITS, "b": BITS}, {}, "register=, one of a, b"),
    (BITS, {"format": "rows", "register": "a"}, "expected no register= for rows"),
    (BITS, {"format": "row"}, "expected a format among"),
    (BITS, {"format": "b8"}, "expected a path for format 'b8'"),
    (BITS, {"missing": "guess"}, 'missing="drop" or missing="keep"'),
    (7, {}, "expected a known format"),
    (None, {}, "expected a known format"),
    ([], {}, "could be|at least one"),
    ({}, {}, "expected a known format"),
])
def test_open_questions_are_asked(source, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(source, **options)
    assert "; try " in str(caught.value)


def test_answers_to_open_questions(read_text):
    counts = {"011": 3, "100": 1}
    assert read(counts, "counts", order="kept", one="up").in_conventions()[0].tolist() == [0, 1, 1]
    assert read(counts, "counts", order="reverse", one="up").bits[0].tolist() == [1, 1, 0]
    assert read(counts, "qiskit").bits[0].tolist() == [1, 1, 0]
    assert read(counts, "pulser").bits[0].tolist() == [0, 1, 1]
    assert read(counts, "pennylane").bits[0].tolist() == [0, 1, 1]
    assert read({"0x3": 3}, n_sites=3).bits.tolist() == [[1, 1, 0]] * 3
    assert read({6: 2}, "qiskit", n_sites=4).bits.tolist() == [[0, 1, 1, 0]] * 2  # the lowest bit is column 0
    assert read({"14": 2}, "qiskit", n_sites=4).bits.tolist() == [[0, 1, 1, 1]] * 2
    assert read({"14": 2}, "ionq", n_sites=4).bits.tolist() == [[0, 1, 1, 1]] * 2
    assert read({"14": 2}, "cirq", n_sites=4).bits.tolist() == [[1, 1, 1, 0]] * 2  # the highest bit is
    assert read_text("a.json", '{"14": 2, "2": 1}', format="cirq", n_sites=5).bits[:, 0].tolist() == [0] * 3
    memory = ["10 011", "00 001", "10 011"]  # of a backend, register by register, in the order of the shots
    assert read(memory).bits.tolist() == [[1, 1, 0, 0, 1], [1, 0, 0, 0, 0], [1, 1, 0, 0, 1]]
    assert read(["011", "100"], "qiskit").bits.tolist() == [[1, 1, 0], [0, 0, 1]]
    for kind in ("braket", "pulser", "pennylane"):
        assert read_text("a.json", '["011", "100"]', format=kind).bits.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert read(["011", "100"], "counts", order="kept", one="up").n_shots == 2
    assert read({"011": 2}, "braket").bits.tolist() == [[0, 1, 1]] * 2
    letters = read({"gre": 2, "rgg": 3, "grg": 1}, missing="keep")  # of a Rydberg array: ground, Rydberg, empty
    assert letters.bits.tolist() == [[0, 1, 255]] * 2 + [[1, 0, 0]] * 3 + [[0, 1, 0]] and letters.format == "braket"
    few = read({"gre": 2, "rgg": 3, "gee": 4}, expand=False)
    assert few.bits.tolist() == [[1, 0, 0]] and few.weights.tolist() == [3]
    assert few.dropped == {"shots with an empty site": 6}
    assert read({"ge": 2, "re": 3}).dropped == {"sites that were empty in every shot": 1}
    assert read({"1": 2, "11": 1}, "qiskit", n_sites=3).bits.tolist() == [[1, 0, 0]] * 2 + [[1, 1, 0]]
    assert read({"0": 0.5, "3": 0.5}, n_sites=2, shots=4).bits.tolist() == [[0, 0]] * 2 + [[1, 1]] * 2
    assert read({"a": BITS, "b": 1 - BITS}, register="b").bits.tolist() == (1 - BITS).tolist()
    assert read(BITS, "rows", order="kept", one="up").in_conventions().tolist() == BITS.tolist()
    assert read_text("a.csv", "0101;3\n0111;4\n", order="kept", one="up").n_shots == 7
