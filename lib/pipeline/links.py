"""`make links`: whether every link of the built site leads somewhere, and, where asked, whether other sites answer.

Within the site a link needs a file, and its anchor a part of that page; every anchor is there once.  Addresses outside
are asked by Sphinx's own `linkcheck`, on a page that lists them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.study import runs

#: Of `linkcheck`: an address that answers slowly is asked twice.
SETTINGS = "project = 'links'\nlinkcheck_timeout = 20\nlinkcheck_retries = 2\nlinkcheck_allow_unauthorized = True\n" \
           "linkcheck_report_timeouts_as_broken = False\n"
#: How `linkcheck` describes sites that answered, and of these the ones that are there but answer no program.
ANSWERED, REFUSED = re.compile(r"\d{3} |Anchor "), re.compile(r"(?!404|410)\d{3} ")


class Page(HTMLParser):
    """The anchors and links of a page, in its order."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.append(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")
            elif name == "srcset":
                self.links += [part.split()[0] for part in (value or "").split(",") if part.strip()]


def check(top: Path, profile: str, outside: bool) -> str:
    """Say that all links of the site of a profile are in order; with `outside` those that lead out of it, too.

    Raises `ValueError` with all that are not, where there is no site, and where no address outside answers.
    """
    html = runs.built(top, profile)
    pages = {path.name: Page(path.read_text("utf-8")) for path in sorted(html.glob("*.html"))}
    if lines := problems(html, pages):
        raise ValueError("\n".join(lines))
    found = sum(len(page.links) for page in pages.values())
    said = f"{len(pages)} pages with {found} links: those within the site lead somewhere, every anchor is there once"
    addresses = outer(pages)
    if not outside:
        return f"{said}\n{len(addresses)} addresses outside it were not asked; make links OUTSIDE=yes does so"
    return f"{said}\n{asked(addresses)}"


def problems(html: Path, pages: dict[str, Page]) -> list[str]:
    """A line for every link within a site that leads nowhere, and for every anchor that is there twice."""
    lines = []
    for name, page in pages.items():
        lines += [f"{name}: expected every anchor once, got {anchor!r} {n} times"
                  for anchor, n in Counter(page.anchors).items() if n > 1]
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)  # what it asks for (?v=1) does not matter on a disk
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            if path and not (html / path).is_file():
                lines.append(f"{name}: expected a file of the site, got {link!r}")
            elif parts.fragment and (path or name) in pages and \
                    unquote(parts.fragment) not in pages[path or name].anchors:
                lines.append(f"{name}: expected an anchor of {path or name}, got {link!r}")
    return lines


def outer(pages: dict[str, Page]) -> dict[str, list[str]]:
    """The addresses outside the site, and the pages that name each."""
    found: dict[str, list[str]] = {}
    for name, page in pages.items():
        for link in dict.fromkeys(page.links):
            if urlsplit(link).scheme in ("http", "https"):
                found.setdefault(link, []).append(name)
    return found


def asked(addresses: dict[str, list[str]]) -> str:
    """Ask every address, and say what answered; raises `ValueError` for those where nothing is, and where no address
    answers, as without a network."""
    found = linkcheck([*addresses])
    broken = {entry["uri"]: entry["info"] or entry["status"] for entry in found
              if entry["status"] in ("broken", "timeout")}
    if found and len(broken) == len(found) and not any(map(ANSWERED.match, broken.values())):
        raise ValueError(f"expected a network, to ask the {len(found)} addresses outside the site, got no answer from "
                         "any of them; try again with one (the links within the site are in order)")
    if gone := [f"{addresses[uri][0]}: expected an address that answers, got {uri} ({info})"
                for uri, info in broken.items() if not REFUSED.match(info)]:
        raise ValueError("\n".join(gone))
    return f"{len(found) - len(broken)} of {len(found)} addresses outside it answer" + "".join(
        f"\n  {uri} answers no program ({info}); look at it in a browser" for uri, info in broken.items())


def linkcheck(addresses: list[str]) -> list[dict]:
    """What Sphinx's `linkcheck` finds at some addresses: uri, status and info."""
    with tempfile.TemporaryDirectory(prefix="links-") as folder:
        place = Path(folder)
        (place / "conf.py").write_text(SETTINGS, "utf-8")
        escaped = (address.replace("\\", r"\\").replace("_", r"\_") for address in addresses)
        listed = "\n".join(f"* `address {n} <{address}>`__" for n, address in enumerate(escaped))
        (place / "index.rst").write_text(f"Links\n=====\n\n{listed}\n", "utf-8")
        subprocess.run([sys.executable, "-I", "-m", "sphinx", "-q", "-b", "linkcheck", folder, str(place / "out")],
                       capture_output=True)  # its status tells whether an address is broken
        return [json.loads(line) for line in (place / "out/output.json").read_text("utf-8").splitlines()]
