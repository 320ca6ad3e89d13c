"""make crate: a build as an RO-Crate that others can read, and that verifies itself."""

import json
import shutil
import zipfile

import pytest

from lib.study import runs
from tests import toy_book


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    top = toy_book.make(tmp_path_factory.mktemp("crate") / "tree")
    toy_book.commit(top)
    assert toy_book.run(top, "book").returncode == 0
    done = toy_book.run(top, "crate")
    assert done.returncode == 0 and done.stdout == f"\nThe crate: {top}/_build/crate.zip\n", done.stdout + done.stderr
    return top


@pytest.fixture
def crate(built, tmp_path):
    """The crate, unpacked somewhere else."""
    with zipfile.ZipFile(built / "_build/crate.zip") as packed:
        packed.extractall(tmp_path / "crate")
    return tmp_path / "crate"


def graph(crate):
    return {entity["@id"]: entity for entity in json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]}


def verify(crate, *arguments):
    """From another tree, as its readers do."""
    from lib.pipeline import command

    return command.main(["verify", "--root", str(crate), *arguments])


def test_the_metadata_follow_the_rules_and_tell_where_everything_is_from(built, crate):
    """The rules of RO-Crate 1.2 for descriptor, root, files and references."""
    found = graph(crate)
    descriptor, root = found["ro-crate-metadata.json"], found["./"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert root["@type"] == "Dataset" and root["name"] == "Toy" and root["description"] and root["datePublished"]
    assert {entry["@id"] for entry in root["license"]} == {f"https://spdx.org/licenses/{name}"
                                                          for name in ("MIT", "CC-BY-4.0")}
    files = {name for name, entity in found.items() if entity["@type"] == "File"}
    assert {entry["@id"] for entry in root["hasPart"]} == files
    assert files == set(toy_book.contents(crate)) - {"ro-crate-metadata.json"}

    def references(value):
        if isinstance(value, list):
            return {name for part in value for name in references(part)}
        return {value["@id"]} if isinstance(value, dict) else set()

    named = {name for entity in found.values() for value in entity.values() for name in references(value)}
    assert named - set(found) == {descriptor["conformsTo"]["@id"]}
    assert {entry["@id"] for entry in root["mentions"]} == {"#run-01-first", "#run-02-second"}
    run, record = found["#run-01-first"], runs.read_run(built / "_build", "01-first")
    assert run["@type"] == "CreateAction" and run["endTime"] == record.provenance.date
    assert run["object"] == {"@id": "book/01-first.md"} and "n_points = 4" in run["description"]
    assert {entry["@id"] for entry in run["result"]} == {f"_build/executed/01-first.{kind}"
                                                         for kind in ("ipynb", "json")}
    assert found["#commit"]["version"] == toy_book.git(built, "rev-parse", "HEAD")
    used = {found[entry["@id"]]["name"]: found[entry["@id"]]["version"] for entry in run["instrument"][1:]}
    assert used == record.provenance.versions
    assert found["_build/ledger.json"]["description"].endswith("2 reproduced")
    for name in ("_build/html/01-first.html", "data/thesis/claims/01.yml", "constraints.txt", "lib/toy/first.py"):
        assert name in files


def test_an_unpacked_crate_is_verified_without_what_made_it(crate, capsys):
    assert verify(crate) == 0
    said = capsys.readouterr().out
    assert "files of the crate" in said and "Everything is as the build made it." in said


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("_build/html/01-first.html", "Toy chapter 1", "Toy chapter 2", "html/01-first.html: expected what was published"),
    ("_build/files/01-first/fig-1.svg", "svg", "svq", "files/01-first/fig-1.svg: expected what the run saved"),
    ("_build/ledger.json", "0.5", "0.6", "ledger.json: claim toy1-offset: expected"),
    ("data/offset.txt", "0.5", "0.6", "data/offset.txt: expected what was packed, got a file"),
    ("lib/toy/first.py", "random", "randon", "lib/toy/first.py: expected what was packed, got a file"),
    ("lib/toy/__init__.py", "", "1\n", "lib/toy/__init__.py: expected what was packed, got a file"),
    ("ro-crate-metadata.json", '"@graph"', '"@grap"', "ro-crate-metadata.json: expected what was packed"),
    ("ro-crate-metadata.json", "}", "", "ro-crate-metadata.json: expected what was packed"),
    ("constraints.txt", None, None, "constraints.txt: expected the file that was packed, got none"),
])
def test_a_digit_changed_by_hand_in_an_unpacked_crate_is_named(crate, capsys, name, old, new, words):
    if old is None:
        (crate / name).unlink()
    else:
        text = (crate / name).read_text("utf-8")
        (crate / name).write_text(text.replace(old, new, 1), "utf-8")
    assert verify(crate) == 1
    said = capsys.readouterr().err
    assert words in said and "Try the crate again" in said, said


def test_a_file_that_was_put_into_an_unpacked_crate_is_named(crate, capsys):
    toy_book.write(crate, "lib/toy/third.py", "")
    assert verify(crate) == 1
    assert "lib/toy/third.py: expected no file that was not packed, got one" in capsys.readouterr().err


def test_an_interrupt_or_another_build_leaves_the_last_crate(built, monkeypatch, capsys):
    import rocrate.rocrate

    from lib.pipeline import build, command

    before = (built / "_build/crate.zip").read_bytes()
    with build.locked(built):
        assert command.main(["crate", "--root", str(built)]) == 1
    assert "expected no other build in this tree" in capsys.readouterr().err

    def stop(self, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(rocrate.rocrate.ROCrate, "write_zip", stop)
    assert command.main(["crate", "--root", str(built)]) == 130
    assert (built / "_build/crate.zip").read_bytes() == before


def test_a_build_that_is_not_as_it_was_made_is_not_packed(built, tmp_path):
    top = shutil.copytree(built, tmp_path / "tree")
    (top / "_build/crate.zip").unlink()
    with (top / "_build/html/index.html").open("a") as file:
        file.write("more")
    done = toy_book.run(top, "crate")
    assert done.returncode == 1 and "html/index.html: expected what was published" in done.stderr
    assert not (top / "_build/crate.zip").exists()
