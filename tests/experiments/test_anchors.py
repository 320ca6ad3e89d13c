"""Anchors: they pass, every setting moves them, and who computes does not matter."""

import importlib
import inspect
import json
from dataclasses import replace
from functools import cache
from unittest import mock

import pytest

from lib.models.resnet import trainers
from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
from lib.study import anchors
from lib.study.anchors import Anchors, Case
from tests.anchors import _chains
from tests.tree import ROOT

NAMES = anchors.names(ROOT)
MODULES = {name: importlib.import_module(f"tests.anchors.{name}") for name in NAMES}
CASES = [(name, case) for name in NAMES for case in MODULES[name].CASES]
MACHINES = [(name, case) for name, case in CASES if "n_spins" in MODULES[name].CASES[case]
            and getattr(MODULES[name], "DRAWS", True)]
NATIVE = [case for case, settings in MODULES["resnet_accuracy"].CASES.items() if settings["device"] == "native"]


@cache
def numbers(name: str, case: str) -> dict:
    return MODULES[name].observe(case, MODULES[name].CASES[case])


def recorded(name: str) -> Anchors:
    return Anchors.read(ROOT / anchors.FOLDER / f"{name}.json")


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
        assert list(recorded(name).cases) == ["defaults", *MODULES[name].CASES] and 4 <= len(MODULES[name].CASES) <= 12
        assert all(set(settings) == set(inspect.signature(MODULES[name].experiment).parameters)
                   for settings in MODULES[name].CASES.values())


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_version(name):
    found = json.loads(json.dumps(MODULES[name].DEFAULTS, default=str))
    assert recorded(name).cases["defaults"].numbers == found


@pytest.mark.parametrize("name, case", CASES)
def test_an_anchor_passes(name, case):
    now = {what: value for what, value in numbers(name, case).items() if what != "margin"}
    found = Anchors(name, MODULES[name].experiment.version,
                    {case: Case(tolerance(name, case), json.loads(json.dumps(now)))})
    then = recorded(name)
    message = anchors.message(ROOT, name, replace(then, cases={case: then.cases[case]}), found)
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
        return TorchTrainer(twin, settings)

    module = MODULES["resnet_accuracy"]
    with mock.patch.object(trainers, "NativeTrainer", in_torch):
        found = module.observe(case, module.CASES[case])
    assert found["loss"] != numbers("resnet_accuracy", case)["loss"]  # another computation
    assert distance("resnet_accuracy", case, found) < 0.5


@pytest.mark.parametrize("case", [case for name, case in CASES if name == "resnet_accuracy" and "torch" in case])
def test_rounding_of_torch_is_far_below_the_tolerance(case):
    module, native = MODULES["resnet_accuracy"], NativeTrainer

    def in_float64(twin, settings):
        return TorchTrainer(twin.double(), settings)

    def by_native_kernels(twin, settings):
        return native(twin, settings, module.CASES[case]["image_size"])

    owner = importlib.import_module(module.experiment.__module__)
    for other in (in_float64, by_native_kernels):
        with mock.patch.object(owner, "ResidentTrainer", other):
            found = module.observe(case, module.CASES[case])
        assert found["loss"] != numbers("resnet_accuracy", case)["loss"]
        assert distance("resnet_accuracy", case, found) < 0.5


@pytest.mark.parametrize("case", MODULES["imagenet_accuracy"].CASES)
def test_pictures_in_float32_give_the_same_but_for_a_choice_by_a_hair(case):
    module = MODULES["imagenet_accuracy"]
    found = module.observe(case, module.CASES[case], TorchTrainer)
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
