"""The sparse perceptron against masked dense torch in float64, counts by enumeration, and what it must refuse."""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch

from lib import rng
from lib.models import mlp
from lib.models.mlp import Architecture, MLPSettings, SparseLayer, SparseMLP, train
from tests import oracles

SMALL = Architecture(width=9, n_inputs=12, n_classes=5)
WIDTHS = [5 * 2**k for k in range(8)]
CONNECTIVITIES = [k / 10 for k in range(10, 0, -1)]


def make_data(n_images, architecture=SMALL, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(n_images, architecture.n_inputs))
    return images, generator.integers(0, architecture.n_classes, n_images)


def make_model(seed=47, dtype=np.float64, n_first=40, n_last=17, **changes):
    """Sparse enough that one unit reads no pixel, one is read by no class, and others have from 1 to 9 weights."""
    return SparseMLP.random(dataclasses.replace(SMALL, **changes), n_first, n_last, seed=seed, dtype=dtype)


def matrices(model):
    """Dense matrices and masks by plain loops over the lists: W (width, n_inputs), V (n_classes, width)."""
    a = model.architecture
    first, last = np.zeros((a.width, a.n_inputs)), np.zeros((a.n_classes, a.width))
    masks = np.zeros_like(first), np.zeros_like(last)
    for j in range(a.width):
        for k in range(model.first.starts[j], model.first.starts[j + 1]):
            first[j, model.first.index[k]] = model.first.weights[k]
            masks[0][j, model.first.index[k]] += 1
        for k in range(model.last.starts[j], model.last.starts[j + 1]):
            last[model.last.index[k], j] = model.last.weights[k]
            masks[1][model.last.index[k], j] += 1
    return first, last, *masks


def torch_logits(a, x, first, hidden_bias, last, class_bias):
    hidden = torch.nn.functional.linear(x, first, hidden_bias)
    return torch.nn.functional.linear(hidden.relu() if a.activation == "relu" else hidden, last, class_bias)


def twin(model, images, labels, orders, batch_size, rates=(0.1, 0.1)):
    """Masked dense SGD by autograd in float64, and the mean loss and accuracy of each epoch, before each step."""
    first, last, *masks = matrices(model)
    values = [torch.tensor(value, dtype=torch.float64, requires_grad=True)
              for value in (first, model.hidden_bias, last, model.class_bias)]
    first_mask, last_mask = (torch.from_numpy(mask) for mask in masks)
    learns = float(model.architecture.bias)
    factors = rates[0] * first_mask, rates[0] * learns, rates[1] * last_mask, rates[1] * learns
    history = []
    for order in orders:
        losses, right = 0.0, 0
        for begin in range(0, len(order), batch_size):
            rows = order[begin:begin + batch_size]
            logits = torch_logits(model.architecture, torch.tensor(images[rows], dtype=torch.float64), *values)
            target = torch.from_numpy(labels[rows])
            loss = torch.nn.functional.cross_entropy(logits, target)
            gradients = torch.autograd.grad(loss, values)
            with torch.no_grad():
                for value, gradient, factor in zip(values, gradients, factors):
                    value -= factor * gradient
            losses += float(loss.detach()) * len(rows)
            right += int((logits.argmax(1) == target).sum())
        history.append((losses / len(order), right / len(order)))
    return [value.detach().numpy() for value in values], history


def orders(seed, n_images, epochs):
    return [rng.stream(seed, "train", "order", epoch).permutation(n_images) for epoch in range(1, epochs + 1)]


def values(model):
    first, last, *_ = matrices(model)
    return first, model.hidden_bias, last, model.class_bias


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


# --- training


CASES = [dict(), dict(activation="linear"), dict(bias=False), dict(activation="linear", bias=False)]
IDS = ["relu", "linear", "relu without biases", "linear without biases"]


@pytest.mark.parametrize("changes", CASES, ids=IDS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 3e-7)], ids=["float64", "float32"])
def test_one_step_is_the_masked_gradient(changes, dtype, tolerance):
    """All 37 images at once, rates 0.5 and 2: equal to rounding."""
    model, (images, labels) = make_model(dtype=dtype, **changes), make_data(37)
    first, last = np.diff(model.first.starts), np.diff(model.last.starts)
    assert min(first) == min(last) == 0 and max(first) > 8 and max(last) >= 4  # all loops of the kernels run
    result = train(model, images, labels, MLPSettings(1, 37, (0.5, 2.0)), seed=4)
    expected, history = twin(model, images.astype(dtype), labels, orders(4, 37, 1), 37, (0.5, 2.0))
    for ours, plain, before in zip(values(result.model), expected, values(model)):
        np.testing.assert_allclose(ours - before, plain - before, atol=tolerance)
        assert np.abs(plain - before).max() > 1e-3 or not model.architecture.bias
    assert history[0] == pytest.approx(result.final[1:3], abs=max(tolerance, 1e-6 * (dtype == np.float32)))


