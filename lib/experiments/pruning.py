"""A machine trained, pruned step by step and measured all along (chapter 7): points of sweeps.

`pruning_run` trains a machine, then removes weights and trains on, step by step; where asked, it also trains machines
that have the smaller size from the beginning.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from torch import Tensor

from lib import rng
from lib.checks import is_integer, require_count
from lib.experiments import experiment
from lib.pruning import bands, magnitude, schedule
from lib.rbm import quality, sampling
from lib.rbm.machine import Machine
from lib.rbm.pruning import check_criterion, local_mask, prune
from lib.rbm.training import Diverged, TrainingSettings, train
from lib.spins import free_fermions

#: Machines of a pruned size that are trained from the beginning: with the mask that pruning has found and the weights
#: that the dense machine started with; the same with a mask of as many weights that join each hidden unit, in its place
#: along the chain, to the spins next to it; the same with a random one; without mask, but with the number of hidden
#: units that comes nearest to as many weights.
RETRAINED = ("same mask", "local mask", "random mask", "fewer units")
#: The measures whose first step outside the band is reported: all of them errors, which grow when a machine is harmed.
ERRORS = ("kl", "kl data", "infidelity", "energy error", "abs m error", "correlation mse")


@experiment(version=1)
def pruning_run(*, n_spins: int, field: float, n_hidden: int, n_samples: int, epochs: int, measure_every: int,
                criterion: str, n_steps: int, fine_tune_epochs: int, seed: int, first_fraction: float = 0.4,
                step_fraction: float = 0.05, n_control: int = 8, retrain_after: Sequence[int] = (),
                learning_rate: float = 0.3, final_learning_rate: float = 0.001, fine_tune_rate: float = 0.1,
                fine_tune_final_rate: float = 0.001, batch_size: int = 100, n_training_chains: int = 128,
                n_evaluation: int = 100_000, n_chains: int = 1000, burn_in: int = 2000, thin: int = 40) -> dict:
    """Train a machine on a chain's ground state, prune it step by step, and measure all along.

    For figures 7.2 to 7.5. Three stages: "training" from small weights by PCD-1; "control",
    n_control rounds of fine-tuning with all weights, whose spread is the band of each measure;
    "pruning", of which step 0 is the machine that the control ended with. One seed and chain give
    the same machine before pruning, whatever the criterion.

    Parameters
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        The field h/J.
    n_hidden : int, >= 1
        Hidden units of the machine.
    n_samples : int
        Measurements to learn from.
    epochs : int
        Of the training.
    measure_every : int
        Epochs between two measurements in the training.
    criterion : str
        See `lib.rbm.pruning.prune`.
    n_steps : int
        Of the schedule.
    fine_tune_epochs : int, >= 0
        Of each round of fine-tuning, 0 for none.
    seed : int
        Of the random numbers.
    first_fraction, step_fraction : float, default 0.4 and 0.05
        Of the schedule.
    n_control : int, >= 0, default 8
        Rounds of the control.
    retrain_after : sequence of int, default ()
        Pruning steps, from 1 to n_steps, at whose size machines are trained from the beginning, as
        the dense one was.
    learning_rate, final_learning_rate : float, default 0.3 and 0.001
        Of the training, the rate falling along a cosine.
    fine_tune_rate, fine_tune_final_rate : float, default 0.1 and 0.001
        Of each round of fine-tuning.
    batch_size, n_training_chains : int, default 100 and 128
        Of all training.
    n_evaluation : int, default 100_000
        Samples behind the statistical part of an ROE, and behind all measures beyond 18 spins; also
        the exact samples behind the references there.
    n_chains, burn_in, thin : int, default 1000, 2000 and 40
        Beyond 18 spins n_chains chains run from measurements for burn_in sweeps and give a draw
        every thin sweeps.

    Returns
    -------
    dict
        A list "<stage> <measure>" for every stage and each measure of `lib.rbm.quality` and of the
        graph: "weights left", "components", "empty visible", "empty hidden", "largest" (spins in
        the largest component) and "joined" (whether the middle spin and the one d to its right are
        in one component, 0 or 1 for d = 0 ... n_spins // 2); the same for the kinds of `RETRAINED`,
        over the steps "retrained after", with None for training that diverged; "training epochs";
        "exact ..." for the exact energy, abs m, correlation and histogram, and "exact kl data",
        that of a perfect machine; "departure <measure>", the pruning step from which each of
        `ERRORS` stays above its band (`bands.first_outside`), or None; "failed step", None or the
        step at which fine-tuning diverged (0 in the control), with "failure" in words: the lists
        then end before it.

    Raises
    ------
    ValueError
        For settings out of range, those of later stages included, before the first one takes its
        time.

    """
    return _run(Plan(**locals()))


@dataclass(frozen=True)
class Plan:
    """The settings of `pruning_run`, checked, and what follows from them alone.

    Attributes
    ----------
    n_spins ... thin
        As of `pruning_run`.

    """

    n_spins: int
    field: float
    n_hidden: int
    n_samples: int
    epochs: int
    measure_every: int
    criterion: str
    n_steps: int
    fine_tune_epochs: int
    seed: int
    first_fraction: float
    step_fraction: float
    n_control: int
    retrain_after: Sequence[int]
    learning_rate: float
    final_learning_rate: float
    fine_tune_rate: float
    fine_tune_final_rate: float
    batch_size: int
    n_training_chains: int
    n_evaluation: int
    n_chains: int
    burn_in: int
    thin: int

    def __post_init__(self):
        check_criterion(self.criterion)
        for name, least in (("n_hidden", 1), ("fine_tune_epochs", 0), ("n_control", 0)):
            require_count(name, getattr(self, name), least)
        if not all(is_integer(step) and 1 <= step <= self.n_steps for step in self.retrain_after):
            raise ValueError(f"expected retrain_after of pruning steps from 1 to {self.n_steps}, got "
                             f"{self.retrain_after}; try retrain_after=[{max(1, self.n_steps)}]")
        # What is wrong with the settings of a later stage is said before the first one takes its time.
        self.left, self.training, self.fine_tuning  # noqa: B018

    def named(self, use: str) -> int:
        """The seed of one use of random numbers.

        Parameters
        ----------
        use : str
            Its name.

        Returns
        -------
        int

        """
        return rng.child_seed(self.seed, use, self.n_spins, str(float(self.field)))

    @cached_property
    def left(self) -> list[int]:
        """Weights left after each step."""
        steps = schedule.steps(self.first_fraction, self.step_fraction, self.n_steps)
        return schedule.weights_left(self.n_spins * self.n_hidden, steps)

    @cached_property
    def training(self) -> TrainingSettings:
        """How the dense machine is trained, and small ones from the beginning."""
        return self._settings(self.epochs, self.learning_rate, self.final_learning_rate)

    @cached_property
    def fine_tuning(self) -> TrainingSettings | None:
        """How a machine is trained after each step."""
        if self.fine_tune_epochs == 0:
            return None
        return self._settings(self.fine_tune_epochs, self.fine_tune_rate, self.fine_tune_final_rate)

    def _settings(self, n_epochs: int, rate: float, final_rate: float) -> TrainingSettings:
        return TrainingSettings(epochs=n_epochs, batch_size=self.batch_size, learning_rate=rate, persistent=True,
                                final_learning_rate=final_rate, n_chains=self.n_training_chains)

    def measure(self, machine: Machine, exact: quality.Reference, data: np.ndarray, use: str) -> dict:
        """All measures of a machine, by sums over all states or, where there are too many, from samples.

        Parameters
        ----------
        machine : Machine
            Which is measured.
        exact : lib.rbm.quality.Reference
            What it is compared with.
        data : ndarray of uint8, shape (n_samples, n_spins)
            Measurements at which chains start.
        use : str
            Of the random numbers.

        Returns
        -------
        dict
            Of `lib.rbm.quality`, and of the graph.

        """
        if exact.basis is not None:
            return quality.summed(machine, exact, n_samples=self.n_evaluation) | _graph(machine)
        samples = sampling.sample(machine, self.n_evaluation, seed=self.named(f"measure {use}"), start=data,
                                  n_chains=self.n_chains, burn_in=self.burn_in, thin=self.thin)
        return quality.sampled(machine, exact, samples) | _graph(machine)


def _run(plan: Plan) -> dict:
    """The results of `pruning_run`."""
    data, exact = _chain(plan.n_spins, float(plan.field), plan.n_samples, plan.n_evaluation, plan.seed)
    start = _start(plan.n_spins, plan.n_hidden, plan.named("start"))
    learnt = train(start, data, plan.training, seed=plan.named("training"), every=plan.measure_every,
                   callback=lambda epoch, machine: plan.measure(machine, exact, data, f"training {epoch}"))
    rows = {"training": [row for _, row in learnt.history], "control": [], "pruning": []}
    machine, masks, failure = learnt.machine, [], None
    try:
        rounds = prune(machine, data, [machine.n_weights] * plan.n_control, plan.fine_tuning, criterion="none",
                       seed=plan.named("control"))
        for machine in rounds:
            rows["control"].append(plan.measure(machine, exact, data, f"control {len(rows['control'])}"))
        steps = prune(machine, data, plan.left, plan.fine_tuning, criterion=plan.criterion, seed=plan.named("pruning"))
        for pruned in itertools.chain([machine], steps):
            rows["pruning"].append(plan.measure(pruned, exact, data, f"pruning {len(masks)}"))
            masks.append(pruned.mask)
    except Diverged as error:
        failure = str(error)

    names = tuple(rows["training"][0])
    again = [step for step in plan.retrain_after if step < len(masks)]
    rows |= {kind: [_retrained(plan, kind, start, masks[step], step, exact, data, names) for step in again]
             for kind in RETRAINED}
    results = {"training epochs": [epoch for epoch, _ in learnt.history], "failure": failure,
               "failed step": None if failure is None else len(masks), "retrained after": again} | _exact(exact)
    for stage, found in rows.items():
        results |= {f"{stage} {name}": [row[name] for row in found] for name in names}
    return results | {f"departure {name}": _departure(rows, name) for name in ERRORS}


def _retrained(plan: Plan, kind: str, start: Machine, mask: Tensor, step: int, exact: quality.Reference,
               data: np.ndarray, names: tuple[str, ...]) -> dict:
    """The measures of a machine that has the size after a step from the beginning; None each where it diverged."""
    small = _small(kind, start, mask, seed=plan.named(f"{kind} {step}"))
    try:
        small = train(small, data, plan.training, seed=plan.named(f"train {kind} {step}")).machine
        return plan.measure(small, exact, data, f"{kind} {step}")
    except Diverged:
        return dict.fromkeys(names)


def _small(kind: str, start: Machine, mask: Tensor, *, seed: int) -> Machine:
    """A machine to train from the beginning, with as many weights as a mask, or nearly so: see `RETRAINED`."""
    if kind == "same mask":
        return start.pruned(mask)
    n_weights = int(mask.sum())
    if kind == "local mask":
        return start.pruned(local_mask(*mask.shape, n_weights))
    if kind == "random mask":
        everything = np.ones(mask.shape, dtype=bool)
        return start.pruned(magnitude.at_random(everything, n_weights, rng=rng.stream(seed, "random")))
    return _start(start.n_visible, max(1, round(n_weights / start.n_visible)), seed)


@lru_cache(maxsize=1)
def _chain(n_spins: int, field: float, n_samples: int, n_reference: int,
           seed: int) -> tuple[np.ndarray, quality.Reference]:
    """Measurements of a chain and its exact values: the points of one chain follow each other in a sweep."""
    data = free_fermions.sample(n_spins, field, n_samples, rng=rng.stream(seed, "data", n_spins, str(field)))
    return data, quality.reference(n_spins, field, data, n_samples=n_reference,
                                   rng=rng.stream(seed, "reference", n_spins, str(field)))


def _start(n_spins: int, n_hidden: int, seed: int) -> Machine:
    """Small weights, and biases that favour no direction."""
    return Machine.random(n_spins, n_hidden, seed=seed, scale=0.01, symmetric_biases=True)


def _graph(machine: Machine) -> dict[str, int | list[int]]:
    mask = np.ones(machine.weights.shape, dtype=bool) if machine.mask is None else machine.mask.cpu().numpy()
    graph, of_spin, middle = magnitude.connectivity(mask), magnitude.components(mask)[:len(mask)], (len(mask) - 1) // 2
    return {"weights left": graph.n_weights, "components": graph.n_components,
            "empty visible": graph.n_empty_visible, "empty hidden": graph.n_empty_hidden, "largest": graph.n_largest,
            "joined": (of_spin[middle:middle + len(mask) // 2 + 1] == of_spin[middle]).astype(int).tolist()}


def _exact(exact: quality.Reference) -> dict:
    basis = exact.basis
    floor = None if basis is None else float(
        basis.frequencies @ np.log(basis.frequencies / basis.psi[basis.seen] ** 2))
    return {"exact energy": exact.energy, "exact abs m": exact.abs_m, "exact abs m error": exact.abs_m_error,
            "exact correlation": exact.correlation.tolist(), "exact histogram": exact.histogram.tolist(),
            "exact kl data": floor}


def _departure(rows: dict[str, list[dict]], name: str) -> int | None:
    """The pruning step from which a measure stays above its band in the control."""
    control, steps = ([row[name] for row in rows[stage]] for stage in ("control", "pruning"))
    if len(control) < 2 or control[0] is None:
        return None
    first = bands.first_outside(steps[1:], bands.band(control))
    return None if first is None else first + 1
