"""Derive the table of `lib.models.sparse_choice` from measurements: `python -m tests.benchmarks.sparse_table [FILE]`.

FILE is what `python -m tests.benchmarks --only sparse` has measured, data/records/bench.json unless given. The rows are
written into the module, between its two marks.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
MODULE, BENCH = _ROOT / "lib/models/sparse_choice.py", _ROOT / "data/records/bench.json"
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


def committed(text: str) -> str:
    """The lines of the module's text between its marks."""
    return text[text.index(BEGIN) + len(BEGIN):text.index(END)]


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else BENCH
    lines = derived(json.loads(path.read_text("utf-8")))
    if lines is None:
        print(f"expected measured layers in {path}, got none; try python -m tests.benchmarks --only sparse",
              file=sys.stderr)
        return 1
    text = MODULE.read_text("utf-8")
    changed = text.replace(BEGIN + committed(text) + END, BEGIN + lines + END)
    MODULE.write_text(changed, "utf-8")
    print(f"{MODULE.relative_to(_ROOT)}: {lines.count('Row(')} rows {'written' if changed != text else 'as they were'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
