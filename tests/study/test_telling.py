"""What a command says while it works: one line in a terminal, which gives way to all others; little or nothing in a
log."""

import io
import re

import pytest

from lib.study import telling
from tests import patience


class Terminal(io.StringIO):
    """One that keeps what was written to it."""

    def isatty(self):
        return True


def shown(text):
    """What stays in a terminal of a text with carriage returns."""
    lines = []
    for line in text.split("\n"):
        cells = []
        for part in line.split("\r"):
            cells[:len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.delenv(telling.LIVE, raising=False)
    monkeypatch.setattr(telling, "LIVE_SECONDS", 0.01)
    monkeypatch.setattr(telling, "LOG_SECONDS", 0.01)


def test_a_terminal_shows_the_innermost_state_until_the_block_is_over(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with telling.telling("reading all of the pages"):
        patience.wait_for(lambda: "reading" in terminal.getvalue())
        print("said")
        patience.wait_for(lambda: re.search(r"said\n.*reading all of the pages, \d+ s", terminal.getvalue()))
        with telling.telling(lambda: "page 3 of 7"):
            patience.wait_for(lambda: "page 3 of 7" in terminal.getvalue())
        n_inner = terminal.getvalue().count("page 3")
        n_outer = terminal.getvalue().count("reading")
        patience.wait_for(lambda: terminal.getvalue().count("reading") > n_outer + 1)
        assert terminal.getvalue().count("page 3") <= n_inner + 1
    print("done")
    assert shown(terminal.getvalue()) == ["said", "done", ""]


def test_a_state_is_cut_at_the_width_of_the_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "20")
    with telling.telling("x" * 100):
        patience.wait_for(lambda: "x" in terminal.getvalue())
    assert max(map(len, re.split("[\r\n]", terminal.getvalue()))) == 19


def test_a_log_gets_lines_where_that_is_asked_for(capsys):
    said = []
    with telling.telling(lambda: said.append(1) or "state"):
        pass
    assert not said
    with telling.telling(lambda: said.append(1) or "state", in_log=True):
        patience.wait_for(lambda: len(said) > 2)
    assert capsys.readouterr().out == "    state\n" * len(said)


def test_a_step_tells_its_driver(monkeypatch, capsys):
    monkeypatch.setenv(telling.LIVE, "1")
    said = []
    with telling.telling(lambda: said.append(1) or "state"):
        patience.wait_for(lambda: said)
    assert capsys.readouterr().out == "\r    state\n" * len(said)


def test_a_block_that_fails_leaves_nothing_behind(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with pytest.raises(ValueError, match="its own"), telling.telling("work"):
        patience.wait_for(lambda: "work" in terminal.getvalue())
        raise ValueError("its own")
    assert shown(terminal.getvalue()) == [""] and not telling._states
