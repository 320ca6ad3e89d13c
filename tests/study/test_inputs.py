"""Chapters read what they declare: the declaration decides whether they are stale, and other reads are refused."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.pipeline import build, command
from lib.study import guard, inputs, lifeline, notebooks, provenance, runs
from tests import toy_book


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return toy_book.make(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def top(reference, tmp_path):
    return shutil.copytree(reference, tmp_path / "book")


def execute(top, *cells, declared=()):
    """Run a chapter of these cells that declares inputs; what it says, and its failure."""
    toy_book.write_cells(top, *cells, companion="  budget_core_minutes: 1\n" + (
        f"{guard.lines(list(declared))}\n" if declared else ""))
    done = toy_book.run(top, "execute", "01")
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done, runs.read_failure(top / "_build", "01-first")


START = """import bz2, configparser, csv, ctypes, fileinput, glob, gzip, io, json, linecache, lzma, mmap, os, pickle
import runpy, shelve, shutil, sqlite3, subprocess, sys, tarfile, threading, tomllib, wave, zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree
import joblib, matplotlib.image, numpy as np, pandas as pd, scipy.io, scipy.sparse, torch, yaml
from PIL import Image, ImageFont
from lib.study.notebooks import root
data = root() / 'data'
x = str(data / 'offset.txt')
def read(path=x):
    return open(path).read()
"""
# Ways to read below the tree, of Python and of the libraries that we use; all of them are seen.
READERS = {
    "open": "open(x)", "open in bytes": "open(os.fsencode(x), 'rb')", "Path.read_text": "Path(x).read_text()",
    "Path.open": "Path(x).open()", "io.FileIO": "io.FileIO(x)", "io.open_code": "io.open_code(x)",
    "os.open": "os.open(x, os.O_RDONLY)", "os.open to read and write": "os.open(x, os.O_RDWR)",
    "open to append and read": "open(x, 'a+')", "open to change": "open(x, 'r+')",
    "a file that is not there": "open(data / 'nothing.txt')",
    "another spelling": "open(root() / 'data/../data/./offset.txt')",
    "a path from the run's folder": "open(os.path.relpath(x))",
    "another working folder": "os.chdir(data); open('offset.txt')",
    "a link": "os.symlink(x, 'link.txt'); open('link.txt')", "a hard link": "os.link(x, 'hard.txt')",
    "another name": "os.rename(x, 'renamed.txt')", "shutil.copy": "shutil.copy(x, '.')",
    "shutil.copytree": "shutil.copytree(data, 'copy')", "shutil.move": "shutil.move(x, 'moved.txt')",
    "a read whose error is caught": "try:\n    open(x)\nexcept OSError:\n    pass",
    "os.listdir": "os.listdir(data)", "os.scandir": "os.scandir(data)", "os.walk": "list(os.walk(root()))",
    "os.fwalk": "list(os.fwalk(data))", "glob.glob": "glob.glob(f'{data}/*.txt')",
    "glob.iglob": "list(glob.iglob(f'{data}/**', recursive=True))", "Path.glob": "list(data.glob('*.txt'))",
    "Path.rglob": "list(root().rglob('*.txt'))", "Path.iterdir": "list(data.iterdir())",
    "a pattern from the run's folder": "glob.glob('../../../../data/*')",
    "a folder's handle": "os.open(data, os.O_RDONLY)",
    "a file beside a folder's handle": "os.open('../data/offset.txt', os.O_RDONLY, dir_fd=os.open(root() / 'lib', 0))",
    "csv": "list(csv.reader(open(x)))", "json": "json.load(open(x))", "pickle": "pickle.load(open(x, 'rb'))",
    "tomllib": "tomllib.load(open(x, 'rb'))", "configparser": "configparser.ConfigParser().read(x)",
    "linecache": "linecache.getline(x, 1)", "fileinput": "list(fileinput.input(x))", "gzip": "gzip.open(x).read()",
    "bz2": "bz2.open(x).read()", "lzma": "lzma.open(x).read()", "zipfile": "zipfile.ZipFile(x)",
    "tarfile": "tarfile.open(x)", "wave": "wave.open(x)", "mmap": "mmap.mmap(os.open(x, os.O_RDONLY), 0)",
    "sqlite3": "sqlite3.connect(x)", "sqlite3, as an address": "sqlite3.connect(f'file:{x}?mode=ro', uri=True)",
    "shelve": "shelve.open(x, 'r')", "xml": "ElementTree.parse(x)", "yaml": "yaml.safe_load(open(x))",
    "ctypes": "ctypes.CDLL(x)",
    "a module beside lib": "sys.path.insert(0, str(data)); import helper",
    "runpy": "runpy.run_path(str(data / 'helper.py'))",
    "%run": "get_ipython().run_line_magic('run', str(data / 'helper.py'))",
    "%load": "get_ipython().run_line_magic('load', str(data / 'helper.py'))",
    "numpy.loadtxt": "np.loadtxt(x)", "numpy.genfromtxt": "np.genfromtxt(x)", "numpy.fromfile": "np.fromfile(x)",
    "numpy.load": "np.load(x)", "numpy.memmap": "np.memmap(x, mode='r')",
    "numpy.load, mapped": "np.load(x, mmap_mode='r')",
    "pandas.read_csv": "pd.read_csv(x)", "pandas.read_csv, in Python": "pd.read_csv(x, engine='python')",
    "pandas.read_csv, mapped": "pd.read_csv(x, memory_map=True)", "pandas.read_fwf": "pd.read_fwf(x)",
    "pandas.read_json": "pd.read_json(x)", "pandas.read_pickle": "pd.read_pickle(x)",
    "scipy.io.loadmat": "scipy.io.loadmat(x)", "scipy.sparse.load_npz": "scipy.sparse.load_npz(x)",
    "torch.load": "torch.load(x)", "torch.load, mapped": "torch.load(x, mmap=True)", "joblib.load": "joblib.load(x)",
    "PIL": "Image.open(x)", "matplotlib": "matplotlib.image.imread(data / 'offset.png')",
    "a thread": "t = threading.Thread(target=read)\nt.start()\nt.join()",
    "a pool of threads": "list(ThreadPoolExecutor().map(read, [x]))",
    "a worker of joblib": "joblib.Parallel(2)(joblib.delayed(read)(x) for _ in range(2))",
    "a process that Python starts": "subprocess.run([sys.executable, '-c', 'open(__import__(\"sys\").argv[1])', x], "
                                    "check=True, capture_output=True)",
    "a forked process": "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=read)\n"
                        "p.start()\np.join()\nassert p.exitcode == 0",
}
# Ways that no hook sees: another program, a compiled library that opens the file itself, a question about a file.
UNSEEN = {
    "another program": "subprocess.run(['cat', x], check=True, capture_output=True)",
    "a shell escape": "get_ipython().getoutput(f'cat {x}')",
    "torch.from_file": "torch.from_file(x, size=1, dtype=torch.uint8)",
    "a font of PIL": "ImageFont.truetype(x)",
    "the C library": "ctypes.CDLL(None).fopen(x.encode(), b'r')",
    "a question about a file": "assert os.path.exists(x) and os.stat(x).st_size == 4 and Path(x).is_file()",
}
LOOP = """ways, found = json.loads(ways), {}
for name, code in ways.items():
    with open('noted.txt', 'w') as noted:
        pass
    before = trouble.stat().st_size if trouble.exists() else 0
    try:
        exec(code, dict(globals()))
    except BaseException:
        pass
    os.chdir(here)
    found[name] = trouble.exists() and trouble.stat().st_size > before
