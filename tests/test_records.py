"""Records: what is written comes back, damage is refused by line, killed and concurrent writers lose nothing."""

import errno
import fcntl
import hashlib
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.study.records import KINDS, Record, decode, encode, settings_key


def point(seed: int, **results) -> dict:
    return {"kind": "point", "settings": {"seed": seed}, "results": results}


BODIES = [point(0, energy=-1.5), point(1, text="Weiß \u2028 \n\" \\"), {"kind": "revalidation", "settings": {}},
          point(2, values=[1e-310, -0.0, 10**30]), point(3)]
LINES = [encode(body)[:-1] for body in BODIES]
CONTENT = b"\n".join(LINES) + b"\n"
NEW = point(7, energy=2.5)


def signed(content: bytes) -> bytes:
    """A line with any content whose check sum is nevertheless right."""
    return b'{"check":"%b",%b\n' % (hashlib.sha256(content).hexdigest()[:16].encode(), content)


def exact(value):
    """A form in which 1, 1.0 and True differ, 0.0 and -0.0 too, and the order of names does not matter."""
    if isinstance(value, dict):
        return {name: exact(value[name]) for name in sorted(value)}
    return [exact(inner) for inner in value] if isinstance(value, list) else (type(value), repr(value))


def listed(bodies) -> list:
    return sorted(map(exact, bodies), key=repr)


def held(record: Record) -> list:
    return listed([body for lines in record.points.values() for body in lines] + record.revalidations)


