"""Boltzmann machines for anchors: in float64, by either engine, and how far their draws are from going another way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
import torch

from lib.rbm import machine, sampling, training
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
        for module in (sampling, training):
            stack.enter_context(mock.patch.object(module, "choose_precision",
                                                  lambda machine, _: of_machine(machine, precision)))
            stack.enter_context(mock.patch.object(module, "choose_engine",
                                                  lambda machine, _: with_engine(machine, engine)))
        yield


class Xoshiro:
    """The generators of the compiled chains in numpy, as uniforms for `sampling.gibbs_sweep`."""

    def __init__(self, seed: int, n_chains: int | None = None):
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
def same_uniforms() -> Iterator[list[float]]:
    """The torch engine draws the numbers of the compiled one; gives the distances of all of them from their threshold.
    """
    distances, sweep = [], sampling.gibbs_sweep

    def measured(of_machine, visible, uniform: Callable):
        def watched(shape):
            drawn = uniform(shape)
            # The kernels decide by the field on a unit; the plain sweep asks for numbers right after it has that.
            distances.append(float((drawn - probability[-1]).abs().min()))
            return drawn
        return sweep(of_machine, visible, watched)

    probability, real = [], (machine.hidden_probability, machine.visible_probability)
    with contextlib.ExitStack() as stack:
        for name, function in zip(("hidden_probability", "visible_probability"), real):
            def kept(of_machine, units, function=function):
                probability[:] = [function(of_machine, units)]
                return probability[0]
            stack.enter_context(mock.patch.object(sampling, name, kept))
        for module in (sampling, training):
            stack.enter_context(mock.patch.object(module, "gibbs_sweep", measured))
            stack.enter_context(mock.patch.object(module, "uniforms", lambda seed, device: Xoshiro(seed)))
        yield distances


def trained(calls: list[Call]) -> dict:
    """The machines that calls of `training.train` gave: sizes of their parameters, and each one's first."""
    machines = [call.result.machine for call in calls]
    parts = [(found.weights, found.visible_bias, found.hidden_bias) for found in machines]
    return {"norms": [[norm([part]) for part in found] for found in parts],
            "firsts": [[float(part.flatten()[0]) for part in found] for found in parts]}
