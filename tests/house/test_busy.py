"""No test hangs on the speed of the machine, or on how busy it is: waits are generous, and nothing is timed."""

import ast
import re

import pytest

from tests import patience
from tests.tree import ROOT

CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "thread_time", "time_ns", "perf_counter_ns"}
LIMITS = {"timeout", "start_timeout"}  # keywords that say how long something may take
# Where a wait is meant to be over before what it waits for, or to be short whatever happens; and why.
MEANT = {
    "study/test_build_faults.py: process.wait(timeout=random.Random(number).uniform(0.3, 7.0))":
        "a moment to kill a build at",
    "study/test_results.py: packing.result(0.2)": "nothing comes while the other waits",
}
SHORT_LIMIT = re.compile(r"time_limit_minutes: (0\.\d+)")
ENDLESS = re.compile(r"while True|sleep\(10\*\*6\)|Event\(\)\.wait|while cell\.outputs")


def problems(source: str, name: str) -> list[str]:
    """What in a test would fail on a slow machine, one line each."""
    found, lines = [], source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Assert, ast.Compare)):
            calls = [inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            clocks = [call for call in calls if getattr(call, "attr", getattr(call, "id", "")) in CLOCKS
                      and getattr(getattr(call, "value", None), "id", "time") == "time"]
            if clocks and isinstance(node, ast.Assert):
                found.append(f"{name}, line {node.lineno}: a duration is compared")
        if isinstance(node, ast.Call):
            for word in node.keywords:
                given = word.arg in LIMITS and isinstance(word.value, ast.Constant) and word.value.value
                if isinstance(given, (int, float)) and not isinstance(given, bool) and given < 300:
                    found.append(f"{name}, line {node.lineno}: {word.arg}={given} is short")
            method = getattr(node.func, "attr", "")
            if method in ("wait", "result", "join", "get") and node.args and isinstance(node.args[0], ast.Constant):
                given = node.args[0].value
                if isinstance(given, (int, float)) and given < 300 and f"{name}: {ast.unparse(node)}" not in MEANT:
                    found.append(f"{name}, line {node.lineno}: {ast.unparse(node)} waits for a short time")
    for node in ast.parse(source).body:  # a test, most often
        text = "\n".join(lines[node.lineno - 1:node.end_lineno])
        if (short := SHORT_LIMIT.search(text)) and not ENDLESS.search(text):
            line = node.lineno + text.count("\n", 0, short.start())
            found.append(f"{name}, line {line}: {short[0]} for what ends by itself")
    return [problem for problem in found if not any(meant.partition(": ")[2] in lines[int(re.search(
        r"line (\d+)", problem)[1]) - 1] for meant in MEANT if meant.startswith(name))]


def test_no_test_hangs_on_the_speed_of_the_machine():
    folder = ROOT / "tests"
    files = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))}
    others = ("benchmarks/", "house/test_busy.py", "patience.py")  # the first is for times; ours
    assert [line for name, text in files.items() if not name.startswith(others) for line in problems(text, name)] == []


@pytest.mark.parametrize("code", [
    "import time\nbegan = time.time()\nassert time.time() - began < 1",
    "import time\nbegan = time.process_time()\nassert 3 > time.process_time() - began",
    "from time import perf_counter\nbegan = perf_counter()\nassert perf_counter() - began < 0.5",
    "subprocess.run(['x'], timeout=20)", "process.wait(timeout=5)", "future.result(2)", "thread.join(0.5)",
    "event.wait(10)", "queue.get(1.0)", "client.wait_for_workers(2, timeout=60)", "'time_limit_minutes: 0.05'",
    "def test_a():\n    run('while True: pass')\n\n\ndef test_b():\n    run('time_limit_minutes: 0.05')",
])
def test_what_would_hang_on_it_is_found(code):
    assert len(problems(code, "test_x.py")) == 1


@pytest.mark.parametrize("code", [
    "process.wait()", "process.wait(timeout=patience.LIMIT)", "','.join(['a'])", "time.sleep(0.1)", "settings.get('a')",
    "assert record['seconds'] > 0", "('time_limit_minutes: 0.05', 'while True: pass')", "run(limit=True)",
    "client.wait_for_workers(2, timeout=600)",
])
def test_what_does_not_is_left_alone(code):
    assert problems(code, "test_x.py") == []


def test_waiting_ends_when_what_is_waited_for_is_there():
    answers = iter([False, False, True])
    patience.wait_for(lambda: next(answers))
    assert next(answers, "all asked") == "all asked"


def test_steps_count_work_and_not_time():
    def loop(n):
        for _ in range(n):
            pass

    assert patience.steps(lambda: loop(100)) == patience.steps(lambda: loop(100)) < patience.steps(lambda: loop(200))
