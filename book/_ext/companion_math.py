"""Formulas without a network, and after the first picture: MathJax is copied into the site, as far as pages use it.

The package ``sphinx-mathjax-offline`` carries all of MathJax 3 (15 MB).  A page needs one script, its fonts, and the
TeX extensions that MathJax fetches when a formula uses them: 2 MB.  On a page of many formulas it takes a browser
seconds, in which nothing else is drawn, so that it waits for the first picture.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# MathJax's own hook: what it does as soon as the page is read, here once the picture is seen, or after a while.
_AFTER_PICTURE = """
window.MathJax.startup = {pageReady: () => {
  const image = [...document.querySelectorAll("article img")].find(image => image.getClientRects().length);
  const seen = image ? image.decode().catch(() => null).then(() => new Promise(requestAnimationFrame)) : null;
  return Promise.race([seen, new Promise(done => setTimeout(done, 3000))])
    .then(() => new Promise(done => setTimeout(done))).then(() => MathJax.startup.defaultPageReady());
}};"""
LONGEST = 40  # characters of a formula that stays on a line with what follows it
_NEEDED = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def setup(app: Sphinx) -> None:
    app.connect("config-inited", _point_to_copy)
    app.connect("doctree-read", keep_punctuation)
    app.connect("html-page-context", wait_for_picture, priority=900)  # after Sphinx has added the settings
    app.connect("build-finished", copy_mathjax)


def _point_to_copy(app: Sphinx, config: object) -> None:
    config.mathjax_path = "mathjax/tex-chtml.js"
    settings = dict(config.mathjax3_config or {})
    # The menu offers speech and other parts that are not copied.
    settings["options"] = {**settings.get("options", {}), "enableMenu": False}
    config.mathjax3_config = settings


def keep_punctuation(app: Sphinx, doctree: nodes.document) -> None:
    """Let no line begin with the comma behind a formula, nor end with the bracket before one: browsers break lines
    there, as beside a picture.  Long formulas are left alone, which a phone has no room for otherwise."""
    for formula in list(doctree.findall(nodes.math)):
        parent = formula.parent
        if isinstance(parent, nodes.title) or len(formula.astext()) > LONGEST:
            continue
        parts = [formula]
        for step, edge in ((-1, r"[(\[“]+$"), (1, r"^[,.;:!?)\]”]+")):
            place = parent.index(formula) + step
            beside = parent[place] if 0 <= place < len(parent) else None
            if isinstance(beside, nodes.Text) and (found := re.search(edge, beside)):
                parent[place] = nodes.Text(beside[:found.start()] + beside[found.end():])
                parts.insert(0 if step < 0 else len(parts), nodes.Text(found[0]))
        if len(parts) > 1:
            parent.replace(formula, nodes.inline("", "", *parts, classes=["whole"]))


def wait_for_picture(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Put the hook behind MathJax's settings on a page that has formulas."""
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body") or ""
        if body.startswith("window.MathJax = ") and not body.endswith(_AFTER_PICTURE):
            script.attributes["body"] = body + ";" + _AFTER_PICTURE


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
