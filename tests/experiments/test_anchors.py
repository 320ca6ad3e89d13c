"""Anchors: they pass, every setting moves them, they take every branch, and who computes does not matter."""

import ast
import dis
import importlib
import inspect
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache
from unittest import mock

import pytest

from lib.models import image_training
from lib.study import anchors
from tests import mutations
from tests.anchors import _chains
from tests.toy_book import ROOT

NAMES = anchors.names(ROOT)
MODULES = {name: importlib.import_module(f"tests.anchors.{name}") for name in NAMES}
CASES = [(name, case) for name in NAMES for case in MODULES[name].CASES]
MACHINES = [(name, case) for name, case in CASES if "n_spins" in MODULES[name].CASES[case]
            and getattr(MODULES[name], "DRAWS", True)]
NATIVE = [case for case, settings in MODULES["resnet_accuracy"].CASES.items() if settings["device"] == "native"]


@cache
def numbers(name: str, case: str) -> dict:
    return MODULES[name].observe(case, MODULES[name].CASES[case])


def tolerance(name: str, case: str) -> float:
    return getattr(MODULES[name], "TOLERANCES", {}).get(case, MODULES[name].TOLERANCE)


def distance(name: str, case: str, found: dict) -> float:
    """The largest deviation from the numbers of a case, in its tolerances."""
    then, now = (json.loads(json.dumps({key: value for key, value in part.items() if key != "margin"}))
                 for part in (numbers(name, case), found))
    return max([0.0, *(off for off, _ in anchors.deviations(then, now, tolerance(name, case), least=0.0))])


def test_every_experiment_has_anchors_and_numbers():
    declared = set()
    for path in sorted((ROOT / "lib" / "experiments").glob("[!_]*.py")):
        module = importlib.import_module(f"lib.experiments.{path.stem}")
        found = [value for value in vars(module).values()
                 if inspect.isfunction(value) and hasattr(value, "version") and value.__module__ == module.__name__]
        declared |= {function.__name__ for function in found}
        for function in found:
            lines = [line for line in module.__doc__.splitlines() if line.startswith("Version ")]
            assert len(lines) == function.version, f"{path.name}: expected a dated line for every version"
    assert declared == set(NAMES)
    for name in NAMES:
        recorded = json.loads((ROOT / anchors.FOLDER / f"{name}.json").read_text("utf-8"))
        assert list(recorded["cases"]) == ["defaults", *MODULES[name].CASES] and 4 <= len(MODULES[name].CASES) <= 12
        assert all(set(settings) == set(inspect.signature(MODULES[name].experiment).parameters)
                   for settings in MODULES[name].CASES.values())


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_version(name):
    recorded = json.loads((ROOT / anchors.FOLDER / f"{name}.json").read_text("utf-8"))
    found = json.loads(json.dumps(MODULES[name].DEFAULTS, default=str))
    assert recorded["cases"]["defaults"]["numbers"] == found


@pytest.mark.parametrize("name, case", CASES)
def test_an_anchor_passes(name, case):
    found = {"version": MODULES[name].experiment.version,
             "cases": {case: {"tolerance": tolerance(name, case), "numbers": dict(numbers(name, case))}}}
    found["cases"][case]["numbers"].pop("margin", None)
    recorded = json.loads((ROOT / anchors.FOLDER / f"{name}.json").read_text("utf-8"))
    recorded["cases"] = {case: recorded["cases"][case]}
    message = anchors.message(ROOT, name, recorded, json.loads(json.dumps(found)))
    assert not message, message


@pytest.mark.parametrize("name, case", [pair for pair in CASES if pair[0].endswith("_accuracy")])
def test_no_answer_of_a_network_hangs_by_a_hair(name, case):
    assert numbers(name, case)["margin"] > 20 * tolerance(name, case)


# --- every setting


SETTINGS = [(name, setting) for name in NAMES for setting in inspect.signature(MODULES[name].experiment).parameters]


def test_exceptions_are_few_and_have_reasons():
    for module in MODULES.values():
        assert not set(module.PERTURBED) & set(module.COUNTS) and len(module.COUNTS) <= 3
        assert all(len(reason) > 20 for reason in module.COUNTS.values())


