"""Pins and commands: equal pins for pip and conda, what the package asks for, what the texts for newcomers name."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from lib.study import committed
from tests.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
ASKED = {re.match("[A-Za-z0-9_.-]+", item)[0].lower() for item in [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])]}
BROUGHT = {"bs4", "docutils", "ipython", "jsonschema", "jupyter_client", "llvmlite", "markdown_it", "matplotlib_inline",
           "myst_parser", "pybtex", "sphinx_external_toc", "tornado"}  # by others of ours
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_every_package_is_pinned_once():
    names = [re.fullmatch(r"([A-Za-z0-9_.-]+)==[0-9][0-9a-z.]*", pin)[1].lower() for pin in PINS]
    assert len(names) == len(set(names)) and set(names) == ASKED - {PROJECT["name"]}


def test_the_version_is_that_of_this_tree_and_said_once_more_for_those_who_cite():
    import lib
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert lib.__version__ == PROJECT["version"] == citation["version"]
    assert "__version__" not in vars(lib)  # asked for each time, so that no module's code has it
    with pytest.raises(AttributeError, match="module 'lib' has no attribute '__versoin__'"):
        lib.__versoin__  # noqa: B018


@pytest.mark.parametrize(("beside", "version"), [
    ("", "7.0"), ('[project]\nname = "deep-quantum-companion"\nversion = "8.0"\n', "8.0"),
    ('[project]\nname = "another"\nversion = "9.0"\n', "7.0"), ("[tool.ruff]\n", "7.0")])
def test_the_version_of_an_installed_package_is_found_where_no_tree_of_ours_is(tmp_path, beside, version):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/__init__.py").write_bytes((ROOT / "lib/__init__.py").read_bytes())
    (tmp_path / "deep_quantum_companion-7.0.dist-info").mkdir()
    (tmp_path / "deep_quantum_companion-7.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: deep-quantum-companion\nVersion: 7.0\n")
    if beside:
        (tmp_path / "pyproject.toml").write_text(beside)
    command = "import sys; sys.path.insert(0, sys.argv[1]); import lib; print(lib.__version__)"
    shown = subprocess.run([sys.executable, "-I", "-c", command, str(tmp_path)], cwd=tmp_path, capture_output=True,
                           text=True, check=True).stdout
    assert shown.split() == [version]


def test_the_package_leaves_what_is_installed_as_it_is():
    """Someone who installs it beside other work keeps versions of their own: ranges without a ceiling."""
    for item in PROJECT["dependencies"] + EXTRAS["images"] + EXTRAS["dmrg"] + EXTRAS["figures"]:
        assert re.fullmatch(r"[a-z-]+>=[0-9.]+", item), item


def test_ranges_try_every_package_with_tests_that_are_there():
    from tests import ranges
    floors = ranges.floors(ROOT)
    assert {*ranges.CHOSEN} == {*floors} and len(floors) == 11
    for name, files in ranges.CHOSEN.items():
        assert files and all((ROOT / "tests" / file.partition("::")[0]).exists() for file in files), name
    for row in committed.read(ROOT, "ranges"):
        assert row.left and not row.status and row.tests["passed"] > 100 and "failed" not in row.tests, row.end
        assert {*row.packages} == {*floors}


def test_conda_users_get_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    *_, pip = environment["dependencies"]
    assert pip["pip"] == PINS
    assert f"python{PROJECT['requires-python']}" in environment["dependencies"]


def test_the_pins_are_what_is_installed():
    from importlib.metadata import version
    found = {pin: version(pin.split("==")[0]).split("+")[0] for pin in PINS}
    assert found == {pin: pin.split("==")[1] for pin in PINS}


def test_every_import_of_lib_is_declared():
    import ast
    import sys
    aliases = {"yaml": "pyyaml", "mpl_toolkits": "matplotlib", "PIL": "pillow", "sklearn": "scikit-learn",
               "jupyter_book": "jupyter-book", "tenpy": "physics-tenpy", "griffe": "griffelib"}
    for path in sorted((ROOT / "lib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"lib"}:
                assert aliases.get(name, name).lower() in ASKED | BROUGHT, f"{path}: {name}"


def test_what_is_offered_without_the_book_needs_no_package_of_the_book():
    import ast
    base = {re.match("[a-z-]+", item)[0] for item in PROJECT["dependencies"]}
    names = {"sklearn", "torchvision", "pandas", "matplotlib", "yaml", "joblib", "psutil", "tqdm"}
    assert names & base == {"matplotlib", "tqdm"}  # for the plot and the bar of `reconstruct`
    offered = [path for folder in ("rbm", "spins", "pruning", "kernels", "models", "native") for path in
               sorted((ROOT / "lib" / folder).rglob("*.py"))]
    for path in [*offered, *sorted((ROOT / "lib").glob("[a-oq-z_]*.py"))]:
        for node in ast.parse(path.read_text("utf-8")).body:  # at the top; functions for figures may import pandas
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in found} & names, path


def test_the_top_level_stays_small():
    listed = subprocess.run(["git", "ls-files", "--others", "--cached", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert names <= {"book", "lib", "data", "tests", "_config.yml", "_toc.yml", "constraints.txt", "environment.yml",
                     "README.md", "CONTRIBUTING.md", "pyproject.toml", "Makefile", "LICENSE", "CITATION.cff",
                     "findings", ".ci", ".gitignore", ".gitattributes"}


def test_help_lists_every_command_and_no_other():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split()
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^  make ([\w-]+)  +\S", shown, re.M)) == sorted(phony)


def test_the_ci_script_never_lets_the_browser_test_be_skipped():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "set -euo pipefail" in script and script.rstrip().endswith("COMPANION_REQUIRE_BROWSER=1 make test")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


def test_some_cases_are_drawn_in_order_and_all_on_request(drawn, request, monkeypatch):
    found = []
    for every, seed in ((False, 1), (False, 1), (False, 2), (True, 1)):
        monkeypatch.setattr(request.config.option, "all", every)
        monkeypatch.setattr(request.config.option, "draw", seed)
        found.append(drawn(range(1000), 10))
    assert found[0] == found[1] == sorted(set(found[0])) and len(found[0]) == len(found[2]) == 10
    assert found[0] != found[2] and found[3] == list(range(1000))


def test_the_places_that_contributing_names_are_there():
    for name in re.findall(r"`((?:lib|book|data|tests)/[\w/.-]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        assert name == "book/parameters/" or "NN" in name or (ROOT / name).exists(), name


def test_who_joins_in_the_book_gets_its_versions():
    """pyproject.toml has ranges: an installation for points of records has to be told of the exact versions."""
    for path in [*(ROOT / "book").glob("*.md"), ROOT / "README.md"]:
        for command in re.findall(r"pip install ([^`\n]*\[book[^`\n]*)", path.read_text("utf-8")):
            assert command.startswith("--constraint constraints.txt "), f"{path.name}: {command}"


@pytest.mark.parametrize("status", [0, 1])
def test_the_hook_that_contributing_names_keeps_a_commit_that_does_not_pass(tmp_path, status):
    (line,) = re.findall(r"`(printf [^`]*pre-commit)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    (tmp_path / "Makefile").write_text(f"check:\n\t@echo checked && exit {status}\n")
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".git/hooks").mkdir(exist_ok=True)
    subprocess.run(line, shell=True, cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "Makefile"], cwd=tmp_path, check=True)
    done = subprocess.run(["git", *who, "commit", "--message", "x"], cwd=tmp_path, capture_output=True, text=True)
    assert "checked" in done.stdout + done.stderr and (done.returncode == 0) == (status == 0)


def test_the_pages_are_spelled_well():
    command = [sys.executable, "-m", "codespell_lib", "book", "README.md", "CONTRIBUTING.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_spelling_is_checked_with_a_word_list_of_the_project(tmp_path):
    command = [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml"), "page.md"]
    for text, status in (("The mROE of Braket, and what sems says.", 0), ("Recieve it.", 65)):
        (tmp_path / "page.md").write_text(text)
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == status, text
