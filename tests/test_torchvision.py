"""`lib.image_sets` imports torchvision late, and beside a CPU torch too."""

import gc
import subprocess
import sys

import pytest

from lib import image_sets
from tests.tree import ROOT


def test_torchvision_is_imported_only_where_it_is_needed():
    code = "import sys, lib.image_sets; print(sorted({'torch', 'torchvision', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


FAKE_TORCHVISION = """
import torch
if {condition}:
    raise RuntimeError("{message}")
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a package in torchvision's place; gives the list of signatures that are registered in torch's."""
    import torch
    registered = []

    class Library:
        def __init__(self, *names):
            assert names == ("torchvision", "DEF")

        def define(self, schema):
            registered.append(schema)

    def put(condition, message="operator torchvision::nms does not exist"):
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision/__init__.py").write_text(FAKE_TORCHVISION.format(condition=condition, message=message))
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(torch, "registered", registered, raising=False)
        monkeypatch.setattr(torch.library, "Library", Library)
        monkeypatch.setattr(image_sets, "_libraries", [])
        return registered
    yield put
    sys.modules.pop("torchvision", None)  # before monkeypatch brings the real one back


def test_the_two_operators_are_registered_where_they_are_missed(fake, tmp_path):
    registered = fake("len(torch.registered) < 2")
    assert image_sets.load_torchvision().__file__ == str(tmp_path / "torchvision/__init__.py")
    signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    assert registered == [f"nms{signature}", f"qnms{signature}"] and len(image_sets._libraries) == 1
    image_sets.load_torchvision()
    assert len(registered) == 2


def test_nothing_is_registered_where_torchvision_works_or_fails_otherwise(fake):
    registered = fake("False")
    image_sets.load_torchvision()
    assert registered == [] == image_sets._libraries


def test_other_errors_of_torchvision_are_not_hidden(fake):
    registered = fake("True", "built with another CUDA")
    with pytest.raises(RuntimeError, match="another CUDA"):
        image_sets.load_torchvision()
    assert registered == []


def test_the_operators_of_the_real_torchvision_stay():
    import torch
    vision = image_sets.load_torchvision()
    gc.collect()
    assert image_sets.load_torchvision() is vision
    # The native ones, or those registered here, which go with their Library object.
    assert str(torch.ops.torchvision.nms.default) == "torchvision.nms.default"