@pytest.fixture
def path(tmp_path):
    """A record of a few lines."""
    (tmp_path / "record.jsonl").write_bytes(CONTENT)
    return tmp_path / "record.jsonl"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A file for property tests, which write it anew for each example."""
    return tmp_path_factory.mktemp("records") / "record.jsonl"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)
BODY = st.builds(lambda rest, kind, settings: {**rest, "kind": kind, "settings": settings},
                 st.dictionaries(st.text().filter(lambda name: name not in ("check", "format")), JSON, max_size=4),
                 st.sampled_from(KINDS), st.dictionaries(st.text(), JSON, max_size=4))
ALIKE = st.recursive(st.sampled_from([0, 0.0, -0.0, False, "0", "", "null", None, 1, 1.0, True, "1", 10**22, 1e22]),
                     lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("01"), inner))
NOT_JSON = st.recursive(st.sampled_from([math.nan, math.inf, -math.inf, b"x", 1j, {1}]), lambda inner: st.one_of(
    st.tuples(JSON, inner).map(list), st.tuples(st.text(), inner).map(lambda pair: dict([pair]))))
BYTE = st.binary(min_size=1, max_size=1)


@settings(max_examples=60)
@given(st.lists(BODY, min_size=1, max_size=3))
@example([point(0, x=[5e-324, 1.7976931348623157e308, -0.0, 2**2000], text="\r\n\0\x7f\x85\u2028\U0001f600")])
def test_what_is_appended_is_read_again_exactly(scratch, bodies):
    bodies = [{**body, "settings": {**body["settings"], "number": number}} for number, body in enumerate(bodies)]
    scratch.unlink(missing_ok=True)
    writer = Record(scratch)
    for body in bodies:
        writer.append(body)
    again = Record(scratch)
    assert held(writer) == held(again) == listed(bodies) == listed(map(decode, scratch.read_bytes().splitlines()))
    assert list(again.points) == [settings_key(body["settings"]) for body in bodies if body["kind"] == "point"]


def test_the_format_is_the_one_of_files_written_long_ago(path):
    line = b'{"check":"a17f4892ecdb71c9","format":1,"kind":"point","settings":{"seed":1},"results":{"x":-0.5}}\n'
    path.write_bytes(line)
    assert held(Record(path)) == listed([point(1, x=-0.5)])
    assert encode(point(1, x=-0.5)) == line


@given(ALIKE, ALIKE)
@example(1, 1.0)
@example(1, True)
@example(1, "1")
def test_points_are_told_apart_by_exact_settings_in_any_order(one, other):
    assert (settings_key({"x": one}) == settings_key({"x": other})) == (exact(one) == exact(other))
    turned_round = {"y": 0, "x": {"b": other, "a": one}}
    assert settings_key({"x": {"a": one, "b": other}, "y": 0}) == settings_key(turned_round)
    assert exact(json.loads(settings_key(turned_round))) == exact(turned_round)


@given(NOT_JSON)
def test_infinities_and_other_things_that_json_does_not_hold_are_not_written(scratch, value):
    with pytest.raises((ValueError, TypeError)):
        settings_key({"x": value})
    scratch.write_bytes(CONTENT)
    with pytest.raises(ValueError, match="expected a record of finite numbers, texts, lists and mappings"):
        Record(scratch).append(point(0, x=value))
    assert scratch.read_bytes() == CONTENT


@settings(max_examples=600)
@given(start=st.integers(0, len(CONTENT)), change=st.one_of(
    st.tuples(st.just(1), BYTE), st.tuples(st.just(0), BYTE), st.tuples(st.integers(0, 300), st.binary(max_size=99))))
@example(start=5, change=(1, b""))
@example(start=0, change=(1, b"\n"))
@example(start=len(LINES[0]), change=(1, b""))
@example(start=len(LINES[0]), change=(0, b"\n"))
@example(start=len(CONTENT) - 1, change=(1, b"x"))
def test_changed_lost_and_added_bytes_are_refused_by_file_and_line(scratch, start, change):
    damaged = CONTENT[:start] + change[1] + CONTENT[start + change[0]:]
    scratch.write_bytes(damaged)
    *lines, rest = damaged.split(b"\n")
    wrong = [number for number, line in enumerate(lines, 1) if line and line not in LINES]
    if rest.startswith((b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")):  # of a merge, which needs no end to be one
        wrong.append(len(lines) + 1)
    told = []
    if wrong:
        with pytest.raises(ValueError) as caught:
            Record(scratch, told.append)
        assert str(caught.value).startswith(f"{scratch}, line {wrong[0]}: expected a line of a record, got a ")
    else:  # a line added or taken away as a whole, or the end of the last one, which the next test is about
        read = held(Record(scratch, told.append))
        assert read == listed(body for body, line in zip(BODIES, LINES) if line in [*lines, rest])
        assert bool(told) == (rest != b"" and rest not in LINES)


@settings(max_examples=200)
@given(length=st.integers(0, len(CONTENT)), tail=st.sampled_from([b"", b"", b"\0", 5000 * b"\0"]))
@example(length=len(CONTENT) - 1, tail=b"")
@example(length=len(CONTENT), tail=b"\0")
def test_a_file_cut_anywhere_keeps_its_whole_lines_and_is_repaired(scratch, length, tail):
    cut = CONTENT[:length] + tail
    scratch.write_bytes(cut)
    *lines, rest = cut.split(b"\n")
    if rest in LINES:  # the line lacks nothing but its end
        lines, rest = [*lines, rest], b""
    bodies, told = BODIES[:len(lines)], []
    reader, writer = Record(scratch, told.append), Record(scratch, told.append)
    assert held(reader) == held(writer) == listed(bodies) and scratch.read_bytes() == cut
    assert len(told) == (2 if rest else 0)
    writer.append(NEW)
    assert len(told) == (3 if rest else 0)
    message = f"{scratch}, line {len(lines) + 1}: the last line is not whole ({len(rest)} bytes "
    assert all(text.startswith(message) for text in told)
    told.clear()
    reader.refresh()
    assert held(reader) == held(writer) == held(Record(scratch, told.append)) == listed([*bodies, NEW])
    assert scratch.read_bytes() == b"".join(line + b"\n" for line in lines) + encode(NEW) and not told


def test_empty_lines_and_both_sides_of_a_merge_are_harmless(path):
    path.write_bytes(b"\n" + CONTENT.replace(b"\n", b"\n\n") + CONTENT)
    record = Record(path)
    record.append(NEW)
    assert held(record) == held(Record(path)) == listed([*BODIES, NEW])
    path.write_bytes(path.read_bytes() + b"damage\n")
    with pytest.raises(ValueError, match="line 18:"):
        record.refresh()


BOTH_SIDES = "a mark of a merge conflict; .* keep the lines of both sides"


@pytest.mark.parametrize("end", [b"\n", b""], ids=["whole", "without its end"])
@pytest.mark.parametrize(("line", "named"), [
    (b"<<<<<<< HEAD", BOTH_SIDES), (b"=======", BOTH_SIDES), (b">>>>>>> branch", BOTH_SIDES),
    (signed(b'"format":2,"kind":"point","settings":{}}')[:-1], "format 2 and kind 'point'.* try a newer version"),
    (signed(b'"kind":"point","settings":{}}')[:-1], "format None and kind 'point'.* try a newer version"),
    (signed(b'"format":1,"kind":"image"}')[:-1], "format 1 and kind 'image'.* try a newer version"),
], ids=["ours", "between", "theirs", "format", "no format", "kind"])
def test_marks_of_a_merge_and_lines_of_a_newer_version_are_refused_and_named(path, line, named, end):
    path.write_bytes(CONTENT + line + end)
    with pytest.raises(ValueError, match=f"record.jsonl, line 6: expected a line of a record, got .*{named}"):
        Record(path).append(NEW)
    assert path.read_bytes() == CONTENT + line + end


@pytest.mark.parametrize(("content", "message"), [
    (CONTENT + b"damage\n" + encode(NEW), "record.jsonl, line 6: expected a line of a record, got a line that"),
    (CONTENT[:-len(LINES[-1]) - 1], f"record.jsonl: expected a file .* lost {len(LINES[-1]) + 1} bytes"),
], ids=["damaged", "shorter"])
def test_a_bad_file_is_refused_in_the_same_words_until_it_is_mended(path, content, message):
    record = Record(path)
    path.write_bytes(content)
    for use in (record.refresh, record.refresh, lambda: record.append(NEW)):
        with pytest.raises(ValueError, match=message):
            use()
    assert path.read_bytes() == content
    path.write_bytes(CONTENT + encode(NEW))
    record.refresh()
    assert held(record) == listed([*BODIES, NEW])


def test_a_reader_waits_for_the_line_that_is_being_written(path):
    told, line = [], encode(NEW)
    record = Record(path, told.append)
    with path.open("ab", buffering=0) as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line[:20])
        reading = pool.submit(record.refresh)
        with pytest.raises(TimeoutError):
            reading.result(timeout=0.3)
        file.write(line[20:])
        fcntl.flock(file, fcntl.LOCK_UN)
        reading.result(timeout=60)
    assert told == [] and held(record) == listed([*BODIES, NEW])


WRITER = """if True:
    import sys, pathlib
    from lib.study.records import Record
    worker = sys.argv[2]
    record = Record(pathlib.Path(sys.argv[1]), sys.exit)
    for number in range(50):
        length = 65000 + 3000 * number if number % 10 == 9 else 37 * number % 301
        record.append({"kind": "point", "settings": {"worker": worker, "number": number}, "text": length * worker})
        assert len([key for key in record.points if f'"worker": "{worker}"' in key]) == number + 1"""
READER = """if True:
    import sys, pathlib
    from lib.study.records import Record
    path, seen = pathlib.Path(sys.argv[1]), set()
    record = Record(path, sys.exit)
    print("ready", flush=True)
    while len(record.points) < 200:
        before, again = len(record.points), Record(path, sys.exit)
        record.refresh()
        assert before <= len(again.points) <= len(record.points)
        seen.add(len(again.points))
    assert len(seen) > 2, seen  # it did read in the middle of the writing"""


