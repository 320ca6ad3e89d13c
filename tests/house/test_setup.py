"""The set-up survives being interrupted, moved and steered from outside, and is done once."""

import os
import re
import subprocess

import pytest

from tests.house.test_packaging import MAKEFILE
from tests.tree import ROOT

FAKE_PYTHON = """#!/bin/sh
# Stands for Python: answers the version check, makes a virtual environment that holds itself, logs the rest.
echo "$@" >> "$LOG"
case "$*" in
  "-I -c import sys; sys.exit(sys.version_info < (3, 11))") exit "${TOO_OLD:-0}" ;;
  "-I --version") echo "Python 3.9.2" ;;
  *version_info*) ;;
  "-I -m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo "$(pwd)/.venv" > .venv/bin/activate
    cp -n .venv/bin/activate .venv/bin/jupyter ;;
  *"from importlib.metadata"*) exit "${ELSEWHERE:-0}" ;;
  *"pip install"*) echo "WARNING: an odd index"; env | grep -E "^(PIP_|PYTHON.+=)" > around; exit "${PIP_FAILS:-0}" ;;
  *jupyterlab*) env > around ;;
esac
"""


@pytest.fixture
def set_up(tmp_path):
    """Run `make setup` in a copy with a stand-in for Python; gives its output and what Python was asked."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python = tmp_path / "fake-python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)

    def run(**settings):
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        environment = os.environ | {"LOG": str(log)} | settings
        done = subprocess.run(["make", "setup", f"PYTHON={python}"], cwd=tmp_path, env=environment,
                              capture_output=True, text=True)
        return done, [line for line in log.read_text().splitlines() if "print(sys.version" not in line]
    return run


def test_the_set_up_is_done_once(set_up, tmp_path):
    done, asked = set_up()
    assert done.returncode == 0 and "Set-up done." in done.stdout and ".venv/setup.log" in done.stdout
    assert "odd index" not in done.stdout + done.stderr
    assert (tmp_path / ".venv/setup.log").read_text() == "WARNING: an odd index\n"
    assert any("pip install --constraint constraints.txt --editable .[book,test,dask]" in line for line in asked)
    again, asked = set_up()
    assert again.returncode == 0 and asked == []
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("# other pins\n")
    assert any("pip install" in line for line in set_up()[1])
    assert len(list((tmp_path / ".venv").glob(".ready-*"))) == 1


def test_an_interrupted_set_up_is_noticed_and_done_again(set_up, tmp_path):
    done, _ = set_up(PIP_FAILS="1")
    assert "odd index" in done.stdout and "The set-up failed" in done.stdout
    assert done.returncode != 0 and not list((tmp_path / ".venv").glob(".ready-*"))
    (tmp_path / ".venv" / "half-written").touch()
    done, asked = set_up()
    assert done.returncode == 0 and "The last set-up was interrupted" in done.stdout
    assert "-I -m venv .venv" in asked and not (tmp_path / ".venv" / "half-written").exists()


def test_an_environment_made_by_hand_is_used(set_up, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "kept").touch()
    assert set_up()[0].returncode == 0 and (tmp_path / ".venv" / "kept").exists()


def test_an_old_python_is_refused(set_up, tmp_path):
    done, _ = set_up(TOO_OLD="1")
    assert done.returncode != 0 and "expected Python 3.11 or newer, got Python 3.9.2" in done.stdout
    assert "PYTHON=python3.12" in done.stdout and not (tmp_path / ".venv").exists()


def test_a_folder_that_was_renamed_is_set_up_anew(set_up, tmp_path):
    """Scripts of an environment name the place where it was made."""
    assert set_up()[0].returncode == 0
    for name in ("activate", "jupyter"):
        (tmp_path / ".venv/bin" / name).write_text("#!/old/place/.venv/bin/python\n")
    for stamp in (tmp_path / ".venv").glob(".ready-*"):
        stamp.rename(stamp.with_name(".ready-1"))  # as if of another place
    other = tmp_path / "other/.venv/bin"
    other.mkdir(parents=True)
    done, asked = set_up(CDPATH=str(tmp_path / "other"))
    assert other.exists()
    assert done.returncode == 0 and "This folder was moved since its set-up" in done.stdout
    assert "-I -m venv .venv" in asked and "Set-up done." in done.stdout
    assert (tmp_path / ".venv/bin/jupyter").read_text() == f"{tmp_path}/.venv\n"
    assert len(list((tmp_path / ".venv").glob(".ready-*"))) == 1


@pytest.mark.parametrize("broken", ["activate", "pip", "jupyter"])
def test_one_script_of_another_place_is_enough(set_up, tmp_path, broken):
    assert set_up()[0].returncode == 0
    (tmp_path / ".venv/bin" / broken).write_text("#!/old/place/.venv/bin/python\n")
    (tmp_path / "pyproject.toml").write_text("# other pins\n")
    assert "This folder was moved" in set_up()[0].stdout


def test_other_pins_in_the_same_place_keep_what_is_installed(set_up, tmp_path):
    assert set_up()[0].returncode == 0
    (tmp_path / ".venv/kept").touch()
    (tmp_path / "pyproject.toml").write_text("# other pins\n")
    done, asked = set_up()
    assert done.returncode == 0 and "moved" not in done.stdout and (tmp_path / ".venv/kept").exists() and asked


def test_the_way_to_the_folder_does_not_matter(set_up, tmp_path, monkeypatch):
    """Through a link it is the same folder."""
    assert set_up()[0].returncode == 0
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert set_up()[1] == []


def test_a_python_that_is_gone_is_replaced(set_up, tmp_path):
    assert set_up()[0].returncode == 0
    (tmp_path / ".venv/bin/python").unlink()
    (tmp_path / ".venv/bin/python").symlink_to("/nonexistent/python3.11")
    done, asked = set_up()
    assert done.returncode == 0 and "The Python that .venv was made with is gone" in done.stdout
    assert "-I -m venv .venv" in asked
    assert set_up()[1] == []


def test_another_python_makes_another_environment(set_up, tmp_path):
    """Packages of one version of Python are of no use to the other."""
    assert set_up()[0].returncode == 0
    python = tmp_path / ".venv/bin/python"
    python.write_text(FAKE_PYTHON.replace("*version_info*) ;;", "*version_info*) echo other ;;"))
    done, asked = set_up()
    assert done.returncode == 0 and ".venv was made with Python 3.9.2, not Python 3.9.2;" in done.stdout
    assert "-I -m venv .venv" in asked
    assert set_up()[1] == []


def test_pip_gets_all_of_the_environment_but_what_is_pythons(set_up, tmp_path):
    """It starts more processes of Python, which a PYTHONHOME would end."""
    theirs = dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "PYTHONWARNINGS", "PYTHONOPTIMIZE"), "theirs")
    assert set_up(PIP_INDEX_URL="https://example.org/a b", **theirs)[0].returncode == 0
    assert (tmp_path / "around").read_text() == "PIP_INDEX_URL=https://example.org/a b\n"


def test_jupyterlab_keeps_the_users_environment(set_up, tmp_path):
    """Somebody works there: colours, key bindings, modules of one's own."""
    theirs = {"JUPYTER_CONFIG_DIR": "theirs", "PYTHONPATH": "theirs", "MPLBACKEND": "theirs", "IPYTHONDIR": "theirs"}
    assert set_up()[0].returncode == 0
    done = subprocess.run(["make", "edit"], cwd=tmp_path, env=os.environ | theirs | {"LOG": str(tmp_path / "log")},
                          capture_output=True, text=True)
    assert done.returncode == 0 and "-I -X utf8 -m jupyterlab" in (tmp_path / "log").read_text().splitlines()[-1]
    assert {f"{name}=theirs" for name in theirs} <= set((tmp_path / "around").read_text().splitlines())


