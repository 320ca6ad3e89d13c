"""`python -m tests.mutations [WORD ...]`: run all mutations, or those whose text has a word, and keep what came out."""

import datetime
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lib.study import anchors, committed, provenance
from tests.mutations import MUTATIONS, copy_of, verdict


def main(words: list[str]) -> int:
    top, jobs = Path.cwd(), os.cpu_count() or 1
    chosen = [one for one in MUTATIONS if not words or any(word in one.what for word in words)]
    commit, dirty = provenance.commit(top, besides="data/records")
    with tempfile.TemporaryDirectory() as place:
        copy = copy_of(top, Path(place))
        (copy / "_build" / "anchors.json").unlink(missing_ok=True)  # also compiles what the copies need
        failing = [message for message in anchors.check(copy, jobs).values() if message]
        if failing:
            print("expected anchors that pass before anything is changed, got:", *failing, sep="\n", file=sys.stderr)
            return 1
        rows = []
        for mutation in chosen:
            began = time.monotonic()
            rows.append(verdict(copy, mutation, jobs))
            print(f"{'ok' if rows[-1].as_expected else 'NOT AS EXPECTED'}: {mutation.what}: "
                  f"{', '.join(rows[-1].moved) or 'nothing moved'} ({time.monotonic() - began:.0f} s)", flush=True)
    today = datetime.date.today().isoformat()
    kept = {row.what: row for row in committed.read(top, "mutations")}
    kept |= {row.what: replace(row, commit=commit, dirty=dirty, date=today) for row in rows}
    committed.write(top, "mutations", [kept[one.what] for one in MUTATIONS if one.what in kept])
    return int(not all(row.as_expected for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
