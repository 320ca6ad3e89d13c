"""Boltzmann machines for anchors: in float64, by either engine, and how far their draws are from going another way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
import torch

from lib.rbm import _training_engines, sampling, training
from lib.rbm.training import TrainingSettings
from tests.anchors._watch import Call, norm

#: How an experiment trains unless it says otherwise.
SETTINGS = {name: getattr(TrainingSettings(), name) for name in ("n_gibbs", "persistent", "negative_phase", "precision",
                                                                 "engine", "n_chains", "negative_batch_size")}


@contextlib.contextmanager
def computed(engine: str, precision: str = "float64") -> Iterator[None]:
    """All machines within the block are trained and sampled by this engine and in this precision."""
    of_machine, with_engine = sampling.choose_precision, sampling.choose_engine
    with contextlib.ExitStack() as stack:
        for module in (sampling, _training_engines):
            stack.enter_context(mock.patch.object(module, "choose_precision",
                                                  lambda machine, _: of_machine(machine, precision)))
        for module in (sampling, training):
            stack.enter_context(mock.patch.object(module, "choose_engine",
                                                  lambda machine, _: with_engine(machine, engine)))
        yield


def engine(case: str) -> contextlib.AbstractContextManager:
    """What a case is computed by, as its name says: in float64 by the compiled loops, if it does not say."""
    return contextlib.nullcontext() if "as it is" in case else computed("torch" if "torch" in case else "numba")


class Xoshiro:
    """The generators of the compiled chains in numpy, as uniforms for `sampling.gibbs_sweep`."""

    def __init__(self, seed: int):
        self.seed, self.states = seed, None

    def __call__(self, shape: tuple[int, ...]) -> torch.Tensor:
        n_chains, n_units = shape
        if self.states is None:
            self.states = sampling.generators(self.seed, n_chains).T.copy()
        s, drawn = self.states, np.empty((n_chains, n_units))
        for unit in range(n_units):
            # The kernel reads the 32 bits as a signed integer in [-2^31, 2^31).
            drawn[:, unit] = ((s[0] + s[3]).view(np.int32) + 0.5) / 2**32 + 0.5
            shifted = s[1] << np.uint32(9)
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= shifted
            s[3] = (s[3] << np.uint32(11)) | (s[3] >> np.uint32(21))
        return torch.from_numpy(drawn)


@contextlib.contextmanager
def watched_draws(own: bool) -> Iterator[list[float]]:
    """The distances of all uniforms from the probabilities that they are compared with, in the torch engine.

    It draws its own numbers, or those of the compiled one.
    """
    distances, probabilities, sweep = [], [], sampling.gibbs_sweep

    def kept(function):
        def call(of_machine, units):
            probabilities.append(function(of_machine, units))
            return probabilities[-1]
        return call

    def measured(of_machine, visible, uniform: Callable):
        def watched(shape):
            drawn = uniform(shape)  # the plain sweep asks right after it has the probabilities
            distances.append(float((drawn - probabilities.pop()).abs().min()))
            return drawn
        return sweep(of_machine, visible, watched)

    with contextlib.ExitStack() as stack:
        for name in ("hidden_probability", "visible_probability"):
            stack.enter_context(mock.patch.object(sampling, name, kept(getattr(sampling, name))))
        for module in (sampling, _training_engines):
            stack.enter_context(mock.patch.object(module, "gibbs_sweep", measured))
            if not own:
                stack.enter_context(mock.patch.object(module, "uniforms", lambda seed, device: Xoshiro(seed)))
        yield distances


def trained(calls: list[Call]) -> dict:
    """The machines that calls of `training.train` gave: sizes of their parameters, and each one's first."""
    machines = [call.result.machine for call in calls]
    parts = [(found.weights, found.visible_bias, found.hidden_bias) for found in machines]
    return {"norms": [[norm([part]) for part in found] for found in parts],
            "firsts": [[float(part.flatten()[0]) for part in found] for found in parts]}