def test_processes_write_at_once_and_nothing_is_lost_doubled_or_torn(tmp_path):
    path = tmp_path / "new folder" / "record.jsonl"
    top = Path(__file__).resolve().parents[1]
    start = lambda *arguments: subprocess.Popen([sys.executable, "-c", *arguments], cwd=top, text=True,
                                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    processes = [start(READER, path)]
    try:
        assert processes[0].stdout.readline() == "ready\n"
        processes += [start(WRITER, path, worker) for worker in "abcd"]
        for process in reversed(processes):  # the reader ends when it has seen all lines
            assert process.communicate(timeout=120) == ("", "")
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == 5 * [0]
    bodies = [decode(line) for line in path.read_bytes().splitlines()]
    assert len(bodies) == 200 and max(len(body["text"]) for body in bodies) > 2**17
    for worker in "abcd":
        own = [body for body in bodies if body["settings"]["worker"] == worker]
        assert [body["settings"]["number"] for body in own] == list(range(50))


def test_threads_share_a_record(path):
    record, bodies = Record(path), [point(seed) for seed in range(10, 3000)]
    path.write_bytes(CONTENT + b"".join(map(encode, bodies)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: record.refresh() or record.append(point(-seed)), range(1, 5)))
    assert held(record) == held(Record(path)) == listed([*BODIES, *bodies, *(point(-seed) for seed in range(1, 5))])


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("cut", "step", "error"), [
    (0, "write", None), (0, "write", FULL), (0, "write", KeyboardInterrupt()), (0, "fsync", FULL),
    (0, "fsync", KeyboardInterrupt()), (1, "write", FULL), (9, "ftruncate", FULL)])
