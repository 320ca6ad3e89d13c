"""Arrays of Rydberg atoms: Amazon Braket's analog results, Bloqade, Pulser.

Braket and Bloqade take a picture before (1: an atom) and after (1: an atom, so in the ground state). Where an atom was
before and none after, it was in the Rydberg state, or lost for another reason, which the pictures cannot tell. Where
none was before, nothing was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from lib.checks import is_integer
from lib.spins.measurements.braket import check_header
from lib.spins.measurements.checking import check_shots, mapping, member, short, table, wrong
from lib.spins.measurements.cirq import choose
from lib.spins.measurements.counts import counted, expanded, is_list_of_strings, whole
from lib.spins.measurements.shots import LIMIT, MISSING, RYDBERG, SPIN_PLUS, Shots

SCHEMA = "braket.task_result.analog_hamiltonian_simulation_task_result"
CONVENTION = f"{RYDBERG} (seen before and not after: an atom lost otherwise counts, too); columns in the order of sites"
PULSER = "1 is the Rydberg state (in the digital basis hyperfine, in XY down), taken for spin up; columns by register"


def read_braket(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None) -> Shots:
    """Shots of Braket's array of Rydberg atoms.

    Parameters
    ----------
    document : dict or object
        A parsed analog result, or the SDK's object.
    source : str
        What messages call it.
    limit, shots : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result.

    """
    reported = None
    if isinstance(document, Mapping):
        check_header(document, SCHEMA, source)
        rows = member(document, "measurements", source)
        reported = mapping(document.get("taskMetadata") or {}, source, "taskMetadata").get("shots")
        triples = [_json_shot(row, source, place) for place, row in enumerate(rows or [], start=1)]
    else:
        triples = [_live_shot(row) for row in document.measurements or []]
    return _pictures(triples, source, reported, shots, good=("Success",))


def is_letters(document: object) -> bool:
    """Whether it is `get_counts` of an analog result.

    There e is an empty site, r Rydberg, and g the ground state.

    Parameters
    ----------
    document : object
        What was read.

    Returns
    -------
    bool

    """
    return isinstance(document, Mapping) and bool(document) and all(
        isinstance(key, str) and key and set(key) <= set("erg") for key in document)


def read_letters(document: Mapping, source: str, *, limit: int = LIMIT, shots: int | None = None,
                 expand: bool = True) -> Shots:
    """Counts of strings of e, r, g.

    Shots that failed are not among them, and nothing tells how many these were.

    Parameters
    ----------
    document : dict of str to int
        The counts.
    source : str
        What messages call it.
    limit, shots, expand : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for strings of different lengths, and another number
        of shots.

    """
    keys = list(document)
    uneven = next((place for place, key in enumerate(keys) if len(key) != len(keys[0])), None)
    if uneven is not None:
        raise wrong(source, f"outcomes of {len(keys[0])} sites, as the first", f"{len(keys[uneven])} in "
                    f"{short(keys[uneven])}", "to make the counts again", f"outcome {uneven + 1}")
    values = whole(list(document.values()), keys, source)
    check_shots(sum(values.tolist()), None, source, shots)
    letters = np.frombuffer("".join(keys).encode(), dtype=np.uint8).reshape(len(keys), -1)
    bits = np.where(letters == ord("e"), MISSING, letters == ord("r")).astype(np.uint8)
    bits, sites, dropped = _present(bits, source)
    bits, weights = expanded(bits, values, source, expand, limit)
    return Shots(bits, sites, CONVENTION, plus=SPIN_PLUS, dropped=dropped, weights=weights)


def read_bloqade(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                 task: object = None) -> Shots:
    """Shots of Bloqade.

    Parameters
    ----------
    document : dict or object
        A batch as `bloqade.analog.save` or `dumps` writes it, one of its tasks, or the objects
        (batch, report, task).
    source : str
        What messages call it.
    limit, shots, task : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result, and where task= is
        missing.

    """
    if hasattr(document, "dataframe"):
        return _report(document, source, shots, task)
    results, reported = _task_results(document, source, task)
    if isinstance(results, Mapping):
        outputs = member(results, "shot_outputs", source)
        triples = []
        for place, shot in enumerate(outputs, start=1):
            shot = mapping(shot, source, "a shot", f"shot {place}")
            triples.append((shot.get("shot_status"), shot.get("pre_sequence"), shot.get("post_sequence")))
    else:
        triples = [(getattr(shot.shot_status, "value", shot.shot_status), shot.pre_sequence, shot.post_sequence)
                   for shot in results.shot_outputs]
    return _pictures(triples, source, reported, shots, good=("Completed",))


def read_pulser(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                task: object = None, expand: bool = True) -> Shots:
    """Shots of Pulser.

    Parameters
    ----------
    document : dict, list or object
        A parsed `Results.to_abstract_repr`, Pulser's objects, or its counter of strings.
    source : str
        What messages call it.
    limit, shots, task, expand : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result, and where task= is
        missing.

    """
    if isinstance(document, list) and not is_list_of_strings(document):
        document, task = choose(document, task, source), None
    atoms = None
    if isinstance(document, Mapping) and "tagmap" in document:
        atoms = member(document, "atom_order", source)
        tags = mapping(document["tagmap"], source, "tagmap")
        identity = member(tags, "bitstrings", source, "tagmap")
        times = member(mapping(member(document, "times", source), source, "times"), identity, source)
        values = member(mapping(member(document, "results", source), source, "results"), identity, source)
        counts = values[_time(times, task, source)]
    elif not isinstance(document, (Mapping, list)):
        atoms = document.atom_order
        if hasattr(document, "bitstring_counts") and "bitstring_counts" in vars(document):
            counts = document.bitstring_counts
        else:
            times = document.get_result_times("bitstrings")
            counts = document.get_result("bitstrings", times[_time(times, task, source)])
    else:
        counts = document
    if not is_list_of_strings(counts):
        counts = mapping(counts, source, "a counter of strings")
    bits, weights = counted(counts, source, shots=shots, expand=expand, limit=limit)
    sites = tuple(map(str, range(bits.shape[1]) if atoms is None else atoms))
    if len(sites) != bits.shape[1] or len(set(sites)) < len(sites):
        raise wrong(source, f"atom_order with {bits.shape[1]} different names", short(sites), "to export it again")
    return Shots(bits, sites, PULSER, plus=SPIN_PLUS, weights=weights)


def _time(times: list, task: object, source: str) -> int:
    """The place of the last time of the sequence, or the one that is asked for."""
    if task is not None:
        if not is_integer(task) or not 0 <= task < len(times):
            raise wrong(source, f"task from 0 to {len(times) - 1}, one of the times {times}", short(task), "task=0")
        return task
    if 1.0 in times:
        return list(times).index(1.0)
    if len(times) != 1:
        raise wrong(source, f"task=, one of the times {short(times)}: the end of the sequence is not among them",
                    "none", "task=0 for the first")
    return 0


def _json_shot(row: object, source: str, place: int) -> tuple:
    where = f"shot {place}"
    row = mapping(row, source, "a shot", where)
    status = mapping(member(row, "shotMetadata", source, where), source, "shotMetadata", where).get("shotStatus")
    result = mapping(row.get("shotResult") or {}, source, "shotResult", where)
    return status, result.get("preSequence"), result.get("postSequence")


def _live_shot(row: object) -> tuple:
    if hasattr(row, "shotMetadata"):
        return row.shotMetadata.shotStatus, row.shotResult.preSequence, row.shotResult.postSequence
    return getattr(row.status, "value", row.status), row.pre_sequence, row.post_sequence


def _task_results(document: object, source: str, task: object) -> tuple[object, object]:
    """The results of one task of a batch, and the number of shots that the task tells."""
    if isinstance(document, Mapping) and "shot_outputs" not in document:
        if len(document) == 1 and str(next(iter(document))).startswith("bloqade.analog."):
            document = mapping(next(iter(document.values())), source, "a batch")
        if "tasks" in document:
            tasks = dict(document["tasks"]) if isinstance(document["tasks"], list) else document["tasks"]
            chosen = mapping(_one_task(tasks, task, source), source, "a task")
            document = mapping(next(iter(chosen.values())) if len(chosen) == 1 else chosen, source, "a task")
        reported = document.get("shots")
        if document.get("task_result_ir") is None:
            raise wrong(source, "results of the task (task_result_ir)", "none", "to fetch and save the batch again")
        return document["task_result_ir"], reported
    if isinstance(document, Mapping):
        return document, None
    if hasattr(document, "tasks"):
        document = _one_task(document.tasks, task, source)
    reported = getattr(document, "shots", None)
    return getattr(document, "task_result_ir", document), reported


def _one_task(tasks: Mapping, task: object, source: str) -> object:
    if task is None and len(tasks) == 1:
        return next(iter(tasks.values()))
    if task not in tasks:
        raise wrong(source, f"task=, one of {short(list(tasks))}", short(task), f"task={next(iter(tasks), 0)!r}")
    return tasks[task]


def _report(report: object, source: str, shots: int | None, task: object) -> Shots:
    """Bloqade's report: its table has the picture before in the index."""
    frame = report.dataframe
    numbers = list(frame.index.get_level_values("task_number"))
    tasks = {number: None for number in numbers}
    if task is None and len(tasks) != 1 or task is not None and task not in tasks:
        raise wrong(source, f"task=, one of {short(list(tasks))}", short(task), f"task={next(iter(tasks), 0)!r}")
    wanted = next(iter(tasks)) if task is None else task
    before = [list(map(int, word)) for word in frame.index.get_level_values("pre_sequence")]
    triples = [("Completed", pre, post) for number, pre, post in zip(numbers, before, frame.to_numpy())
               if number == wanted]
    return _pictures(triples, source, None, shots, good=("Completed",))


