"""Every kind of damage of a file of measurements is refused by name."""

import base64
import io
import json
import pickle
import re
import tracemalloc
import zlib

import numpy as np
import pytest

from lib.spins import measurements
from lib.spins.measurements import documents, read
from lib.spins.measurements.shots import LIMIT
from tests.formats import BITS, FILES, MADE, bit_array, changed, small


@pytest.mark.parametrize("name", [*FILES, "bloqade.json", "pennylane_shadow.npz"])
def test_files_cut_short_or_put_together_are_refused(name, read_text):
    whole = small(name)
    options = dict(FILES[name][0]) if name in FILES else {}
    n_shots = read(MADE / name, **options, missing="keep").n_shots + (5 if name == "braket_analog.json" else 0)
    if name in ("braket_analog.json",):
        options["missing"] = "keep"
    options["shots"] = n_shots
    assert read_text(name, whole, **options).n_shots <= n_shots
    cuts = [1, len(whole) // 3, len(whole) // 2, len(whole) - 11, len(whole) - 2]
    for content in [*(whole[:cut] for cut in cuts), whole + whole, b""]:
        with pytest.raises(ValueError) as caught:
            read_text(name, content, **options)
        text = str(caught.value)
        assert str(read_text.folder / name) in text and "expected" in text and "try " in text, text


def test_pickles_are_never_loaded(monkeypatch, read_text):
    content = pickle.dumps({"bits": BITS})
    for name in ("a", "a.npz", "a.json", "a.npy", "a.pkl"):
        with pytest.raises(ValueError, match="never loaded"):
            read_text(name, content)
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="never loaded"):
        read_text("a.npy", stream.getvalue(), format="pennylane")
    stream = io.BytesIO()
    np.savez(stream, bits=np.array([{"a": 1}], dtype=object), recipes=BITS)
    with pytest.raises(ValueError, match="never loaded"):
        read_text("a.npz", stream.getvalue())


@pytest.mark.parametrize("name", [name for name in [*FILES, "bloqade.json", "pennylane_shadow.npz"]])
def test_what_declares_more_than_the_limit_is_refused(name):
    options = FILES[name][0] if name in FILES else {}
    with pytest.raises(ValueError, match=r"at most \d+\.\d B of memory.*; try "):
        read(MADE / name, **options, limit=500)


def test_limits_of_what_is_compressed(tmp_path):
    measurements.save(tmp_path / "m.npz", BITS)
    with pytest.raises(ValueError, match="an archive of"):
        read(tmp_path / "m.npz", limit=500)
    stream = io.BytesIO()
    np.save(stream, np.zeros((100_000, 1), dtype=np.uint8))
    packed = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    value = {"array": {"__type__": "ndarray", "__value__": packed}, "num_bits": 1}
    document = {"__type__": "BitArray", "__value__": value}
    assert read(document).bits.shape == (100_000, 1)
    with pytest.raises(ValueError, match="at most 9.7 KiB of memory"):
        read(document, limit=10_000)
    with pytest.raises(ValueError, match="expand=False"):
        read({"01": 10**12}, "pulser")
    assert read({"01": 10**12}, "pulser", expand=False).n_shots == 10**12


