"""Derive the table of `lib.models.sparse.choice` from measurements: `python -m tests.benchmarks.sparse_table [FILE]`.

FILE is what `python -m tests.benchmarks --only sparse` has measured, data/records/bench.json unless given. The rows are
written into the module, between its two marks. `python -m tests.benchmarks.sparse_table --show FILE` writes nothing and
prints `choices`.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from lib.models.sparse import choice

_ROOT = Path(__file__).resolve().parents[2]
MODULE, BENCH = _ROOT / "lib/models/sparse/choice.py", _ROOT / "data/records/bench.json"
LOWEST = 1e-3
BEGIN, END = "# rows begin\n", "# rows end\n"


def crossover(densities: list[float], seconds: list[float], seconds_dense: float) -> float:
    """The density at which the native layer takes as long as the dense one.

    On a straight line of the logarithms, between the largest density at which native takes less time and the next.
    Above the densities measured, time grows in proportion to density. Below them the line through the two smallest goes
    on, no further than LOWEST: where a time does not fall with density any more, native never pays.
    """
    points = sorted(zip(densities, (native / seconds_dense for native in seconds), strict=True))
    below = [place for place, (_, ratio) in enumerate(points) if ratio < 1]
    if not below:
        (density, ratio), (next_density, next_ratio) = points[:2]
        slope = math.log(next_ratio / ratio) / math.log(next_density / density)
        return max(LOWEST, density * ratio ** (-1 / slope)) if slope > 0.1 else LOWEST
    if below[-1] == len(points) - 1:
        density, ratio = points[-1]
        return density / ratio
    (low, fast), (high, slow) = points[below[-1]:below[-1] + 2]
    return low * (high / low) ** (math.log(1 / fast) / math.log(slow / fast))


def derived(bench: list[dict]) -> str | None:
    """The lines of the module between its marks, or None where nothing of the kind was measured."""
    found = next((row for row in bench if "layers" in row), None)
    if found is None:
        return None
    lines = []
    for layer in sorted(found["layers"], key=lambda row: (row["kernel"], row["stride"], -row["out_size"],
                                                          row["n_in"] * row["n_out"])):
        channels = math.sqrt(layer["n_in"] * layer["n_out"])
        in_torch, in_layout = (crossover(layer["densities"], layer[side], layer["seconds_dense"])
                               for side in ("seconds_torch", "seconds_layout"))
        lines.append(f"    Row({layer['kernel']}, {layer['stride']}, {channels:.4g}, {layer['out_size']}, "
                     f"{in_torch:.3g}, {in_layout:.3g}, {layer['gflops_dense'] / 2:.3g}),\n")
    norms = found["norms"]
    return ("TABLE = (\n" + "".join(lines) + ")\n# BatchNorm with ReLU, both ways: nanoseconds a number.\n"
            f"NORM_NATIVE, NORM_DENSE = {norms['native']:.3g}, {norms['dense']:.3g}\n")


def losses(layers: list[dict], crossovers: list[float]) -> list[tuple[float, dict, float]]:
    """How much longer the chosen path takes than the best of dense, CSR and native, for each layer and density.

    crossovers: below which native is chosen, of each layer. Gives (time over that of the best, layer, density).
    """
    found = []
    for layer, limit in zip(layers, crossovers, strict=True):
        for place, density in enumerate(layer["densities"]):
            native, dense = layer["seconds_torch"][place], layer["seconds_dense"]
            best = min([native, dense, *layer.get("seconds_csr", [])[place:place + 1]])
            found.append(((native if density < limit else dense) / best, layer, density))
    return found


def _name(layer: dict) -> str:
    if layer["kernel"] == layer["out_size"] == 1:
        return f"linear, {layer['n_in']} to {layer['n_out']}"
    size, stride = layer["out_size"], f", stride {layer['stride']}" if layer["stride"] > 1 else ""
    return f"{layer['kernel']}x{layer['kernel']}{stride}, {layer['n_in']} to {layer['n_out']}, {size}x{size}"


def choices(bench: list[dict]) -> str | None:
    """What pays on the machine of these measurements, as text: for each layer in torch the density below which native
    takes less time than dense, by this measurement and by the table; and what `path="auto"` loses there at most."""
    found = next((row for row in bench if "layers" in row), None)
    if found is None:
        return None
    layers = found["layers"]
    table = [choice.crossover((row["n_out"], row["n_in"], row["kernel"], row["kernel"]), row["stride"],
                                     row["out_size"]) for row in layers]
    lines = [f"{'single layers in torch: native pays below the density':54s} {'here':>8s} {'by the table':>13s}  "
             "CSR best at"]
    for layer, limit in zip(layers, table, strict=True):
        own = crossover(layer["densities"], layer["seconds_torch"], layer["seconds_dense"])
        csr = [f"{density:g}" for density, seconds, native in zip(
            layer["densities"], layer.get("seconds_csr", []), layer["seconds_torch"])
            if seconds < min(native, layer["seconds_dense"])]
        lines.append(f"{_name(layer):54s} {own:8.3f} {limit:13.3f}  {', '.join(csr)}".rstrip())
    worst, layer, density = max(losses(layers, table), key=lambda loss: loss[0])
    return "\n".join([*lines, f'path="auto" takes at most {100 * (worst - 1):.0f}% longer than the best of dense, CSR '
                      f"and native ({_name(layer)}, density {density:g})"])


def committed(text: str) -> str:
    """The lines of the module's text between its marks."""
    return text[text.index(BEGIN) + len(BEGIN):text.index(END)]


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--show"]
    path = Path(arguments[0]) if arguments else BENCH
    bench = json.loads(path.read_text("utf-8"))
    lines = derived(bench)
    if lines is None:
        print(f"expected measured layers in {path}, got none; try python -m tests.benchmarks --only sparse",
              file=sys.stderr)
        return 1
    if "--show" in sys.argv:
        print(choices(bench))
        return 0
    text = MODULE.read_text("utf-8")
    changed = text.replace(BEGIN + committed(text) + END, BEGIN + lines + END)
    MODULE.write_text(changed, "utf-8")
    print(f"{MODULE.relative_to(_ROOT)}: {lines.count('Row(')} rows {'written' if changed != text else 'as they were'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
