"""However much a cell writes, and in whatever form, it is stopped at a limit that is named; other ends have other
causes."""

import shutil

import nbformat
import pytest

from lib.pipeline import execute, following, gate
from lib.study import lifeline, runs
from tests import patience, toy_book

START = "import os, subprocess, sys, threading, time\nfrom IPython.display import HTML, clear_output, display\nn = 1"
ENDLESS = {  # all of them write without end
    "lines": "while True:\n    print('line')",
    "one line": "while True:\n    print('word', end=' ')",
    "a bar that is drawn again": "while True:\n    print('\\r50 %', end='')",
    "letters taken back": "while True:\n    print('a\\b', end='')",
    "many small messages": "while True:\n    print('x', flush=True)",
    "messages without text": "while True:\n    display(HTML(''))",
    "displays": "while True:\n    display({'text/plain': 'x', 'text/html': '<b>x</b>'}, raw=True)",
    "one display that changes": "handle = display('x', display_id=True)\nwhile True:\n    handle.update('y')",
    "clearing": "while True:\n    clear_output()",
    "stderr": "while True:\n    print('line', file=sys.stderr)",
    "both streams in turn": "while True:\n    print('a')\n    print('b', file=sys.stderr)",
    "a thread": "def work():\n    while True:\n        print('x' * 100)\n"
                "threading.Thread(target=work, daemon=True).start()\nthreading.Event().wait()",
    "the descriptor": "while True:\n    os.write(1, b'line')",
    "the first streams": "while True:\n    sys.__stdout__.write('line' * 1000)",
    "another program": "subprocess.run(['yes'])", "a shell escape": "!yes", "a cell of a shell": "%%bash\nyes",
    "a forked process": "import multiprocessing\ndef work():\n    while True:\n        print('x' * 100)\n"
                        "p = multiprocessing.get_context('fork').Process(target=work, daemon=True)\np.start()\n"
                        "p.join()",
    "warnings": "import warnings\nwarnings.simplefilter('always')\nwhile True:\n    warnings.warn('again')",
    "a log": "import logging\nwhile True:\n    logging.error('again')",
    "tqdm": "from tqdm import tqdm\nfor _ in tqdm(iter(int, 1), mininterval=0):\n    pass",
    "a clause that takes all": "while True:\n    try:\n        while True:\n            print('line')\n"
                               "    except KeyboardInterrupt:\n        break\n    except Exception:\n        pass",
    "many at once": "while True:\n    print('\\n' * 1000)",
}
LONG = {  # each is one thing that is longer than the limit
    "text": "print('x' * 5000)", "a value": "'x' * 5000", "a list": "print(list(range(3000)))",
    "a picture": "display({'image/svg+xml': '<svg>' + 'x' * 5000 + '</svg>'}, raw=True)",
    "data": "display({'application/json': {'a': 'x' * 5000}}, raw=True)",
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A toy book in which a cell may write four kilobytes, and a page shows one of text."""
    top = toy_book.make(tmp_path_factory.mktemp("reference"))
    toy_book.replace(top, "lib/pipeline/bounded.py", "OUTPUT_BYTES = 10 * 10**6", "OUTPUT_BYTES = 4000")
    toy_book.replace(top, "lib/pipeline/bounded.py", "MESSAGE_BYTES = 1000", "MESSAGE_BYTES = 100")
    toy_book.replace(top, "lib/pipeline/following.py", "TEXT_BYTES = 100_000", "TEXT_BYTES = 1000")
    return top


@pytest.fixture
def top(reference, tmp_path):
    return shutil.copytree(reference, tmp_path / "book")


def run(top, *cells, **settings):
    toy_book.write_cells(top, *cells, **settings)
    done = toy_book.run(top, "execute", "01")
    assert "Traceback" not in done.stdout, done.stdout + done.stderr
    return done, runs.read_failure(top / "_build", "01-first")


@pytest.mark.some(6)
@pytest.mark.parametrize("how", [*ENDLESS, *LONG])
def test_a_cell_that_writes_too_much_is_stopped_by_name(top, how):
    done, failure = run(top, START, (ENDLESS | LONG)[how], "n = 2")
    assert done.returncode == lifeline.TOLD, done.stdout + done.stderr
    assert failure.cell == 3
    assert "the cell wrote more than 0.004 MB of output, the limit for one cell" in failure.error
    assert "try to print less, or into a file" in failure.error and len(done.stdout + done.stderr) < 20_000


def test_more_text_than_a_page_can_bear_is_refused(top):
    _, failure = run(top, START, "print('x' * 600)\nprint('x' * 600, file=sys.stderr)", "n = 2")
    assert failure.cell == 3 and "1 kB of text, more than the limit of 1 kB for one cell" in failure.error


@pytest.mark.parametrize("outputs", [
    [("stream", {"name": "stdout", "text": "x" * 1000})],
    [("stream", {"name": "stdout", "text": "x" * 90 + "\n" * 10})] * 10,
    [("stream", {"name": "stdout", "text": "x" * 500}), ("stream", {"name": "stderr", "text": "x" * 500})],
    [("execute_result", {"data": {"text/plain": "x" * 1000}})],
    [("display_data", {"data": {"text/plain": "x" * 600, "image/png": "y" * 99}}),
     ("stream", {"name": "stderr", "text": "x" * 400})]])
def test_text_of_every_kind_counts(outputs):
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output(kind, **parts) for kind, parts in outputs])
    gate.merge_streams(cell)
    assert gate.text_size(cell) == 1000


def test_what_is_within_the_limits_is_published_as_a_terminal_would_show_it(top):
    cell = ("for n in range(100):\n    print(f'\\r{n} of 100', end='')\nprint('\\nabc\\b\\bd')\n"
            "print('warned', file=sys.stderr)")
    done, _ = run(top, START, cell)
    assert done.returncode == 0, done.stdout + done.stderr
    notebook = nbformat.read(top / "_build/executed/01-first.ipynb", as_version=4)
    outputs = [(output.name, output.text) for output in notebook.cells[-1].outputs]
    assert outputs == [("stdout", "99 of 100\nad\n"), ("stderr", "warned\n")]
    done, _ = run(top, *["print('x' * 900)"] * 10)  # the limit is of each cell
    assert done.returncode == 0


def test_a_long_error_is_cut_and_keeps_its_cause(top):
    done, failure = run(top, START, "raise ValueError('x' * 10_000)")
    assert failure.cell == 3 and failure.error.startswith("ValueError: xxx")
    assert failure.error.endswith("... (10012 characters)") and len(done.stdout) < 3000


def test_the_time_limit_counts_from_the_first_cell_and_is_told_as_such(top):
    for cell in ("while True: pass", "try:\n    while True: pass\nexcept BaseException: pass",
                 "import time\ntime.sleep(10**6)"):
        _, failure = run(top, cell, "n = 2", companion="  time_limit_minutes: 0.06\n")
        assert failure.cell == 2 and "the chapter's time limit of 0.06 minutes was over" in failure.error
        assert failure.kind == "time limit"
    toy_book.replace(top, "lib/pipeline/kernel.py", "    launch_new_instance()", "    import time\n    time.sleep(7)\n"
                     "    launch_new_instance()")
    done, _ = run(top, "n = 1", companion="  time_limit_minutes: 0.1\n")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_run_itself_is_stopped_where_no_cell_can_be(top):
    """Whatever takes the time, tools that merge outputs say: here it is made to never end."""
    toy_book.replace(top, "lib/pipeline/following.py", "LATE_SECONDS = 30.0", "LATE_SECONDS = 0.0")
    begins = "    streams, others = {}, []\n"
    toy_book.replace(top, "lib/pipeline/gate.py", begins, "    while cell.outputs:\n        pass\n" + begins)
    _, failure = run(top, "print(1)", companion="  time_limit_minutes: 0.05\n")
    assert failure.cell == 2 and "the chapter's time limit of 0.05 minutes was over" in failure.error


def test_a_kernel_that_does_not_start_is_told(top):
    toy_book.replace(top, "lib/pipeline/kernel.py", "    launch_new_instance()", "    sys.exit(5)")
    _, failure = run(top, START)
    assert failure.error.startswith("the kernel did not start") and failure.cell is None


def test_a_kernel_without_its_guard_is_refused(top):
    toy_book.replace(top, "lib/pipeline/inside.py", "def load_ipython_extension(shell) -> None:\n",
                     "def load_ipython_extension(shell) -> None:\n    raise RuntimeError\n")
    _, failure = run(top, START)
    assert "the kernel could not load lib.pipeline.inside" in failure.error


@pytest.mark.parametrize(("written", "shown"), [
    ("a\rb", "b"), ("abc\rd\n", "d\n"), ("a\r\nb\r\n", "a\r\nb\r\n"), ("a\rb\r\r\n", "b\r\n"), ("ab\bc", "ac"),
    ("\b\ba", "a"), ("a\n\bb", "a\nb"), ("a\r", "a\r"), ("", ""), ("\r\r", "\r"), ("a" * 9 + "\b" * 9 + "b", "b"),
    ("x\ny", "x\ny")])
def test_carriage_returns_and_backspaces_take_back(written, shown):
    assert gate.shown(written) == shown


@pytest.mark.parametrize("letter", ["x", "\r", "\b", "a\b", "a\r", "\n", " ", "\x1b[", "ipykernel_1/", "/"])
def test_outputs_are_merged_in_time_that_grows_as_their_length(letter):
    """Counted in the work that is done, not by a clock: a text eight times as long takes about eight times as many
    steps of Python, and patterns are not asked for more."""
    def steps(times):
        cell = nbformat.v4.new_code_cell(outputs=[
            nbformat.v4.new_output("stream", name="stdout", text=letter) for _ in range(times)])
        return patience.steps(lambda: gate.merge_streams(cell))

    assert steps(800) < 12 * steps(100)


def test_limits_are_far_above_what_the_book_needs():
    assert following.TEXT_BYTES >= 10_000 and execute.START_SECONDS >= 300
