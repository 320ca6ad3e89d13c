"""From a file of measurements to a state: what `python -m lib reconstruct FILE` does.

A restricted Boltzmann machine is trained on the shots along z (chapter 5). Its amplitudes are positive by construction,
so that everything beyond the z basis is a statement about positive states; `prospects` says so before training.

Error bars have two parts, added in squares: of the Markov chains that sample the machine, and of the shots, from
machines that are trained on resampled shots (bootstrap).
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lib import atomic, rng
from lib.rbm import files, observables, statistics
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import measurements

ROWS = 3_000_000  # shots times epochs of a training, unless --epochs says otherwise
ALL_PAIRS = 20  # up to this many sites every pair is measured and every cut is made
LEAST = 20  # shots along z, below which nothing is tried


@dataclass(frozen=True)
class Value:
    """A mean with its standard error; data: the same from the shots alone, where they can tell it."""

    mean: float
    error: float
    data: float | None = None


def along_z(shots: measurements.Shots) -> np.ndarray:
    """The shots that are along z at every site, as `lib.conventions` means them; ValueError where they are too few."""
    bits = shots.in_conventions()
    if shots.bases is not None:
        rows = (shots.bases == "Z").all(axis=1)
        bits = bits[rows if shots.weights is None else np.repeat(rows, shots.weights)]
    if len(bits) < LEAST:
        raise ValueError(f"expected at least {LEAST} shots along z at every site, got {len(bits)} of {shots.n_shots:,} "
                         f"in {shots.source}; try more shots, fewer sites (--order), or a complex state "
                         "for other bases")
    return np.ascontiguousarray(bits)


def prospects(shots: measurements.Shots, bits: np.ndarray, n_hidden: int, error: float) -> list[str]:
    """What these shots can and cannot tell, before anything is trained.

    error: the standard error that is wanted of a mean spin, and the infidelity. A model of P free parameters that is
    fitted to n shots is P / (2n) nats from the state on average, which for positive states is an infidelity P / (4n).
    """
    n_shots, n_sites = bits.shape
    lines = []
    if shots.bases is None:
        lines.append("The source names no basis: all shots are taken for measurements along z.")
    elif n_shots < shots.n_shots:
        lines.append(f"{n_shots:,} of {shots.n_shots:,} shots are along z at every site; the others are not used here.")
    lines.append("One basis fixes the sizes of the amplitudes and no phases. They are taken for positive: what is said "
                 "of x, of energies and of entropies holds for a positive state only.")
    variance = float(4 * bits.var(axis=0).max())
    reached = math.sqrt(variance / n_shots)
    text = f"A mean spin is known to {reached:.2g} from {n_shots:,} shots"
    if reached > error:
        text += f", not to the {error:g} asked for, which would take {math.ceil(variance / error**2):,}"
    lines.append(text + ".")
    free = n_sites * n_hidden + n_sites + n_hidden
    free = min(free, 2**n_sites - 1) if n_sites < 60 else free
    infidelity = free / (4 * n_shots)
    text = f"{free:,} free parameters learnt from them leave an infidelity of about {min(1.0, infidelity):.2g}"
    if infidelity > error:
        text += f"; {error:g} would take {math.ceil(free / (4 * error)):,} shots, or fewer hidden units"
    lines.append(text + ".")
    constant = int((bits.var(axis=0) == 0).sum())
    if constant:
        lines.append(f"{constant} sites never changed: the shots do not tell whether they can.")
    return lines


def fit(bits: np.ndarray, n_hidden: int, epochs: int, seed: int, step: Callable[[], None]) -> Machine:
    """A machine trained on the bits; step is called about a hundred times."""
    start = Machine.random(bits.shape[1], n_hidden, seed=rng.child_seed(seed, "start"), scale=0.01)
    settings = TrainingSettings(epochs=epochs, n_gibbs=10, learning_rate=0.3, final_learning_rate=0.001)
    return train(start, bits, settings, seed=rng.child_seed(seed, "training"), every=max(1, epochs // 100),
                 callback=lambda epoch, machine: step()).machine


def measure(machine: Machine, bits: np.ndarray, field: float | None, seed: int,
            n_samples: int = 100_000) -> dict[str, observables.Estimate]:
    """Magnetizations, correlations, energies and entropies of the machine's state, with the errors of its chains."""
    state = PositiveState(machine)
    n_sites = machine.n_visible
    samples = state.sample(n_samples, seed=seed, start=bits, n_chains=1000)
    spins = 2.0 * samples - 1
    x = observables.magnetization_x(state, samples)
    bonds = (spins[..., 1:] * spins[..., :-1]).sum(-1)
    found = {"z": spins.mean(-1), "abs z": np.abs(spins.mean(-1)), "x": x, "energy of bonds": -bonds / n_sites}
    if field is not None:
        found["energy"] = (-bonds - field * n_sites * x) / n_sites
    found |= {f"z {i}": spins[..., i] for i in range(n_sites)}
    found |= {f"zz {i} {j}": spins[..., i] * spins[..., j] for i, j in pairs(n_sites)}
    estimates = {name: observables.estimate(values) for name, values in found.items()}
    cuts = range(1, n_sites) if n_sites <= ALL_PAIRS else [n_sites // 2]
    return estimates | {f"S2 {cut}": observables.renyi2(state, samples, range(cut)) for cut in cuts}


def pairs(n_sites: int) -> list[tuple[int, int]]:
    """All pairs of sites of a short chain, the neighbours of a long one."""
    if n_sites > ALL_PAIRS:
        return [(i, i + 1) for i in range(n_sites - 1)]
    return [(i, j) for i in range(n_sites) for j in range(i + 1, n_sites)]


def from_shots(bits: np.ndarray) -> dict[str, float]:
    """What needs no machine: means of products of spins along z over the shots."""
    spins = 2.0 * bits - 1
    n_sites = bits.shape[1]
    means = {"z": spins.mean(), "abs z": np.abs(spins.mean(1)).mean()}
    means["energy of bonds"] = -(spins[:, 1:] * spins[:, :-1]).sum(1).mean() / n_sites
    means |= {f"z {i}": spins[:, i].mean() for i in range(n_sites)}
    return {name: float(mean) for name, mean in
            (means | {f"zz {i} {j}": (spins[:, i] * spins[:, j]).mean() for i, j in pairs(n_sites)}).items()}


def reconstruct(bits: np.ndarray, *, n_hidden: int, epochs: int, seed: int, field: float | None = None,
                n_resamples: int = 4, step: Callable[[], None] = lambda: None) -> tuple[Machine, dict[str, Value]]:
    """A machine trained on bits, and its observables with the errors of chains and of shots."""
    machine = fit(bits, n_hidden, epochs, seed, step)
    central = measure(machine, bits, field, rng.child_seed(seed, "samples"))
    others = []
    for number, again in enumerate(statistics.resampled(bits, n_resamples, seed=seed)):
        other = fit(again, n_hidden, epochs, rng.child_seed(seed, "resample", number), step)
        others.append(measure(other, again, field, rng.child_seed(seed, "resamples", number), 20_000))
    data = from_shots(bits)
    values = {}
    for name, estimate in central.items():
        spread = np.std([other[name].mean for other in others], ddof=1) if n_resamples > 1 else 0.0
        values[name] = Value(estimate.mean, float(np.hypot(estimate.error, spread)), data.get(name))
    return machine, values


def table(values: dict[str, Value], sites: Sequence[str]) -> list[str]:
    """The values as lines of text: all of a short chain, the means of a long one."""
    n_sites = len(sites)
    titles = {"z": "mean spin along z", "abs z": "mean size of it in a shot", "x": "mean spin along x (positive state)",
              "energy of bonds": "-sum zz of neighbours, a site", "energy": "Ising energy a site (positive state)"}
    for name in values:
        kind, *places = name.split()
        if kind == "z" and places:
            titles[name] = f"z of {sites[int(places[0])]}"
        elif kind == "zz" and int(places[1]) - int(places[0]) == 1:
            titles[name] = f"zz of {sites[int(places[0])]} and {sites[int(places[1])]}"
        elif kind == "S2":
            titles[name] = f"second Renyi entropy of the first {places[0]} of {n_sites} sites (positive state)"
    lines = []
    for name, title in titles.items():
        if name in values:
            value = values[name]
            data = "" if value.data is None else f"   shots alone {value.data:+.4f}"
            lines.append(f"{title:66s} {value.mean:+.4f} +- {value.error:.4f}{data}")
    return lines


def draw(values: dict[str, Value], sites: Sequence[str], path: Path) -> bool:
    """A plot of spins and entropies, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    single = [values[f"z {i}"] for i in range(len(sites))]
    left.errorbar(range(len(sites)), [v.mean for v in single], [v.error for v in single], fmt="o", label="machine")
    left.plot(range(len(sites)), [v.data for v in single], "_", markersize=14, color="black", label="shots alone")
    left.set(xlabel="site", ylabel="mean spin along z", ylim=(-1.05, 1.05))
    if len(sites) <= ALL_PAIRS:
        left.set_xticks(range(len(sites)), sites, rotation=60 if max(map(len, sites)) > 2 else 0)
    left.legend()
    cuts = [(int(name.split()[1]), value) for name, value in values.items() if name.startswith("S2 ")]
    right.errorbar([cut for cut, _ in cuts], [v.mean for _, v in cuts], [v.error for _, v in cuts], fmt="o-")
    right.set(xlabel="sites left of the cut", ylabel="second Renyi entropy")
    figure.savefig(path, dpi=120)
    return True


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        return run(options)
    except (ValueError, OSError) as error:
        print(f"python -m lib reconstruct: {error}", file=sys.stderr)
        return 1


def run(options: argparse.Namespace) -> int:
    shots = measurements.read(options.file, options.format, n_sites=options.n_sites, shots=options.shots,
                              register=options.register, task=options.task, repetition=options.repetition,
                              order=options.order, one=options.one, flip=options.flip, bases=options.bases)
    print(shots)
    bits = along_z(shots)
    print("\n" + "\n".join(prospects(shots, bits, options.hidden, options.error)) + "\n")
    out = options.out or Path(options.file).stem
    folder = Path(out).parent
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir() or not os.access(folder, os.W_OK):  # better now than after the training
        raise ValueError(f"expected a folder that can be written to, got {folder}; try --out FOLDER/NAME")
    epochs = options.epochs or max(20, min(5000, ROWS // len(bits)))
    bar = progress((1 + options.resamples) * (2 + -(-epochs // max(1, epochs // 100))))
    machine, values = reconstruct(bits, n_hidden=options.hidden, epochs=epochs, seed=options.seed, field=options.field,
                                  n_resamples=options.resamples, step=bar.update)
    bar.close()
    print("\n".join(table(values, shots.sites)))
    if options.field is None:
        print("no energy, which takes a Hamiltonian: --field 1.0 gives that of the Ising chain -J zz - h x at h/J = 1")
    settings = {"source": str(options.file), "format": shots.format, "sites": list(shots.sites), "shots": len(bits),
                "convention": shots.convention, "dropped": dict(shots.dropped), "n_hidden": options.hidden,
                "epochs": epochs, "seed": options.seed, "resamples": options.resamples, "field": options.field}
    files.save(f"{out}-machine.npz", machine, metadata=settings)
    results = {name: asdict(value) for name, value in values.items()}
    atomic.write_json(Path(f"{out}-results.json"), settings | {"values": results})
    written = [f"{out}-machine.npz", f"{out}-results.json"]
    if draw(values, shots.sites, Path(f"{out}-plot.png")):
        written.append(f"{out}-plot.png")
    print(f"\nwritten: {', '.join(written)}")
    return 0


class _Silent:
    def update(self) -> None:
        pass

    close = update


def progress(total: int):
    """A bar of tqdm, where it is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Silent()
    return tqdm(total=total, desc="training", unit="step", leave=False)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lib reconstruct", description="From a file of measurements to a "
                                     "state: a saved machine, its observables with error bars, a plot.")
    parser.add_argument("file", help="measurements of any of the packages of lib.spins.measurements")
    parser.add_argument("--hidden", type=int, default=10, help="hidden units (10)")
    parser.add_argument("--epochs", type=int, help="passes through the shots (as many as make 3 million shots)")
    parser.add_argument("--error", type=float, default=0.01, help="the standard error that is wanted (0.01)")
    parser.add_argument("--field", type=float, help="h/J, to give the energy of the Ising chain -J zz - h x")
    parser.add_argument("--resamples", type=int, default=4, help="machines trained on resampled shots (4); "
                        "0 for none, and errors of the Markov chains alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="beginning of the names of what is written (the name of the file, here)")
    reading = parser.add_argument_group("what the file leaves open; see lib.spins.measurements.read")
    reading.add_argument("--format", choices=list(measurements.FORMATS))
    reading.add_argument("--n-sites", type=int)
    reading.add_argument("--shots", type=int, help="how many there must be")
    reading.add_argument("--register", type=_names, help="registers or keys, with commas between")
    reading.add_argument("--task", type=int)
    reading.add_argument("--repetition", type=int)
    reading.add_argument("--order", type=_order, help='"kept", "reverse", or columns with commas between')
    reading.add_argument("--one", choices=["up", "down"])
    reading.add_argument("--flip", action="store_true")
    reading.add_argument("--bases", help="a file of letters, or letters for all shots")
    options = parser.parse_args(arguments)
    for name, least in (("hidden", 1), ("epochs", 1), ("resamples", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"expected --{name} of at least {least}, got {value}; try --{name} 10")
    if options.resamples == 1:
        parser.error("expected --resamples of 0, or of at least 2, since one machine has no spread, got 1; "
                     "try --resamples 4")
    if not 0 < options.error < 1:
        parser.error(f"expected --error between 0 and 1, got {options.error}; try --error 0.01")
    if options.field is not None and not math.isfinite(options.field):
        parser.error(f"expected a finite --field, got {options.field}; try --field 1.0")
    return options


def _names(text: str) -> str | list[str]:
    return text.split(",") if "," in text else text


def _order(text: str) -> str | list[int | str]:
    if text in ("kept", "reverse"):
        return text
    return [int(word) if word.isdigit() else word for word in text.split(",")]