@pytest.mark.parametrize("changes", CASES, ids=IDS)
def test_fifty_steps_follow_the_twin(changes):
    """Five epochs of 223 images: nine minibatches of 23 and a last one of 16."""
    images, labels = make_data(223)
    settings = MLPSettings(epochs=5, batch_size=23, learning_rate=0.3)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-5)):
        model = make_model(dtype=dtype, **changes)
        result = train(model, images, labels, settings, seed=5)
        expected, history = twin(model, images.astype(dtype), labels, orders(5, 223, 5), 23, (0.3, 0.3))
        for ours, plain in zip(values(result.model), expected):
            np.testing.assert_allclose(ours, plain, atol=tolerance)
        np.testing.assert_allclose([row[1:3] for row in result.history], history, atol=max(tolerance, 1e-9))
        assert [row.epoch for row in result.history] == [1, 2, 3, 4, 5]
        # The same weights exist as before, and no others.
        for before, after in ((model.first, result.model.first), (model.last, result.model.last)):
            assert (before.starts == after.starts).all() and (before.index == after.index).all()
        if not model.architecture.bias:
            assert not result.model.hidden_bias.any() and not result.model.class_bias.any()


@pytest.mark.parametrize("batch_size", [1, 7, 16, 40, 1000])
def test_minibatches_of_any_size(batch_size):
    """Also one image, and more than there are: then a step is the whole epoch."""
    model, (images, labels) = make_model(), make_data(40)
    ours = train(model, images, labels, MLPSettings(2, batch_size, 0.05), seed=6).model
    expected, _ = twin(model, images, labels, orders(6, 40, 2), batch_size, (0.05, 0.05))
    for value, plain in zip(values(ours), expected):
        np.testing.assert_allclose(value, plain, atol=1e-12)


@pytest.mark.parametrize("batch_size", [7, 16, 1000])
def test_minibatches_are_prepared_on_their_way(batch_size):
    """The twin learns, minibatch by minibatch, images that were prepared by hand."""
    model, (images, labels) = make_model(), make_data(40)
    ours = train(model, images, labels, MLPSettings(1, batch_size, 0.05), seed=6, prepare=lambda x: x - x.mean(0)).model
    by_hand, (order,) = images.copy(), orders(6, 40, 1)
    for begin in range(0, 40, batch_size):
        rows = order[begin:begin + batch_size]
        by_hand[rows] -= images[rows].mean(0)
    expected, _ = twin(model, by_hand, labels, [order], batch_size, (0.05, 0.05))
    for value, plain in zip(values(ours), expected):
        np.testing.assert_allclose(value, plain, atol=1e-12)
    for wrong in (lambda x: x[:, :5], lambda x: x * np.nan):
        with pytest.raises(ValueError, match="expected "):
            train(model, images, labels, MLPSettings(1, batch_size, 0.05), seed=6, prepare=wrong)


def test_ntk_parametrization_is_a_pair_of_rates():
    """Logits V f(W x / sqrt(n_inputs)) / sqrt(width) at rate r: our rates are r / n_inputs and r / width."""
    model, (images, labels) = make_model(bias=False, n_first=108, n_last=45), make_data(30)
    first, last = (torch.tensor(value, requires_grad=True) for value in
                   (values(model)[0] * np.sqrt(12), values(model)[2] * np.sqrt(9)))
    for order in orders(7, 30, 20):
        hidden = (torch.from_numpy(images[order]) @ first.T / np.sqrt(12)).relu()
        loss = torch.nn.functional.cross_entropy(hidden @ last.T / np.sqrt(9), torch.from_numpy(labels[order]))
        gradients = torch.autograd.grad(loss, (first, last))
        with torch.no_grad():
            first -= 5.0 * gradients[0]
            last -= 5.0 * gradients[1]
    ours = train(model, images, labels, MLPSettings(20, 30, (5 / 12, 5 / 9)), seed=7).model
    np.testing.assert_allclose(values(ours)[0] * np.sqrt(12), first.detach().numpy(), atol=1e-11)
    np.testing.assert_allclose(values(ours)[2] * np.sqrt(9), last.detach().numpy(), atol=1e-11)


def test_one_seed_gives_one_result():
    images, labels = make_data(100)
    model, settings = make_model(dtype=np.float32), MLPSettings(4, 10)
    before = [value.copy() for value in values(model)]
    results = [train(model, images, labels, settings, seed=1, every=every, test=test)
               for every, test in ((1, (images, labels)), (3, (images, labels)), (1, None))]
    other = train(model, images, labels, settings, seed=2)
    for result in results:
        for one, same in zip(values(result.model), values(results[0].model)):
            np.testing.assert_array_equal(one, same)
    assert (other.model.first.weights != results[0].model.first.weights).any()
    for one, same in zip(values(model), before):  # the given net is left as it was
        np.testing.assert_array_equal(one, same)
    every_epoch, some, none = ([row.test_accuracy for row in result.history] for result in results)
    assert none == [None] * 4
    assert some == [None, None, every_epoch[2], every_epoch[3]]
    result = results[0]
    assert result.final == result.history[3] and result.best.test_accuracy == max(every_epoch)
    assert result.final.test_accuracy == result.model.evaluate(images, labels)[1]
    assert result.seconds > 0


