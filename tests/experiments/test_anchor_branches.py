"""Anchors take every branch of the experiments, and of the plain Python that chooses for them."""

import ast
import dis
import inspect
import sys
from collections import defaultdict

from tests.experiments.test_anchors import CASES, MODULES

#: Choices that no anchor takes both ways, each with a reason.
ONE_WAY = {
    "lib.models.resnet.imagenet.train": "callback is there to watch a training; an experiment does not",
    "lib.models.mlp.training.MLPSettings.__post_init__.<locals>.<listcomp>": "a check, of which the next line asks",
    "lib.models.mlp.parametrization.parametrization": "figure 3.8 is in the NTK form; the others are for chapter 2",
    "lib.pruning.distribution._fill": "nothing removed: networks that are not wider have no masks at all",
    "lib.pruning.masks._check_shape": "a shape that is none: part of a check",
}


def _steps(work, files: set[str]) -> dict:
    """The pairs (offset, next offset) that `work` goes through, for each code of these files that it enters."""
    taken = defaultdict(set)

    def enter(frame, event, argument):
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps, before = taken[frame.f_code], [None]

        def step(frame, event, argument):
            if event == "opcode":
                steps.add((before[0], frame.f_lasti))
                before[0] = frame.f_lasti
            return step
        return step

    old = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(old)
    return taken


def _checks(source: str) -> list[tuple]:
    """Where the code refuses: tests of an `if` that ends in raise, what is raised, asserts, types after `except`."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) and not node.orelse:
            spans.append((node, node.test))
        elif isinstance(node, ast.ExceptHandler) and node.type is not None:
            spans.append((node, node.type))
        elif isinstance(node, (ast.Raise, ast.Assert)):
            spans.append((node, node))
    return [((start.lineno, start.col_offset), (end.end_lineno, end.end_col_offset)) for start, end in spans]


def _one_way(code, steps: set[tuple], checks: list[tuple]) -> list[str]:
    """The conditional jumps that were reached and always went the same way; the end of a loop is no choice."""
    instructions = list(dis.get_instructions(code))
    real, following = {}, None  # an offset that only extends an argument counts as that of its instruction
    for this in reversed(instructions):
        following = this.offset if this.opname != "EXTENDED_ARG" else following
        real[this.offset] = following
    steps = {(real.get(before), real[after]) for before, after in steps}
    found = []
    for this, then in zip(instructions, instructions[1:]):
        ways = {after for before, after in steps if before == this.offset}
        if "JUMP" not in this.opname or "IF" not in this.opname or not ways:
            continue
        at = this.positions
        begin, stop = (at.lineno, at.col_offset), (at.end_lineno, at.end_col_offset)
        checked = any(start <= begin and stop <= end or start == begin for start, end in checks)
        if not checked and not {real[this.argval], real[then.offset]} <= ways:
            found.append(f"{code.co_qualname}, line {at.lineno}, column {at.col_offset}")
    return found


def _functions(code, owner: str = "") -> list[str]:
    """The names of all functions in a module's code, of lambdas, comprehensions and classes none."""
    parts = [part for part in code.co_consts if inspect.iscode(part) and not part.co_name.startswith("<")]
    called = [part.co_qualname for part in parts if part.co_flags & inspect.CO_OPTIMIZED]  # the body of a class is not
    return called + [name for part in parts for name in _functions(part)]


def test_anchors_take_every_branch():
    """Of the experiments, and of the plain Python that chooses for them, both ways of every choice that is reached."""
    modules = {module.__file__: module for anchor in MODULES.values() for module in anchor.COVERED}
    for kept in [kept for module in modules.values() for kept in vars(module).values() if hasattr(kept, "cache_clear")]:
        kept.cache_clear()  # what an earlier test has left there would not be called

    def work():
        for name, case in CASES:
            MODULES[name].experiment.data(MODULES[name].CASES[case])
            MODULES[name].observe(case, MODULES[name].CASES[case])

    taken, missing = _steps(work, set(modules)), set()
    for file, module in modules.items():
        source = inspect.getsource(module)
        entered = {code: steps for code, steps in taken.items() if code.co_filename == file}
        missing |= {f"{module.__name__}.{place}" for code, steps in entered.items()
                    for place in _one_way(code, steps, _checks(source))}
        if module.__name__.startswith("lib.experiments."):
            names = {code.co_qualname for code in entered}
            missing |= {f"{module.__name__}.{name}, never called"
                        for name in _functions(compile(source, file, "exec")) if name not in names}
    unknown = sorted(place for place in missing if place.split(",")[0] not in ONE_WAY)
    assert not unknown, "choices that anchors take one way only:\n" + "\n".join(unknown)
    assert set(ONE_WAY) <= {place.split(",")[0] for place in missing}  # an exception that is none any more goes