def test_a_failed_append_names_the_file_and_leaves_it_as_it_was(path, monkeypatch, cut, step, error):
    before, bodies = CONTENT[:len(CONTENT) - cut], BODIES[:-1] if cut == 9 else BODIES
    path.write_bytes(before)

    def fail(file, argument=None, write=os.write):
        n_written = write(file, argument[:len(argument) // 2]) if step == "write" else 0
        if error:
            raise error
        return n_written

    record = Record(path)
    with monkeypatch.context() as patch, pytest.raises(type(error or FULL)) as caught:
        patch.setattr(os, step, fail)
        record.append(NEW)
    assert path.read_bytes() == before and held(record) == listed(bodies)
    if not isinstance(error, KeyboardInterrupt):
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    record.append(NEW)
    assert path.read_bytes() == b"".join(map(encode, [*bodies, NEW]))
    assert held(record) == held(Record(path)) == listed([*bodies, NEW])


def no_locks(file, kind):
    raise OSError(errno.ENOLCK, "No locks available")


def read_only(name, flags, *mode, really_open=os.open):
    if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise PermissionError(errno.EACCES, "Permission denied", str(name))
    return really_open(name, flags, *mode)


@pytest.mark.parametrize(("module", "name", "replacement", "message"), [
    (fcntl, "flock", no_locks, "no locks; try a record on a local disk.*record.jsonl"),
    (os, "open", read_only, "Permission denied.*record.jsonl"),  # chmod would not stop root
])
def test_what_cannot_be_written_can_be_read(path, monkeypatch, module, name, replacement, message):
    monkeypatch.setattr(module, name, replacement)
    record = Record(path)
    with pytest.raises(OSError, match=message):
        record.append(NEW)
    monkeypatch.undo()
    assert path.read_bytes() == CONTENT and held(record) == listed(BODIES)


def test_a_missing_file_is_an_empty_record_and_refresh_finds_what_others_append(tmp_path, monkeypatch):
    path, flushed, fsync = tmp_path / "data" / "records" / "record.jsonl", set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: flushed.add(os.fstat(file).st_ino) or fsync(file))
    one, other = Record(path), Record(path)
    one.refresh()
    assert held(one) == [] and list(tmp_path.iterdir()) == []
    for seed in range(1, 4):
        one.append(point(seed))
        assert len(one.points) == len(other.points) + 1
        other.refresh()
        assert held(other) == held(one)
        other.append(point(-seed))
        one.append(point(100 + seed))  # which reads the line before, too
        other.refresh()
        assert held(one) == held(other) == held(Record(path)) and len(one.points) == 3 * seed
    assert {path.stat().st_ino, path.parent.stat().st_ino} <= flushed


def test_a_file_is_read_to_its_end_in_however_small_parts(path, monkeypatch):
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, length, position: pread(file, min(length, 10), position))
    assert held(Record(path)) == listed(BODIES)


@pytest.mark.parametrize("change", [{"kind": "image"}, {"kind": None}, {"format": 2}, {"settings": None}], ids=str)
def test_a_line_that_could_not_be_read_is_not_written(path, change):
    body = {name: value for name, value in (NEW | change).items() if value is not None}
    with pytest.raises(ValueError):
        Record(path).append(body)
    assert path.read_bytes() == CONTENT


def test_a_process_forked_during_an_append_does_not_keep_the_lock(path, monkeypatch):
    copies = []
    monkeypatch.setattr(os, "fsync", lambda file: copies.append(os.dup(file)))  # as fork does with all open files
    Record(path).append(NEW)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(copies[0])


def test_a_line_goes_to_the_file_that_took_the_place_while_it_waited_for_the_lock(tmp_path, monkeypatch):
    path, lock, replaced = tmp_path / "record.jsonl", fcntl.flock, []
    record = Record(path)
    record.append(BODIES[0])

    def wait(file, kind):
        if kind == fcntl.LOCK_EX and not replaced:
            replaced.append((tmp_path / "other").write_bytes(path.read_bytes()))
            os.replace(tmp_path / "other", path)
        lock(file, kind)

    monkeypatch.setattr(fcntl, "flock", wait)
    record.append(BODIES[1])
    assert replaced and held(Record(path)) == held(record) == listed(BODIES[:2])
