"""Trees in places with odd names, parameter sets with odd names, and links on the way: names are never parsed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.pipeline import build, gate, places, rehearsal
from lib.study import parameters
from tests import patience, toy_book

FOLDERS = ["thesis: two", "{x}", "{seed}", "{prefix}", "100%", "a#b", "[glob]*", "$HOME", "-dash", "--root", "it's",
           '"q"', "a b  c", "Größe 數", "a&b;c", "`id`", "~", "a,b", "a=b", "%s%(x)d",
           "back\\slash", "!x", "?", "<x>", "a.md", "new\nline",
           "s3:", "file:", "lib", "book", "_build", "tick\ttab", "é" * 60, "1e3", "null", "${x}", "@@", "+", "^", "|"]
ALL = "/".join(name for name in FOLDERS if name not in ("lib", "é" * 60, "~"))


READING = """
```{code-cell} ipython3
import subprocess
import sys

subprocess.run([sys.executable, "-c", "import sys; open(sys.argv[1])", str(root() / "data/other.txt")])
```
"""


def contents(place: Path) -> dict[str, bytes]:
    return {name: content for name, content in toy_book.contents(place).items() if "__pycache__" not in name}


def build_in(top: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> None:
    toy_book.know(top)
    done = subprocess.run([sys.executable, "-m", "lib", "--root", str(top), *arguments], cwd=cwd or top,
                          env=os.environ | variables, capture_output=True, text=True, timeout=patience.LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """A toy book whose pages the renderer has taken."""
    top = toy_book.make(tmp_path_factory.mktemp("rehearsed"))
    assert rehearsal.problems(top) == []
    return top


def test_a_tree_is_built_wherever_it_lies(tmp_path, rehearsed, drawn):
    """One folder within the other, of all names; and some by themselves, with neighbours that nothing may touch."""
    neighbours = toy_book.make(tmp_path / "neighbours")
    for name in [ALL, *drawn(FOLDERS, 1)]:
        top = tmp_path / "places" / name / "tree"
        toy_book.make(top) if name == ALL else shutil.copytree(rehearsed, top)
        toy_book.commit(top)
        for other in ("thesis", "1", "x", "HOME", "glob"):
            (top.parent / other).symlink_to(neighbours)
        before = contents(neighbours), sorted(os.listdir(top.parent))
        build_in(top, "book")
        assert (contents(neighbours), sorted(os.listdir(top.parent))) == before
        record = json.loads((top / "_build/executed/01-first.json").read_text())
        assert record["provenance"]["commit"] == toy_book.git(top, "rev-parse", "HEAD")
        assert not record["provenance"]["dirty"] and (top / "_build/html/01-first.html").exists()
        shown = [path for path, content in contents(top / "_build/html").items() if str(tmp_path).encode() in content]
        assert shown == []
        if name == ALL:
            build_in(top, "chapter", "1", "--params=label='bold' seed=3")
            toy_book.write(top, "data/other.txt", "")
            with (top / "book/01-first.md").open("a") as file:
                file.write(READING)
            done = toy_book.run(top, "execute", "1")
            assert "got a read of data/other.txt" in done.stdout, done.stdout + done.stderr
        shutil.rmtree(tmp_path / "places")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_commands_work_in_a_folder_of_any_name(tmp_path, name):
    """With the Makefile, where Python's virtual environments can be there at all."""
    top = tmp_path / name
    for source in ("Makefile", "constraints.txt", "pyproject.toml"):
        (top / source).parent.mkdir(parents=True, exist_ok=True)
        (top / source).write_bytes((toy_book.ROOT / source).read_bytes())
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> ../said\n'
                      'case "$*" in *venv*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;; esac\n')
    python.chmod(0o755)
    done = subprocess.run(["make", "chapter", "CH=$(x)'\"", "PARAMS=a='$HOME' b=\"`id`\" c={x} # d",
                           "SWEEP=a='$1',`2`", f"PYTHON={python}"], cwd=top, capture_output=True, text=True)
    if ":" in name:
        assert done.returncode != 0 and f"got {top}; try to rename it: mv" in done.stdout
        assert sorted(os.listdir(top)) == ["Makefile", "constraints.txt", "pyproject.toml"]
        return
    said = (tmp_path / "said").read_text().splitlines()
    assert done.returncode == 0 and said[-4:] == [
        "chapter", "$(x)'\"", "--params=a='$HOME' b=\"`id`\" c={x} # d", "--sweep=a='$1',`2`"], done
    assert sorted(os.listdir(top)) == [".venv", "Makefile", "constraints.txt", "pyproject.toml"]


