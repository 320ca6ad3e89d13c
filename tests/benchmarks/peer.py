"""Peers in environments of their own: made by pip below _build/peers, run as a process that takes turns with ours."""

from __future__ import annotations

import contextlib
import os
import site
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("pybind11==3.1.0", "sparseprop==0.1.14", "sparselab==0.2.2")  # of sparse layers


def environment(name: str, pins: tuple[str, ...], *, beside_ours: bool = False,
                with_dependencies: bool = False) -> Path:
    """The Python of an environment with these packages, from the index that pip is configured for.

    beside_ours: it also sees the packages of this environment, so that both sides use the same torch.
    with_dependencies: pip chooses what else they need.
    """
    folder = ROOT / "_build" / "peers" / name
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text() != " ".join(pins):
        print(f"installing {name} into {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        if beside_ours:
            place = next(folder.glob("lib/python*/site-packages"))
            (place / "ours.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        alone = [] if with_dependencies else ["--no-deps"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *alone, *pins], check=True)
        ready.write_text(" ".join(pins))
    return python


class Peer:
    """A script beside this file in its own process; `said` is what stands behind its first word, "ready".

    SparseProp 0.1.14 reads beyond its arrays and is ended by the system now and then: there is room behind the heap,
    and a process that ended so is started again.
    """

    TRIES, ROOM = 5, 2**28

    def __init__(self, python: Path, script: str, *arguments: object):
        self.command = [str(part) for part in (python, Path(__file__).with_name(script), *arguments)]
        self.process = None
        self.said = self._answer(None)[1:]

    def seconds(self, line: str = "go") -> float:
        """What it answers to a line."""
        return float(self._answer(line)[0])

    def close(self) -> None:
        if self.process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()

    def _start(self) -> list[str]:
        # Without PYTHONPATH and the like, so that it finds its own packages alone.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        variables["MALLOC_TOP_PAD_"] = str(self.ROOM)
        self.process = subprocess.Popen(self.command, env=variables, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        said = self.process.stdout.readline().split()
        return said if said[:1] == ["ready"] else []

    def _answer(self, line: str | None) -> list[str]:
        """The words it says to a line, or to being started; a process that was killed by a signal is started again."""
        for _ in range(self.TRIES):
            said = self._start() if self.process is None else ["ready"]
            if said and line is not None:
                try:
                    print(line, file=self.process.stdin, flush=True)
                    said = self.process.stdout.readline().split()
                except BrokenPipeError:
                    said = []
            if said:
                return said
            self.close()
            ended, self.process = self.process.returncode, None
            if ended >= 0:
                break
        name = Path(self.command[1]).name
        raise RuntimeError(f"{name} did not answer; its messages are above, it ended with {ended}")
