"""The command from a file of measurements to a saved machine, its observables and a plot."""

import base64
import io
import itertools
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from lib import __main__ as command
from lib import reconstruct
from lib.rbm import files, from_shots, held_out, metrics
from lib.rbm.states import PositiveState
from lib.spins import free_fermions, measurements
from tests.formats import MADE, MAKER, N, exact
from tests.tree import ROOT


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder for results, which rest on fewer samples of the machines than a user gets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(from_shots, "N_SAMPLES", 5000)
    monkeypatch.setattr(from_shots, "N_SAMPLES_AGAIN", 2000)
    return tmp_path


def run(*arguments):
    return command.main(["reconstruct", *map(str, arguments)])


def exact_psi():
    """The amplitudes behind the files, in our order: bit 1 is spin up, the gates' outcome 0."""
    states = np.array(list(itertools.product((0, 1), repeat=N)))
    amplitudes = np.sqrt(np.prod(np.where(states, MAKER["P"], 1 - np.array(MAKER["P"])), axis=1))
    for control, target in MAKER["NOTS"]:
        states[:, target] ^= states[:, control]
    psi = np.zeros(2**N)
    psi[(1 - states) @ (1 << np.arange(N)[::-1])] = amplitudes
    return psi


def test_two_registers_to_the_state(here, capsys):
    assert run(MADE / "qiskit_two_registers.json", "--epochs", 300, "--resamples", 2, "--field", 0.5) == 0
    text = capsys.readouterr().out
    assert "2,000 shots of 9 sites (qiskit)" in text
    assert "One basis fixes the sizes of the amplitudes and no phases" in text
    assert re.search(r"known to 0\.022 from 2,000 shots, not to the 0\.01 asked for, which would take \d,\d{3}\.", text)
    assert "z of back[0]" in text and "second Renyi entropy, first 4 of 9 sites" in text
    machine, metadata = files.load("qiskit_two_registers-machine.npz")
    assert metadata["sites"][4] == "back[0]" and metadata["shots"] == 2000
    # 99 parameters from 2000 shots: an infidelity of 0.012 on average; the machine has 108 to spare for it.
    assert metrics.fidelity(PositiveState(machine), exact_psi()) > 0.98
    results = json.loads(Path("qiskit_two_registers-results.json").read_text())["values"]
    marginals, _ = exact()
    for site, p in enumerate(marginals):
        value = results[f"z {site}"]
        assert value["mean"] == pytest.approx(1 - 2 * p, abs=0.12)  # five standard errors of the shots
        assert value["data"] == pytest.approx(value["mean"], abs=0.08) and 0 < value["error"] < 0.1
    # The NOT from 2 to 5 entangles: every cut between them has entropy, in nats.
    p = MAKER["P"][2]
    assert results["S2 4"]["mean"] > results["S2 1"]["mean"] + 0.05 and p == 0.4
    assert results["energy"]["mean"] == pytest.approx(
        results["energy of bonds"]["mean"] - 0.5 * results["x"]["mean"], abs=1e-9)
    assert Path("qiskit_two_registers-plot.png").stat().st_size > 5000


def test_missing_atoms_to_a_state(here, capsys):
    assert run(MADE / "braket_analog.json", "--epochs", 50, "--resamples", 2, "--out", "runs/array") == 0
    text = capsys.readouterr().out
    assert "left out: 102 shots with an empty site" in text and "left out: 5 shots of status 'Failure'" in text
    assert sorted(path.name for path in (here / "runs").iterdir()) == [
        "array-machine.npz", "array-plot.png", "array-results.json"]
    results = json.loads((here / "runs" / "array-results.json").read_text())
    assert results["sites"][4] == "5" and results["dropped"]["shots with an empty site"] == 102
    marginals, _ = exact()
    for site, p in enumerate(marginals):  # 1 is Rydberg, taken for spin up
        assert results["values"][f"z {site}"]["mean"] == pytest.approx(2 * p - 1, abs=0.25)


def test_missing_atoms_are_summed_over(here, capsys):
    assert run(MADE / "braket_analog.json", "--missing", "keep", "--epochs", 50, "--resamples", 0) == 0
    text = capsys.readouterr().out
    kept = measurements.read(MADE / "braket_analog.json", missing="keep")
    n_missing = (kept.bits == measurements.MISSING).sum()
    assert f"{n_missing} of 5,355 bits are missing; the training sums over their values" in text
    results = json.loads(Path("braket_analog-results.json").read_text())
    assert results["shots"] == 595 and "shots with an empty site" not in results["dropped"]
    marginals, _ = exact()
    for site, p in enumerate(marginals):
        column = kept.bits[kept.bits[:, site] != measurements.MISSING, site]
        value = results["values"][f"z {site}"]
        assert value["data"] == pytest.approx(2 * column.mean() - 1, abs=1e-12)
        assert value["mean"] == pytest.approx(2 * p - 1, abs=0.25)


