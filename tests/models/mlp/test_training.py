"""Training of the sparse perceptron against masked dense torch in float64, and what does not change it."""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch

from lib.models import mlp
from lib.models.mlp import Architecture, MLPSettings, SparseLayer, SparseMLP, train
from tests.mlp_twin import SMALL, make_data, make_model, orders, twin, values

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
