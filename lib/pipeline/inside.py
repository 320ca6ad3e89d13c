"""What runs inside the kernel of a chapter: it notes failures that would leave no error output.

An IPython extension.  Every note names the cell, as the number of the run cell it came from, and goes into a file that
:mod:`lib.pipeline.execute` reads after each cell.  What must not happen raises an error in the cell as well.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import faulthandler
import functools
import gc
import logging
import multiprocessing.pool
import multiprocessing.process
import os
import signal
import subprocess
import sys
import threading
import traceback
import types
from collections.abc import Callable
from pathlib import Path

from IPython.core.magics import script

from lib.pipeline import bounded
from lib.study import guard


class ChapterEnded(Exception):
    """A cell wanted to end the kernel."""


class _State:
    """Of the kernel: the cells so far, and what they have started."""

    def __init__(self):
        self.pid = os.getpid()
        self.cell = 0  # the one that runs, counted from 1
        self.threads: dict[threading.Thread, int] = {}
        self.tasks: list[tuple[asyncio.Task, dict]] = []
        self.children: list[tuple[object, dict]] = []
        self.futures: list[tuple[object, BaseException, dict]] = []  # those that failed
        self.at_exit: list[tuple[Callable, tuple, dict, dict]] = []
        self.signalled: set[int] = set()  # processes that the chapter itself has sent a signal


_state = _State()


def load_ipython_extension(shell) -> None:
    """Called by IPython before the first cell."""
    shell.system_raise_on_error = True  # `!false` is an error, in this line
    shell.ask_exit = _refuse_exit
    shell.events.register("pre_run_cell", functools.partial(_begin, shell))
    shell.events.register("post_run_cell", lambda result: review())
    shell.showtraceback = functools.partial(_show, shell.showtraceback)
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable
    sys.addaudithook(_watch)
    os._exit = _no_exit
    os.system = _checked_system
    _after(threading.Thread, "start", lambda thread: _state.threads.setdefault(thread, _here()["cell"]))
    _after(subprocess.Popen, "__init__", _note_child)
    _after(multiprocessing.process.BaseProcess, "start", _note_child)
    _note_futures()
    atexit.register, atexit.unregister = _at_exit, _not_at_exit
    logging.Handler.handleError = functools.partialmethod(_not_logged, logging.Handler.handleError)
    script.print = _no_program
    output = bounded.Output(shell, trouble)
    shell.events.register("pre_run_cell", lambda info: output.begin())
    for stream in (sys.stdout, sys.stderr):  # what is written to the descriptors is shown once, and not in the terminal
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream._original_stdstream_copy)
    folder = Path(os.environ[guard.VARIABLE]).parent
    faulthandler.enable((folder / guard.CRASH).open("w"), all_threads=False)
    (folder / guard.READY).touch()


def trouble(error: str, where: dict) -> None:
    """Note a failure of a cell, and of a line of it where that is known; else of the cell that runs."""
    guard.note(guard.TROUBLE, {"error": error, "cell": _state.cell, **where})


def _begin(shell, info) -> None:
    _state.cell += 1
    guard.cells[shell.compile.get_code_name(info.raw_cell, info.raw_cell, _state.cell)] = _state.cell
    loop = asyncio.get_event_loop()
    if loop.get_task_factory() is not _new_task:
        loop.set_task_factory(_new_task)
        loop.set_exception_handler(_in_loop)


def review() -> None:
    """Note what has failed without a word since the last cell: tasks, and processes that nobody waits for."""
    if os.getpid() != _state.pid:
        trouble("a process that this cell made with os.fork reached the end of the cell, where it would be a second "
                "kernel; try os._exit(0) where its work is done", {})
        _leave(1)
    for task, where in list(_state.tasks):
        if task.done():
            _state.tasks.remove((task, where))
            if not task.cancelled() and getattr(task, "_log_traceback", False):  # nobody has asked for its error
                _failed("an asyncio task", task.exception(), where)
    for child, where in list(_state.children):
        status = child.exitcode if isinstance(child, multiprocessing.process.BaseProcess) else child.poll()
        if status is None:
            continue
        _state.children.remove((child, where))
        own = child.pid in _state.signalled or -status == signal.SIGPIPE  # the reader had enough
        if not own and (status < 0 or isinstance(child, multiprocessing.process.BaseProcess) and status):
            how = f"of {guard.signal_name(-status)}" if status < 0 else f"with status {status}"
            trouble(f"the process {_name(child)}, which this cell started, ended {how}; try to look at what it wrote, "
                    "or to check its status in the cell", where)


async def finish() -> None:
    """After the last cell: wait for the threads and tasks that cells have started, and look at what came of them."""
    threads = [(thread, cell) for thread, cell in _state.threads.items() if thread.is_alive() and not thread.daemon
               and not type(thread).__module__.startswith("joblib.")]  # its processes wait for the next call
    for what, cell in [*threads, *((task, where["cell"]) for task, where in _state.tasks)]:
        kind = "a thread" if isinstance(what, threading.Thread) else "an asyncio task"
        guard.note(guard.WAITING, {"cell": cell, "error": f"{kind} that this cell started was still running after "
                                     "the last cell; try to wait for it, or to end it, in a cell"})
    for thread, _ in threads:
        while thread.is_alive():
            await asyncio.sleep(0.05)
    if pending := [task for task, _ in _state.tasks if not task.done()]:
        await asyncio.wait(pending)
    while _state.at_exit:  # the kernel itself ends at once
        function, arguments, settings, where = _state.at_exit.pop()
        try:
            function(*arguments, **settings)
        except BaseException as error:
            _failed("a function of atexit", error, where)
    gc.collect()
    await asyncio.sleep(0)
    review()
    for future, error, where in _state.futures:
        if not future.asked:
            _failed("a future that no cell asked for its result", error, where)


def _failed(what: str, error: BaseException | None, where: dict) -> None:
    """Note an exception by the line of a cell that it passed, and the cell that started what it ended."""
    here = _last_place(error.__traceback__)
    trouble(f"{type(error).__name__} in {what}, which this cell started: {error}",
            {**where, **(here if here.get("cell") == where["cell"] else {})})


def _last_place(trace: types.TracebackType | None) -> dict:
    """The cell and line that an error has passed last; {} where it has passed none."""
    passed = [{"cell": guard.cells[frame.filename], "line": frame.lineno} for frame in traceback.extract_tb(trace)
              if frame.filename in guard.cells]
    return passed[-1] if passed else {}


def _here() -> dict:
    """The cell that the present thread works for."""
    return {"cell": _state.threads.get(threading.current_thread(), _state.cell)}


def _in_thread(failure) -> None:
    if issubclass(failure.exc_type, SystemExit) and not failure.exc_value.code:
        return
    threading.__excepthook__(failure)
    if os.getpid() == _state.pid:
        error = failure.exc_value.with_traceback(failure.exc_traceback)
        _failed("a thread", error, {"cell": _state.threads.get(failure.thread, _state.cell)})


def _unraisable(failure) -> None:
    """An error where Python has nobody to tell, in a destructor say; only that of code of the chapter counts."""
    sys.__unraisablehook__(failure)
    if (where := _last_place(failure.exc_traceback)) and os.getpid() == _state.pid:
        trouble(f"{failure.exc_type.__name__} where nobody can catch it (in {failure.object!r}): {failure.exc_value}",
                where)


def _in_loop(loop: asyncio.AbstractEventLoop, context: dict) -> None:
    """An error in a callback of the event loop; those of tasks are seen by `review`."""
    loop.default_exception_handler(context)
    error = context.get("exception")
    if error is not None and (where := _last_place(error.__traceback__)):
        _failed("the event loop", error, where)


def _new_task(loop: asyncio.AbstractEventLoop, coroutine, **settings: object) -> asyncio.Task:
    task = asyncio.Task(coroutine, loop=loop, **settings)
    if where := guard.place():
        _state.tasks.append((task, where))
    return task


def _show(show: Callable, *arguments, **settings) -> None:
    """Show an error as IPython does; but one of a forked process ends that, as in Python."""
    if os.getpid() == _state.pid:
        return show(*arguments, **settings)
    error = sys.exc_info()[1]
    if isinstance(error, SystemExit) and not error.code:
        _leave(0)
    _failed("a forked process", error, {"cell": _state.cell})
    _leave(1)


def _at_exit(function: Callable, *arguments, **settings) -> Callable:
    """In place of `atexit.register`: what a cell registers is called after the last cell, all else by Python."""
    if (caller := sys._getframe(1)).f_code.co_filename not in guard.cells or os.getpid() != _state.pid:
        return _register(function, *arguments, **settings)
    _state.at_exit.append((function, arguments, settings, guard.place(caller)))
    return function


def _not_at_exit(function: Callable) -> None:
    _state.at_exit[:] = [entry for entry in _state.at_exit if entry[0] != function]
    _unregister(function)


def _not_logged(handler: logging.Handler, handle: Callable, record: logging.LogRecord) -> None:
    """An entry in a log that could not be written, of a wrong format say; only that of code of the chapter counts."""
    if record.pathname in guard.cells:
        trouble(f"an entry of the log could not be written: {sys.exc_info()[1]!r}",
                {"cell": guard.cells[record.pathname], "line": record.lineno})
    handle(handler, record)


def _watch(event: str, arguments: tuple) -> None:
    """Audit hook: a chapter may end processes that it has started, but not its kernel."""
    if event in ("os.kill", "os.killpg"):
        if arguments[1]:  # 0 only asks whether there is such a process
            _state.signalled.add(arguments[0])
        if arguments[0] in (0, _state.pid) and arguments[1] not in (0, signal.SIGINT) and os.getpid() == _state.pid:
            trouble(f"the cell sent the kernel itself signal {int(arguments[1])}", guard.place())
    elif event == "os.exec" and os.getpid() == _state.pid:
        _end("os.exec replaces the kernel")


def _end(what: str) -> None:
    error = f"{what}, so that the rest of the chapter would not run; try to delete it, or to raise an error"
    trouble(f"ChapterEnded: {error}", guard.place())
    raise ChapterEnded(error)


def _refuse_exit() -> None:
    _end("exit() ends the kernel")


def _no_program(text: str) -> None:
    """What the magic command of scripts says goes to stdout alone."""
    print(text)
    trouble(text, {})


def _no_exit(status: int) -> None:
    caller = sys._getframe(1).f_globals.get("__name__", "")
    if os.getpid() != _state.pid or caller.startswith("ipykernel."):  # it has seen that the driver is gone
        _leave(status)
    _end(f"os._exit({status}) ends the kernel")


def _checked_system(command: str) -> int:
    status = _system(command)
    if (code := os.waitstatus_to_exitcode(status)) < 0:
        trouble(f"the command {command!r} ended of {guard.signal_name(-code)}", guard.place() or _here())
    return status


_leave, _system = os._exit, os.system
_register, _unregister = atexit.register, atexit.unregister


def _after(kind: type, name: str, note: Callable) -> None:
    """Have a method call `note` when it is done, in this process."""
    original = getattr(kind, name)

    @functools.wraps(original)
    def noted(self, *arguments, **settings):
        original(self, *arguments, **settings)
        if os.getpid() == _state.pid:
            note(self)

    setattr(kind, name, noted)


def _note_child(child: object) -> None:
    """Keep a process that a cell has started until its end is seen; joblib and asyncio look after their own."""
    if "loky" not in type(child).__module__ and "asyncio" not in sys._getframe(2).f_code.co_filename:
        _state.children.append((child, guard.place() or _here()))


def _name(child: object) -> str:
    command = getattr(child, "args", None)
    return repr(child.name if command is None else command)[:200]


def _note_futures() -> None:
    """Errors of futures, and of results of pools of processes, that nobody asks for."""
    future = concurrent.futures.Future
    future.asked = False
    failed, result, exception = future.set_exception, future.result, future.exception

    def set_exception(self, error):
        if error is not None and os.getpid() == _state.pid:
            _state.futures.append((self, error, _here()))
        failed(self, error)

    def asks(original: Callable) -> Callable:
        @functools.wraps(original)
        def ask(self, timeout=None):
            self.asked = True
            return original(self, timeout)
        return ask

    future.set_exception, future.result, future.exception = set_exception, asks(result), asks(exception)

    def note(pooled):
        if pooled.ready() and not pooled._success and not pooled._error_callback:
            _state.futures.append((pooled, pooled._value, _here()))

    pooled = multiprocessing.pool.ApplyResult
    pooled.asked = False
    pooled.get = asks(pooled.get)
    _after(pooled, "_set", note)
    _after(multiprocessing.pool.MapResult, "_set", note)
