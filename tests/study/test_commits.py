"""The commit of a tree is its own, whatever Git is told and whoever owns what is around it."""

import os

import pytest

from lib.study import provenance
from tests import toy_book


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    """A tree with a commit, and another one."""
    place = tmp_path_factory.mktemp("repositories")
    for name in ("ours", "other"):
        toy_book.write(place / name, f"{name}.txt", name)
        toy_book.commit(place / name)
    return place


GIT_SETTINGS = ["color.ui=always", "color.status=always", "status.showUntrackedFiles=no", "status.short=true",
                "status.branch=true", "status.relativePaths=false", "log.showSignature=true", "log.decorate=full",
                "core.quotePath=false", "core.hooksPath=/nonexistent", "core.fsmonitor=/nonexistent",
                "core.pager=false", "pager.status=true", "format.pretty=fuller", "safe.directory=", "core.abbrev=4",
                "core.bare=true",
                "diff.noprefix=true", "i18n.logOutputEncoding=latin1", "advice.statusHints=false"]


@pytest.mark.parametrize("variables", [
    {"GIT_DIR": "{other}/.git"}, {"GIT_DIR": "{other}/.git", "GIT_WORK_TREE": "{other}"}, {"GIT_DIR": "/nonexistent"},
    {"GIT_WORK_TREE": "{other}"}, {"GIT_INDEX_FILE": "{other}/.git/index"}, {"GIT_COMMON_DIR": "{other}/.git"},
    {"GIT_OBJECT_DIRECTORY": "{other}/.git/objects"}, {"GIT_NAMESPACE": "n"}, {"GIT_CEILING_DIRECTORIES": "{ours}"},
    {"GIT_LITERAL_PATHSPECS": "1"}, {"GIT_GLOB_PATHSPECS": "1"}, {"GIT_ICASE_PATHSPECS": "1"}, {"GIT_TRACE": "2"},
    {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.worktree", "GIT_CONFIG_VALUE_0": "{other}"},
    {"GIT_CONFIG_PARAMETERS": "'core.bare'='true'"}, {"GIT_CONFIG": "{other}/.git/config"}, {"GIT_PREFIX": "x/"},
    {"GIT_INTERNAL_SUPER_PREFIX": "x/"}, {"GIT_QUARANTINE_PATH": "x"}, {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},
    {"GIT_DISCOVERY_ACROSS_FILESYSTEM": "0"}, {"GIT_EXEC_PATH": "/nonexistent"}, {"LC_ALL": "C"}, {"LANG": "de_DE"}],
    ids=lambda variables: " ".join(variables))
def test_the_commit_is_ours_whatever_git_is_told(repositories, monkeypatch, variables):
    ours = repositories / "ours"
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(ours=ours, other=repositories / "other"))
    commit = (ours / ".git/refs/heads").iterdir().__next__().read_text().strip()
    assert provenance.commit(ours) == (commit, False)
    assert provenance.commit_of(ours, ours / "ours.txt") == {"commit": commit, "dirty": False}
    assert provenance.commit(ours / "nowhere") == (None, None)


