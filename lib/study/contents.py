"""The files that JupyterLab sees in `make edit`: jupytext's, and chapters are saved in their own form.

``jupyter lab --ServerApp.contents_manager_class=lib.study.contents.ChapterContents``
"""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

from jupytext import AsyncTextFileContentsManager

from lib.study import editing

_NOTEBOOK = ContextVar("whether a notebook is being saved, and not a text as it was typed", default=False)


class ChapterContents(AsyncTextFileContentsManager):
    """Saves a page of `book` that is open as a notebook without a change where its cells have none."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.register_pre_save_hook(keep_text)

    async def save(self, model, path=""):
        saved = _NOTEBOOK.set(model["type"] == "notebook")
        try:
            return await super().save(model, path)
        finally:
            _NOTEBOOK.reset(saved)


def keep_text(model: dict, path: str, contents_manager: ChapterContents, **_: object) -> None:
    """Change the text that is about to be written, in place; an error here is logged, and jupytext's text written."""
    file = Path(contents_manager.root_dir) / path.strip("/")
    if _NOTEBOOK.get() and model["type"] == "file" and file.suffix == ".md":
        before = file.read_bytes().decode("utf-8") if file.is_file() else ""
        text = editing.merged(before.replace("\r\n", "\n"), model["content"])
        model["content"] = text.replace("\n", "\r\n") if "\r\n" in before else text