Path(out).write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def seen(reference, tmp_path_factory):
    """All ways to read in one kernel: whether each was refused."""
    top = shutil.copytree(reference, tmp_path_factory.mktemp("seen") / "book")
    toy_book.write(top, "data/helper.py", "y = 1\n")
    out = tmp_path_factory.mktemp("out") / "found.json"
    first = f"ways, out = {json.dumps(READERS | UNSEEN)!r}, {str(out)!r}"
    here = "here, trouble = os.getcwd(), Path('../trouble.jsonl').resolve()\n"
    done, failure = execute(top, f"{first}\n{START}", here + LOOP)
    assert done.returncode == lifeline.TOLD and failure.cell == 3, done.stdout + done.stderr
    assert (top / "data/offset.txt").read_text() == "0.5\n"
    return json.loads(out.read_text())


@pytest.mark.parametrize("way", READERS)
def test_a_read_that_is_not_declared_is_refused(seen, way):
    assert seen[way] is True


@pytest.mark.parametrize("way", UNSEEN)
def test_a_read_by_something_else_than_python_is_not_seen(seen, way):
    """As the page on writing says; where one of them is seen one day, that page should say so."""
    assert seen[way] is False


def test_a_refusal_names_the_lines_that_help(top):
    """Whoever pastes what the message says, again and again, has a chapter that runs."""
    toy_book.write(top, "data/a table, of #2: [x].csv", "1\n")
    cells = ["from lib.study.notebooks import root\ndata = root() / 'data'", "(data / 'offset.txt').read_text();",
             "sorted(data.glob('*.csv'))[0].read_text();"]
    declared = []
    for cell, read in ((3, "data/offset.txt"), (4, "data")):
        done, failure = execute(top, *cells, declared=declared)
        assert done.returncode == lifeline.TOLD and failure.cell == cell
        assert "below 'companion:' in its front matter" in failure.error and "book/01-first.md" in failure.error
        declared.append(read)
        assert failure.error.endswith(guard.lines(declared))
    assert execute(top, *cells, declared=declared)[0].returncode == 0
    declared[1] = "data/a table, of #2: [x].csv"
    assert guard.lines(declared).endswith('\n  - "data/a table, of #2: [x].csv"')
    done, failure = execute(top, *cells[:2], f"(data / {declared[1][5:]!r}).read_text();", declared=declared)
    assert done.returncode == 0, done.stdout


