"""Edits of the code, harmless and wrong: what the anchors say to each, in a copy of the tree without data sets.

Each is an exact replacement of text, so that one that no longer fits the code fails by name.  `make mutations` runs
all of them and writes `data/records/mutations.json`, which the page "Sweeps and records" shows; `make test` does two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from lib.study import anchors, committed, dependence


class Mutation(NamedTuple):
    """An edit: (file, old text, new text) each, found exactly once; wrong ones have to be caught by an experiment."""

    what: str
    edits: tuple[tuple[str, str, str], ...]
    caught_by: tuple[str, ...] = ()  # experiments, one of which has to say so; none: nothing may move


_IMAGES, _LOOP = "lib/image_minibatches.py", "lib/models/resnet/training.py"
_NATIVE, _NORMS = "lib/models/resnet/native.py", "lib/models/resnet/_native_norms.py"
_TRAINERS = "lib/models/resnet/trainers.py"
_RESNET, _DIGITS, _MNIST = "lib/experiments/resnet.py", "lib/models/digits.py", "lib/experiments/mnist.py"
_MASKS, _SHARES, _CHOICE = "lib/pruning/masks.py", "lib/pruning/distribution.py", "lib/pruning/magnitude.py"
_CD, _QUALITY = "lib/rbm/_training_engines.py", "lib/rbm/quality.py"
_LEARNING = "lib/rbm/learning.py"
_ACCURACIES = '''def accuracies(history: list[mlp.Epoch]) -> dict:
    """The test accuracies of a training that was tested on two halves of test images.

    Parameters
    ----------
    history : list of mlp.Epoch
        Of the training. The halves count alike; "test" and "held out" are their names here.

    Returns
    -------
    dict
        "final", "best", "best_epoch" and "chosen".

    """
    halves = [[epoch.test_accuracy for epoch in history], [epoch.held_out_accuracy for epoch in history]]
    both = [(a + b) / 2 for a, b in zip(*halves, strict=True)]
    chosen = [tested[selecting.index(max(selecting))] for selecting, tested in (halves, halves[::-1])]
    return {"final": both[-1], "best": max(both), "best_epoch": history[both.index(max(both))].epoch,
            "chosen": sum(chosen) / 2}


'''
_MOMENTUM = '''        self._velocity *= np.float32(self._settings.momentum)
        self._velocity += self.native.gradients
        self._velocity += np.float32(self._settings.weight_decay) * self.native.parameters
'''

MUTATIONS = (
    Mutation("two words less in an error message of the image reader",
             ((_IMAGES, "expected factor as an integer from 1 that", "expected factor as an integer that"),)),
    Mutation("a docstring says less", ((_LOOP, "Minibatches, their augmentation and the schedule depend",
                                        "Minibatches and the schedule depend"),)),
    Mutation("a local variable gets another name",
             ((_LOOP, "        n_seen = n_batches * size\n", "        n_images = n_batches * size\n"),
              (_LOOP, "Epoch(epoch + 1, loss / n_seen, n_right / n_seen, right)",
               "Epoch(epoch + 1, loss / n_images, n_right / n_images, right)"))),
    Mutation("momentum and decay in torch's order",
             ((_TRAINERS, _MOMENTUM,
               "        decay = np.float32(self._settings.weight_decay) * self.native.parameters\n"
               "        step = self.native.gradients + decay\n"
               "        self._velocity *= np.float32(self._settings.momentum)\n        self._velocity += step\n"),)),
    Mutation("softmax as in the textbook",
             ((_NATIVE, "grad = np.exp(logits - norm[:, None])",
               "grad = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)"),)),
    Mutation("half a cosine as the square of another one",
             (("lib/rbm/training_settings.py", "difference * (1 + np.cos(math.pi * fraction)) / 2",
               "difference * np.cos(math.pi * fraction / 2) ** 2"),)),
    Mutation("a function moves to another module",
             ((_MNIST, _ACCURACIES, ""),
              (_MNIST, "from lib.experiments import experiment\n",
               "from lib.experiments import experiment\nfrom lib.experiments.halves import accuracies\n"),
              ("lib/experiments/halves.py", "",
               "from __future__ import annotations\n\nfrom lib.models import mlp\n\n\n" + _ACCURACIES))),
    Mutation("the native networks and torch's change places",
             ((_RESNET, 'if device == "native":', 'if device != "native":'),
              (_RESNET, "ResidentTrainer(net.to(device), settings)", "ResidentTrainer(net, settings)"))),
    Mutation("masks drawn from another stream",
             ((_MASKS, 'stream(seed, "masks", layer)', 'stream(seed, "mask", layer)'),), ("resnet_accuracy",)),
    Mutation("one weight more in the first layer of the water-filling",
             ((_SHARES, "[:left_over]] += 1\n", "[:left_over]] += 1\n    result[0] += 1\n"),), ("resnet_accuracy",)),
    Mutation("a tie between equal layers broken otherwise",
             ((_SHARES, 'np.argsort(-sizes, kind="stable")[:left_over]',
               'np.argsort(sizes, kind="stable")[::-1][:left_over]'),), ("resnet_accuracy",)),
    Mutation("the schedule a step late", ((_LOOP, "[settings.rate(step, ", "[settings.rate(max(0, step - 1), "),),
             ("resnet_accuracy",)),
    Mutation("momentum 0.89 in place of 0.9",
             ((_TRAINERS, "np.float32(self._settings.momentum)", "np.float32(0.89)"),), ("resnet_accuracy",)),
    Mutation("weight decay 4e-4 in place of 5e-4 in the native rule",
             ((_TRAINERS, "np.float32(self._settings.weight_decay) *", "np.float32(4e-4) *"),), ("resnet_accuracy",)),
    Mutation("weight decay 4e-4 in place of 5e-4 in the settings",
             (("lib/models/resnet/training_settings.py", "weight_decay: float = 5e-4", "weight_decay: float = 4e-4"),),
             ("resnet_accuracy",)),
    Mutation("BatchNorm's epsilon ten times as large", ((_NORMS, "_MOMENTUM = 1e-5, 0.1", "_MOMENTUM = 1e-4, 0.1"),),
             ("resnet_accuracy",)),
    Mutation("images shifted by half as many pixels", ((_RESNET, "pad=image_size // 8", "pad=image_size // 16"),),
             ("resnet_accuracy",)),
    Mutation("one test image in the other half", ((_MNIST, "middle = len(test.labels) // 2",
                                                   "middle = len(test.labels) // 2 + 1"),), ("mnist_accuracy",)),
    Mutation("one training image of each digit in the test set",
             ((_DIGITS, "rows[2 * n_half:], rows[:n_half], rows[n_half:2 * n_half]",
               "rows[2 * n_half + 1:], rows[:n_half], rows[n_half:2 * n_half + 1]"),), ("digits_accuracy",)),
    Mutation("k of contrastive divergence one too many",
             ((_CD, "settings.n_gibbs, rates)", "settings.n_gibbs + 1, rates)"),), ("magnetizations", "pruning_run")),
    Mutation("the sign of the transverse field in the local energy",
             (("lib/rbm/observables.py", "-coupling * bonds - field * flips",
               "-coupling * bonds + field * flips"),), ("magnetizations",)),
    Mutation("pruning takes the hidden biases too",
             (("lib/rbm/machine.py", "self.visible_bias, self.hidden_bias, mask.clone())",
               "self.visible_bias, torch.zeros_like(self.hidden_bias), mask.clone())"),), ("pruning_run",)),
    Mutation("among equal scores the last stay in place of the first",
             ((_CHOICE, "existing = np.flatnonzero(mask)\n    order",
               "existing = np.flatnonzero(mask)[::-1]\n    order"),), ("pruning_run",)),
    Mutation("the Fisher criterion without the variance",
             ((_CHOICE, "weights**2 * moments * (1 - moments)", "weights**2 * moments"),), ("pruning_run",)),
    Mutation("a mean over N distances divided by N - 1",
             ((_QUALITY, "float(np.mean((correlation - exact.correlation) ** 2))",
               "float(np.sum((correlation - exact.correlation) ** 2) / (len(correlation) - 1))"),), ("pruning_run",)),
    Mutation("the bound of (6.2) with the autocorrelation time in it",
             ((_LEARNING, 'statistical / math.sqrt(found["energy tau"])', "statistical"),),
             ("learning_run", "minimal_hidden")),
    Mutation("more than half of the machines have to learn",
             ((_LEARNING, "needed = (n_seeds + 1) // 2", "needed = n_seeds // 2 + 1"),),
             ("minimal_hidden", "minimal_hidden_way")),
    Mutation("hidden units laid out half a site further",
             (("lib/rbm/layout.py", "* n_spins / n_hidden - 0.5", "* n_spins / n_hidden"),), ("learning_start",)),
    Mutation("a fidelity without its square",
             ((_QUALITY, "1 - float(psi @ basis.psi) ** 2", "1 - float(psi @ basis.psi)"),),
             ("learning_run", "pruning_run")),
    Mutation("sparse weights of another variance",
             (("lib/models/mlp/parametrization.py", "variance if distribution == \"normal\" else variance / 3",
               "variance if distribution == \"normal\" else variance / 4"),), ("kernel_distance", "subset_accuracy")),
)


def apply(top: Path, mutation: Mutation) -> dict[Path, bytes | None]:
    """Make the edits in a tree and return what the files held; ValueError where the text is not there just once."""
    before: dict[Path, bytes | None] = {}
    for name, old, new in mutation.edits:
        path = top / name
        if not old and not path.exists():
            before[path] = None
            path.write_text(new, "utf-8")
            continue
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{mutation.what}: expected {old.strip()[:60]!r} once in {name}, got it "
                             f"{text.count(old)} times; try to bring tests/mutations up to date with the code")
        before.setdefault(path, path.read_bytes())
        path.write_text(text.replace(old, new), "utf-8")
    return before


def copy_of(top: Path, place: Path) -> Path:
    """A copy of a tree's files, as they are now, with what its anchors have passed; no data sets, no Git."""
    listed = subprocess.run(["git", "-C", str(top), "ls-files", "--cached", "--others", "--exclude-standard", "lib",
                             "tests", "pyproject.toml", "constraints.txt"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        if (top / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, place / name)
    (place / "_build").mkdir(exist_ok=True)
    if (top / "_build" / "anchors.json").is_file():
        shutil.copy2(top / "_build" / "anchors.json", place / "_build" / "anchors.json")
    return place


def compiled_as_in(top: Path, place: Path) -> None:
    """What numba has compiled in a tree, for a copy of it: its folders are named by the paths of the sources."""
    from numba.core.caching import UserProvidedCacheLocator as Locator

    cache = Path("_build", "cache", f"numba-{dependence.compiled_digest(top)}")
    for package in (top / "lib").iterdir():
        theirs, ours = (Locator.get_suitable_cache_subpath(str(tree / "lib" / package.name / "x.py"))
                        for tree in (top, place))
        if (top / cache / theirs).is_dir():
            shutil.copytree(top / cache / theirs, place / cache / ours, dirs_exist_ok=True)


def verdict(top: Path, mutation: Mutation, jobs: int) -> committed.Mutation:
    """Apply one mutation to a tree whose anchors pass, ask them, and put everything back."""
    kept = (top / "_build" / "anchors.json").read_bytes()
    times = {path: path.stat() for name, *_ in mutation.edits if (path := top / name).exists()}
    before = apply(top, mutation)
    try:
        messages = {name: message for name, message in anchors.check(top, jobs).items() if message}
    finally:
        for path, content in before.items():
            path.unlink() if content is None else path.write_bytes(content)
        for path, stat in times.items():
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # what was compiled from it is as good as before
        (top / "_build" / "anchors.json").write_bytes(kept)
    right = bool(set(messages) & set(mutation.caught_by)) if mutation.caught_by else not messages
    return committed.Mutation(mutation.what, sorted({name for name, *_ in mutation.edits}), not mutation.caught_by,
                              messages, right)
