"""Formulas without a network: MathJax is copied into the site, and only the part of it that pages use.

The package ``sphinx-mathjax-offline`` carries all of MathJax 3 (15 MB).  A page needs one script, its fonts, and the
TeX extensions that MathJax fetches when a formula uses them: 2 MB.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_NEEDED = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def setup(app: Sphinx) -> None:
    app.connect("config-inited", _point_to_copy)
    app.connect("build-finished", copy_mathjax)


def _point_to_copy(app: Sphinx, config: object) -> None:
    config.mathjax_path = "mathjax/tex-chtml.js"
    settings = dict(config.mathjax3_config or {})
    # The menu offers speech and other parts that are not copied.
    settings["options"] = {**settings.get("options", {}), "enableMenu": False}
    config.mathjax3_config = settings


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the needed files of MathJax to ``_static/mathjax``."""
    if exception is not None or app.builder.format != "html":
        return
    package = find_spec("sphinx-mathjax-offline")
    if package is None:
        raise ExtensionError("expected the package sphinx-mathjax-offline, which holds MathJax; try installing it")
    source = Path(package.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in _NEEDED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