def test_padding_bits_that_are_set(read_text):
    b8 = bytearray(small("stim.b8"))
    b8[1 + 2 * 7] |= 0x80
    with pytest.raises(ValueError, match="zeros above bit 8 in the last byte of a shot, got ones in .*, shot 8"):
        read_text("a.b8", bytes(b8), n_sites=9)
    array = bit_array(BITS)
    array.array[3, 0] |= 0x80
    with pytest.raises(ValueError, match="zeros in the bits above the highest of 9, got ones in .*, shot 4"):
        read(array)
    cirq = json.loads(small("cirq_one_key.json"))
    cirq["records"]["m"]["shape"] = [1999, 1, 9]
    cirq["records"]["m"]["packed_digits"] = "ff" * (-(-1999 * 9 // 8))
    with pytest.raises(ValueError, match="zeros in the bits that fill up"):
        read(cirq)
    tket = json.loads(small("pytket.json"))
    tket["shots"]["array"][5][1] |= 1
    with pytest.raises(ValueError, match="zeros in the bits that fill up the last byte, got ones in .*, outcome 6"):
        read(tket)
    measurements.save(read_text.folder / "m.npz", BITS)
    with np.load(read_text.folder / "m.npz") as archive:
        members = dict(archive)
    members["packed"][0, 1] |= 1
    np.savez(read_text.folder / "m.npz", **members)
    with pytest.raises(ValueError, match="expected zeros in the bits that fill up"):
        read(read_text.folder / "m.npz")


QISKIT = ("__value__", "pub_results", 0, "__value__", "data", "__value__")


@pytest.mark.parametrize(("document", "message"), [
    (changed("qiskit_one_register.json", "__value__", "metadata", value={"version": 9}), "version 2, got version 9"),
    (changed("qiskit_one_register.json", *QISKIT, "field_names", value=["meas", "meas"]), "'meas' twice"),
    (changed("qiskit_one_register.json", *QISKIT, "field_names", value=["other"]), "registers other, as field_names"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "num_bits", value=20),
     r"uint8 \(\.\.\., shots, 3\) for 20 bits"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "num_bits", value=-1), "num_bits"),
    (changed("qiskit_one_register.json", "__value__", "pub_results", 0, "__value__", "metadata", value={"shots": 1999}),
     "expected 1999 shots, as the file itself tells, got 2000"),
    (changed("qiskit_one_register.json", "__value__", "pub_results", value=[]), "at least one pub"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "array", "__value__", value="%%"),
     "base64 of zlib"),
    (changed("qiskit_backend_result.json", "results", 0, "shots", value=1000), "expected 1000 shots"),
    (changed("qiskit_backend_result.json", "results", 0, "header", "memory_slots", value=4), "outcomes of 4 bits"),
    (changed("qiskit_backend_result.json", "results", 0, "header", "creg_sizes", value=[["a", 4], ["a", 5]]),
     "'a' twice"),
    (changed("qiskit_backend_result.json", "results", 0, "header", value={}), "memory_slots in the header"),
    ({"__type__": "EstimatorPubResult", "__value__": {}}, "mean values, no shots"),
    (changed("cirq_one_key.json", "cirq_type", value="Circuit"), 'cirq_type "ResultDict"|known format'),
    (changed("cirq_one_key.json", "records", value={}), "at least one measured key"),
    (changed("cirq_one_key.json", "records", "m", "shape", value=[2000, 1, 8]), "2000 packed bytes"),
    (changed("cirq_one_key.json", "records", "m", "shape", value=[10**9, 10**9, 9]), "at most 2.0 GiB"),
    (changed("cirq_one_key.json", "records", "m", "packed_digits", value="xyz"), "hexadecimal digits"),
    (changed("cirq_nine_keys.json", "records", "q3", "shape", value=[1999, 1, 1]), "2000 repetitions|zeros in"),
    (changed("braket_gate.json", "braketSchemaHeader", "version", value="7"), "version 1, got .* version '7'"),
    (changed("braket_gate.json", "braketSchemaHeader", "name", value="braket.other"), "got 'braket.other'"),
    (changed("braket_gate.json", "measurements", 3, value=[0, 1]), "2 in row 3|and 2 in row 3|one width"),
    (changed("braket_gate.json", "measurements", 3, 0, value=2), "got 2 in row 3, column 0"),
    (changed("braket_gate.json", "measurements", 3, 0, value="x"), "made of (real|the) numbers"),
    (changed("braket_gate.json", "measuredQubits", value=[0, 1]), "a number for each of 9 columns"),
    (changed("braket_gate.json", "measuredQubits", value=[0, 1, 2, 3, 4, 5, 6, 7, 7]), "2 times that qubit 7"),
    (changed("braket_gate.json", "taskMetadata", "shots", value=1000), "expected 1000 shots"),
    (changed("braket_analog.json", "measurements", 1, "shotResult", "preSequence", value=[1, 1]), "2 in row 1|width"),
    (changed("braket_analog.json", "measurements", 1, "shotResult", "postSequence", value=[2] * 10), "got 2 in row 0"),
    (changed("braket_analog.json", "braketSchemaHeader", "version", value="2"), "version '2'"),
    (changed("braket_analog.json", "measurements", value=[]), "expected 600 shots|at least one shot"),
    (changed("pulser.json", "atom_order", value=["a"]), "atom_order with 9 different names"),
    (changed("pulser.json", "tagmap", value={}), "a member 'bitstrings'"),
    (changed("pytket.json", "bits", 0, value=["c", [8]]), "'c\\[8\\]' twice"),
    (changed("pytket.json", "shots", "width", value=10), "width 10"),
    (changed("pytket.json", "shots", "array", 0, value=[300, 0]), "bytes from 0 to 255"),
    (changed("pyquil.json", "ro", 0, value=[0, 1]), "9 values in row|row"),
    (changed("ionq.json", "data", "histogram", value={"512": "1.0"}), "outcomes below 2\\^9"),
    (changed("ionq.json", "data", "histogram", value={"5": "0.3333"}), "0.3333 = 666.6 shots"),
    (changed("ionq.json", "data", "histogram", value={"5": "0.5"}), "expected 2000 shots"),
    (changed("ionq.json", "data", "histogram", value={"5": "nan"}), "frequencies from 0 to 1"),
    (changed("qiskit_counts.json", "11 1", value=3), "registers of 5 and 4 bits"),
    (changed("qiskit_counts.json", "11111 1112", value=3), "got '2' in|known format"),
])
def test_documents_that_are_wrong(document, message, read_text):
    for options in ({}, {"format": "qiskit"} if "11 1" in document or "11111 1112" in document else {}):
        try:
            read_text("a.json", json.dumps(document), **options)
        except ValueError as error:
            text = str(error)
            assert "a.json" in text and "; try " in text
            if re.search(message, text):
                return
    pytest.fail(f"{message!r} not among the errors, the last one {text}")


