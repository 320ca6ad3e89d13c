"""A site that works from the disk, without a network and without complaints in the browser's console.

* Thebe, which would fetch a live-code client from a CDN, is left out of every page.
* Browsers refuse to *preload* fonts for pages opened from ``file://`` (the style sheet still loads them): the theme's
  preload links are removed.
* Entries of the bibliography are items of their list: the role that docutils gives them is deprecated.
* What unfolds a part of the table of contents has a name for those who do not see its arrow.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

_PRELOAD = re.compile(r"[ \t]*<link rel=\"preload\" as=\"font\"[^>]*>\n?")
_ENTRY, _ITEM = 'role="doc-biblioentry"', 'role="listitem"'
_ARROW, _NAMED = ('<summary><span class="toctree-toggle"',
                  '<summary aria-label="The pages below"><span class="toctree-toggle"')


def setup(app: Sphinx) -> None:
    # After sphinx-thebe and the theme have added theirs.
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("build-finished", _drop_preloads, priority=900)


def _drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not _is_thebe(asset)]


def _is_thebe(asset: object) -> bool:
    body = getattr(asset, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(asset, 'filename', asset)} {body}".lower()


def _drop_preloads(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text("utf-8")
        mended = _PRELOAD.sub("", text).replace(_ENTRY, _ITEM).replace(_ARROW, _NAMED)
        if mended != text:
            path.write_text(mended, "utf-8")
    for name in ("sphinx-thebe.js", "sphinx-thebe.css"):
        (Path(app.outdir) / "_static" / name).unlink(missing_ok=True)
