"""Records: what is written comes back, damage is refused by line, one process at a time adds to them."""

import os

import pytest

from lib.study import results
from lib.study.record_lines import Point, Run, decode
from lib.study.results import FAILED, NOT_RUN, SUPERSEDED, VALID, duration, settings_key
from tests.tree import ROOT

OF_RUN = {"commit": "c" * 40, "dirty": False, "environment": "e", "processor": "one", "versions": {}, "data": {}}
RUN, LATER = (Run.named(**OF_RUN, date=date) for date in ("2026-01-02", "2026-03-04"))


def point(seed, status="done", version=1, run=RUN, **values):
    """A line of a record, as it is after it was read."""
    what = {"results": values} if status == "done" else {"error": "bad luck"}
    return Point(experiment="walk", version=version, settings={"seed": seed}, status=status, **what, seconds=1.5,
                 core_seconds=1.0, run=run.run)


def audits():
    """A line of another file."""
    path = next((ROOT / "data/records/audits").glob("*.jsonl"))
    return path.read_text("utf-8").splitlines()[:1]


def record_of(*bodies):
    record = results.Record()
    for body in bodies:
        record.add(body)
    return record


@pytest.fixture
def path(tmp_path):
    """A record of three points."""
    results.write(tmp_path / "walk.jsonl", record_of(RUN, *(point(seed, y=seed / 3) for seed in range(3))))
    return tmp_path / "walk.jsonl"


@pytest.mark.parametrize(("change", "message"), [
    (lambda lines: [*lines[:2], lines[2].replace('"y":', '"z":'), *lines[3:]], "walk.jsonl, line 3: .* edited"),
    (lambda lines: ["<<<<<<< HEAD", *lines], "line 1: .*damaged or was edited.*delete the line"),
    (lambda lines: [*lines, lines[-1][:-5]], "line 5: .*damaged"),
    (lambda lines: lines[1:], "expected the run of every point, got none named"),
    (lambda lines: [*lines, *audits()], "line 5: .*another format or kind"),
])
def test_damage_is_refused_by_file_and_line(path, change, message):
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(ValueError, match=message):
        results.read(path)


def test_check_names_every_damaged_record(path, tmp_path):
    folder = tmp_path / "data/records"
    folder.mkdir(parents=True)
    for name in ("good", "bad", "worse"):
        (folder / f"{name}.jsonl").write_text(path.read_text())
    assert list(results.problems(tmp_path)) == []
    for name in ("bad", "worse"):
        (folder / f"{name}.jsonl").write_text(path.read_text().replace('"y":', '"z":', 1))
    assert [line.split(":")[0] for line in results.problems(tmp_path)] == [
        f"data/records/{name}.jsonl, line 2" for name in ("bad", "worse")]


def test_lines_may_come_in_any_order_and_twice_as_merged_branches_have_them(path):
    before = results.read(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[::-1], *lines]) + "\n")
    after = results.read(path)
    assert after.points == before.points and after.runs == before.runs
    results.write(path, after)
    assert path.read_text().splitlines() == lines


def test_the_state_of_a_point_follows_from_its_version():
    record = record_of(RUN, LATER, point(0, y=1.0), point(1, "failed"), point(2, version=2, y=2.0),
                       point(3, y=3.0, run=LATER), point(3, y=3.5), point(4, "failed"), point(4, y=4.0))
    states = [record.find(settings_key({"seed": seed}), "walk", 1)[0] for seed in range(6)]
    assert states == [VALID, FAILED, SUPERSEDED, VALID, VALID, NOT_RUN]
    assert record.find(settings_key({"seed": 3}), "walk", 1)[1].results["y"] == 3.5  # the older of two
    assert record.find(settings_key({"seed": 0}), "walk", 2)[0] == SUPERSEDED
    assert record.find(settings_key({"seed": 0}), "run", 1) == (NOT_RUN, None)  # another experiment


def test_points_are_packed_sorted_and_what_failed_gives_way(path, tmp_path):
    folder = tmp_path / "walk.points"
    results.keep(folder, RUN, point(9, "failed"))
    results.pack(path, folder)
    assert results.read(path).find('{"seed": 9}', "walk", 1)[0] == FAILED and not list(folder.iterdir())
    for seed in (9, 7, 5):
        results.keep(folder, LATER, point(seed, y=0.5))
    both = results.read(path, folder)
    results.pack(path, folder)
    assert not list(folder.iterdir())
    packed = results.read(path)
    assert packed.runs == both.runs and list(packed.points) == [settings_key({"seed": s}) for s in (0, 1, 2, 5, 7, 9)]
    assert packed.find('{"seed": 9}', "walk", 1)[0] == VALID
    assert {len(lines) for lines in packed.points.values()} == {1}
    text = path.read_text()
    results.write(path, packed)
    assert path.read_text() == text  # the same points make the same file


def test_a_full_disk_while_packing_leaves_the_record_and_the_points(path, tmp_path, monkeypatch):
    folder = tmp_path / "walk.points"
    results.keep(folder, RUN, point(5, y=0.5))
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            results.pack(path, folder)
        with pytest.raises(OSError, match="No space left"):
            results.keep(folder, RUN, point(6, y=0.5))
    assert path.read_bytes() == before and len(list(folder.glob("*"))) == 1
    results.pack(path, folder)
    assert len(results.read(path).points) == 4


def test_one_process_adds_to_a_record_at_a_time(tmp_path):
    with results.alone(tmp_path / "walk"):
        with pytest.raises(ValueError, match="expected one process that adds to the record walk, got"), \
                results.alone(tmp_path / "walk"):
            pass
        with results.alone(tmp_path / "other"):
            pass
    with results.alone(tmp_path / "walk"):
        pass


def test_the_box_says_what_a_table_rests_on():
    facts = {"name": "walk", "experiment": "walk", "version": 1, "points": 3, "states": {VALID: 2, FAILED: 1},
             "dirty": 1, "commits": ["c" * 40], "core_seconds": 2.0, "dates": ["2026-01-02", "2026-03-04"]}
    text, markup = results.box(facts)
    assert "3 points of walk, version 1: 2 valid, 1 failed" in text and "2026-01-02 to 2026-03-04" in text
    assert "record-partial" in markup and "1 points: with uncommitted changes" in text
    audited = {"text": "5 of 3 points audited", "contradicted": True}
    whole = facts | {"states": {VALID: 3}}
    assert "record-partial" not in results.box(whole)[1]
    assert "audited" in (box := results.box(whole | {"audits": audited})[1]) and "record-partial" in box
    assert "record-partial" not in results.box(whole | {"audits": audited | {"contradicted": False}})[1]


def test_durations_are_said_in_words():
    assert [duration(seconds) for seconds in (0, 99, 101, 5990, 6100)] == ["0 s", "99 s", "2 min", "100 min", "1.7 h"]


def test_every_record_of_the_book_is_whole_and_sorted():
    files = sorted((ROOT / "data/records").glob("*.jsonl"))
    assert len(files) >= 7
    for file in files:
        record = results.read(file)
        assert record.points and {len(lines) for lines in record.points.values()} == {1}
        lines = file.read_text("utf-8").splitlines()
        kinds = [decode(line).kind for line in lines]
        assert kinds == sorted(kinds, reverse=True)  # runs, then points
