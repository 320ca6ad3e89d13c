"""The choice between native and dense: the committed table is what the committed measurements say, and how it is read.
"""

import json
import math

import pytest

from lib.models import resnet
from lib.models.sparse import choice
from lib.models.sparse.choice import Row, crossover, native_network_pays, native_pays, network_seconds
from tests.benchmarks import sparse_table

LADDER = (Row(3, 1, 10, 16, 0.1, 0.4, 10.0), Row(3, 1, 1000, 16, 0.9, 0.4, 40.0), Row(3, 1, 100, 4, 0.01, 0.1, 10.0),
          Row(1, 1, 100, 1, 0.5, 0.6, 5.0), Row(1, 2, 100, 8, 2.0, 3.0, 5.0))


@pytest.fixture
def ladder(monkeypatch):
    monkeypatch.setattr(choice, "TABLE", LADDER)


def test_the_committed_table_is_derived_from_the_committed_measurements():
    lines = sparse_table.derived(json.loads(sparse_table.BENCH.read_text("utf-8")))
    assert lines is not None, "data/records/bench.json has no single layers; python -m tests.benchmarks --only sparse"
    assert sparse_table.committed(sparse_table.MODULE.read_text("utf-8")) == lines, \
        "try python -m tests.benchmarks.sparse_table"


def test_the_table_is_complete_and_plausible():
    kinds = {(row.kernel, row.stride) for row in choice.TABLE}
    assert kinds == {(1, 1), (1, 2), (3, 1), (3, 2)} and len(choice.TABLE) >= 30
    for row in choice.TABLE:
        assert 0 < row.in_torch < 10 and 0 < row.in_layout < 20 and 0 < row.speed < 1000
    places = [row[:4] for row in choice.TABLE]
    assert len(set(places)) == len(places)


def test_crossovers_of_known_times():
    densities = [1.0, 0.5, 0.25, 0.1]
    assert sparse_table.crossover(densities, [2.0, 1.0, 0.5, 0.2], 0.75) == pytest.approx(0.375)  # t = 2 density
    assert sparse_table.crossover(densities, [d**0.5 for d in densities], 0.6) == pytest.approx(0.36)
    assert sparse_table.crossover(densities, [2.0, 1.0, 0.5, 0.2], 4.0) == pytest.approx(2.0)  # beyond those measured
    assert sparse_table.crossover(densities, [2.0, 1.0, 0.5, 0.2], 0.1) == pytest.approx(0.05)
    # Where a slow timing stands among fast ones, the largest density at which native was faster counts.
    assert 0.5 < sparse_table.crossover(densities, [2.0, 0.9, 1.1, 0.2], 1.0) < 1
    assert sparse_table.crossover(densities, [1.0, 0.9, 0.8, 0.5], 1.0) == pytest.approx(1.0)
    # A time that levels off never falls below that of the dense layer.
    assert sparse_table.crossover(densities, [2.0, 1.5, 1.17, 1.16], 1.0) == sparse_table.LOWEST
    assert sparse_table.crossover(densities, [2.0, 1.5, 1.25, 1.0], 0.5) == pytest.approx(
        0.1 * 2 ** (-math.log(2.5) / math.log(1.25)))


def test_lines_are_derived_from_a_measurement():
    layer = {"kernel": 3, "stride": 2, "n_in": 16, "n_out": 32, "out_size": 8, "densities": [1.0, 0.5],
             "seconds_dense": 1.5, "seconds_torch": [2.0, 1.0], "seconds_layout": [1.0, 0.5], "gflops_dense": 90.04}
    lines = sparse_table.derived([{"name": "other"}, {"layers": [layer], "norms": {"native": 1.23456, "dense": 2.0}}])
    assert lines == ("TABLE = (\n    Row(3, 2, 22.63, 8, 0.75, 1.5, 45),\n)\n"
                     "# BatchNorm with ReLU, both ways: nanoseconds a number.\nNORM_NATIVE, NORM_DENSE = 1.23, 2\n")
    assert sparse_table.derived([{"name": "other"}]) is None


