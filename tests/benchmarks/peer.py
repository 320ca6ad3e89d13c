"""Peers in environments of their own: made by pip below _build/peers, run as a process that takes turns with ours."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("pybind11==3.1.0", "sparseprop==0.1.14", "sparselab==0.2.2")  # of sparse layers


def environment(name: str, pins: tuple[str, ...], *, beside_ours: bool = False) -> Path:
    """The Python of an environment with these packages, from the index that pip is configured for.

    beside_ours: it also sees the packages of this environment, so that both sides use the same torch.
    """
    folder = ROOT / "_build" / "peers" / name
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text() != " ".join(pins):
        print(f"installing {name} into {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        if beside_ours:
            place = next(folder.glob("lib/python*/site-packages"))
            (place / "ours.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", *pins], check=True)
        ready.write_text(" ".join(pins))
    return python


class Peer:
    """A script beside this file in its own process; `said` is what stands behind its first word, "ready"."""

    def __init__(self, python: Path, script: str, *arguments: object):
        # Without PYTHONPATH and the like, so that it finds its own packages alone.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [python, Path(__file__).with_name(script), *arguments]
        self.process = subprocess.Popen([str(part) for part in command], env=variables, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first, *self.said = self._read().split() or [""]
        if first != "ready":
            raise RuntimeError(f"{script} did not start; its messages are above")

    def seconds(self, line: str = "go") -> float:
        """What it answers to a line."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> str:
        return self.process.stdout.readline().strip()
