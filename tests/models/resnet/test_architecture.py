"""Counts of ResNet-18: weights and work that the thesis prints, widths and bottlenecks at equal weights."""

import itertools
import math

import pytest
import torch

from lib.models import resnet
from lib.models.resnet import Architecture, layers, multiply_adds, n_weights, sparse_counts, widened
from lib.pruning.distribution import connectivity
from tests.models.resnet.test_network import BOTTLENECKS, TINY, counts


# --- counts
@pytest.mark.parametrize("width, expected", [(8, 180952), (12, 402180), (18, 897462), (40, 4391480), (64, 11210432)])
def test_weights_of_figure_3_6(width, expected):
    assert n_weights(Architecture(width, n_classes=100)) == expected


@pytest.mark.parametrize("width, expected", [(64, 11.68), (90, 22.80), (128, 45.67), (181, 90.72), (256, 180.61)])
def test_weights_of_table_3_1(width, expected):
    assert round(n_weights(Architecture(width, 1000, "imagenet")) / 1e6, 2) == expected


def test_layers_in_order():
    table = layers(Architecture(8))
    assert [layer.name for layer in table[:4]] == ["stem", *(f"stage1_{part}" for part in
                                                             ("block1_conv1", "block1_conv2", "block2_conv1"))]
    assert [layer.name for layer in table[5:8]] == [f"stage2_block1_{part}" for part in ("conv1", "conv2", "shortcut")]
    assert [tuple(layer[2:]) for layer in table[4:8]] == [((8, 8, 3, 3), 1, 32), ((16, 8, 3, 3), 2, 16),
                                                          ((16, 16, 3, 3), 1, 16), ((16, 8, 1, 1), 2, 16)]
    assert table[-1] == ("linear", "linear", (10, 64), 1, 1) and table[-1].fan_in == 64 and table[0].fan_in == 27
    assert [layer.kind for layer in table] == ["conv"] * 20 + ["linear"]
    sizes = [layer.out_size for layer in layers(Architecture(8, stem="imagenet"))]
    assert sizes == [112] + [56] * 4 + [28] * 5 + [14] * 5 + [7] * 5 + [1]


@pytest.mark.parametrize("factor, sparse, dense", [(1, 8.9, 8.9), (2, 23.4, 35.0), (4, 52.7, 139.3), (8, 53.0, 555.4)])
def test_equal_weights_are_not_equal_work(factor, sparse, dense):
    base = Architecture(8)
    wide, remaining = widened(base, factor), sparse_counts(base, factor)
    assert remaining.sum() == 175192
    assert round(multiply_adds(wide, 32, remaining) / 1e6, 1) == sparse
    assert round(multiply_adds(wide, 32) / 1e6, 1) == dense
    assert multiply_adds(wide) == multiply_adds(wide, remaining=counts(wide).values())


def test_layers_of_figure_f_1():
    base = Architecture(8, n_classes=100)
    wide = widened(base, 4)
    remaining = sparse_counts(base, 4)
    table = layers(wide)
    assert wide.width == 32 and remaining.sum() == 180952
    # By hand: seven layers lie below the level and stay whole, 47968 weights; the others share 132984 = 14 9498 + 12.
    whole = {layer.name: int(n) for layer, n in zip(table, remaining) if n == layer.n_weights}
    cut = [int(n) for layer, n in zip(table, remaining) if n < layer.n_weights]
    assert whole == {"stem": 864, "stage2_block1_shortcut": 2048, "stage3_block1_shortcut": 8192,
                     **{f"stage1_block{block}_conv{conv}": 9216 for block in (1, 2) for conv in (1, 2)}}
    assert sum(whole.values()) == 47968 and sorted(cut) == [9498] * 2 + [9499] * 12
    fractions = connectivity([layer.n_weights for layer in table], remaining)
    assert fractions.argmin() in (16, 18, 19) and fractions.max() == 1


def test_widened_takes_the_nearest_width():
    base = Architecture(64, 1000, "imagenet")
    assert [widened(base, factor).width for factor in (1, 1.4, 2, 2 * math.sqrt(2), 4)] == [64, 90, 128, 181, 256]
    assert widened(Architecture(8, variant=BOTTLENECKS[0]), 3) == Architecture(24, 10, "cifar", BOTTLENECKS[0], 8)
    assert widened(Architecture(24, 10, "cifar", BOTTLENECKS[0], 8), 2).base_width == 8


@pytest.mark.parametrize("variant", BOTTLENECKS)
@pytest.mark.parametrize("n_classes", [10, 100])
@pytest.mark.parametrize("base", [8, 18, 64])
def test_bottlenecks_keep_the_number_of_weights(base, n_classes, variant):
    kept = n_weights(Architecture(base, n_classes, variant=variant))
    for factor, shortfall in ((1, 0), (1.5, 0.02), (2, 0.02), (3, 0.02), (4, 0.02), (6, 0.05), (8, 0.05), (16, 0.05)):
        if variant == "linear bottleneck" or factor <= 6:
            wide = widened(Architecture(base, n_classes, variant=variant), factor)
            assert (1 - shortfall) * kept <= n_weights(wide) <= kept


@pytest.mark.parametrize("base, variant", list(itertools.product([1, 8], BOTTLENECKS)))
def test_the_width_that_is_advised_is_the_widest(base, variant):
    with pytest.raises(ValueError, match="try width=") as caught:
        Architecture(500, variant=variant, base_width=base)
    widest = int(str(caught.value).split("try width=")[1])
    Architecture(widest, variant=variant, base_width=base)
    with pytest.raises(ValueError, match=f"try width={widest}$"):
        Architecture(widest + 1, variant=variant, base_width=base)


def test_counts_that_do_not_fit_are_refused():
    for factor in (0.5, 0, math.nan, math.inf, True, "2"):
        with pytest.raises(ValueError, match="expected widening_factor as a number >= 1"):
            sparse_counts(TINY, factor)
    with pytest.raises(ValueError, match="expected a plain architecture.*got a linear bottleneck; try variant"):
        sparse_counts(Architecture(8, variant="linear bottleneck"), 2)
    with pytest.raises(ValueError, match="expected n_remaining of 21 layers"):
        multiply_adds(TINY, remaining=[1, 2])
    with pytest.raises(ValueError, match="expected n_remaining at most sizes"):
        multiply_adds(TINY, remaining=[10**9] * 21)


def test_counting_builds_no_tensors(monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("built")

    monkeypatch.setattr(torch.nn.Module, "__init__", refuse)
    multiply_adds(resnet.Architecture(4096, 1000, "imagenet"))  # 46 billion weights