def test_the_table_of_choices_says_what_pays_and_what_auto_loses(ladder):
    layer = {"kernel": 3, "stride": 1, "n_in": 10, "n_out": 10, "out_size": 16, "densities": [1.0, 0.2, 0.05],
             "seconds_dense": 1.0, "seconds_torch": [4.0, 0.8, 0.2]}
    linear = layer | {"kernel": 1, "out_size": 1, "n_out": 1000, "seconds_csr": [9.0, 0.4, 0.3]}
    losses = sparse_table.losses([layer, linear], [0.1, 0.5])
    assert [loss for loss, _, _ in losses] == pytest.approx([1, 1.25, 1, 1, 2, 1])
    text = sparse_table.choices([{"name": "other"}, {"layers": [layer, linear]}])
    first, second, last = text.splitlines()[1:]
    assert first.split()[-2:] == ["0.250", "0.100"] and "3x3, 10 to 10, 16x16" in first
    assert second.split()[-3:] == ["0.250", "0.500", "0.2"] and "linear, 10 to 1000" in second
    assert "at most 100% longer" in last and "density 0.2" in last
    assert sparse_table.choices([{"name": "other"}]) is None


def test_auto_loses_little_on_the_committed_layers():
    found = next(row for row in json.loads(sparse_table.BENCH.read_text("utf-8")) if "layers" in row)
    limits = [crossover((row["n_out"], row["n_in"], row["kernel"], row["kernel"]), row["stride"], row["out_size"])
              for row in found["layers"]]
    losses = sparse_table.losses(found["layers"], limits)
    # CSR, where it was measured, is among the three: were it the fastest by more, "auto" would have to know it.
    assert max(loss for loss, _, _ in losses) < 1.1


def test_rows_themselves_and_places_between_them(ladder):
    assert crossover((10, 10, 3, 3), 1, 16) == pytest.approx(0.1)
    assert crossover((1000, 1000, 3, 3), 1, 16) == pytest.approx(0.9)
    assert crossover((100, 100, 3, 3), 1, 16) == pytest.approx(0.3)  # the geometric mean
    assert crossover((20, 500, 3, 3), 1, 16) == crossover((500, 20, 3, 3), 1, 16) == pytest.approx(0.3)
    assert crossover((100, 100, 3, 3), 1, 4) == pytest.approx(0.01)
    assert crossover((100, 100, 3, 3), 1, 8) == pytest.approx(math.sqrt(0.3 * 0.01))
    assert crossover((100, 100, 3, 3), 1, 8, in_torch=False) == pytest.approx(0.2)
    assert crossover((100, 100), 1, 1) == crossover((100, 100, 1, 1), 1, 1) == 0.5


def test_beyond_the_rows_the_nearest_counts(ladder):
    assert crossover((1, 1, 3, 3), 1, 16) == pytest.approx(0.1)
    assert crossover((5000, 5000, 3, 3), 1, 99) == pytest.approx(0.9)
    assert crossover((7, 7, 3, 3), 1, 1) == pytest.approx(0.01)
    assert crossover((10, 10, 5, 5), 1, 16) == pytest.approx(0.1)  # another kernel: that of 3
    assert crossover((10, 10, 3, 3), 2, 16) == pytest.approx(0.1)  # another stride: that of 1
    assert crossover((10, 10, 1, 1), 2, 16) == 2.0


def test_native_pays_below_the_crossover(ladder):
    assert native_pays((10, 10, 3, 3), 1, 16, 0.099) and not native_pays((10, 10, 3, 3), 1, 16, 0.101)
    assert native_pays((10, 10, 3, 3), 1, 16, 0.101, in_torch=False)
    assert native_pays((10, 10, 1, 1), 2, 16, 1.0)


