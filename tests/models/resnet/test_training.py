"""Training on images: schedules by hand, the native net against torch, what depends on the seed, and refusals."""

import copy

import numpy as np
import pytest
import torch

from lib import image_sets
from lib.models import resnet
from lib.models.resnet import Architecture, ResNet
from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
from lib.models.resnet.training import correct, train
from lib.models.resnet.training_settings import SCHEDULES, Settings
from lib.pruning.masks import layer_masks

SIZE, N_CLASSES = 9, 4
SHORT = Settings(2, 16, 0.05, schedule="triangle", pad=1)


def make_data(n_images=50, seed=0, n_classes=N_CLASSES):
    generator = np.random.default_rng(seed)
    images = image_sets.normalized(generator.uniform(size=(n_images, 3, SIZE, SIZE)))
    return images, generator.integers(0, n_classes, n_images)


def make_separable(n_images, seed):
    """Three classes of one colour each and one of all, in noise."""
    generator = np.random.default_rng(seed)
    labels, images = generator.integers(0, 4, n_images), generator.uniform(0, 0.5, (n_images, 3, SIZE, SIZE))
    for image, label in zip(images, labels):
        image[slice(label, label + 1) if label < 3 else slice(None)] += 0.5
    return image_sets.normalized(images), labels


def make_twin(seed=1, width=2):
    architecture = Architecture(width, N_CLASSES)
    shapes = [layer.shape for layer in resnet.layers(architecture)]
    return ResNet(architecture, layer_masks(shapes, resnet.n_weights(architecture) // 2, seed=seed), seed=seed)


def make_nets(settings=SHORT, **arguments):
    return NativeTrainer(make_twin(**arguments), settings, SIZE), TorchTrainer(make_twin(**arguments), settings)


class Recorder:
    """A net that notes what it is trained on and answers at random, without learning."""

    def __init__(self, width=2, n_classes=N_CLASSES, loss=1.0):
        self.network, self.loss, self.seen = make_twin(width=width), loss, []
        self.n_classes = n_classes

    def train_step(self, images, labels, rate):
        self.seen.append((images.copy(), labels.copy(), rate))
        return self.loss, 3

    def logits(self, images):
        return images.reshape(len(images), -1)[:, :self.n_classes]


# --- settings and schedules


def test_steps_are_those_of_the_thesis():
    """Divided by 10 after 50, 120 and 200 of 300 epochs; momentum and decay of appendix A.2."""
    settings = Settings()
    assert settings == Settings(300, 128, 0.1, 0.9, 5e-4, "steps", 4)
    n_batches = 390
    for epoch, rate in ((0, 0.1), (49, 0.1), (50, 0.01), (119, 0.01), (120, 1e-3), (199, 1e-3), (200, 1e-4),
                        (299, 1e-4)):
        for batch in (0, n_batches - 1):
            assert settings.rate(epoch * n_batches + batch, 300 * n_batches) == pytest.approx(rate, rel=1e-12)


def test_the_cosine_falls_to_zero():
    rates = [Settings(schedule="cosine", learning_rate=0.4).rate(step, 12) for step in range(13)]
    assert rates[0] == 0.4 and rates[4] == pytest.approx(0.3) and rates[6] == pytest.approx(0.2)
    assert rates[12] == pytest.approx(0, abs=1e-15) and (np.diff(rates) < 0).all()


def test_the_triangle_rises_for_a_fifth_and_falls_to_zero():
    rates = np.array([Settings(schedule="triangle", learning_rate=0.4).rate(step, 100) for step in range(100)])
    assert rates.argmax() in (19, 20) and rates[19] == pytest.approx(0.39) and rates[20] == pytest.approx(0.3975)
    np.testing.assert_allclose(np.diff(rates[:20]), 0.02)  # 0.4 in 20 steps, then in 80
    np.testing.assert_allclose(np.diff(rates[20:]), -0.005)
    assert rates[0] == pytest.approx(0.01) and rates[99] == pytest.approx(0.0025)
    assert Settings(schedule="triangle").rate(0, 1) > 0  # a single step is not lost


# --- minibatches


def test_every_image_is_seen_once_an_epoch_in_an_order_of_its_own():
    images, labels = make_data(50)
    images[:, 0, 4, 4] = np.arange(50)  # its own number, where no shift or flip moves it
    net = Recorder()
    train(net, images, labels, Settings(3, 16, pad=0), seed=1)
    assert len(net.seen) == 9  # what whole minibatches leave over is left out
    orders = np.array([batch[:, 0, 4, 4] for batch, _, _ in net.seen]).reshape(3, 48).astype(int)
    assert all(len(set(order)) == 48 for order in orders)
    assert (orders[0] != orders[1]).mean() > 0.8 and (orders[1] != orders[2]).mean() > 0.8
    for order, (_, seen, _) in zip(orders.reshape(9, 16), net.seen):
        np.testing.assert_array_equal(seen, labels[order])
    assert len(set(map(frozenset, orders))) > 1  # other images are left out


def test_images_are_shifted_flipped_and_the_rate_follows_the_schedule():
    images, labels = make_data(48)
    plain, net = Recorder(), Recorder()
    train(plain, images, labels, Settings(2, 16, pad=0), seed=1)
    settings = Settings(2, 16, 0.3, pad=2, schedule="cosine")
    train(net, images, labels, settings, seed=1)
    assert [rate for _, _, rate in net.seen] == [settings.rate(step, 6) for step in range(6)]
    n_same = sum((ours == theirs).all() for batch, other in zip(net.seen, plain.seen)
                 for ours, theirs in zip(batch[0], other[0]))
    assert n_same < 20  # one in 25 is not shifted
    for (_, ours, _), (_, theirs, _) in zip(net.seen, plain.seen):
        np.testing.assert_array_equal(ours, theirs)  # the order does not hang on the augmentation
    assert (net.seen[0][0] != net.seen[3][0]).any()


def test_shifts_and_flips_hang_on_the_seed_and_the_epoch():
    images, labels = make_data(48)
    images[:] = images[0]  # whatever their order, only shifts and flips tell them apart
    seen = []
    for seed in (1, 1, 2):
        net = Recorder()
        train(net, images, labels, Settings(2, 16, pad=2), seed=seed)
        seen.append(np.array([batch for batch, _, _ in net.seen]).reshape(2, 48, -1))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any(2).mean() > 0.8
    assert (seen[0][0] != seen[0][1]).any(1).mean() > 0.8


def test_nets_of_every_width_see_the_same_images_in_the_same_order():
    images, labels = make_data(40)
    nets = [Recorder(width) for width in (1, 3)]
    native = NativeTrainer(make_twin(), SHORT, SIZE)
    step, seen = native.train_step, []
    native.train_step = lambda images, labels, rate: seen.append(images.copy()) or step(images, labels, rate)
    for net in (*nets, native):
        train(net, images, labels, SHORT, seed=5)
    other = Recorder()
    train(other, images, labels, SHORT, seed=6)
    for one, two, three, four in zip(nets[0].seen, nets[1].seen, seen, other.seen, strict=True):
        assert (one[0] == two[0]).all() and (one[1] == two[1]).all() and one[2] == two[2] and (one[0] == three).all()
        assert (one[0] != four[0]).any()


def test_the_images_given_are_left_as_they_are():
    images, labels = make_data(40)
    before = images.copy()
    train(NativeTrainer(make_twin(), SHORT, SIZE), images, labels, SHORT, seed=1)
    np.testing.assert_array_equal(images, before)


# --- training


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_both_nets_give_the_same_history(schedule):
    """Errors of float32 grow where they move a number across a ReLU, so a few steps only."""
    settings = Settings(2, 16, 0.02, schedule=schedule, pad=1)
    (images, labels), test = make_data(50), make_data(35, seed=1)
    nets = make_nets(settings)
    histories = [train(net, images, labels, settings, seed=3, test=test) for net in nets]
    for epoch, (ours, theirs) in enumerate(zip(*histories, strict=True), 1):
        assert ours.epoch == theirs.epoch == epoch
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=3e-3)
        assert abs(ours.train_accuracy - theirs.train_accuracy) < 1.5 / 48
        assert ours.right.shape == theirs.right.shape == (35,) and (ours.right != theirs.right).sum() <= 2
    assert histories[0][0].train_loss != histories[0][1].train_loss
    np.testing.assert_allclose(nets[0].logits(test[0][:16]), nets[1].logits(test[0][:16]), atol=2e-2)


def test_the_torch_net_takes_the_steps_of_torch():
    """Nesterov's or damped momentum, or a decay apart from the gradient, would be another rule; float64 tells."""
    settings = Settings(1, 16, 0.1, 0.8, 0.03, pad=1)
    net = TorchTrainer(make_twin().double(), settings)
    twin, velocity = copy.deepcopy(net.network), None
    for step in range(4):
        images, labels = make_data(16, seed=step)
        rate = 0.1 / (step + 1)
        loss = torch.nn.functional.cross_entropy(twin(torch.from_numpy(images).double()), torch.from_numpy(labels))
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            full = [g + 0.03 * p for g, p in zip(gradients, twin.parameters())]
            velocity = full if velocity is None else [0.8 * v + g for v, g in zip(velocity, full)]
            for parameter, v in zip(twin.parameters(), velocity):
                parameter -= rate * v
        ours, n_right = net.train_step(images, labels, rate)
        assert ours == pytest.approx(16 * float(loss.detach())) and 0 <= n_right <= 16
    for ours, theirs in zip(net.network.parameters(), twin.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_one_seed_gives_one_result():
    (images, labels), test = make_data(40), make_data(10, seed=1)
    found = []
    for seed in (1, 1, 2):
        net = NativeTrainer(make_twin(), SHORT, SIZE)
        history = train(net, images, labels, SHORT, seed=seed, test=test)
        found.append((net.native.parameters.tobytes(), [epoch.train_loss for epoch in history]))
    assert found[0] == found[1] and found[0][0] != found[2][0] and found[0][1] != found[2][1]
    net = NativeTrainer(make_twin(), SHORT, SIZE)
    train(net, images, labels, SHORT, seed=1)  # judging has no part in it
    assert net.native.parameters.tobytes() == found[0][0]


@pytest.mark.parametrize("kind", [0, 1], ids=["native", "torch"])
def test_colours_are_learned(kind):
    settings = Settings(6, 20, 0.05, schedule="triangle", pad=1)
    told = []
    history = train(make_nets(settings, width=4)[kind], *make_separable(400, 0), settings, seed=1,
                    test=make_separable(203, 1), callback=told.append)
    assert told == history and [epoch.epoch for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1].right.shape == (203,) and history[-1].right.dtype == bool
    assert history[-1].right.mean() > 0.95 and history[-1].train_accuracy > 0.95
    assert history[-1].train_loss < 0.3 < history[0].train_loss


def test_without_test_images_nothing_is_judged():
    history = train(Recorder(), *make_data(40), Settings(1, 16), seed=1)
    assert history[0].right.shape == (0,) and history[0].train_loss == 2 * 1.0 / 32
    assert history[0].train_accuracy == 2 * 3 / 32


@pytest.mark.parametrize("n_images", [1, 15, 16, 17, 35])
def test_judging_leaves_no_image_out(n_images):
    images, labels = make_data(n_images)
    native, other = make_nets()
    answers = np.concatenate([other.logits(image[None]).argmax(1) for image in images])
    np.testing.assert_array_equal(correct(native, images, answers, 16), np.ones(n_images, bool))
    np.testing.assert_array_equal(correct(other, images, labels, 16), answers == labels)
    assert native.logits(images[:5]).shape == (min(5, n_images), N_CLASSES)


def test_labels_of_any_integer_type():
    images, labels = make_data(20)
    for net in (*make_nets(), *make_nets()):
        losses = [copy.deepcopy(net).train_step(images[:16], labels[:16].astype(kind), 0.1)[0]
                  for kind in (np.int64, np.uint8, np.int32)]
        assert losses[0] == losses[1] == losses[2]
