"""Pages from a staged book: Jupyter Book's own builder, in a process of its own, and only for what has changed.

``python -m lib render STAGED PLACE`` leaves pages in PLACE/html, what Sphinx has read in PLACE/.doctrees, and
what a page can see of the others in PLACE/facts.json.  With ``--update`` the pages are brought up to date instead of
rendered anew; where a page has changed what others show of it, this ends with the status :data:`MOVED`, and nothing in
PLACE is of use any more.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import glob
import hashlib
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from lib import atomic
from lib.study import notebooks

MOVED = 4
FACTS = "facts.json"
CAPTIONS = "captions"


def render(top: Path, staged: Path, place: Path, *, strict: bool, update: bool, rehearse: bool = False) -> int:
    """Render, and return the exit status; warnings go to stderr, and are errors if `strict`.

    A rehearsal only reads pages and puts them into HTML, none of which it writes.
    """
    gc.disable()  # nearly all that is made of pages lives to the end; looking for what does not takes a sixth
    notebooks.skip_address_parser()
    import pybtex.plugin

    # It looks through all installed packages for each citation.
    pybtex.plugin.find_plugin = functools.cache(pybtex.plugin.find_plugin)
    from jupyter_book.sphinx import build_sphinx
    from sphinx_external_toc import events

    def files(pattern: str, **options):
        """For sphinx-external-toc, which takes the name of the folder for a pattern and finds pages of others by it."""
        folder, _, name = pattern.rpartition("**")
        return glob.iglob(f"{glob.escape(folder)}**{name}", **options)

    events.glob = SimpleNamespace(iglob=files)
    shutil.rmtree(place / "html" / "_static", ignore_errors=True)  # written anew, in places by what is there already
    settings = {"nitpicky": strict, "external_toc_path": str(staged / "_toc.yml"), "latex_individualpages": False,
                "companion_known": str(place / FACTS) if update else "", "companion_rehearsal": rehearse}
    with contextlib.redirect_stdout(sys.stderr):
        done = build_sphinx(staged, place / "html", noconfig=True, path_config=staged / "_config.yml",
                            confoverrides=settings, doctreedir=place / ".doctrees", warningiserror=strict,
                            keep_going=strict, quiet=True, freshenv=not update)
    return done if isinstance(done, int) else 1


def setup(app) -> dict:
    """Watch, as an extension of Sphinx, what pages show of each other."""
    app.add_config_value("companion_known", "", "")
    app.add_config_value("companion_rehearsal", False, "")
    app.connect("builder-inited", write_nothing)
    app.connect("env-get-updated", compare, priority=999)  # after all that count sections and figures
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_nothing(app) -> None:
    """Of a rehearsal, keep all that complains of a page: its HTML is made, and goes nowhere.  What was not read anew
    has not changed, though it has no page."""
    if app.config.companion_rehearsal:
        (Path(app.outdir) / "_static").mkdir(parents=True)  # some extensions write there, whatever the builder does
        builder = app.builder
        builder.search, builder.get_outdated_docs = False, lambda: []
        builder.get_doc_context = builder.handle_page = builder.copy_assets = builder.finish = lambda *_, **__: {}


def compare(app, env) -> list[str]:
    """End an update where a page has changed what others show of it; where only captions changed, which other pages
    show as texts of links, name all pages, which are written again from what was read of them."""
    known = app.config.companion_known and atomic.read_json(Path(app.config.companion_known))
    now = facts(env)
    if not known or known == now:
        return []
    if known | {CAPTIONS: now[CAPTIONS]} != now:
        raise SystemExit(MOVED)
    return sorted(env.found_docs)


def finish(app, error: Exception | None) -> None:
    """Note what pages show of each other; take away the pictures that no page shows any more."""
    if error is not None:
        return
    atomic.write_json(Path(app.outdir).parent / FACTS, facts(app.env))
    if app.config.companion_rehearsal:
        return
    shown = {name for _, name in app.env.images.values()}
    for picture in (Path(app.outdir) / "_images").glob("*"):
        if picture.name.replace(".narrow.", ".") not in shown:  # narrow variants stand beside their pictures
            picture.unlink()


def facts(env) -> dict[str, str]:
    """Digests of what a page can show of the others: titles, labels, numbers, citations, terms."""
    found = {"titles": {name: title.pformat() for name, title in env.titles.items()},
             "contents": {name: toc.pformat() for name, toc in env.tocs.items()},
             "section numbers": env.toc_secnumbers, "figure numbers": env.toc_fignumbers,
             "pages": env.found_docs, **{f"domain {name}": data for name, data in env.domaindata.items()}}
    labels = env.domaindata["std"]["labels"]
    found["domain std"] = env.domaindata["std"] | {"labels": {name: label[:2] for name, label in labels.items()}}
    found[CAPTIONS] = {name: label[2] for name, label in labels.items()}
    if "domain cite" in found:  # its own numbers and lines change with every reading
        found["domain cite"] = {(reference.docname, target.key) for reference in env.domaindata["cite"]["citation_refs"]
                                for target in reference.targets}
    return {name: hashlib.sha256(_canonical(value).encode()).hexdigest() for name, value in found.items()}


def _canonical(value: object) -> str:
    """A text that is the same for equal values, in whatever order they were put in."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{_canonical(key)}:{_canonical(inner)}" for key, inner in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(map(_canonical, value))) + "}"
    return repr(value)
