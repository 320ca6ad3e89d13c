"""Figure 3.2: the steps of a block are those that the network computes, and the drawing shows their numbers."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, Polygon, Rectangle
from torch.nn import functional

from lib import plotting
from lib.figures.resnet_blocks import block_steps, draw_blocks, ways
from lib.models.resnet import Architecture, ResNet, layers, n_weights, widened
from lib.pruning.masks import layer_masks

BLOCK = "stage3_block2"
HALF = ["convolution", "batch norm", "relu", "convolution", "batch norm", "addition", "relu"]


@pytest.fixture(autouse=True)
def fresh_figures():
    with matplotlib.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def make_model(variant="plain", factor=1, sparse=False, width=2, **settings):
    base = Architecture(width, 5, variant=variant, **settings)
    wide = widened(base, factor) if factor > 1 else base
    n_removed = n_weights(wide) - n_weights(base)
    masks = layer_masks([layer.shape for layer in layers(wide)], n_removed, seed=1) if sparse else None
    return ResNet(wide, masks, seed=1)


def drawn(blocks, notes=None):
    _, (ax,) = plotting.new_figure(height=6)
    draw_blocks(ax, blocks, notes)
    return ax


def texts(ax):
    return [text.get_text() for text in ax.texts]


# --- steps


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_steps_of_a_plain_block(stem):
    steps = block_steps(make_model(stem=stem), BLOCK)
    assert [step.kind for step in steps] == HALF
    assert [step.name for step in steps] == [f"{BLOCK}_conv1"] * 2 + [""] + [f"{BLOCK}_conv2"] * 2 + ["", ""]
    assert {(step.n_in, step.n_out) for step in steps} == {(8, 8)}
    assert [tuple(step[4:]) for step in steps] == [
        (3, 576, 576, None) if kind == "convolution" else (0, 0, 0, None) for kind in HALF]


def test_nothing_stands_between_the_two_convolutions_of_a_linear_bottleneck():
    steps = block_steps(make_model("linear bottleneck", 2), BLOCK)
    assert [step.kind for step in steps] == ["convolution", *HALF[:3], "convolution", *HALF[3:]]
    assert [step.kernel for step in steps if step.kind == "convolution"] == [3, 1, 3, 1]
    narrow = steps[0].n_out
    assert [(step.n_in, step.n_out) for step in steps[:2]] == [(16, narrow), (narrow, 16)] and 0 < narrow < 8


def test_a_nonlinear_bottleneck_keeps_batchnorm_and_relu_at_its_narrow_place():
    steps = block_steps(make_model("nonlinear bottleneck", 2, width=4), BLOCK)
    narrow = steps[0].n_out
    assert [step.kind for step in steps] == HALF and narrow < 16
    assert [(step.n_in, step.n_out) for step in steps[:4]] == [(32, narrow), (narrow, narrow), (narrow, narrow),
                                                               (narrow, 32)]


def test_a_sparse_block_tells_its_masks():
    model = make_model(factor=2, sparse=True)
    convolutions = [step for step in block_steps(model, BLOCK) if step.kind == "convolution"]
    for step in convolutions:
        assert step.n_dense == step.mask.size == 16 * 16 * 9
        assert step.n_weights == step.mask.sum() == np.count_nonzero(model.layers[step.name].weight.detach())
        np.testing.assert_array_equal(step.mask, model.layers[step.name].mask.numpy())


def test_the_steps_are_what_the_block_computes():
    # Done one after the other on what comes into the block, they give what goes out of it.
    model, seen = make_model("linear bottleneck", 2).eval(), {}
    steps = block_steps(model, BLOCK)
    for name in (f"{BLOCK}_conv1_in", "stage4_block1_conv1_in"):
        model.layers[name].register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
    with torch.no_grad():
        model(torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
        x = start = seen[f"{BLOCK}_conv1_in"]
        for step in steps:
            if step.kind == "convolution":
                x = functional.conv2d(x, model.layers[step.name].weight, padding=step.kernel // 2)
            elif step.kind == "batch norm":
                x = model.norms[step.name](x)
            else:
                x = x + start if step.kind == "addition" else x.clamp(min=0)
    torch.testing.assert_close(x, seen["stage4_block1_conv1_in"])


@pytest.mark.parametrize("training", [True, False])
def test_looking_changes_nothing(training):
    model = make_model().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    block_steps(model, BLOCK)
    assert model.training is training and all(not module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("block", ["stage3_block1", "stage5_block1", "stem", ""])
def test_a_block_in_a_row_or_a_clear_refusal(block):
    with pytest.raises(ValueError, match="expected a block whose shortcut has no convolution, one of stage1_block1, "
                                         "stage1_block2, stage2_block2, .*try block='stage4_block2'"):
        block_steps(make_model(), block)


# --- the drawing


def test_heights_are_channels_and_texts_the_numbers():
    plain, narrow = block_steps(make_model(), BLOCK), block_steps(make_model("linear bottleneck", 2), BLOCK)
    ax = drawn({"one": plain, "two": narrow}, {"two": "a note"})
    assert {"one", "two", "a note", "3×3: 576", "1×1: 64"} <= set(texts(ax))
    assert texts(ax).count("8") == 3  # the input, and the output of each convolution
    polygons = [patch.get_xy()[:4] for patch in ax.patches if isinstance(patch, Polygon)]
    assert len(polygons) == 6
    left, right = zip(*((xy[1, 1] - xy[0, 1], xy[2, 1] - xy[3, 1]) for xy in polygons))
    channels = [(step.n_in, step.n_out) for step in plain + narrow if step.kind == "convolution"]
    np.testing.assert_allclose(np.transpose([left, right]) / left[0] * 8, channels)
    assert sum(isinstance(patch, Circle) for patch in ax.patches) == 2  # one addition a block


def test_stripes_stand_where_the_module_has_batchnorm_and_relu():
    ax = drawn({"block": block_steps(make_model(), BLOCK)})
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    hatched = [bar.get_x() for bar in bars if bar.get_hatch()]
    red = [bar.get_x() for bar in bars if matplotlib.colors.to_hex(bar.get_facecolor()) == plotting.VERMILION.lower()]
    assert len(hatched) == len(red) == 2 and hatched[0] < red[0] < hatched[1] < red[1]


def test_squares_are_the_mask():
    steps = block_steps(make_model(factor=2, sparse=True), BLOCK)
    ax = drawn({"sparse": steps})
    middles = [step.mask[:, :14, 1, 1] for step in steps if step.mask is not None]  # (n_out, first of n_in)
    squares = sorted({(round(patch.get_x(), 6), round(patch.get_y(), 6)) for patch in ax.patches
                      if isinstance(patch, Rectangle) and patch.get_linewidth() == 0.4})
    columns = sorted({x for x, _ in squares})
    assert len(squares) == sum(np.count_nonzero(middle) for middle in middles)
    heights = {x: sorted((y for there, y in squares if there == x), reverse=True) for x in columns}
    rows = sorted({y for _, y in squares}, reverse=True)
    shown = [[rows.index(y) for y in heights[x]] for x in columns]
    expected = [np.flatnonzero(column).tolist() for middle in middles for column in middle if column.any()]
    assert shown == expected
    first = steps[0]
    assert texts(ax).count(f"3×3: {first.n_weights:,} of {first.n_dense:,}") == 2


@pytest.mark.parametrize("change, message", [
    (lambda steps: {}, "expected blocks whose steps"), (lambda steps: {"empty": []}, "expected blocks whose steps"),
    (lambda steps: {"torn": [steps[0], steps[3]._replace(n_in=9)]}, r"got \['torn'\]; try block_steps"),
])
def test_only_whole_blocks_are_drawn(change, message):
    with pytest.raises(ValueError, match=message):
        drawn(change(block_steps(make_model(), BLOCK)))


def test_a_note_needs_its_block():
    with pytest.raises(ValueError, match="expected notes on .'one'., got .'two'.; try the same titles"):
        drawn({"one": block_steps(make_model(), BLOCK)}, {"two": "a note"})


def test_ways_have_a_row_each_and_the_weights_of_the_whole_networks():
    base, wide = Architecture(2, 5), widened(Architecture(2, 5), 2)
    figure, table = ways({"wide": base}, {"Base": ResNet(base, seed=1), "wide": ResNet(wide, seed=1)}, BLOCK)
    steps = block_steps(ResNet(wide, seed=1), BLOCK)
    rows = table[table.net == "wide"]
    assert list(rows.kind) == [step.kind for step in steps] and list(table.net.unique()) == ["Base", "wide"]
    assert list(rows.n_weights) == [step.n_weights for step in steps] and "mask" not in table
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any(f"{n_weights(base):,} → {n_weights(wide):,}" in text for text in texts)
