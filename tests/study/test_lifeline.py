"""Steps of a build end when their driver does, with all that they have started."""

import subprocess
import sys

import psutil

from lib.study import lifeline, surroundings
from tests import patience
from tests.toy_book import ROOT

STEP = """
import subprocess, sys, time
from lib.study import lifeline
child = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])"]
lifeline.hold()
print(subprocess.Popen(child, stdin=subprocess.DEVNULL, start_new_session=True).pid, flush=True)
time.sleep(600)
"""


def runs(process):
    """Whether it does, and is no zombie that nobody asks for."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_children_of_a_step_and_theirs_end_with_its_driver():
    """The driver's end of the pipe closes, as where it was killed; the children are in another session."""
    environment = surroundings.variables({}) | {lifeline.VARIABLE: "stdin", "PYTHONPATH": str(ROOT)}
    step = subprocess.Popen([sys.executable, "-c", STEP], cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
    started = [psutil.Process(int(step.stdout.readline()))]
    try:
        patience.wait_for(started[0].children)
        started += started[0].children()
        step.stdin.close()
        assert step.wait(patience.LIMIT) == 1
        patience.wait_for(lambda: not any(map(runs, started)))  # both were sent the signal before the step ended
    finally:
        for process in started:
            if process.is_running():
                process.kill()
        step.kill()