def lines(path, bits):
    path.write_text("".join("".join(map(str, row)) + "\n" for row in bits.tolist()))
    return path


@pytest.fixture
def device(here):
    """Files of a device with errors: 4000 shots of three sites, of all 0, of all 1; the errors; the true shots."""
    rng = np.random.default_rng(1)
    bits = np.repeat(np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0]], np.uint8), [2000, 1500, 500], axis=0)
    errors = measurements.Readout([0.02, 0.05, 0.10], [0.20, 0.05, 0.10])
    for name, rows in (("run.01", bits), ("zeros.01", 0 * bits), ("ones.01", 0 * bits + 1)):
        lines(here / name, errors.misread(rows, rng=rng))
    (here / "errors.json").write_text(json.dumps({str(site): [float(errors.one_if_zero[site]),
                                                              float(errors.zero_if_one[site])] for site in range(3)}))
    return bits, errors


@pytest.mark.parametrize("how", ["errors.json", "calibration"])
def test_readout_errors_are_corrected(device, capsys, how):
    bits, errors = device
    options = ("--calibration", "zeros.01", "ones.01") if how == "calibration" else ("--readout", "errors.json")
    settings = ("--epochs", 100, "--resamples", 0, "--hidden", 4)
    assert run("run.01", *options, *settings, "--order", "2,0,1") == 0
    assert "Readout errors, on average" in capsys.readouterr().out
    mended = json.loads(Path("run-results.json").read_text())
    assert run("run.01", *settings, "--out", "raw", "--order", "2,0,1") == 0
    assert "No readout errors are given" in capsys.readouterr().out
    raw = json.loads(Path("raw-results.json").read_text())["values"]
    spins = 1 - 2 * bits[:, [2, 0, 1]].astype(float)  # 1 is spin down in Stim's files
    np.testing.assert_allclose(mended["readout"]["zero_if_one"], errors.zero_if_one[[2, 0, 1]], atol=0.03)
    pair = (spins[:, 0] * spins[:, 1]).mean()
    for name, true in [("zz 0 1", pair), *((f"z {i}", spins[:, i].mean()) for i in range(3))]:
        value = mended["values"][name]
        assert value["data"] == pytest.approx(true, abs=0.09) and value["mean"] == pytest.approx(true, abs=0.16), name
    assert abs(raw["zz 0 1"]["mean"] - pair) > 0.3 > 2 * abs(mended["values"]["zz 0 1"]["mean"] - pair)
    assert "abs z" in raw and mended["values"]["abs z"]["data"] is None  # no linear function of the spins


@pytest.mark.parametrize(("options", "message"), [
    (("--readout", "0.6,0.5"), "sum below 1, got 0.6 + 0.5 at site 0"),
    (("--readout", "none.json"), "No such file"),
    (("--readout", "broken.json"), "a pair [chance of 1 where 0 is true, chance of 0 where 1 is true], got 3 in "
                                   "broken.json, site '0'"),
    (("--readout", "short.json"), "errors of the sites 0, 1, 2, got none of '1'"),
    (("--calibration", "two.01", "two.01"), "expected the columns 0, 1, 2 in two.01, got 0, 1"),
])
def test_readout_errors_that_are_wrong(device, capsys, options, message):
    Path("broken.json").write_text('{"0": 3, "1": 3, "2": 3}')
    Path("short.json").write_text('{"0": [0.1, 0.1]}')
    lines(Path("two.01"), np.zeros((30, 2), int))
    assert run("run.01", *options) == 1
    assert message in capsys.readouterr().err and not Path("run-results.json").exists()


def test_a_thousand_million_counts_are_weights(here, capsys):
    Path("many.csv").write_text("outcome,count\n011,400000000\n100,300000000\n111,200000000\n000,100000000\n")
    assert run("many.csv", "--order", "kept", "--one", "up", "--epochs", 5, "--resamples", 2, "--hidden", 3) == 0
    assert "A mean spin is known to 3.2e-05 from 1,000,000,000 shots" in capsys.readouterr().out
    results = json.loads(Path("many-results.json").read_text())
    assert results["shots"] == 10**9
    assert results["values"]["z 1"]["data"] == pytest.approx(0.2, abs=1e-12)
    assert results["values"]["z 1"]["mean"] == pytest.approx(0.2, abs=0.08)
    assert results["values"]["zz 1 2"]["mean"] > 0.95


