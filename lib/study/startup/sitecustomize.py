"""Python imports this first in every process that the kernel of a chapter starts, and in the kernel itself.

The module is loaded from its file: nothing of `lib` need be importable here.
"""

import importlib.util
import os
import sys

if "COMPANION_GUARD" in os.environ:
    place = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "guard.py")
    spec = importlib.util.spec_from_file_location("lib.study.guard", place)
    guard = sys.modules["lib.study.guard"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guard)
    guard.install()
