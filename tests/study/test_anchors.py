"""The machinery of anchors: what makes them run again, how numbers are compared, and what a message tells to do."""

import ast
import json
import os
import shutil
import subprocess
from unittest import mock

import psutil
import pytest

from lib.pipeline import records
from lib.study import anchors, notebooks, provenance, surroundings
from lib.study.measures import is_number
from tests import mutations, patience
from tests.tree import ROOT

NAMES = anchors.names(ROOT)
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
    with mock.patch.object(anchors, "_measured", lambda top, waiting, jobs: dict.fromkeys(waiting, "no")):
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


def test_of_some_experiments_only_theirs_are_measured_and_what_has_passed_stays_known(toy):
    for suffix in (".py", ".json"):
        text = (toy / f"tests/anchors/walk{suffix}").read_text("utf-8")
        (toy / f"tests/anchors/run{suffix}").write_text(text.replace("walk as", "run as").replace('"walk"', '"run"')
                                                        .replace("lib.walks", "lib.runs"), "utf-8")
    (toy / "lib/runs.py").write_text(TOY["lib/walks.py"].replace("walk", "run"), "utf-8")
    assert anchors.of_modules(toy, ["lib", "lib.runs", "lib.walks.deep"]) == ["run"]
    assert anchors.of_modules(toy, ["lib.walks", "lib.runs"]) == ["run", "walk"]
    assert anchors.check(toy, wanted=[]) == {} and not (toy / "_build/anchors.json").exists()
    for wanted, waiting in ((["run"], ["run"]), (["run", "walk"], ["walk"]), (["walk"], []), (None, [])):
        with mock.patch.object(anchors, "_measured", wraps=anchors._measured) as measured:
            assert anchors.check(toy, wanted=wanted) == dict.fromkeys(wanted or ["run", "walk"], "")
        assert measured.call_args.args[1] == waiting


def test_the_experiments_of_a_chapter_are_those_that_it_imports():
    found = {}
    for path in notebooks.chapter_files(ROOT):
        modules = provenance.chapter_inputs(ROOT, path, "laptop").modules
        found[path.stem] = {*anchors.of_modules(ROOT, modules)}
        sweeps = records.declared_sweeps(ROOT, notebooks.read_chapter(path), "paper")
        assert {sweep.function.__name__ for sweep in sweeps.values()} <= found[path.stem], path.stem
    assert found["04-restricted-boltzmann-machines"] == set()
    assert found["05-quantum-state-reconstruction"] == {"magnetizations"}
    assert set(NAMES) - set.union(*found.values()) == {"imagenet_accuracy"}  # of no chapter, since it needs ImageNet


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


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_written_again_as_they_stand(name):
    path = ROOT / anchors.FOLDER / f"{name}.json"
    assert anchors.Anchors.read(path).text() == path.read_text("utf-8")


def test_a_file_of_another_form_is_named(toy):
    path = toy / "tests/anchors/walk.json"
    path.write_text(path.read_text("utf-8").replace('"tolerance": 0,', '"slack": 0,', 1), "utf-8")
    with pytest.raises(ValueError, match=r"walk\.json: cases\.defaults: expected the keys tolerance, numbers, got no "
                                         "tolerance, 'slack'; try "):
        anchors.check(toy)


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


def test_what_an_anchor_imports_and_nothing_else_makes_it_run_again(tmp_path):
    copy = mutations.copy_of(ROOT, tmp_path)
    before = {name: anchors.digest(copy, name) for name in NAMES}
    learning = {"learning_run", "learning_way", "learning_start", "minimal_hidden", "minimal_hidden_chain",
                "minimal_hidden_broken", "learning_judged", "learning_summed", "minimal_hidden_way"}
    touched = {"lib/image_sets.py": {"resnet_accuracy", "imagenet_accuracy"},
               "tests/anchors/_chains.py": {"magnetizations", "pruning_run", *learning}, "lib/rng.py": set(NAMES),
               "tests/anchors/_learning.py": learning, "lib/rbm/learning.py": {"learning_form", *learning},
               "lib/pruning/magnitude.py": {"pruning_run", "learning_form", *learning},
               "tests/anchors/mnist_accuracy.json": {"mnist_accuracy"}}
    for file, experiments in touched.items():
        path = copy / file
        text = path.read_text("utf-8")
        path.write_text(text + ("\nNEW = 1\n" if file.endswith(".py") else " "), "utf-8")
        assert {name for name in NAMES if anchors.digest(copy, name) != before[name]} == experiments, file
        path.write_text(text, "utf-8")


def test_every_helper_counts_for_the_anchors_that_import_it_in_whatever_form(tmp_path):
    copy = mutations.copy_of(ROOT, tmp_path)
    before = {name: anchors.digest(copy, name) for name in NAMES}
    imports = {path.stem: {name.rpartition(".")[2] for node in ast.walk(ast.parse(path.read_text("utf-8")))
                           if isinstance(node, (ast.Import, ast.ImportFrom))
                           for name in [getattr(node, "module", None) or "", *(one.name for one in node.names)]}
               for path in (copy / anchors.FOLDER).glob("*.py")}

    def needs(stem, helper):
        return helper in imports[stem] or any(needs(name, helper) for name in imports[stem]
                                              if name.startswith("_") and name in imports)

    helpers = sorted((copy / anchors.FOLDER).glob("_[a-z]*.py"))
    assert len(helpers) > 3
    for path in helpers:
        text = path.read_text("utf-8")
        path.write_text(text + "\nNEW = 1\n", "utf-8")
        changed = {name for name in NAMES if anchors.digest(copy, name) != before[name]}
        assert changed == {name for name in NAMES if needs(name, path.stem)} != set(), path.stem
        path.write_text(text, "utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_no_anchor_compares_what_is_zero_but_for_rounding(name):
    """Between zero and a part in a million there are only numbers that another processor gives otherwise."""
    for case, entry in anchors.Anchors.read(ROOT / anchors.FOLDER / f"{name}.json").cases.items():
        for what, values in entry.numbers.items() if entry.tolerance else ():
            numbers = [abs(value) for _, value in anchors._leaves(values, what) if is_number(value)]
            size = max(numbers, default=0.0)
            assert size < anchors.ROUNDING / 10 or size > 1e-6, (case, what, size)


def test_a_stopped_driver_takes_the_processes_that_measure_along(toy):
    """Also where they are in the middle of an experiment, which heeds no signal."""
    began = toy / "began"
    (toy / "tests/anchors/walk.py").write_text(
        f"import time\nfrom pathlib import Path\n\nPath({str(began)!r}).touch()\ntime.sleep(600)\n", "utf-8")
    environment = surroundings.variables(os.environ)
    driver = subprocess.Popen(surroundings.command(toy, "lib", "anchors"), cwd=toy, env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience.wait_for(began.exists)
    (measuring,) = psutil.Process(driver.pid).children()
    driver.terminate()
    assert driver.wait(patience.LIMIT) == 143
    assert not measuring.is_running()
