"""What the page "Your own measurements" says of the formats: one shot in each, and where each was read from."""

import re

import numpy as np
import pytest

from lib.spins.measurements import FORMATS, read
from lib.spins.measurements.examples import EXAMPLES, table
from tests.formats import FILES, MADE, MAKER, deviations

UP_IS_ONE = {"netket", "qucumber", "packed"}
ATOMS = {"pulser", "bloqade"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.format}: {example.shown}")
def test_one_shot_in_every_format(example, tmp_path):
    shots = example.read(tmp_path)
    excited = example.format in ATOMS or "analog" in example.shown
    bits = [0, 1, 1] if example.format in UP_IS_ONE else [1, 0, 0]
    assert shots.bits[0].tolist() == bits and not shots.bits[1:].any() and shots.n_sites == 3
    assert shots.in_conventions()[0].tolist() == ([1, 0, 0] if excited else [0, 1, 1])  # the others are up
    assert ("Rydberg" in shots.convention) == excited
    assert (bits == [0, 1, 1]) == bool(re.match("1 is .*eigenvalue [+]1", shots.convention))
    if shots.bases is not None:
        assert "".join(shots.bases[0]) == "ZZZ"


def test_the_table_has_a_row_an_example_with_bits_as_read_and_as_here():
    found = table()
    assert list(found.index) == [example.format for example in EXAMPLES] and found["the shot"].iloc[0] == 'counts "001"'
    assert found.loc["netket"].to_list()[1:] == ["0 1 1", "0 1 1"]
    assert found.loc["pulser"].to_list()[1:] == ["1 0 0", "1 0 0"] and found.loc["01", "in_conventions()"] == "0 1 1"


def test_every_format_has_an_example_and_says_where_it_was_read_from():
    assert {example.format for example in EXAMPLES} == set(FORMATS)
    pins = set(re.findall(r"(\S+)==(\S+)", MAKER["__doc__"]))
    files = {kind for _, kind, _ in FILES.values()} | {"bloqade", "netket"}  # with tests of their own
    for name, form in FORMATS.items():
        words = re.match("read from (a file|files)|layout from the source|arrays of the same|our own", form.checked)
        assert words and (not words[0].startswith("read") or name in files), name
        for package, version in re.findall(r"([A-Za-z][A-Za-z0-9-]+) ([0-9]+\.[0-9.]+[0-9])", form.checked):
            assert (package, version) in pins or name in ("ionq", "qucumber"), (name, package, version)


def test_netket_counts_up_as_one():
    shots = read(MADE / "netket.npy", "netket")
    assert max(deviations(1 - shots.bits)) < 4.5 and shots.n_shots == 2000
    np.testing.assert_array_equal(shots.in_conventions(), shots.bits)
    assert max(deviations(shots.bits)) > 6 and max(deviations(1 - shots.bits[:, ::-1])) > 6