def test_earlier_results_are_not_overwritten(here, monkeypatch, capsys):
    arguments = (MADE / "stim.01", "--epochs", 1, "--resamples", 0)
    (here / "stim-results.json").write_text("mine")
    assert run(*arguments) == 1
    assert "expected names that are free, got stim-results.json of an earlier run; try --out stim-2, or --replace" in \
        capsys.readouterr().err
    assert (here / "stim-results.json").read_text() == "mine" and len(list(here.iterdir())) == 1
    assert run(*arguments, "--replace") == 0
    assert json.loads((here / "stim-results.json").read_text())["shots"] == 2000


def test_where_nothing_can_be_written_is_said_before_the_training(here, monkeypatch, capsys):
    monkeypatch.setattr(from_shots, "reconstruct", None)
    (here / "file").write_text("mine")
    assert run(MADE / "stim.01", "--out", "file/x") == 1
    assert "expected a folder that can be written to, got file; try --out" in capsys.readouterr().err


def test_files_with_several_dots_have_results_of_their_own(here):
    for name in ("run.1", "run.2"):
        (here / f"{name}.01").write_bytes((MADE / "stim.01").read_bytes())
        assert run(f"{name}.01", "--epochs", 2, "--resamples", 0) == 0
        assert Path(f"{name}-machine.npz").exists()


def test_without_tqdm_and_matplotlib(here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert run(MADE / "counts.csv", "--order", "kept", "--one", "down", "--epochs", 20, "--resamples", 0) == 0
    assert sorted(path.name for path in here.iterdir()) == ["counts-machine.npz", "counts-results.json"]


def test_the_same_seed_gives_the_same_files(here):
    for out in ("a", "b"):
        assert run(MADE / "stim.01", "--epochs", 20, "--resamples", 2, "--out", out) == 0
    assert Path("a-machine.npz").read_bytes() == Path("b-machine.npz").read_bytes()
    assert Path("a-results.json").read_bytes() == Path("b-results.json").read_bytes()


@pytest.mark.parametrize(("arguments", "message"), [
    ((MADE / "stim.b8",), "n_sites=, the number of bits a shot"),
    ((MADE / "counts.csv",), "order=: which column is which site"),
    (("none.json",), "got no file at none.json"),
    ((MADE / "pennylane_shadow.npz",), "expected at least 20 shots along z at every site, got"),
    ((MADE / "stim.01", "--order", "9"), "expected columns from 0 to 8"),
])
def test_what_cannot_be_read_is_said_in_one_line(here, capsys, arguments, message):
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert message in error and "; try " in error and error.count("\n") == 1
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--hidden", "0"), ("--error", "0"), ("--field", "nan"), ("--epochs", "-1"),
                                       ("--formt", "01"), ("--resamples", "-1"), ("--resamples", "1"),
                                       ("--readout", "0.1,0.1", "--calibration", "a", "b")])
def test_arguments_that_are_wrong(here, capsys, arguments):
    with pytest.raises(SystemExit):
        run(MADE / "stim.01", *arguments)
    assert list(here.iterdir()) == []


def test_no_command_is_explained(capsys):
    for arguments, status, words in (([], 2, "required: COMMAND"), (["guess"], 2, "choose from 'reconstruct', 'book'"),
                                     (["--help"], 0, "reconstruct --help tells the rest")):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        said = capsys.readouterr()
        assert ended.value.code == status and words in " ".join((said.err + said.out).split())


def test_what_a_file_leaves_open_is_said_on_the_command_line(here, capsys):
    short = ("--epochs", 2, "--resamples", 0, "--hidden", 2)
    (here / "a.dets").write_text("shot M0 D1\nshot D0 L0\n" * 20)
    assert run("a.dets", "--n-sites", "M=2,D=2,L=1", *short) == 0
    assert json.loads(Path("a-results.json").read_text())["sites"] == ["M0", "M1", "D0", "D1", "L0"]
    swept = {"array": np.packbits(np.eye(8, dtype=np.uint8), axis=1)[:, None].repeat(30, 1), "num_bits": 8}
    stream = io.BytesIO()
    np.save(stream, swept["array"])
    content = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    bits = {"__type__": "BitArray", "__value__": swept | {"array": {"__type__": "ndarray", "__value__": content}}}
    data = {"__type__": "DataBin", "__value__": {"field_names": ["c"], "fields": {"c": bits}}}
    pub = {"__type__": "SamplerPubResult", "__value__": {"data": data, "metadata": {}}}
    result = {"__type__": "PrimitiveResult", "__value__": {"pub_results": [pub], "metadata": {"version": 2}}}
    (here / "b.json").write_text(json.dumps(result))
    assert run("b.json", *short) == 1 and "which parameters of a pub of shape (8,)" in capsys.readouterr().err
    assert run("b.json", "--task", "0,6", *short) == 0
    assert json.loads(Path("b-results.json").read_text())["values"]["z 1"]["data"] == -1  # outcome 1 is spin down
    assert run("b.json", "--task", "0,6", "--limit", 100) == 1
    assert re.search("at most 100.0 B of memory, got JSON of .*try limit=[0-9]+", capsys.readouterr().err)