@pytest.mark.parametrize("arguments", [((4, 4, 3), 1, 4), ((4, 4, 3, 5), 1, 4), ((0, 4), 1, 1), ((4, 4, 3, 3), 0, 4),
                                       ((4, 4, 3, 3), 1, 0), ((4, 4, 3, 3), 1, math.nan), ((), 1, 4)])
def test_what_is_no_layer_is_refused(arguments):
    with pytest.raises(ValueError, match="expected the shape .*got .*try"):
        crossover(*arguments)


def test_the_seconds_of_a_network_are_the_sum_of_its_layers(monkeypatch):
    monkeypatch.setattr(choice, "TABLE", (Row(3, 1, 64, 16, 0.1, 0.5, 20.0),))
    monkeypatch.setattr(choice, "NORM_NATIVE", 0.0)
    monkeypatch.setattr(choice, "NORM_DENSE", 0.0)
    base = resnet.Architecture(8)
    wide, remaining = resnet.widened(base, 4), resnet.sparse_counts(base, 4)
    native, dense = network_seconds(wide, 32, remaining)
    assert dense == pytest.approx(3 * resnet.multiply_adds(wide, 32) / 20e9)
    assert native == pytest.approx(3 * resnet.multiply_adds(wide, 32, remaining) / 20e9 / 0.5)
    assert network_seconds(base, 32)[0] == pytest.approx(2 * network_seconds(base, 32)[1])
    monkeypatch.setattr(choice, "NORM_DENSE", 3.0)
    numbers = sum(8 * 2**stage * (32 // 2**stage)**2 * 5 for stage in range(4))
    assert network_seconds(base, 32)[1] - 3 * resnet.multiply_adds(base, 32) / 20e9 == pytest.approx(3e-9 * numbers)


def test_whole_networks():
    base = resnet.Architecture(8)
    for factor in (8, 16):
        assert native_network_pays(resnet.widened(base, factor), 32, resnet.sparse_counts(base, factor))
    assert not native_network_pays(resnet.Architecture(128), 32)  # with all its weights
    with pytest.raises(ValueError, match="layers"):
        native_network_pays(base, 32, [1, 2])
    with pytest.raises(ValueError, match="at most sizes"):
        native_network_pays(base, 32, resnet.sparse_counts(base, 2))


def test_a_network_that_the_kernels_do_not_have(monkeypatch):
    base = resnet.Architecture(8)
    wide, remaining = resnet.widened(base, 8), resnet.sparse_counts(base, 8)
    monkeypatch.setattr(choice, "HAS_KERNELS", True)
    assert native_network_pays(wide, 32, remaining) and not native_network_pays(wide, 32, remaining, n_images=1)
    large = resnet.Architecture(8, 10, "imagenet")
    assert not native_network_pays(resnet.widened(large, 8), 64, resnet.sparse_counts(large, 8))
    monkeypatch.setattr(choice, "HAS_KERNELS", False)
    assert not native_network_pays(wide, 32, remaining)


def test_without_avx512_networks_gain_less(monkeypatch):
    relative = {}  # time of native in that of dense, by factor: on the whole processor, and held to AVX2
    for row in json.loads(sparse_table.BENCH.read_text("utf-8")):
        if "path" in row and "EPYC" in row["machine"]:
            pair = relative.setdefault(row["factor"], [0.0, 0.0])
            pair["held" in row["machine"]] = row["seconds_native"] / row["seconds_peer"]
    slower = [math.log(held / whole) for whole, held in relative.values()]
    assert math.exp(sum(slower) / len(slower)) == pytest.approx(choice.WITHOUT_AVX512, rel=0.02)

    base = resnet.Architecture(8)
    wide, remaining = resnet.widened(base, 2), resnet.sparse_counts(base, 2)
    monkeypatch.setattr(choice, "HAS_KERNELS", True)
    for has, pays in ((True, True), (False, False)):
        monkeypatch.setattr(choice, "HAS_AVX512", has)
        assert native_network_pays(wide, 32, remaining) == pays
        assert native_network_pays(resnet.widened(base, 8), 32, resnet.sparse_counts(base, 8))
