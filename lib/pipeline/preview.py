"""`make preview CH=05`: the built page of a chapter in a browser, rendered again whenever a file is saved."""

from __future__ import annotations

import subprocess
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lib import atomic
from lib.study import runs, surroundings
from lib.study.notebooks import find_chapter

WATCHED = ("book", "lib", "_config.yml", "_toc.yml", "CONTRIBUTING.md", "data/thesis", "data/claims")


class _Pages(SimpleHTTPRequestHandler):
    """Files of the site as they are now, without a line for each in the terminal."""

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *arguments):
        pass


def serve(top: Path, profile: str, chapter: str, jobs: int, port: int) -> None:
    """Serve the page, until it is interrupted."""
    page = f"{find_chapter(top, chapter).stem}.html"
    build = surroundings.command(top, "lib", "chapter", chapter, f"--root={top}", f"--profile={profile}",
                                 f"--jobs={jobs}")
    pages = partial(_Pages, directory=str(runs.profile_root(top, profile) / "html"))
    with ThreadingHTTPServer(("127.0.0.1", port), pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        built = None
        while True:
            now = [atomic.sha256(top / name) for name in WATCHED]
            if now != built:
                built = now
                subprocess.run(build)  # says itself what is wrong
                place = f"http://127.0.0.1:{server.server_port}/{page}"
                print(f"{place} (reload it after a change; Ctrl-C ends)", flush=True)
            time.sleep(0.5)