@pytest.mark.parametrize("bad", [-1, 2.5, float("nan"), float("inf"), "many", None, True, [3]])
@pytest.mark.parametrize("kind", ["qiskit", "pulser", "pennylane", "counts"])
def test_counts_are_whole_numbers(kind, bad):
    options = {"order": "kept", "one": "up"} if kind == "counts" else {}
    with pytest.raises(ValueError, match="expected a count as a whole number, at least 0"):
        read({"01": 3, "11": bad}, kind, **options)
    with pytest.raises(ValueError, match="expected 5 shots, as asked for, got 3"):
        read({"01": 3}, kind, shots=5, **options)


@pytest.mark.parametrize(("name", "content", "options", "message"), [
    ("a.json", '{"01 1": 3, "01 1": 4}', {}, "'01 1' twice"),
    ("a.json", '{"01 1": NaN}', {}, "finite numbers, got NaN"),
    ("a.json", '{"01 1": Infinity}', {}, "finite numbers, got Infinity"),
    ("a.json", '{"01 1": 3} {"01 1": 3}', {}, "one JSON document, got another one after it in .*column 13"),
    ("a.json", "{", {}, "the end of a file that was cut"),
    ("a.json", '{"01": 3, }', {}, "expected JSON"),
    ("a.json", b'{"\xff": 3}', {}, "JSON in UTF-8"),
    ("a.json", "[" * 200_000, {"format": "qiskit"}, "beyond Python's depth|was cut"),
    ("a.json", '{"01x": 3, "011": 1}', {"format": "qiskit"}, "letters 0 and 1, got 'x' in .*outcome 1, letter 3"),
    ("a.json", '{"01": 3, "011": 1}', {"format": "pulser"}, "outcomes of 2 bits, as the first, got 3 in"),
    ("a.json", "0101", {"format": "cirq"}, "JSON of cirq"),
    ("a.csv", "0101,3\n0101,4\n", {}, "each outcome once, got '0101' again"),
    ("a.csv", "0101,3\n0111,-4\n", {}, "a count as a whole number, at least 0, got '-4' in"),
    ("a.csv", "0101,3\n0111,4.5\n", {}, "whole number"),
    ("a.csv", "0101,3\n0111,nan\n", {"format": "counts"}, "whole number"),
    ("a.csv", "0101,3\n01a1,4\n", {"format": "counts"}, "got 'a' in"),
    ("a.csv", "0101,3\n011,4\n", {}, "outcomes of 4 bits, as the first, got 3"),
    ("a.csv", "0101,3,1\n", {"format": "counts"}, "an outcome and its count, got 3 words"),
    ("a.01", "010\n01\n", {}, "3 bits a line, got 2 in .*line 2"),
    ("a.01", "010\n012\n", {}, "0 or 1, got '2' in .*line 2, column 3"),
    ("a.01", "\n\n", {}, "bits a line"),
    ("a.b8", b"\x01\x01\x01", {"n_sites": 9}, "2 bytes a shot for 9 bits, got 3 bytes"),
    ("a.b8", b"\x01\x01\x01", {}, "n_sites=, the number of bits a shot, which b8 does not hold"),
    ("a.b8", b"\x01\x01\x01", {"n_sites": True}, "n_sites="),
    ("a.r8", b"\x01\x01\x01", {"n_sites": 9}, "runs that fill shots of 9 bits"),
    ("a.r8", b"\xff\xff", {"n_sites": 9}, "runs that fill shots of 9 bits"),
    ("a.ptb64", b"\x01" * 9, {"n_sites": 9}, "72 bytes for 64 shots"),
    ("a.hits", "1,2\n9\n", {"n_sites": 9}, "places of ones from 0 to 8, got '9' in .*line 2"),
    ("a.hits", "1,1\n", {"n_sites": 9}, "each place once a shot"),
    ("a.hits", "1,x\n", {"n_sites": 9}, "places of ones"),
    ("a.hits", "1,-2\n", {"n_sites": 9}, "places of ones"),
    ("a.dets", "shot M1\nspot M2\n", {"n_sites": 9}, 'lines that begin with "shot", got .*line 2'),
    ("a.dets", "shot M1 D2\n", {"n_sites": 9}, "n_sites= with a number for each of M, D"),
    ("a.dets", "shot M1 Q2\n", {"n_sites": 9}, "places M and a number"),
    ("a.txt", "0 1 2\n", {"format": "qucumber"}, "expected 0 or 1, got '2'"),
    ("a.dat", b"\x00\x01\x02", {}, "expected a known format"),
    ("a.gz", b"\x1f\x8b\x08\x00", {}, "a gzip file"),
    ("a.npz", b"PK\x03\x04rest", {}, "an npz archive"),
    ("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", {"format": "pennylane"}, "a damaged one"),
    ("a.npy", b"\x93NUMPY\x09\x00v\x00{'descr'", {"format": "pennylane"}, "format \\(9, 0\\)"),
])
def test_files_that_are_wrong(name, content, options, message, read_text):
    if name == "a.csv":
        options = {"order": "kept", "one": "up", "format": "counts", **options}
    with pytest.raises(ValueError, match=message) as caught:
        read_text(name, content, **options)
    assert name in str(caught.value) and "try " in str(caught.value)


