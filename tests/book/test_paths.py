"""Files, modules and commits that pages name: links to the reference, and to the repository once it has an address."""

import json
import re
from pathlib import Path

import companion_data
import companion_paths
import pytest
import yaml
from docutils import nodes
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp

from lib.pipeline import api
from tests.tree import ROOT

ADDRESS = "https://example.org/owner/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book/_ext")!r})
extensions = ["myst_parser", "companion_paths"]
source_suffix = {{".md": "markdown"}}
"""
MADE = companion_data.commit_markup({"commit": COMMIT, "dirty": True})
PAGE = f"""# The file `lib/walks/plain.py`

`lib/walks/plain.py`, `lib/walks`, `lib/walks/`, `lib.walks.plain.walk()`, `lib.walks.plain.Walker.place`,
`lib/base.py`, [`lib/walks/plain.py`](other.md), `lib/walks/_loops.py`, `lib/walks/gone.py`, `data/kept.csv`,
`data/cache/made.csv`, `data/`, `data`, `Makefile`, `../secret`, `_config.yml`, `walk`.

Run at commit `b625210`, and at `b625211`, of commits `b625212`.

<p>{MADE}; {companion_data.commit_markup({"commit": None})}</p>
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    """built(address): the page of a small book, and the warnings."""
    for name in ("lib/base.py", "lib/walks/__init__.py", "lib/walks/plain.py", "lib/walks/_loops.py", "data/kept.csv",
                 "data/cache/made.csv", "Makefile", "_config.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text({"lib/walks/plain.py": "def walk():\n    pass\n\n\nclass Walker:\n    def place(self):\n"
                                               "        pass\n"}.get(name, '"""Words."""\n'))
    (tmp_path.parent / "secret").write_text("")
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    source = tmp_path / "stage"
    (source / "_data").mkdir(parents=True)
    (source / "_data/names.json").write_text(json.dumps(api.names(api.described(tmp_path))))
    (source / "index.md").write_text(PAGE)
    (source / "other.md").write_text("---\norphan: true\n---\n\n# Another page\n")

    def built(address=None):
        (source / "conf.py").write_text(CONF + (f"repository_url = {address!r}\n" if address is not None else ""))
        app = SphinxTestApp(srcdir=source, builddir=tmp_path / "built", freshenv=True)
        try:
            app.build()
            text = (Path(app.outdir) / "index.html").read_text("utf-8")
            assert "names.json" in "".join(map(str, app.env.dependencies["index"]))
            return text, app.warning.getvalue()
        finally:
            app.cleanup()

    return built


def links(text):
    """The links of code and commits, by their words."""
    found = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*><code[^>]*>(.*?)</code></a>', text)
    return {re.sub("<.*?>", "", words): where for where, words in found}


REFERENCE = {"lib/walks/plain.py": "api-walks.html#api-lib.walks.plain", "lib/walks": "api-walks.html#api-lib.walks",
             "lib/walks/": "api-walks.html#api-lib.walks", "lib/base.py": "api-base.html#api-lib.base",
             "lib.walks.plain.walk()": "api-walks.html#api-lib.walks.plain.walk",
             "lib.walks.plain.Walker.place": "api-walks.html#api-lib.walks.plain.Walker.place"}


def test_names_of_lib_lead_to_the_reference_and_nothing_leads_to_a_repository_without_an_address(built):
    text, warnings = built()
    assert warnings == "" and links(text) == REFERENCE
    assert text.count('href="api-walks.html#api-lib.walks.plain"') == 1  # no heading is a link, and no link another one
    assert f'<code class="commit" title="{COMMIT}">0123456789</code>, with uncommitted changes; not in a repos' in text


@pytest.mark.parametrize("slash", ["", "/"])
def test_with_an_address_files_folders_and_commits_lead_to_the_repository(built, slash):
    text, warnings = built(ADDRESS + slash)
    files = {"lib/walks/_loops.py": "blob", "data/kept.csv": "blob", "data/": "tree", "Makefile": "blob",
             "_config.yml": "blob"}
    assert warnings == "" and links(text) == REFERENCE | {
        name: f"{ADDRESS}/{kind}/HEAD/{name.rstrip('/')}" for name, kind in files.items()} | {
        "b625210": f"{ADDRESS}/commit/b625210", "b625212": f"{ADDRESS}/commit/b625212",
        "0123456789": f"{ADDRESS}/commit/{COMMIT}"}
    assert "</a>, with uncommitted changes; not in a repository" in text


def test_sources_of_the_reference_lead_to_their_line():
    paragraph = nodes.paragraph("", "", nodes.inline("", "lib/walks/plain.py, line 9"), classes=["api-source"])
    document = nodes.container("", paragraph, nodes.paragraph("", "lib/walks/plain.py, line 9"))
    companion_paths._link_sources(document, ADDRESS)
    (link,) = document.findall(nodes.reference)
    assert link["refuri"] == f"{ADDRESS}/blob/HEAD/lib/walks/plain.py#L9" and link.parent is paragraph
    assert paragraph.astext() == "lib/walks/plain.py, line 9"


@pytest.mark.parametrize("address", ["owner/name", "git@example.org:o/name", "https://example.org", "https://a b/c"])
def test_what_is_no_address_is_refused(built, address):
    with pytest.raises(ConfigError, match="_config.yml: expected the address of a repository as repository_url, got"):
        built(address)


def test_the_setting_is_where_the_words_about_it_say():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    assert "repository_url" in config and "`repository_url` in `_config.yml`" in (
        ROOT / "book/writing.md").read_text("utf-8")
