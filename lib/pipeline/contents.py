"""The files that JupyterLab sees in `make edit`: jupytext's, and chapters are saved in their own form.

``jupyter lab --ServerApp.contents_manager_class=lib.pipeline.contents.ChapterContents``
"""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from pathlib import Path

from jupytext import AsyncTextFileContentsManager
from tornado import web

from lib import atomic
from lib.pipeline import editing

_NOTEBOOK = ContextVar("whether a notebook is being saved, and not a text as it was typed", default=False)


class ChapterContents(AsyncTextFileContentsManager):
    """Saves a page of `book` that is open as a notebook without a change where its cells have none, and no page that
    another program has changed meanwhile, before its text is kept."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.register_pre_save_hook(keep_text)
        self.known: dict[str, bytes | None] = {}  # what was last shown or written of each page

    async def get(self, path, content=True, *arguments, **settings):
        model = await super().get(path, content, *arguments, **settings)
        if content and path.endswith(".md"):
            self.known[path] = self.bytes_of(path)
        return model

    async def save(self, model, path=""):
        if path in self.known and (now := self.bytes_of(path)) not in (None, self.known[path]):
            self.known[path] = now
            raise web.HTTPError(409, f"expected {path} as it was opened here, got one that another program has changed "
                                f"since; its text is kept in {self.put_aside(path, now)}; try to save again, which "
                                "writes what is here in its place, or File > Reload from Disk, which shows the other")
        saved = _NOTEBOOK.set(model["type"] == "notebook")
        try:
            return await super().save(model, path)
        finally:
            _NOTEBOOK.reset(saved)
            if path.endswith(".md"):
                self.known[path] = self.bytes_of(path)

    def bytes_of(self, path: str) -> bytes | None:
        """What is on the disk of a page, or None."""
        file = Path(self.root_dir) / path.strip("/")
        return file.read_bytes() if file.is_file() else None

    def put_aside(self, path: str, text: bytes) -> str:
        """Keep a text that a save would write over; return its place."""
        digest = hashlib.sha256(text).hexdigest()[:8]
        place = Path("_build/edit/conflicts", f"{Path(path).stem}-{digest}.md")
        atomic.write_bytes(Path(self.root_dir) / place, text)
        return place.as_posix()


def keep_text(model: dict, path: str, contents_manager: ChapterContents, **_: object) -> None:
    """Change the text that is about to be written, in place; an error here is logged, and jupytext's text written."""
    file = Path(contents_manager.root_dir) / path.strip("/")
    if _NOTEBOOK.get() and model["type"] == "file" and file.suffix == ".md":
        before = file.read_bytes().decode("utf-8") if file.is_file() else ""
        text = editing.merged(before.replace("\r\n", "\n"), model["content"])
        model["content"] = text.replace("\n", "\r\n") if "\r\n" in before else text