def test_no_file_and_folders(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, str(tmp_path / "none")):
        with pytest.raises(FileNotFoundError, match="got no file at"):
            read(path)


@pytest.mark.parametrize("row", ["[0,1,0,1]", "[[[[[[[[]]]]]]]]", '{"":{"":{"":{}}}}', '{"a":0}', "[]", "1e9",
                                 '"\u0100"', '"\U0001f600"'])
def test_json_takes_no_more_memory_than_is_reckoned_with(tmp_path, row):
    path = tmp_path / "a.json"
    path.write_text(f"[{','.join([row] * 5000)}]", "utf-8")
    size = path.stat().st_size
    tracemalloc.start()
    documents.read_json(path, documents.JSON_FACTOR * size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < documents.JSON_FACTOR * size
    with pytest.raises(ValueError, match=r"at most .* of memory, got JSON of .*, which could become objects of .* try "
                                         r"limit=\d+, if the file can be trusted, to split it by shots, or the bits "
                                         "packed, without JSON"):
        documents.read_json(path, documents.JSON_FACTOR * size - 1)


def test_json_of_100_megabytes_is_refused_unopened(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b"{")
        file.truncate(100_000_000)  # a hole, that takes no room on the disk
    with pytest.raises(ValueError, match=r"expected at most 2\.0 GiB of memory, got JSON of 95\.3 MiB"):
        documents.read_json(tmp_path / "a.json", LIMIT)
    with pytest.raises(ValueError, match="at most 2.0 GiB"):
        read(tmp_path / "a.json", format="qiskit")
