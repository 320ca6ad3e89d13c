"""Scripts of other packages that benchmarks talk to: what they answer, and what happens where one ends."""

import os
import sys
from pathlib import Path

import pytest

from tests.benchmarks import peer

ANSWERS = """
import os, pathlib, signal, sys
print({first}, flush=True)
for line in sys.stdin:
    told = pathlib.Path(sys.argv[1])
    told.write_text(told.read_text() + line if told.exists() else line)
    if told.read_text().count("\\n") in {killed}:
        os.kill(os.getpid(), signal.SIGKILL)
    print(len(line), flush=True)
"""


@pytest.fixture
def started(tmp_path, monkeypatch):
    """started(first, killed): a peer that says `first`, and is killed at its answers of these numbers."""
    monkeypatch.setattr(peer, "__file__", str(tmp_path / "peer.py"))

    def start(first, killed=()):
        (tmp_path / "script.py").write_text(ANSWERS.format(first=repr(first), killed=repr(tuple(killed))))
        return peer.Peer(Path(sys.executable), "script.py", tmp_path / "told")

    return start


@pytest.mark.parametrize(("first", "said"), [("ready", []), ("ready one two", ["one", "two"])])
def test_it_says_what_it_has_and_answers(started, first, said):
    found = started(first)
    assert found.said == said and found.seconds() == 3 and found.seconds("longer") == 7
    found.close()
    assert found.process.returncode == 0


def test_one_that_the_system_ends_is_started_again(started):
    found = started("ready", killed=(2,))
    assert [found.seconds() for _ in range(3)] == [3, 3, 3]
    found.close()


def test_one_that_never_answers_is_named(started, tmp_path):
    with pytest.raises(RuntimeError, match="script.py did not answer; .* it ended with 0"):
        started("no")
    found = started("ready", killed=range(100))
    with pytest.raises(RuntimeError, match="script.py did not answer; .* it ended with -9"):
        found.seconds()
    assert (tmp_path / "told").read_text().count(os.linesep) == peer.Peer.TRIES
    found.close()  # nothing is left to close