def test_the_best_epoch_is_the_first_of_the_best():
    history = [mlp.Epoch(1, 0.0, 0.0, None), mlp.Epoch(2, 0.0, 0.0, 0.5), mlp.Epoch(3, 0.0, 0.0, 0.5)]
    assert mlp.MLPResult(make_model(), history, 0.0).best.epoch == 2
    worst = [mlp.Epoch(1, 0.0, 0.0, None), mlp.Epoch(2, 0.0, 0.0, 0.0)]
    assert mlp.MLPResult(make_model(), worst, 0.0).best.epoch == 2


@pytest.mark.parametrize("epochs", [1, 3])
def test_without_a_test_there_is_no_best_epoch(epochs):
    images, labels = make_data(20)
    for held_out in (None, (images, labels)):  # images that are judged for a choice are no test
        result = train(make_model(), images, labels, MLPSettings(epochs, 10), seed=1, held_out=held_out)
        with pytest.raises(ValueError, match=f"expected a test accuracy .*, got none in {epochs} epochs; try train"):
            _ = result.best
        assert result.final.epoch == epochs


def test_input_may_be_tensors_read_only_or_strided():
    model, (images, labels) = make_model(), make_data(30)
    expected = train(model, images, labels, MLPSettings(1, 8), seed=1).model
    frozen = images.copy()
    frozen.flags.writeable = False
    for x, y in ((torch.from_numpy(images), torch.from_numpy(labels)), (np.asfortranarray(images), labels.tolist()),
                 (np.repeat(images, 2, axis=0)[::2], labels.astype(np.uint8)), (frozen, labels)):
        np.testing.assert_array_equal(train(model, x, y, MLPSettings(1, 8), seed=1).model.first.weights,
                                      expected.first.weights)


def arrays_of(model):
    return [*model.first, *model.last, model.hidden_bias, model.class_bias]


def test_a_net_shares_no_array_with_its_caller():
    """Nor with the net that it was trained from; and its own cannot be changed, as the kernels check no bounds."""
    given = [np.array(part) for part in arrays_of(make_model())]
    images, labels = make_data(20)

    def made():
        return SparseMLP(SMALL, SparseLayer(*given[:3]), SparseLayer(*given[3:6]), *given[6:])
    model = made()
    logits, before = model.forward(images), [part.copy() for part in arrays_of(model)]
    trained = train(model, images, labels, MLPSettings(2, 10), seed=1).model
    replaced = dataclasses.replace(model, hidden_bias=given[6])
    for part in given:
        part[...] = 10**6 if part.dtype == np.int64 else np.nan
    copies = copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model)), replaced
    for net in (model, *copies):
        assert all((part == old).all() for part, old in zip(arrays_of(net), before, strict=True))
        assert torch.equal(net.forward(images), logits)
    for net in (model, *copies, trained, make_model(), make_model(dtype=np.float32)):
        for part in arrays_of(net):
            assert part.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 0
    for ours, theirs in itertools.product(arrays_of(trained), arrays_of(model)):
        assert not np.shares_memory(ours, theirs)
    with pytest.raises(ValueError, match="expected the first layer"):  # what was given is wrong by now
        made()


def test_arrays_in_any_memory_order_make_the_same_net():
    model, (images, labels) = make_model(), make_data(20)
    strided = [np.repeat(part, 3)[::3] for part in arrays_of(model)]
    listed = [part.tolist() for part in arrays_of(model)]
    for parts in (strided, listed):
        other = SparseMLP(SMALL, SparseLayer(*parts[:3]), tuple(parts[3:6]), *parts[6:])
        for ours, theirs in zip(arrays_of(train(other, images, labels, MLPSettings(2, 7), seed=1).model),
                                arrays_of(train(model, images, labels, MLPSettings(2, 7), seed=1).model), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_sparse_relu_net_learns_what_a_linear_one_cannot():
    """Whether two pixels agree; six others say nothing."""
    generator = np.random.default_rng(0)
    images = generator.choice([-1.0, 1.0], (1500, 8)).astype(np.float32)
    labels = (images[:, 0] == images[:, 1]).astype(int)
    data, test = (images[:1000], labels[:1000]), (images[1000:], labels[1000:])
    accuracy = {}
    for activation in ("relu", "linear"):
        architecture = Architecture(60, n_inputs=8, n_classes=2, activation=activation)
        model = SparseMLP.random(architecture, 160, 100, seed=1)
        result = train(model, *data, MLPSettings(60, 20, 0.2), seed=1, every=60, test=test)
        accuracy[activation] = result.final.test_accuracy
    assert accuracy["relu"] > 0.99 and accuracy["linear"] < 0.65


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
