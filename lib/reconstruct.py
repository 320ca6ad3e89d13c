"""From a file of measurements to a state: what `python -m lib reconstruct FILE` does.

A restricted Boltzmann machine is trained on the shots along z (chapter 5). Its amplitudes are positive by construction,
so that everything beyond the z basis is a statement about positive states, as is said before training.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lib import atomic
from lib._reconstruct_options import parse
from lib.rbm import files, from_shots, held_out, readout
from lib.rbm.from_shots import ALL_PAIRS, Value
from lib.spins import free_fermions, measurements

ROWS = 3_000_000  # shots times epochs of a training, unless --epochs says otherwise
ROUGH = 0.3  # error of an entropy, which is the relative error of a mean, beyond which neither can be trusted
SELDOM = 0.01  # a difference from held-out shots that chance makes less often is called one
WRITTEN = ("machine.npz", "results.json", "plot.png")


def table(values: dict[str, Value], sites: Sequence[str]) -> list[str]:
    """The values as lines of text: all of a short chain, the means of a long one.

    Parameters
    ----------
    values : dict of str to Value
        By name, as `lib.rbm.from_shots.reconstruct` gives them.
    sites : list of str
        Names of the columns.

    Returns
    -------
    list of str

    """
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
            titles[name] = f"second Renyi entropy, first {places[0]} of {n_sites} sites (positive state)"
    lines = []
    for name, title in titles.items():
        if name in values:
            value = values[name]
            data = "" if value.data is None else f"   shots {value.data:+.4f}"
            lines.append(f"{title:58s} {value.mean:+.4f} +- {value.error:.4f}{data}")
    rough = [name.split()[1] for name, value in values.items() if name.startswith("S2 ") and value.error > ROUGH]
    if rough:
        lines.append(f"The entropies of the first {', '.join(rough)} sites rest on few of the samples, or few shots: "
                     "neither they nor their errors can be trusted.")
    return lines


def energy_parts(values: dict[str, Value], n_sites: int, field: float | None, n_resamples: int) -> list[str]:
    """What the error bar of the energy is made of, and how far it is from that of the exact ground state.

    Parameters
    ----------
    values : dict of str to Value
        As of `table`.
    n_sites : int
        Sites.
    field : float or None
        h/J; below 0 no positive state is the ground state, and none is compared.
    n_resamples : int
        Machines that were trained on resampled shots.

    Returns
    -------
    list of str
        Lines of text; none without a field.

    """
    if field is None:
        return []
    value = values["energy"]
    retrained = f"{value.of_learning:.4f} of shots and training ({n_resamples} machines trained again)" if n_resamples \
        else "shots and training are not counted (--resamples 4)"
    lines = [f"  of this error bar: {value.of_sampling:.4f} of the machine's samples, {retrained}"]
    if field >= 0:
        exact = free_fermions.ground_state_energy(n_sites, field) / n_sites
        above = value.mean - exact
        bars = f", {abs(above) / value.error:.1f} error bars" if value.error > 0 else ""
        lines.append(f"  exact ground state of this chain: {exact:+.4f}; the machine's energy is {abs(above):.4f} "
                     f"{'above' if above >= 0 else 'below'} it{bars}")
    return lines


def missed(found: dict[str, held_out.Difference], n_shots: int, sites: Sequence[str]) -> list[str]:
    """What a machine misses of shots that it did not learn from.

    Parameters
    ----------
    found : dict of str to lib.rbm.held_out.Difference
        Of the means along z.
    n_shots : int
        All shots.
    sites : list of str
        Names of the columns.

    Returns
    -------
    list of str
        Lines of text.

    """
    if not found:
        return [f"No shots are held out, to see what the machine misses: that takes {held_out.LEAST} that vary "
                f"and read each site often, got {n_shots}."]
    titles = {"energy of bonds": "-sum zz of neighbours, a site", "z": "mean spin along z",
              "abs z": "mean size of it in a shot"}
    lines = ["A second machine learnt from four fifths of the shots; beside the last fifth, which it has not seen:"]
    lines += [f"  {titles[name]:29s} machine {one.machine:+.4f}  shots {one.shots:+.4f}  "
              f"{abs(one.bars):.1f} error bars of {one.error:.4f} apart"
              for name in held_out.HEADLINES if (one := found.get(name))]
    name, chance = held_out.furthest(found)
    kind, *places = name.split()
    of = f"{kind} of {' and '.join(sites[int(place)] for place in places)}" if places and places[0].isdigit() else \
        titles[name]
    often = f"in about {100 * chance:.2g} percent of cases" if chance < 1 else "often"
    lines.append(f"  furthest of {len(found)} means: {of}, {abs(found[name].bars):.1f} error bars; chance alone goes "
                 f"so far {often}")
    if chance < SELDOM:
        lines.append("  So the machine misses something: try more hidden units (--hidden) or epochs (--epochs).")
    elif bonds := found.get("energy of bonds"):
        lines.append(f"  That is no proof: bonds that are less than about {3 * bonds.error:.4f} off would not show.")
    return lines


def plot(values: dict[str, Value], sites: Sequence[str], path: Path) -> bool:
    """A plot of spins and entropies, where matplotlib is there.

    Parameters
    ----------
    values : dict of str to Value
        As of `table`.
    sites : list of str
        Names of the columns.
    path : Path
        Where it is written.

    Returns
    -------
    bool
        False, and no plot, where matplotlib, which the package asks for, is not there after all.

    """
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
    """What `python -m lib reconstruct` does.

    Parameters
    ----------
    arguments : list of str
        Those behind its name.

    Returns
    -------
    int
        The status: 1 where measurements or files are refused, which is said in words.

    """
    options = parse(arguments)
    try:
        return run(options)
    except (ValueError, OSError) as error:
        print(f"python -m lib reconstruct: {error}", file=sys.stderr)
        return 1


def shown(file: str | Path, *options: object, n_lines: int = 24) -> str:
    """What the command prints, for a page.

    Parameters
    ----------
    file : str or Path
        Measurements; of its place the name alone is left.
    *options : object
        As they are typed behind it.
    n_lines : int, default 24
        Lines from the first one on; long ones are wrapped.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        Where the command fails, with what it says.

    """
    out, trouble = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(trouble):
        failed = main([str(file), *map(str, options)])
    if failed:
        raise ValueError(trouble.getvalue())
    lines = out.getvalue().replace(str(file), Path(file).name).splitlines()[:n_lines]
    return "\n".join(textwrap.fill(line, 96, subsequent_indent="      ") for line in lines)


def run(options: argparse.Namespace) -> int:
    """Read, train, print and save.

    Parameters
    ----------
    options : argparse.Namespace
        Of `parse`.

    Returns
    -------
    int
        0.

    Raises
    ------
    ValueError
        For measurements that do not fit, and results that are there already (try --replace).

    """
    reading = {name: getattr(options, name) for name in ("n_sites", "register", "task", "repetition", "order", "one",
                                                          "flip", "limit")}
    shots = measurements.read(options.file, options.format, **reading, shots=options.shots, bases=options.bases,
                              missing=options.missing, expand=False)
    print(shots)
    data = from_shots.along_z(shots, *_errors(options, shots, reading))
    print("\n" + "\n".join(from_shots.prospects(shots, data, options.hidden, options.error)) + "\n")
    out = options.out or Path(options.file).stem
    _check_output(out, options.replace)
    epochs = options.epochs or max(20, min(5000, ROWS // min(data.n_shots, readout.MAX_ROWS)))
    n_machines = 1 + options.resamples + (data.n_shots >= held_out.LEAST)
    bar = progress(n_machines * (2 + -(-epochs // max(1, epochs // 100))))
    unseen = held_out.differences(data, n_hidden=options.hidden, epochs=epochs, seed=options.seed, step=bar.update)
    machine, values = from_shots.reconstruct(data, n_hidden=options.hidden, epochs=epochs, seed=options.seed,
                                             field=options.field, n_resamples=options.resamples, step=bar.update)
    bar.close()
    lines = table(values, shots.sites)
    place = next((number for number, line in enumerate(lines, 1) if line.startswith("Ising energy")), 0)
    lines[place:place] = energy_parts(values, shots.n_sites, options.field, options.resamples)
    print("\n".join([*missed(unseen, data.n_shots, shots.sites), "", *lines]))
    if options.field is None:
        print("no energy, which takes a Hamiltonian: --field 1.0 gives that of the Ising chain -J zz - h x at h/J = 1")
    settings = {"source": str(options.file), "format": shots.format, "sites": list(shots.sites), "shots": data.n_shots,
                "convention": shots.convention, "dropped": dict(shots.dropped), "n_hidden": options.hidden,
                "epochs": epochs, "seed": options.seed, "resamples": options.resamples, "field": options.field,
                "readout": {"one_if_zero": data.readout.one_if_zero.tolist(),
                            "zero_if_one": data.readout.zero_if_one.tolist()}}
    files.save(f"{out}-machine.npz", machine, metadata=settings)
    results = {"values": {name: asdict(value) for name, value in values.items()},
               "held out": {name: asdict(one) | {"bars": one.bars} for name, one in unseen.items()}}
    atomic.write_json(Path(f"{out}-results.json"), settings | results)
    written = [f"{out}-machine.npz", f"{out}-results.json"]
    if plot(values, shots.sites, Path(f"{out}-plot.png")):
        written.append(f"{out}-plot.png")
    print(f"\nwritten: {', '.join(written)}")
    return 0


def _check_output(out: str, may_replace: bool) -> None:
    """That the results can be written, and take the place of none: better said now than after the training."""
    folder = Path(out).parent
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"expected a folder that can be written to, got {folder}; try --out FOLDER/NAME")
    there = [f"{out}-{end}" for end in WRITTEN if Path(f"{out}-{end}").exists()]
    if there and not may_replace:
        raise ValueError(f"expected names that are free, got {', '.join(there)} of an earlier run; try --out {out}-2, "
                         "or --replace")


def _errors(options: argparse.Namespace, shots: measurements.Shots,
            reading: dict) -> tuple[measurements.Readout | None, tuple[int, int] | None]:
    """The readout errors of the columns, from numbers, a file, or shots of all 0 and of all 1, and how many these were.
    """
    if options.calibration:
        known = [measurements.read(file, options.format, **reading) for file in options.calibration]
        for of in known:
            if of.sites != shots.sites:
                raise ValueError(f"expected the columns {', '.join(shots.sites[:12])} in {of.source}, got "
                                 f"{', '.join(of.sites[:12])}; try --order, with the same columns for all three files")
        zeros, ones = (of.bits for of in known)
        return measurements.Readout.calibrated(zeros, ones), (len(zeros), len(ones))
    if options.readout is None:
        return None, None
    if isinstance(options.readout, str):
        return measurements.read_readout(options.readout, shots.sites), None
    return measurements.Readout.uniform(shots.n_sites, *options.readout), None


class _Silent:
    def update(self) -> None:
        pass

    close = update


def progress(total: int):
    """A bar of tqdm, which the package asks for as well.

    Parameters
    ----------
    total : int
        Steps.

    Returns
    -------
    tqdm, or an object that shows nothing

    """
    try:
        from tqdm import tqdm
    except ImportError:
        return _Silent()
    return tqdm(total=total, desc="training", unit="step", leave=False)
