"""Measure the promised ratios into _build/bench.json: `python -m tests.benchmarks [--only GROUP] [--avx2]`."""

import os
import sys

# Before numpy, torch and numba are imported: each reads its number of threads once.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

if "--avx2" in sys.argv:  # our kernels, torch, oneDNN and MKL as on a processor without AVX-512
    from llvmlite import binding

    _features = binding.get_host_cpu_features()
    for _feature in _features:
        _features[_feature] &= not _feature.startswith(("avx512", "avx10", "evex512"))
    os.environ |= {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": _features.flatten(),
                   "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}

import argparse  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
from pathlib import Path  # noqa: E402

GROUPS = ("rbm", "reconstruction", "ensembles", "optimizers", "complex_states", "records", "sparse", "kernels",
          "measurements", "samples")
TARGET = Path(__file__).resolve().parents[2] / "_build" / "bench.json"


def missed(row: dict) -> str:
    """Why a row misses its goal, or an empty string."""
    if row["goal"] is not None and row["ratio"] < row["goal"]:
        return f"ratio below {row['goal']:g}"
    # Two means of five seeds: "no worse" means not below by more than twice the standard error of their
    # difference.
    if "fidelity_ours" in row and row["fidelity_ours"] < row["fidelity_peer"] - 2 * row["fidelity_error"]:
        return "fidelity below the peer's"
    return ""


def amount(row: dict, side: str) -> str:
    """Time or memory of a side ("ours", "peer", ...), or an empty string."""
    if f"bytes_{side}" in row:
        return f"{row[f'bytes_{side}'] / 2**20:.0f} MiB"
    if f"seconds_{side}" not in row:
        return ""
    seconds = row[f"seconds_{side}"]
    return f"{1e6 * seconds:.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms" if seconds < 1 else \
        f"{seconds:.3g} s"


def notes(row: dict) -> str:
    """What some rows have besides."""
    parts = [f"fidelity {row['fidelity_ours']:.4f}, peer {row['fidelity_peer']:.4f}"] if "fidelity_ours" in row else []
    parts += [f"path {row['path']}, native {amount(row, 'native')}"] if "path" in row else []
    parts += [f"{side} {amount({'seconds_side': seconds}, 'side')}" for side, seconds in row.get("sides", {}).items()
              if side != "ours"]
    return "; ".join(parts)


def table(rows: list[dict]) -> str:
    """The rows as text."""
    wide = max(62, *(len(row["name"]) for row in rows))
    lines = [f"{'':{wide}s} {'ours':>10s} {'peer':>10s} {'ratio':>7s} {'goal':>5s}  notes"]
    for row in rows:
        goal = f"{row['goal']:g}" if row["goal"] is not None else ""
        lines.append(f"{row['name']:{wide}s} {amount(row, 'ours'):>10s} {amount(row, 'peer'):>10s} "
                     f"{row['ratio']:7.1f} {goal:>5s}  {notes(row)} {missed(row)}".rstrip())
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, help="run one group")
    parser.add_argument("--quick", action="store_true", help="few runs, no fidelities: shows that it works")
    parser.add_argument("--avx2", action="store_true",
                        help="as on a processor without AVX-512, into bench-avx2.json; no table of single layers")
    arguments = parser.parse_args()
    target = TARGET.with_stem("bench-avx2") if arguments.avx2 else TARGET
    rows = []
    for group in [arguments.only] if arguments.only else GROUPS:
        benchmark = importlib.import_module(f"tests.benchmarks.{group}").benchmark
        rows += [row | {"group": group} for row in benchmark(quick=arguments.quick)]
    print(table(rows))
    failed = any(missed(row) for row in rows)
    if arguments.only and target.exists():  # the other groups stay as they were measured
        rows += [row for row in json.loads(target.read_text()) if row.get("group", "rbm") != arguments.only]
    rows.sort(key=lambda row: GROUPS.index(row.get("group", "rbm")))
    target.parent.mkdir(exist_ok=True)
    partial = target.with_suffix(".partial")
    text = json.dumps(rows, indent=1)
    text = re.sub(r"\[[^][{}\"]*\]", lambda match: " ".join(match[0].split()), text)  # lists of numbers on one line
    partial.write_text(text + "\n")
    partial.replace(target)
    print(f"written to {target.relative_to(target.parents[1])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
