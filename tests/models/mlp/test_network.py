"""The sparse perceptron before training: counts by enumeration, masks and weights as drawn; what it must refuse."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from lib.models import mlp
from lib.models.mlp import Architecture, MLPSettings, SparseLayer, SparseMLP, train
from tests import oracles
from tests.mlp_twin import make_data, make_model, matrices, values

WIDTHS = [5 * 2**k for k in range(8)]
CONNECTIVITIES = [k / 10 for k in range(10, 0, -1)]


# --- counts


def test_counts_of_figure_3_5():
    assert Architecture(5).n_weights == 3970 == 784 * 5 + 5 * 10
    assert Architecture(640).n_weights == 508_160
    assert mlp.split(5, 1.0) == (3920, 50)
    assert mlp.split(80, 1.0) == (3170, 800)
    assert mlp.split(640, 0.6) == (130, 3840)
    cells = mlp.valid_cells(WIDTHS, CONNECTIVITIES)
    assert len(cells) == 67
    assert [sum(width == cell[0] for cell in cells) for width in WIDTHS] == [1, 10, 10, 10, 10, 10, 10, 6]


def test_valid_cells_are_those_that_split_finds():
    found = []
    for width, tenths in itertools.product(range(1, 9), range(1, 11)):
        pairs = {(40 - n_last, n_last) for n_last in range(1, 40)
                 if 1 <= 40 - n_last <= 7 * width and n_last == round(tenths / 10 * 3 * width) <= 3 * width}
        try:
            pair = mlp.split(width, tenths / 10, 40, n_inputs=7, n_classes=3)
        except ValueError:
            assert not pairs
        else:
            assert pairs == {pair}
            found.append((width, tenths / 10))
    assert found == mlp.valid_cells(range(1, 9), [k / 10 for k in range(1, 11)], 40, n_inputs=7, n_classes=3)
    assert 0 < len(found) < 80


@pytest.mark.parametrize("arguments, words", [
    ((640, 1.0), r"expected from 1 to 3969 weights in the last layer.*got 6400 of 6400; try last_connectivity=0.62"),
    ((5, 0.9), "from 50 to 50 weights.*got 45 of 50; try last_connectivity=1$"),
    ((4, 1.0), "expected from 2 to 3176 weights at width 4, got 3970; try width=5"),
    ((10, 0.001), "got 0 of 100"),
    ((10, 1.0, 1), "got 1"),
    ((0, 1.0), "expected width to be an integer >= 1, got 0"),
    ((10, 0.0), "expected last_connectivity above 0 and up to 1, got 0.0"),
    ((10, 1.1), "expected last_connectivity above 0 and up to 1, got 1.1"),
    ((10, float("nan")), "expected last_connectivity"),
    ((10, "1"), "expected last_connectivity"),
    ((10.5, 1.0), "expected width to be an integer"),
    ((10, 1.0, 3970.5), "expected n_weights to be an integer"),
])
def test_split_refuses_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        mlp.split(*arguments)


# --- the net before training


@pytest.mark.parametrize("width, connectivity", [(5, 1.0), (80, 0.8), (640, 0.1)])
def test_random_nets_have_exact_counts_and_a_fixed_seed(width, connectivity):
    n_first, n_last = mlp.split(width, connectivity)
    model, again, other = (SparseMLP.random(Architecture(width), n_first, n_last, seed=seed) for seed in (1, 1, 2))
    _, _, *masks = matrices(model)
    for mask, count in zip(masks, (n_first, n_last)):
        assert mask.max() == 1 and mask.sum() == count
    assert model.connectivity == pytest.approx(5 / width, rel=1e-12)
    for one, same, different in zip(values(model), values(again), values(other)):
        assert (one == same).all() and (one != different).any()
    assert model.dtype == np.float32
    assert repr(model) == f"SparseMLP(width {width}, {n_first} + {n_last} of {794 * width} weights, relu, float32)"


def test_weights_start_uniform_between_the_bounds():
    n_first, n_last = 20_000, 3_000
    model = SparseMLP.random(Architecture(400), n_first, n_last, seed=1, dtype=np.float64)
    for drawn, fan_in, p in ((model.first.weights, 784, n_first / 784 / 400), (model.last.weights, 400, n_last / 4000),
                             (model.hidden_bias, 784, n_first / 784 / 400)):
        bound = 1 / np.sqrt(fan_in * p)
        assert 0.98 * bound < np.abs(drawn).max() <= bound
        assert abs(drawn.mean()) < 4.5 * bound / np.sqrt(3 * len(drawn))
        assert drawn.var() == pytest.approx(bound**2 / 3, rel=4.5 * np.sqrt(0.8 / len(drawn)))
    dense = torch.nn.Linear(784, 400)  # torch's own start, where nothing is removed
    ours = SparseMLP.random(Architecture(400), seed=1)
    assert np.abs(ours.first.weights).max() == pytest.approx(float(dense.weight.detach().abs().max()), rel=1e-3)


def test_all_masks_are_equally_likely():
    """Two of six places: fifteen masks."""
    tiny = Architecture(2, n_inputs=3, n_classes=2)
    masks = list(itertools.combinations(range(6), 2))
    counts = np.zeros(15)
    for seed in range(1500):
        layer = SparseMLP.random(tiny, 2, 1, seed=seed).first
        counts[masks.index(tuple(int(place) for place in layer.units * 3 + layer.index))] += 1
    assert oracles.chi2.sf(((counts - 100) ** 2 / 100).sum(), 14) > 1e-4


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_dense_matrices_and_logits(activation):
    model = make_model(activation=activation)
    for ours, plain in zip(model.dense(), values(model)):
        np.testing.assert_array_equal(ours.numpy(), plain)
    first, hidden_bias, last, class_bias = values(model)
    images, _ = make_data(7)
    expected = np.zeros((7, 5))
    for image, c in itertools.product(range(7), range(5)):
        hidden = [hidden_bias[j] + sum(first[j, i] * images[image, i] for i in range(12)) for j in range(9)]
        hidden = [max(value, 0) if activation == "relu" else value for value in hidden]
        expected[image, c] = class_bias[c] + sum(last[c, j] * hidden[j] for j in range(9))
    np.testing.assert_allclose(model.forward(images).numpy(), expected, atol=1e-13)
    labels = make_data(7)[1]
    loss, accuracy = model.evaluate(images, labels)
    p = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[range(7), labels]).mean(), abs=1e-12)
    assert accuracy == (expected.argmax(1) == labels).mean()


# --- what is refused


@pytest.mark.parametrize("make, words", [
    (lambda: Architecture(0), "expected width to be an integer >= 1, got 0"),
    (lambda: Architecture(5, n_inputs=0), "n_inputs"),
    (lambda: Architecture(5, n_classes=True), "n_classes"),
    (lambda: Architecture(5, activation="tanh"), "\"relu\" or \"linear\".*got 'tanh'"),
    (lambda: Architecture(5, bias=1), "bias True or False"),
    (lambda: MLPSettings(epochs=0), "expected epochs to be an integer >= 1, got 0"),
    (lambda: MLPSettings(batch_size=1.5), "batch_size"),
    (lambda: MLPSettings(learning_rate=-1), "expected learning_rate.*got -1"),
    (lambda: MLPSettings(learning_rate=float("inf")), "learning_rate"),
    (lambda: MLPSettings(learning_rate=(0.1, True)), "learning_rate"),
    (lambda: MLPSettings(learning_rate=(0.1,)), "learning_rate"),
    (lambda: MLPSettings(learning_rate="0.1"), "learning_rate"),
    (lambda: make_model(n_first=109), "expected n_first to be an integer >= 1 and <= 108, got 109"),
    (lambda: make_model(n_last=0), "expected n_last"),
    (lambda: make_model(dtype=np.float16), "float32 or all float64.*float16"),
    (lambda: make_model(seed=-1), "seed"),
])
def test_settings_refuse_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
    with pytest.raises(TypeError):
        MLPSettings(momentum=0.9)


IMAGES, LABELS = make_data(20)
BROKEN = IMAGES.copy()
BROKEN[13, 2] = np.nan


@pytest.mark.parametrize("images, labels, words", [
    (IMAGES[:, :11], LABELS, r"expected images of shape \(n_images, 12\).*got \(20, 11\)"),
    (IMAGES.reshape(20, 3, 4), LABELS, r"got \(20, 3, 4\); try images.reshape\(-1, 12\)"),
    (IMAGES[:0], LABELS[:0], "at least one image"),
    (IMAGES.astype(int), LABELS, r"floats, got int64; try \(images / 255 - 0.1307\) / 0.3081"),
    (BROKEN, LABELS, "finite images, got NaN or infinity in row 13"),
    (IMAGES * 1e300, LABELS, "NaN or infinity in row 0"),
    (IMAGES, LABELS + 1, "expected labels from 0 to 4, got 5"),
    (IMAGES, LABELS - 1, "expected labels from 0 to 4, got -1"),
    (IMAGES, LABELS[:19], r"expected integer labels of shape \(20,\), one an image, got int64 \(19,\)"),
    (IMAGES, LABELS * 1.0, "integer labels.*float64"),
])
@pytest.mark.filterwarnings("ignore:overflow")
def test_data_that_do_not_fit_are_refused(images, labels, words):
    model = make_model(dtype=np.float32)
    with pytest.raises(ValueError, match=words):
        train(model, images, labels, MLPSettings(1), seed=1)
    with pytest.raises(ValueError, match=words):
        train(model, IMAGES, LABELS, MLPSettings(1), seed=1, test=(images, labels))
    with pytest.raises(ValueError, match=words):
        model.evaluate(images, labels)


def test_arguments_of_train_are_checked():
    model = make_model()
    with pytest.raises(ValueError, match="expected settings as MLPSettings, got dict"):
        train(model, IMAGES, LABELS, dict(epochs=3), seed=1)
    with pytest.raises(ValueError, match="expected every"):
        train(model, IMAGES, LABELS, MLPSettings(1), seed=1, every=0)
    with pytest.raises(ValueError, match="pair"):
        train(model, IMAGES, LABELS, MLPSettings(1), seed=1, test=IMAGES)
    with pytest.raises(ValueError, match="diverged; try 1e"):
        train(make_model(dtype=np.float32), 1e3 * IMAGES, LABELS, MLPSettings(20, 5, 1e9), seed=1)


def test_layers_that_do_not_fit_are_refused():
    """The kernels check no bounds, so a net that would make them read elsewhere cannot be made."""
    model = make_model()
    starts, index, weights = model.first
    wrong = [SparseLayer(starts[:-1], index, weights), SparseLayer(starts, index + 5, weights),
             SparseLayer(starts, index - 1, weights), SparseLayer(starts, index[::-1], weights),
             SparseLayer(starts, index, weights[1:]), SparseLayer(starts + 1, index, weights),
             SparseLayer(starts[::-1], index, weights), SparseLayer(starts.astype(np.int32), index, weights)]
    for layer in wrong:
        with pytest.raises(ValueError, match="expected the first layer"):
            dataclasses.replace(model, first=layer)
    for name, value in (("hidden_bias", np.zeros(8)), ("class_bias", np.full(5, np.nan)),
                        ("hidden_bias", np.zeros(9, np.float32))):
        with pytest.raises(ValueError, match="expected finite values"):
            dataclasses.replace(model, **{name: value})
