"""What many chapters cost: `python -m tests.load 25 50 100` builds toy books of so many chapters and measures them.

It ends with status 1 where the time for each chapter grows by more than half from the smallest book to the largest, or
`make status` takes 2 s or more: time of the processor, which others at work beside it do not change, unlike that of the
clock.  A hundred chapters take some minutes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import toy_book


def book_of(top: Path, n_chapters: int) -> Path:
    """A toy book of so many chapters."""
    toy_book.make(top)
    for stem in ("01-first", "02-second"):
        (top / f"book/{stem}.md").unlink()
        (top / f"data/thesis/claims/{stem[:2]}.yml").unlink()
    for number in range(n_chapters):
        module = ("first", "second")[number % 2]
        toy_book.write(top, f"book/{number:02d}-page.md", toy_book.CHAPTER.format(stem=number, module=module))
        toy_book.write(top, f"data/thesis/claims/{number:02d}.yml", toy_book.CLAIMS.format(stem=number))
    toy_book.write(top, "book/index.md", "# Toy book\n\nSee {doc}`00-page`.\n")
    toy_book.write(top, "book/parameters/smoke.yml", "{}\n")
    toy_book.write(top, "_toc.yml", "format: jb-book\nroot: index\nchapters:\n" + "".join(
        f"- file: {number:02d}-page\n" for number in range(n_chapters)))
    return top


def main(sizes: list[int]) -> int:
    """Measure books of these sizes, print a line each, and judge them."""
    builds, states = [], []
    print("          of the processor (s)                of the clock (s)")
    print("chapters     build  a chapter    status       build    status")
    for n_chapters in sizes:
        with tempfile.TemporaryDirectory() as place:
            top = book_of(Path(place), n_chapters)
            seconds, waited = [], []
            for command in (toy_book.command(top, "book"), toy_book.command(top, "status")):
                began, used = time.monotonic(), _used()
                done = subprocess.run(command, cwd=top, env=toy_book.environment(top), text=True, capture_output=True)
                if done.returncode:
                    print(f"{n_chapters:8d}  ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
                    return 1
                seconds.append(_used() - used)
                waited.append(time.monotonic() - began)
        builds.append(seconds[0] / n_chapters)
        states.append(seconds[1])
        print(f"{n_chapters:8d}  {seconds[0]:8.1f}  {builds[-1]:9.2f}  {seconds[1]:8.2f}  {waited[0]:10.1f}  "
              f"{waited[1]:8.2f}", flush=True)
    return int(builds[-1] > 1.5 * builds[0] or max(states) >= 2)


def _used() -> float:
    """Processor seconds of all processes that were started here and have ended, with all that those have started."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [25, 50, 100]))
