"""Whatever goes wrong in a cell, with or without error output, fails the chapter by that cell and by its cause."""

import shutil

import pytest

from lib.study import lifeline, runs
from tests import toy_book


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return toy_book.make(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def top(reference, tmp_path):
    return shutil.copytree(reference, tmp_path / "book")


def execute(top, *cells, **settings):
    """Run a chapter of these cells; what it says, and its failure."""
    toy_book.write_cells(top, *cells, **settings)
    done = toy_book.run(top, "execute", "01")
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done, runs.read_failure(top / "_build", "01-first")


THREAD = ("import threading\ndef work():\n    raise KeyError('lost')\n"
          "thread = threading.Thread(target=work)\nthread.start()\n")
TASK = "import asyncio\nasync def work():\n    raise KeyError('lost')\n"
PROCESS = "import multiprocessing, os, signal\nfork = multiprocessing.get_context('fork')\n"
LOST = "KeyError in {}, which this cell started: 'lost'"
ENDS = "ends the kernel, so that the rest of the chapter would not run"
# Cells of a chapter, the code cell that is to blame (the parameters are 1), its line, words of the cause.
FAILURES = {
    "shell escape": (["1", "a = 1\n!false", "2"], 3, 2, "returned non-zero exit status 1"),
    "shell escape with output": (["x = !echo out; exit 3", "2"], 2, 1, "non-zero exit status 3"),
    "shell escape, quiet": (["%sx exit 4", "2"], 2, 1, "non-zero exit status 4"),
    "shell escape, no such program": (["!no-such-program-here", "2"], 2, 1, "non-zero exit status 127"),
    "shell escape in a function": (["def f():\n    !false\n", "f()"], 3, 1, "non-zero exit status 1"),
    "cell of a shell": (["%%bash\necho one\nfalse", "2"], 2, None, "non-zero exit status 1"),
    "cell of a shell that is missing": (["%%script no-such-shell\n1", "2"], 2, None, "no-such-shell"),
    "thread": ([f"{THREAD}thread.join()", "2"], 2, 3, LOST.format("a thread")),
    "thread that fails after its cell": (
        ["import threading\ngo = threading.Event()\ndef work():\n    go.wait()\n    raise KeyError('lost')\n"
         "threading.Thread(target=work).start()", "1", "go.set()"], 2, 5, LOST.format("a thread")),
    "thread that fails after the last cell": (
        ["import threading\ndef work():\n    threading.main_thread().join(0.5)\n    raise KeyError('lost')\n"
         "threading.Thread(target=work).start()"], 2, 4, LOST.format("a thread")),
    "function of another cell in a thread": (
        ["def work():\n    raise KeyError('lost')", "import threading\nt = threading.Thread(target=work)\nt.start()\n"
         "t.join()"], 3, None, LOST.format("a thread")),
    "thread that leaves": (["import sys, threading\nt = threading.Thread(target=sys.exit, args=(2,))\nt.start()\n"
                            "t.join()"], 2, None, "SystemExit in a thread"),
    "thread without a thread object": (
        ["import _thread, threading\ngone = threading.Event()\ndef work():\n    try:\n        raise KeyError('lost')\n"
         "    finally:\n        gone.set()\n_thread.start_new_thread(work, ())\ngone.wait()", "1"], 2, 5,
        "KeyError where nobody can catch it"),
    "timer": (["import threading\nt = threading.Timer(0, lambda: 1 / 0)\nt.start()\nt.join()", "2"], 2, 2,
              "ZeroDivisionError in a thread"),
    "future": (["from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
                "    pool.submit(lambda: 1 / 0)", "2"], 2, 3, "ZeroDivisionError in a future that no cell asked for"),
    "pool": ([f"{PROCESS}with fork.Pool(1) as pool:\n    pool.apply_async(int, ('x',)).wait()", "2"], 2, None,
             "ValueError in a future that no cell asked for"),
    "pool of threads": (["from multiprocessing.pool import ThreadPool\nwith ThreadPool(1) as pool:\n"
                         "    pool.map_async(int, 'x').wait()", "2"], 2, None,
                        "ValueError in a future that no cell asked for"),
    "task": ([f"{TASK}task = asyncio.create_task(work())", "2"], 2, 3, LOST.format("an asyncio task")),
    "task of the last cell": (["1", f"{TASK}task = asyncio.create_task(work())"], 3, 3, LOST.format("an asyncio task")),
    "task that nobody keeps": ([f"{TASK}asyncio.ensure_future(work());", "2"], 2, 3, LOST.format("an asyncio task")),
    "callback": (["import asyncio\nasyncio.get_running_loop().call_soon(lambda: 1 / 0);", "2"], 2, 2,
                 "ZeroDivisionError in the event loop"),
    "destructor": (["class Handle:\n    def __del__(self):\n        raise KeyError('lost')\nHandle();", "2"], 2, 3,
                   "KeyError where nobody can catch it"),
    "exit": (["a = 1\nexit()", "2"], 2, 2, f"exit() {ENDS}"),
    "quit, without brackets": (["quit", "2"], 2, 1, f"exit() {ENDS}"),
    "exit that keeps the kernel": (["exit(keep_kernel=True)", "2"], 2, 1, f"exit() {ENDS}"),
    "exit, in a clause that takes all": (
        ["try:\n    exit()\nexcept BaseException:\n    pass", "2"], 2, 2, f"exit() {ENDS}"),
    "sys.exit": (["a = 1\nimport sys; sys.exit()", "2"], 2, None, "SystemExit"),
    "sys.exit with a status": (["import sys\nsys.exit(0)", "2"], 2, None, "SystemExit: 0"),
    "raise SystemExit": (["raise SystemExit", "2"], 2, None, "SystemExit"),
    "os._exit": (["import os\nos._exit(0)", "2"], 2, 2, f"os._exit(0) {ENDS}"),
    "os._exit in a thread": (["import os, threading\nt = threading.Thread(target=lambda: os._exit(0))\nt.start()\n"
                              "t.join()"], 2, 2, f"os._exit(0) {ENDS}"),
    "another program in its place": (["import os\nos.execv('/bin/true', ['true'])", "2"], 2, 2, "os.exec replaces"),
    "signal to the kernel itself": (["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "2"], 2, 2,
                                    "the cell sent the kernel itself signal 9"),
    "abort": (["import os\nos.abort()", "2"], 2, 2, "the kernel died of signal 6 (SIGABRT)"),
    "subprocess that is killed": (["import subprocess\nsubprocess.run('kill -9 $$', shell=True)", "2"], 2, 2,
                                  "ended of signal 9 (SIGKILL)"),
    "subprocess that nobody waits for": (
        ["import subprocess\np = subprocess.Popen('kill -9 $$', shell=True, stdout=subprocess.PIPE)\np.stdout.read()",
         "while p.poll() is None: pass"], 2, 2, "ended of signal 9 (SIGKILL)"),
    "os.system, killed": (["import os\nos.system('kill -9 $$');", "2"], 2, 2, "ended of signal 9 (SIGKILL)"),
    "process that raises": ([f"{PROCESS}p = fork.Process(target=lambda: 1 / 0)\np.start()\np.join()", "2"], 2, 4,
                            "ended with status 1"),
    "process that is killed": (
        [f"{PROCESS}p = fork.Process(target=lambda: os.kill(os.getpid(), 9))\np.start()\np.join()", "2"], 2, 4,
        "ended of signal 9 (SIGKILL)"),
    "fork that raises": (["import os\nif os.fork() == 0:\n    1 / 0\nos.wait();", "2"], 2, 3,
                         "ZeroDivisionError in a forked process"),
    "fork that goes on": (["import os\nif os.fork():\n    os.wait()", "2"], 2, None, "try os._exit(0)"),
    "atexit": (["import atexit\natexit.register(lambda: 1 / 0);", "2"], 2, 2,
               "ZeroDivisionError in a function of atexit"),
    "atexit, as a decorator": (["import atexit\n@atexit.register\ndef last():\n    raise KeyError('lost')", "2"], 2, 4,
                               LOST.format("a function of atexit")),
    "log of a wrong format": (["import logging\nlogging.error('%d sites', 'ten')", "2"], 2, 2,
                              "an entry of the log could not be written: TypeError"),
    "script that raises": (["open('s.py', 'w').write('1 / 0')\n%run s.py", "2"], 2, None, "ZeroDivisionError"),
    "script that leaves": (
        ["open('s.py', 'w').write('import sys; sys.exit(2)')\n%run s.py", "2"], 2, None, "SystemExit: 2"),
    "script that is missing": (["%run no-such-script.py", "2"], 2, None, "no-such-script.py"),
    "timed code that raises": (["%%time\n1 / 0", "2"], 2, None, "ZeroDivisionError"),
    "timed line that raises": (["%timeit -n1 -r1 1 / 0", "2"], 2, None, "ZeroDivisionError"),
    "hidden output": (["%%capture\n1 / 0", "2"], 2, None, "ZeroDivisionError"),
    "magic that is missing": (["%no_such_magic", "2"], 2, None, "no_such_magic"),
    "a question to the reader": (["input('how many?')", "2"], 2, None, "StdinNotImplementedError"),
    "a value that cannot be shown": (
        ["class V:\n    def __repr__(self):\n        raise KeyError('lost')\nV()", "2"], 2, None, "KeyError: 'lost'"),
    "a figure that cannot be shown": (
        ["class V:\n    def _repr_html_(self):\n        raise KeyError('lost')\nV()", "2"], 2, None,
        "KeyError: 'lost'"),
    "a call after each cell": (
        ["def after(*_):\n    1 / 0\nget_ipython().events.register('post_run_cell', after)", "2"], 2, None,
        "ZeroDivisionError"),
}


@pytest.mark.some(20)
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_fails_its_cell_with_its_cause(top, name):
    cells, cell, line, words = FAILURES[name]
    done, failure = execute(top, *cells)
    assert done.returncode == lifeline.TOLD, done.stdout + done.stderr
    assert words in failure.error
    assert failure.cell == cell
    text = (top / "book/01-first.md").read_text().splitlines()
    if line is not None:
        assert text[failure.line - 1] == cells[cell - 2].splitlines()[line - 1]
    assert not (top / "_build/executed").exists() and not list((top / "_build/tmp").iterdir())


FINE = {
    "warning": "import warnings\nwarnings.warn('careful')",
    "error that is caught": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass",
    "shell escape that succeeds": "!true",
    "shell escape whose failure is meant": "!false || true",
    "thread": "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()",
    "thread that leaves": "import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()",
    "thread that never ends by itself": "import threading\n"
                                        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "future that is asked": "from concurrent.futures import ThreadPoolExecutor\n"
                            "with ThreadPoolExecutor() as pool:\n    assert pool.submit(lambda: 1 / 0).exception()",
    "task that is awaited": f"{TASK}try:\n    await asyncio.create_task(work())\nexcept KeyError:\n    pass",
    "tasks gathered": f"{TASK}await asyncio.gather(work(), work(), return_exceptions=True);",
    "task that is cancelled": "import asyncio\nasyncio.create_task(asyncio.sleep(1000)).cancel();",
    "process that we end": "import subprocess\nwith subprocess.Popen(['sleep', '1000']) as p:\n    p.terminate()",
    "process whose reader has enough": "import subprocess\nwith subprocess.Popen('yes', stdout=subprocess.PIPE) as p:\n"
                                       "    p.stdout.read(1)",
    "status that the code may judge": "import subprocess\nassert subprocess.run('false').returncode == 1",
    "process": f"{PROCESS}p = fork.Process(target=int)\np.start()\np.join()",
    "process pool": f"{PROCESS}with fork.Pool(2) as pool:\n    assert pool.map(abs, [-1, 2]) == [1, 2]",
    "process pool whose errors are asked for": f"{PROCESS}found = []\nwith fork.Pool(1) as pool:\n"
                                               "    pool.apply_async(int, 'x', error_callback=found.append).wait()\n"
                                               "    try:\n        pool.map(int, 'x')\n    except ValueError:\n"
                                               "        pass",
    "joblib": "import joblib\nassert joblib.Parallel(2)(joblib.delayed(abs)(n) for n in (-1, 2)) == [1, 2]",
    "fork": "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait();",
    "fork that leaves": "import os, sys\nif os.fork() == 0:\n    sys.exit()\nos.wait();",
    "atexit": "import atexit\natexit.register(int)\nprint(atexit.unregister(atexit.register(lambda: 1 / 0)))",
    "log": "import logging\nlogging.getLogger().error('so be it')",
}


def test_what_is_no_failure_is_published(top):
    """All in one chapter, a cell each; the failure names the cell."""
    done, failure = execute(top, *FINE.values(), "2")
    at_fault = failure and ["the parameters", *FINE][failure.cell - 1]
    assert done.returncode == 0 and failure is None, f"{at_fault}: {done.stdout}{done.stderr}"


def test_the_kernel_that_is_killed_from_outside_is_told_apart(top):
    kill = "import os, subprocess\nsubprocess.Popen(['kill', '-9', str(os.getpid())]).wait()"
    _, failure = execute(top, "1", kill, "2")
    assert failure.cell == 3 and "most often the memory was not enough" in failure.error
    kill = "import os, subprocess\nsubprocess.Popen(['kill', str(os.getpid())]).wait()\nwhile True: pass"
    _, failure = execute(top, kill)
    assert failure.cell == 2 and "the kernel died of signal 15 (SIGTERM)" in failure.error


def test_a_thread_that_never_ends_is_named_when_the_time_is_over(top):
    cell = "import threading\nthreading.Thread(target=threading.Event().wait).start()"
    _, failure = execute(top, cell, "2", companion="  time_limit_minutes: 0.1\n")
    assert failure.cell == 2 and "a thread that this cell started was still running" in failure.error