def test_every_kind_of_declaration_may_be_read(top, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.txt").write_text("1")
    names = ["data/one.txt", "data/folder/a.txt", "data/folder/deep/b.txt", "data/pattern/x1.csv", "data/many/p/q.dat",
             "data/with space [1].txt", "data/Größe.txt", "data/.hidden", "book/extra.txt"]
    for name in names:
        toy_book.write(top, name, "1")
    os.symlink(outside, top / "data/far")
    os.symlink(top / "data/one.txt", top / "data/alias.txt")
    declared = ["data/one.txt", "data/folder", "data/pattern/x*.csv", "data/many/**/*.dat", "data/with space [1].txt",
                "data/Größe.txt", "data/.hidden", "book/extra.txt", "data/far", "data/alias.txt"]
    cell = ("import glob, os\nfrom lib.study.notebooks import root\n"
            f"for name in {names + ['data/far/far.txt', 'data/alias.txt']}:\n    (root() / name).read_text()\n"
            "os.chdir(root())\nopen('data/one.txt')\n"
            "glob.glob('data/pattern/*.csv'), list(root().glob('data/many/**/*.dat'))\n"
            "list((root() / 'data/folder').rglob('*')), os.listdir('data/far')\n"
            "open(os.path.realpath('data/far/far.txt'))\n"
            "open('data/new.txt', 'w').write('2')\nos.path.exists('data')\n"
            "import shutil, tempfile\nelsewhere = tempfile.mkdtemp()\nos.makedirs(f'{elsewhere}/data/deep')\n"
            "shutil.rmtree(elsewhere);")
    done, _ = execute(top, cell, declared=declared)
    assert done.returncode == 0 and "no read was seen" not in done.stdout, done.stdout + done.stderr


def test_an_input_that_nothing_reads_is_said(top):
    done, _ = execute(top, "1", declared=["data/offset.txt"])
    assert done.returncode == 0 and "01-first: no read was seen of its input data/offset.txt; try" in done.stdout


@pytest.mark.parametrize(("entries", "words"), [
    ("data/one", "expected a list of paths for inputs, got 'data/one'; try\n  inputs:\n  - data/one"),
    ("{data: 1}", "expected a list of paths for inputs"), ("[1]", "expected a path among inputs, got 1; try \"1\""),
    ("[2026-01-02]", "expected a path among inputs, got datetime.date"), ("[[data/a]]", "expected a path among inputs"),
    ("[null]", "expected a path among inputs, got None"), ("['']", "from the top of the repository"),
    ("[/etc/hosts]", "from the top of the repository"), ("[~/x]", "from the top of the repository"),
    ("[data/../x]", "from the top of the repository"), ("[./data]", "from the top of the repository"),
    ("[data/]", "from the top of the repository"), ("[data//x]", "from the top of the repository"),
    ('["data\\\\x"]', "from the top of the repository"), ("['.']", "from the top of the repository"),
    ("[lib/toy/deep.py]", "is code: what the chapter imports counts by itself"), ("[_build/ledger.json]", "made anew"),
    ("[data/offset.txt, data/offset.txt]", "got data/offset.txt again"),
    ("[data/nothing.txt]", "expected its input data/nothing.txt, got nothing there; try"),
    ("['data/*.npz']", "expected its input data/*.npz, got nothing there; try"),
    ("[data/offset.txt/more]", "got nothing there"),
])
def test_declarations_that_name_nothing_are_refused_before_a_kernel_starts(top, capsys, entries, words):
    toy_book.write_cells(top, "1", companion=f"  inputs: {entries}\n")
    assert command.main(["--root", str(top), "execute", "01"]) == lifeline.TOLD
    assert words in capsys.readouterr().out and any(words in line for line in build.check(top))
    assert not (top / "_build/failed").exists()


CHANGES = {  # what changes, and whether the chapter below depends on it
    "a file": ("data/one.txt", "2", True), "a file in a folder": ("data/folder/a.txt", "2", True),
    "a file deep in a folder": ("data/folder/deep/b.txt", "2", True), "a new file": ("data/folder/new", "", True),
    "a new hidden file": ("data/folder/.new", "", True), "a match": ("data/pattern/x1.csv", "2", True),
    "a new match": ("data/pattern/x2.csv", "1", True), "a name beside a match": ("data/pattern/y.csv", "1", True),
    "a file beside a match": ("data/pattern/z.csv", "2", False), "a file behind a link": ("far/far.txt", "2", True),
    "a file of nobody": ("data/other.txt", "2", False), "the same again": ("data/one.txt", "1", False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_chapter_is_stale_when_what_it_declares_has_changed(top, change):
    for name in ("data/one.txt", "data/folder/a.txt", "data/folder/deep/b.txt", "data/pattern/x1.csv",
                 "data/pattern/z.csv", "far/far.txt"):
        toy_book.write(top, name, "1")
    os.symlink(top / "far", top / "data/folder/link")
    os.symlink(top / "data/folder", top / "data/folder/round")
    toy_book.write_cells(top, "1", companion=guard.lines(["data/one.txt", "data/folder", "data/pattern/x*.csv"]) + "\n")
    page = top / "book/01-first.md"
    before = provenance.chapter_inputs(top, page, "laptop")
    assert provenance.chapter_inputs(top, page, "laptop") == before
    name, text, counts = CHANGES[change]
    toy_book.write(top, name, text)
    after = provenance.chapter_inputs(top, page, "laptop")
    assert (after != before) == counts and bool(provenance.differences(before, after)) == counts


EXPERIMENT = '''"""Toy experiment."""

from pathlib import Path

from lib.experiments import experiment


@experiment(version=1{})
def point(*, a: int) -> dict:
    """Read a number."""
    return {{"y": float((Path(__file__).parents[2] / "data/offset.txt").read_text())}}
'''


def test_experiments_declare_their_data_and_chapters_are_stale_when_it_changes(top):
    cell = ("from lib.experiments.toy import point\nfrom lib.study.sweep import Sweep, grid\n"
            "assert set(Sweep(point, grid(a=range(2))).run({jobs}).y) == {{{y}}}")
    for jobs in (1, 2):
        toy_book.write(top, "lib/experiments/toy.py", EXPERIMENT.format(""))
        done, failure = execute(top, cell.format(jobs=jobs, y=0.5))
        assert done.returncode == lifeline.TOLD and failure.cell == 2
        line = '@experiment(version=1, data=("data/offset.txt",))'
        assert failure.error.endswith(f"the experiment lib.experiments.toy.point declares, got a read of "
                                         f"data/offset.txt; try this line above it:\n{line}")
    toy_book.write(top, "lib/experiments/toy.py", EXPERIMENT.format(', data=("data/offset.txt",)'))
    done, _ = execute(top, cell.format(jobs=2, y=0.5))
    assert done.returncode == 0, done.stdout
    assert build.stale_chapters(top, "laptop") == ["02-second"]
    toy_book.write(top, "data/offset.txt", "0.75\n")
    assert build.stale_chapters(top, "laptop") == ["01-first", "02-second"]
    assert "data data/offset.txt changed" in toy_book.run(top, "status").stdout
    assert execute(top, cell.format(jobs=2, y=0.75))[0].returncode == 0  # and no point of before is taken


def test_nothing_is_guarded_outside_a_run():
    code = "from lib.study import guard; guard.install(); open('pyproject.toml')"
    subprocess.run([sys.executable, "-c", code], cwd=toy_book.ROOT, check=True,
                   env={name: value for name, value in os.environ.items() if name != guard.VARIABLE})


def test_every_chapter_declares_what_its_code_spells():
    for path in notebooks.chapter_files(toy_book.ROOT):
        chapter = notebooks.read_chapter(path)
        assert inputs.missing(toy_book.ROOT, chapter) == []
        found = (re.findall("[\"'](data/[^\"'\n]+)[\"']", cell.source) for cell in chapter.cells)
        spelled = {Path(name) for names in found for name in names}
        declared = set(map(Path, inputs.declared(chapter)))  # or files of a folder that is spelled
        assert all(any(name.is_relative_to(place) for place in spelled) for name in declared), path.name
        assert all(any(name.is_relative_to(place) for name in declared) for place in spelled), path.name