def test_packages_that_pip_puts_elsewhere_are_noticed(set_up, tmp_path):
    done, _ = set_up(ELSEWHERE="1")
    assert done.returncode != 0 and "pip did not put the packages into .venv" in done.stdout
    assert "pip config list" in done.stdout and not list((tmp_path / ".venv").glob(".ready-*"))


@pytest.mark.parametrize("name", re.search(r"^NAMES := (.*)$", MAKEFILE, re.M)[1].split())
def test_names_of_the_shell_are_not_taken_for_ours(set_up, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "theirs")
    shown = subprocess.run(["make", "--dry-run", "records", "preview", "bench", "audit"], cwd=tmp_path,
                           capture_output=True, text=True)
    assert "theirs" not in shown.stdout and f"{name} of the shell is not used; to set it, try make" in shown.stderr


def test_the_commands_find_no_file_by_an_activated_environment():
    """Scripts in .venv/bin name the place where they were made; the commands run modules."""
    assert not re.search(r"^\t@?\$\(VENV\)/bin/(?!python)", MAKEFILE, re.M)
    for line in re.findall(r"^PY :=.*|^RUN :=.*", MAKEFILE, re.M):
        assert "-I -X utf8" in line or line.startswith("RUN := $(PY) ")


@pytest.mark.parametrize("name", ["tree/Makefile", "a tree/Makefile", "../x/tree/Makefile"])
def test_a_makefile_of_another_folder_touches_nothing(tmp_path, name):
    here = tmp_path / "x"
    (here / name).parent.mkdir(parents=True)
    (here / name).write_text(MAKEFILE)
    for goal in ("setup", "clean", "help"):
        done = subprocess.run(["make", "-f", name, goal], cwd=here, capture_output=True, text=True)
        assert done.returncode != 0 and f"try make -C FOLDER {goal}" in done.stderr and not done.stdout
    assert subprocess.run(["make", "-C", str((here / name).parent), "help"], capture_output=True).returncode == 0
    assert not (here / ".venv").exists()