@pytest.mark.parametrize("setting", GIT_SETTINGS)
def test_the_commit_is_ours_whatever_a_users_git_is_set_to(tmp_path, repositories, monkeypatch, setting):
    name, value = setting.split("=")
    section, _, key = name.rpartition(".")
    toy_book.write(tmp_path, ".gitconfig", f"[{section}]\n{key} = {value}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    ours = repositories / "ours"
    commit = (ours / ".git/refs/heads").iterdir().__next__().read_text().strip()
    assert provenance.commit(ours) == (commit, False)
    assert provenance.commit_of(ours, ours / "ours.txt") == {"commit": commit, "dirty": False}
    (ours / "new.txt").touch()
    try:
        assert provenance.commit(ours) == (commit, True)
    finally:
        (ours / "new.txt").unlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_tree_of_another_owner_has_its_commit(tmp_path):
    toy_book.write(tmp_path / "tree", "a.txt", "a")
    toy_book.commit(tmp_path / "tree")
    for path in [tmp_path / "tree", *(tmp_path / "tree").rglob("*")]:
        os.chown(path, 12345, 12345)
    assert provenance.commit(tmp_path / "tree")[1] is False


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_owner_around_the_tree_starts_nothing(tmp_path):
    toy_book.write(tmp_path, "tree/a.txt", "a")
    toy_book.write(tmp_path, ".gitattributes", "* filter=theirs\n")
    toy_book.commit(tmp_path)
    toy_book.git(tmp_path, "config", "filter.theirs.clean", f"touch '{tmp_path}/started'; cat")
    toy_book.write(tmp_path, "tree/a.txt", "b")
    for path in [tmp_path, *(tmp_path / ".git").rglob("*"), tmp_path / ".git"]:
        os.chown(path, 12345, 12345)
    assert provenance.commit(tmp_path / "tree") == (None, None) and not (tmp_path / "started").exists()


def test_a_repository_around_the_tree_counts_only_where_it_holds_the_tree(tmp_path):
    toy_book.write(tmp_path, "thesis.tex", "text")
    toy_book.write(tmp_path, ".gitignore", "ignored/\n")
    toy_book.commit(tmp_path)
    for name in ("unpacked", "ignored"):
        toy_book.write(tmp_path / name, "pyproject.toml", "")
        assert provenance.commit(tmp_path / name) == (None, None)
        assert provenance.commit_of(tmp_path / name, tmp_path / name / "pyproject.toml")["commit"] is None
    toy_book.commit(tmp_path)
    commit = toy_book.git(tmp_path, "rev-parse", "HEAD")
    assert provenance.commit(tmp_path / "unpacked") == (commit, False)
    toy_book.write(tmp_path, "thesis.tex", "more text")  # around the tree
    assert provenance.commit(tmp_path / "unpacked") == (commit, False)
    toy_book.write(tmp_path, "unpacked/pyproject.toml", "x = 1\n")
    assert provenance.commit(tmp_path / "unpacked") == (commit, True)


@pytest.mark.parametrize("settings", [
    ["core.autocrlf=true"], ["core.autocrlf=input"], ["core.eol=crlf"], ["core.autocrlf=true", "core.eol=crlf"],
    ["core.autocrlf=true", "core.safecrlf=true"]], ids=" ".join)
def test_a_clone_holds_the_bytes_that_were_committed(tmp_path, settings):
    """Check sums of records are of bytes, and scripts with carriage returns do not run."""
    source = tmp_path / "source"
    files = {"data/records/x.jsonl": b'{"check": "1"}\n', "data/measurements/x.txt": b"0 1\r\n1 0\r\n",
             "data/records/audits/x.jsonl": b"{}\n", "data/x.npz": b"PK\r\n\n\r", "Makefile": b"a:\n",
             "book/parameters/smoke.yml": b"a: 1\n", "book/_static/a.png": b"\x89PNG\r\n\x1a\n", "lib/a.py": b"a = 1\n",
             ".ci/run": b"#!/bin/sh\n", "book/a.md": b"# A\n"}
    for name, content in (files | {".gitattributes": (toy_book.ROOT / ".gitattributes").read_bytes()}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    toy_book.git(source, "init", "--quiet")
    toy_book.git(source, "add", "--all")
    toy_book.git(source, "commit", "--quiet", "--message", "as it is")
    flags = [word for setting in settings for word in ("-c", setting)]
    kept = [word for setting in settings for word in ("--config", setting)]
    toy_book.git(tmp_path, *flags, "clone", "--quiet", *kept, str(source), str(tmp_path / "clone"))
    assert {name: (tmp_path / "clone" / name).read_bytes() for name in files} == files
    assert provenance.commit(tmp_path / "clone")[1] is False