@pytest.mark.parametrize("name, setting", SETTINGS)
def test_anchors_notice_every_setting(name, setting):
    module = MODULES[name]
    if setting in module.COUNTS:
        pytest.skip(module.COUNTS[setting])
    case, other = module.PERTURBED[setting]
    assert module.CASES[case][setting] != other
    assert distance(name, case, module.observe(case, module.CASES[case] | {setting: other})) > 10


# --- who computes


@pytest.mark.parametrize("case", NATIVE)
def test_native_networks_and_torch_give_the_same_numbers(case):
    def in_torch(twin, settings, image_size):
        return image_training.TorchNet(twin, settings)

    module = MODULES["resnet_accuracy"]
    with mock.patch.object(image_training, "NativeNet", in_torch):
        found = module.observe(case, module.CASES[case])
    assert found["loss"] != numbers("resnet_accuracy", case)["loss"]  # another computation
    assert distance("resnet_accuracy", case, found) < 0.5


@pytest.mark.parametrize("case", [case for name, case in CASES if name == "resnet_accuracy" and "torch" in case])
def test_rounding_of_torch_is_far_below_the_tolerance(case):
    module, native = MODULES["resnet_accuracy"], image_training.NativeNet

    def in_float64(twin, settings):
        return image_training.TorchNet(twin.double(), settings)

    def by_native_kernels(twin, settings):
        return native(twin, settings, module.CASES[case]["image_size"])

    owner = importlib.import_module(module.experiment.__module__)
    for other in (in_float64, by_native_kernels):
        with mock.patch.object(owner, "ResidentNet", other):
            found = module.observe(case, module.CASES[case])
        assert found["loss"] != numbers("resnet_accuracy", case)["loss"]
        assert distance("resnet_accuracy", case, found) < 0.5


@pytest.mark.parametrize("case", MODULES["imagenet_accuracy"].CASES)
def test_pictures_in_float32_give_the_same_but_for_a_choice_by_a_hair(case):
    module = MODULES["imagenet_accuracy"]
    found = module.observe(case, module.CASES[case], image_training.TorchNet)
    assert 0 < distance("imagenet_accuracy", case, found) < 50  # a wrong step moves them by a thousand


@pytest.mark.parametrize("name, case", MACHINES)
def test_both_engines_draw_the_same_with_the_same_uniforms_and_nothing_by_a_hair(name, case):
    """All draws of a case keep a distance from their probability that rounding does not reach."""
    module = MODULES[name]
    with mock.patch.object(_chains, "engine", lambda _: _chains.computed("torch")), \
            _chains.watched_draws(own="torch" in case) as distances:
        found = module.observe(case, module.CASES[case])
    assert distances and min(distances) > 1e-6
    assert distance(name, case, found) < 1


# --- every branch