def test_missing_atoms_that_are_left_out_are_said(here, capsys):
    assert run(MADE / "braket_analog.json", "--epochs", 1, "--resamples", 0) == 0
    assert re.search(r"\d+ shots with an empty site are left out; --missing keep", capsys.readouterr().out)


def test_an_energy_says_what_its_error_bar_is_made_of_and_what_no_bar_holds(here, capsys):
    lines(here / "chain.01", free_fermions.sample(6, 1.0, 600, rng=np.random.default_rng(1)))
    options = ("--epochs", 30, "--hidden", 4, "--resamples", 2)
    assert run("chain.01", "--field", 1.0, *options) == 0
    text, results = capsys.readouterr().out, json.loads(Path("chain-results.json").read_text())
    value, exact = results["values"]["energy"], free_fermions.ground_state_energy(6, 1.0) / 6
    assert value["error"] == pytest.approx(np.hypot(value["of_sampling"], value["of_learning"]))
    assert (f"of this error bar: {value['of_sampling']:.4f} of the machine's samples, {value['of_learning']:.4f} of "
            "shots and training (2 machines trained again)") in text
    above = value["mean"] - exact
    assert (f"exact ground state of this chain: {exact:+.4f}; the machine's energy is {above:.4f} above it, "
            f"{above / value['error']:.1f} error bars") in text
    bonds = results["held out"]["energy of bonds"]
    assert bonds["bars"] == pytest.approx((bonds["machine"] - bonds["shots"]) / bonds["error"])
    assert f"machine {bonds['machine']:+.4f}  shots {bonds['shots']:+.4f}  {abs(bonds['bars']):.1f} error bars" in text
    assert re.search(r"furthest of \d+ means: .*; chance alone goes so far", text)
    for field in ([], ["--field", -1.0]):
        assert run("chain.01", *field, *options[:-1], 0, "--replace") == 0
        text = capsys.readouterr().out
        assert "exact ground state" not in text
        assert ("shots and training are not counted" in text) == bool(field)


def test_what_a_machine_misses_is_said_where_chance_is_no_excuse():
    def said(bars):
        found = {"z": held_out.Difference(0.0, 0.1, 0.1), "zz 0 2": held_out.Difference(0.1 * bars, 0.0, 0.1)}
        return "\n".join(reconstruct.missed(found, 1000, list("abc")))

    assert "furthest of 2 means: zz of a and c, 5.0 error bars; chance alone goes so far in" in said(5)
    assert "So the machine misses something" in said(5) and "misses something" not in said(1.5)
    assert "mean spin along z" in said(5) and "1.0 error bars of 0.1000 apart" in said(5)
    (line,) = reconstruct.missed({}, 60, list("abc"))
    assert "that takes 500" in line and "got 60" in line


def test_entropies_that_rest_on_few_samples_are_named():
    values = {f"S2 {cut}": from_shots.Value(4.0, error) for cut, error in ((1, 0.02), (2, 0.4), (3, 0.31))}
    assert "first 2, 3 sites rest on few of the samples" in reconstruct.table(values, list("abcd"))[-1]
    assert "few" not in "".join(reconstruct.table({"S2 1": values["S2 1"]}, list("ab")))


def test_without_the_packages_of_the_book_its_commands_say_what_to_install():
    code = "import sys; sys.modules['yaml'] = None; from lib.pipeline import command; sys.exit(command.main({}))"
    for arguments, status in ((["--help"], 0), (["status"], 1)):
        done = subprocess.run([sys.executable, "-c", code.format(arguments)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
    assert done.stderr == "expected the packages that make the book, got none called yaml; try pip install '.[book]'\n"


def test_a_page_shows_the_first_lines_without_the_place_of_the_file(monkeypatch, tmp_path):
    typed = []

    def main(arguments):
        typed.extend(arguments)
        print(f"read {arguments[0]}\nsecond\nthird")
        if "--wrong" in arguments:
            print("expected others", file=sys.stderr)
        return int("--wrong" in arguments)

    monkeypatch.setattr(reconstruct, "main", main)
    assert reconstruct.shown(tmp_path / "shots.json", "--epochs", 3, n_lines=2) == "read shots.json\nsecond"
    assert typed == [str(tmp_path / "shots.json"), "--epochs", "3"]
    with pytest.raises(ValueError, match="expected others"):
        reconstruct.shown(tmp_path / "shots.json", "--wrong")
