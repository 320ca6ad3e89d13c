"""A process that has imported the outside packages of a run, and becomes one run after the other by forking.

`python -P forks.py` reads a line of JSON for each: the tree, the arguments of its `lib/study/surroundings.py`, the
folder, the variables, and files for what is written.  It answers with the exit status.  It imports nothing of ours, so
each run takes `lib` from its own tree, as one that was started anew does; most of the time of those is such imports.
"""

import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

OUTSIDE = ("jupyter_client.manager", "jupytext", "nbclient", "nbformat", "papermill", "psutil", "yaml")


def run(tree: Path, arguments: list[str], cwd: Path, environment: dict, timeout: float) -> subprocess.CompletedProcess:
    """What `surroundings.py` of a tree does with these arguments, as :func:`subprocess.run` would tell it."""
    server = _server()
    with tempfile.TemporaryDirectory() as place:
        out, errors = Path(place, "out"), Path(place, "errors")
        request = {"tree": str(tree), "arguments": arguments, "cwd": str(cwd), "environment": environment,
                   "out": str(out), "errors": str(errors)}
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            server.kill()
            _server.cache_clear()
            raise subprocess.TimeoutExpired(arguments, timeout, out.read_bytes(), errors.read_bytes())
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, out.read_text("utf-8"), errors.read_text("utf-8"))


@cache
def _server() -> subprocess.Popen:
    from lib.study import surroundings

    return subprocess.Popen([sys.executable, "-P", __file__], env=surroundings.variables(os.environ), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def serve() -> None:
    """Fork for each request, wait for its end and tell it; in a fork, return what it has to run."""
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            return become(**request)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become(tree: str, arguments: list[str], cwd: str, environment: dict, out: str, errors: str) -> None:
    """Be a process that was started with these arguments, in this folder and environment."""
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY | os.O_CREAT),
                                (2, errors, os.O_WRONLY | os.O_CREAT)):
        opened = os.open(name, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    script = os.path.join(tree, "lib", "study", "surroundings.py")
    sys.argv[:] = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    sys.modules["rfc3987_syntax"] = None  # as lib.study.notebooks.skip_address_parser
    for package in OUTSIDE:
        __import__(package)
    serve()