NAMES = ["2026_11", "007", "true", "null", "no", "1e3", "0x10", "1:30", "2026-11-01", ".5", "a b", "é", "{x}",
         "100%", "$HOME", "it's", '"q"', "~", "-dash", "--root", "a#b", "*", "[a]", "a=b", "&a", "!x", "@x", "a,b",
         "laptops", "é."]


def test_a_parameter_set_may_have_any_name(tmp_path, drawn):
    """All of them in one tree; the command line gets some."""
    top = toy_book.make(tmp_path)
    for number, name in enumerate(NAMES):
        toy_book.write(top, f"book/parameters/{name}.yml", f'"01":\n  n_points: {number + 3}\n')
    assert set(NAMES) <= set(parameters.profiles(top)) and build.check(top) == []
    for number, name in enumerate(NAMES):
        assert parameters.profile_values(top, name) == {"01": {"n_points": number + 3}}, name
    for name in drawn(NAMES, 4):
        done = subprocess.run([*toy_book.command(top, "status"), f"--profile={name}"], cwd=top, text=True,
                              capture_output=True, env=toy_book.environment(top))
        assert done.returncode == 0 and "never run" in done.stdout, name


def test_a_book_of_a_parameter_set_of_any_name(rehearsed, tmp_path, drawn):
    top = shutil.copytree(rehearsed, tmp_path / "book")
    for name in {"*", *drawn(NAMES, 1)}:  # "*" is a pattern, too, of which the folder of the rehearsal is one case
        toy_book.write(top, f"book/parameters/{name}.yml", '"01":\n  n_points: 3\n')
        build_in(top, f"--profile={name}", "book")
        assert json.loads((top / f"_build/{name}/executed/01-first.json").read_text())["provenance"]["profile"] == name
        assert not (top / "_build/html").exists()


TAKEN = ["html", "tmp", "cache", "executed", "whatif", "laptop", "records", "anchors.json", "edit", "points", "."]


@pytest.mark.parametrize("names", [TAKEN, ["HTML"]])  # where a file system takes html and HTML for one
def test_a_parameter_set_may_not_take_the_place_of_something_else(tmp_path, names):
    top = toy_book.make(tmp_path)
    for name in names:
        toy_book.write(top, f"book/parameters/{name}.yml", '"01":\n  n_points: 3\n')
    for arguments in (["check"], [f"--profile={names[0]}", "book"]):
        done = toy_book.run(top, *arguments)
        assert done.returncode == 1 and done.stderr.count("try git mv") == len(names), done.stderr
        assert [name for name in names if f"got {name}.yml" not in done.stderr] == []
    assert not any((top / "_build" / name / "executed").exists() for name in names)


@pytest.mark.parametrize(("text", "found"), [
    ("seed=007", "expected seed as int, got '007' (str)"), ("seed=1e3", "expected seed as int, got 1000.0"),
    ("seed=true", "expected seed as int, got 'true'"), ("seed=null", "got 'null'"),
    ("seed=2026_11", "in [0, 1000], got 202611"),
    ("seed={x}", "expected seed as int, got '{x}'"), ("seed=$HOME", "got '$HOME'"), ("seed=1:30", "got '1:30'"),
    ("label=2026_11", "got '2026_11'"), ("label={seed}", "got '{seed}'"),
    ("label=true", "in {plain, bold}, got 'true'")])
def test_values_by_hand_are_taken_as_they_are_typed(rehearsed, text, found):
    done = toy_book.run(rehearsed, "chapter", "1", f"--params={text}")
    assert done.returncode == 1 and found in done.stderr


WORDS = ["2026_11", "007", "true", "{seed}", "{x!r}", "a'b", 'a"b', "$HOME", "100%", "back\\slash", "\\n", "é 數", "#",
         "{{"]


