"""A site that works from the disk, without a network and without complaints in the browser's console, and shows soon.

* Thebe, which would fetch a live-code client from a CDN, is left out of every page.
* Browsers refuse to *preload* fonts for pages opened from ``file://`` (the style sheet still loads them), and a script
  that is needed last is no hurry: the theme's preload links are removed.
* Scripts wait until the page is there (``defer``), but for the settings that others read at once.  The theme's icons
  are letters of a font; the script of 1.5 MB that draws them a second time is left out.
* A page without a chosen theme has the colours of the system from its first picture on, not from its last script.
* Entries of the bibliography are items of their list: the role that docutils gives them is deprecated.
* What unfolds a part of the table of contents has a name for those who do not see its arrow.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

_PRELOAD = re.compile(r"[ \t]*<link rel=\"preload\" as=\"(?:font|script)\"[^>]*>\n?")
_ICONS = "vendor/fontawesome/*/js"
_ICON_SCRIPT = re.compile(r"[ \t]*<script src=\"[^\"]*/fontawesome/[^\"]*\"></script>\n?")
_ICON = re.compile(r'<i (?=class="fa)')
_SCRIPT = re.compile(r'<script (?=(?:data-\S+ )*src="(?![^"]*documentation_options))(?![^>]*\b(?:async|defer)\b)')
_THEME = 'localStorage.getItem("theme") || "auto"'
_SYSTEM = 'localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'
_ENTRY, _ITEM = 'role="doc-biblioentry"', 'role="listitem"'
_ARROW, _NAMED = ('<summary><span class="toctree-toggle"',
                  '<summary aria-label="The pages below"><span class="toctree-toggle"')


def setup(app: Sphinx) -> None:
    # After sphinx-thebe and the theme have added theirs.
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("build-finished", mend_pages, priority=900)


def _drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not _is_thebe(asset)]


def _is_thebe(asset: object) -> bool:
    body = getattr(asset, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(asset, 'filename', asset)} {body}".lower()


def mended(page: str) -> str:
    """The HTML of a page as this site shows it."""
    page = _ICON_SCRIPT.sub("", _PRELOAD.sub("", page))
    page = _ICON.sub('<i aria-hidden="true" ', _SCRIPT.sub("<script defer ", page))
    return page.replace(_THEME, _SYSTEM).replace(_ENTRY, _ITEM).replace(_ARROW, _NAMED)


def mend_pages(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text("utf-8")
        if (now := mended(text)) != text:
            path.write_text(now, "utf-8")
    for folder in (Path(app.outdir) / "_static").glob(_ICONS):
        shutil.rmtree(folder)
    for name in ("sphinx-thebe.js", "sphinx-thebe.css"):
        (Path(app.outdir) / "_static" / name).unlink(missing_ok=True)