#: Choices that no anchor takes both ways, each with a reason.
ONE_WAY = {
    "lib.models.imagenet_training.train": "every is there to watch a training; an experiment does not",
    "lib.models.mlp.MLPSettings.__post_init__.<locals>.<listcomp>": "a check in a list, of which the next line asks",
    "lib.models.parametrization.parametrization": "figure 3.8 is in the NTK form; the others are for chapter 2",
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
    """The names of all functions in a module's code, of lambdas and comprehensions none."""
    parts = [part for part in code.co_consts if inspect.iscode(part) and not part.co_name.startswith("<")]
    return [part.co_qualname for part in parts] + [name for part in parts for name in _functions(part)]


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


# --- the machinery


TOY = {"tests/anchors/__init__.py": "",
       "tests/anchors/walk.py": "from lib.walks import walk as experiment\nTOLERANCE = 1e-6\nDEFAULTS = {'n': 3}\n"
                                "CASES = {'straight': {'n': 2}, 'broken': {'n': 'x'}}\n\n\n"
                                "def observe(case, settings):\n    return {'steps': experiment(**settings)}\n",
       "lib/walks.py": "STEP = 1.5\n\n\ndef walk(n):\n    return [STEP * k for k in range(1, n + 1)]\n\n\n"
                       "walk.version = 1\n"}


@pytest.fixture
def toy(tmp_path):
    """A tree with one small experiment, the machinery and Git."""
    for name in ("lib", "pyproject.toml", "constraints.txt"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    for path in (tmp_path / "lib" / "experiments").glob("[!_]*.py"):
        path.unlink()
    for name, text in TOY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    for words in (["init", "-q"], ["add", "tests"], ["commit", "-qm", "anchors"]):
        if words[0] == "commit":
            anchors.renew(tmp_path)
            subprocess.run(["git", "add", "tests"], cwd=tmp_path, check=True)
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_anchors_are_compared_by_content_and_say_what_to_do(toy):
    assert anchors.check(toy) == {"walk": ""}
    with mock.patch.object(anchors, "_measured", lambda top, waiting, jobs: dict.fromkeys(waiting, {"error": "no"})):
        path = toy / "lib" / "walks.py"
        path.write_text('"""Words."""\n' + path.read_text("utf-8").replace("\n\n\nwalk", "  # more of them\n\n\nwalk"))
        assert anchors.check(toy) == {"walk": ""}
    (toy / "data" / "records").mkdir(parents=True)
    point = {"kind": "point", "experiment": "walk", "version": 1}
    lines = [json.dumps(point | {"version": version}) for version in (1, 2)]
    (toy / "data" / "records" / "walks.jsonl").write_text("\n".join(lines) + "\n")
    path.write_text(path.read_text("utf-8").replace("1.5", "1.6"))
    for _ in range(2):  # what does not pass is not kept
        message = anchors.check(toy)["walk"]
        assert message.startswith("walk no longer does what made version 1 (case 'straight', steps[0]: 1.5 -> 1.6). A ")
        assert "raise its version to 2" in message and "1 recorded points become superseded" in message
    with pytest.raises(ValueError, match="walk no longer does what made version 1"):
        anchors.renew(toy)
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("    return", "    1 / 0\n    return"), "utf-8")
    assert "(case 'straight', which now raises ZeroDivisionError: " in anchors.check(toy)["walk"]
    path.write_text(whole, "utf-8")
    assert anchors.changed_without_version(toy) == []
    path.write_text(path.read_text("utf-8").replace("version = 1", "version = 2"))
    assert "is version 2, but its anchors are those of version 1; try make anchors" in anchors.check(toy)["walk"]
    assert anchors.renew(toy) == ["walk: 3 anchors of version 2 in tests/anchors/walk.json"]
    assert anchors.check(toy) == {"walk": ""} and anchors.changed_without_version(toy) == []
    path.write_text("raise RuntimeError('no')\n")
    assert anchors.check(toy)["walk"] == "the anchors of walk do not run: RuntimeError: no"


def test_numbers_that_changed_under_one_version_are_named(toy):
    path = toy / "tests" / "anchors" / "walk.json"
    text = path.read_text("utf-8")
    assert "TypeError" in text  # what a case raises is its result
    path.write_text(text.replace("3.0", "3.1"), "utf-8")
    (line,) = anchors.changed_without_version(toy)
    assert "tests/anchors/walk.json: expected the numbers of version 1" in line and "'straight'" in line
    path.write_text(text.replace("3.0", "3.1").replace('"version": 1', '"version": 2'), "utf-8")
    assert anchors.changed_without_version(toy) == []
    path.unlink()
    assert anchors.check(toy)["walk"] == "walk has no anchor numbers yet; try make anchors"


def test_experiments_with_the_same_compiled_modules_are_measured_by_one_process():
    parts = anchors._parts({name: anchors._compiled(ROOT, name) for name in NAMES}, 2)
    assert sorted(name for part in parts for name in part) == NAMES and len(parts) == 2
    for together in (("imagenet_accuracy", "resnet_accuracy"), ("learning_run", "magnetizations", "pruning_run")):
        assert any(set(together) <= set(part) for part in parts), parts
    assert anchors._parts({"a": ["x"], "b": [], "c": ["x"]}, 5) == [["a", "c"], ["b"]] and anchors._parts({}, 1) == []


def test_deviations_are_relative_to_the_largest_number_of_a_list():
    def off(then, now, tolerance=1e-3):
        return [where for _, where in anchors.deviations({"a": then}, {"a": now}, tolerance)]

    assert off([100.0, 0.0], [100.0, 0.05]) == [] and off([100.0, 0.0], [100.0, 0.2]) == ["a[1]: 0 -> 0.2"]
    assert off(1.0, 1.0005) == [] and off(1.0, 1.002) == ["a: 1 -> 1.002"]
    assert off(0.0, 1e-9) and not off(2e-17, -1e-16) and off(2e-17, 0.0, tolerance=0)
    assert off(None, 1.0) and off("x", "y") and off([1.0], [1.0, 2.0]) and off(True, False)
    assert off(1.0, float("nan")) and not off([None, 1, "x"], [None, 1, "x"])
    assert list(anchors.deviations({}, {"a": 1}, 1.0)) == [(float("inf"), "a: 0 -> 1 numbers")]


# --- mutations; make mutations does all of them


@pytest.fixture(scope="module")
def mutated(tmp_path_factory):
    """A copy of the tree with two experiments, whose anchors pass there."""
    copy = mutations.copy_of(ROOT, tmp_path_factory.mktemp("mutations"))
    mutations.compiled_as_in(ROOT, copy)
    for folder in (anchors.FOLDER, "lib/experiments"):
        for path in (copy / folder).glob("[!_]*.*"):
            if path.stem.removesuffix("_accuracy") not in ("mnist", "digits"):
                path.unlink()
    assert set(anchors.check(copy).values()) == {""}
    return copy


@pytest.mark.parametrize("what", ["one test image in the other half", "a function moves to another module"])
def test_a_mutation_gets_the_verdict_that_it_should(mutated, what):
    (mutation,) = [one for one in mutations.MUTATIONS if one.what == what]
    row = mutations.verdict(mutated, mutation, 2)
    assert row["as expected"], row
    assert list(row["moved"]) == list(mutation.caught_by)
    assert set(anchors.check(mutated).values()) == {""}  # all is as it was


def test_mutations_fit_the_code_and_one_that_does_not_is_named(tmp_path):
    copy = mutations.copy_of(ROOT, tmp_path)
    assert len({one.what for one in mutations.MUTATIONS}) == len(mutations.MUTATIONS) >= 16
    for mutation in mutations.MUTATIONS:
        for path, content in mutations.apply(copy, mutation).items():
            compile(path.read_text("utf-8"), str(path), "exec")
            path.unlink() if content is None else path.write_bytes(content)
    gone = mutations.Mutation("a line that went", (("lib/rng.py", "no such text", "x"),), ("mnist_accuracy",))
    with pytest.raises(ValueError, match="a line that went: expected 'no such text' once in lib/rng.py, got it 0 "):
        mutations.apply(copy, gone)


def test_what_an_anchor_imports_and_nothing_else_makes_it_run_again(tmp_path):
    copy = mutations.copy_of(ROOT, tmp_path)
    before = {name: anchors.digest(copy, name) for name in NAMES}
    learning = {"learning_run", "learning_way", "minimal_hidden", "minimal_hidden_chain", "minimal_hidden_broken"}
    touched = {"lib/image_sets.py": {"resnet_accuracy", "imagenet_accuracy"},
               "tests/anchors/_chains.py": {"magnetizations", "pruning_run", *learning}, "lib/rng.py": set(NAMES),
               "tests/anchors/_learning.py": learning, "lib/rbm/learning.py": learning,
               "lib/pruning/magnitude.py": {"pruning_run", *learning},
               "tests/anchors/mnist_accuracy.json": {"mnist_accuracy"}}
    for file, experiments in touched.items():
        path = copy / file
        text = path.read_text("utf-8")
        path.write_text(text + ("\nNEW = 1\n" if file.endswith(".py") else " "), "utf-8")
        assert {name for name in NAMES if anchors.digest(copy, name) != before[name]} == experiments, file
        path.write_text(text, "utf-8")