def _pictures(triples: Iterable[tuple], source: str, reported: object, shots: int | None,
              good: tuple[str, ...]) -> Shots:
    """Bits from pictures before and after, MISSING where no atom was before; shots without pictures are counted."""
    triples = list(triples)
    check_shots(len(triples), reported, source, shots)
    dropped: dict[str, int] = {}
    pairs = []
    for status, pre, post in triples:
        reason = f"shots of status {status!r}" if status not in good else \
            "shots without a picture before or after" if pre is None or post is None or not len(pre) \
            or not len(post) else None
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
        else:
            pairs.append((pre, post))
    if not pairs:
        raise wrong(source, "at least one shot with pictures before and after", f"{len(triples)} shots, {dropped}",
                    "another run")
    before = table([pre for pre, _ in pairs], source, "pictures before")
    after = table([post for _, post in pairs], source, "pictures after", before.shape[1])
    bits = np.where(before == 1, 1 - after, MISSING).astype(np.uint8)
    appeared = int(((before == 0) & (after == 1)).sum())
    if appeared:
        dropped["sites that were empty before and not after"] = appeared
    bits, sites, never = _present(bits, source)
    return Shots(bits, sites, CONVENTION, plus=SPIN_PLUS, dropped=dropped | never)


def _present(bits: np.ndarray, source: str) -> tuple[np.ndarray, tuple[str, ...], dict[str, int]]:
    """The columns of sites that had an atom in some shot, their names, and how many had none."""
    never = (bits == MISSING).all(axis=0)
    if never.all():
        raise wrong(source, "atoms", "pictures without any", "another run")
    dropped = {"sites that were empty in every shot": int(never.sum())} if never.any() else {}
    return np.ascontiguousarray(bits[:, ~never]), tuple(str(site) for site in np.flatnonzero(~never)), dropped