def test_texts_reach_a_chapter_as_they_are(tmp_path):
    top = toy_book.make(tmp_path)
    toy_book.replace(top, "book/01-first.md", 'label: str = "plain"          # {plain, bold}; how',
                     'words: list[str] = ["a"]      # -; words; free\nlabel: str = "plain"          # -; how')
    with (top / "book/01-first.md").open("a") as file:
        file.write("\n```{code-cell} ipython3\nimport json\n\n"
                   "(root() / '_build/seen.json').write_text(json.dumps(words))\n```\n")
    toy_book.write(top, "book/parameters/smoke.yml", json.dumps({"01": {"words": WORDS}}, ensure_ascii=False))
    done = toy_book.run(top, "execute", "--profile=smoke", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((top / "_build/seen.json").read_text()) == WORDS


LOOKING = '''
```{code-cell} ipython3
import os
import sys
import tempfile
import warnings
from urllib.parse import quote

from IPython.display import HTML, display

found = [Path.cwd(), root(), root() / "data", root() / "data/deep/offset.txt", root() / "_build/cache", Path.home(),
         Path(tempfile.gettempdir()), Path(sys.prefix), Path("~").expanduser(), root() / "book"]
for path in found:
    real = path.resolve()
    print(path, real, f"file://{real}/a.txt", f"({path})", sep="\\n")
    print(repr(str(real)), quote(str(real)), real.as_uri(), file=sys.stderr)
    display(HTML(f"<p title='{path}'>{real}</p>"))
    display({"text/plain": str(real), "text/html": f"<a href='{real.as_uri()}'>it</a>"}, raw=True)
print(sorted(os.environ.values()))
warnings.warn("from a cell")
Path("figures/table.csv").write_text("a,b\\n1,2\\n")
```
'''


@pytest.mark.some(1)
@pytest.mark.parametrize("spaces", ["", " a"])
def test_no_page_shows_a_path_behind_a_link(tmp_path, spaces):
    behind = {name: tmp_path / f"elsewhere{spaces}-{name}" for name in
              ("tree", "build", "home", "data", "tmp", "deep", "hop", "cache", "root")}
    top = toy_book.make(behind["tree"])
    with (top / "book/01-first.md").open("a") as file:
        file.write(LOOKING)
    for name in ("build", "home", "tmp", "cache", "root"):
        behind[name].mkdir()
    shutil.move(top / "data", behind["data"])
    toy_book.write(behind["deep"], "offset.txt", "0.5\n")
    (behind["data"] / "deep").symlink_to(behind["deep"])
    behind["hop"].symlink_to(behind["data"])
    (top / "data").symlink_to(behind["hop"])  # a link to a link
    (top / "_build").symlink_to(behind["build"])
    (behind["build"] / "cache").symlink_to(behind["cache"])
    (tmp_path / "home").symlink_to(behind["home"])
    (behind["root"] / "book").symlink_to(top)
    link = behind["root"] / "book"
    build_in(link, "book", cwd=link, HOME=str(tmp_path / "home"), TMPDIR=str(behind["tmp"]), PWD=str(link))
    published = contents(top / "_build/html") | contents(top / "_build/executed")
    assert "01-first.html" in published
    hidden = re.compile(rb".{0,40}(?:elsewhere(?: a|%20a)?-|" + re.escape(str(tmp_path)).encode() + rb").{0,40}")
    assert [(name, found) for name, content in published.items() if (found := hidden.findall(content))] == []


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("text", ["{}", "'{}/a'", "({})", "file://{}/x", "<a href='{}'>", "{}:3: Warning", "{}\n",
                                  "a={};"])
def test_the_path_of_a_tree_is_found_however_it_is_called(tmp_path, name, text):
    top = tmp_path / name
    (top / "_build").mkdir(parents=True)
    for spelling in places._spellings(str(top)):
        found = gate._without_paths(text.format(spelling), places.own_paths(top, top / "_build"))
        assert str(tmp_path) not in found and str(tmp_path).strip("/") not in found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_no_text_is_refused(tmp_path):
    """A name in another encoding than UTF-8, as from an old archive."""
    top = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Gr\xf6\xdfe"))
    toy_book.make(top)
    done = subprocess.run([sys.executable, "-m", "lib", "check"], cwd=top, capture_output=True)
    assert done.returncode == 1 and b"expected a folder whose name is text in UTF-8, got" in done.stderr
    assert b"Traceback" not in done.stderr and not (top / "_build").exists()


def test_a_build_folder_that_is_a_link_is_emptied_and_stays(tmp_path):
    (tmp_path / "Makefile").write_bytes((toy_book.ROOT / "Makefile").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    for path in ("scratch/html/a", "scratch/.lock"):
        toy_book.write(tmp_path, path, "")
    (tmp_path / "_build").symlink_to("scratch")
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "_build").is_symlink() and os.listdir(tmp_path / "scratch") == []
    (tmp_path / "_build").unlink()
    (tmp_path / "_build").mkdir()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert not (tmp_path / "_build").exists()
