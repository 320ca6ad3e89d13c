"""From executed chapters to a site: check the ledger, stage the sources, render them, publish in one step.

Jupyter Book renders from a clean output with every warning an error; only a finished site takes the place of the
old one.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from lib import atomic
from lib.study import ledger, lifeline, provenance, runs, status, strips, verify
from lib.study.notebooks import chapter_files

DIGEST_FILE = ".companion.json"  # inside the site, so that it changes together with the pages
BENCHMARKS = Path("data/records/bench.json")
NOT_STAGED = shutil.ignore_patterns("[0-9][0-9]-*.md", "parameters", "Snakefile", "__pycache__", ".ipynb_checkpoints",
                                    ".*")


def read_records(root: Path, files: list[Path]) -> list[dict]:
    """The records of the last good runs; raises `ValueError` naming the chapters that have none."""
    records = [runs.read_record(root, path.stem) for path in files]
    missing = [path.stem for path, record in zip(files, records, strict=True)
               if not record or not runs.is_complete(root, record)]
    if missing:
        raise ValueError(f"expected every chapter executed, got no complete run of {', '.join(missing)}; try make book")
    return records


def build(top: Path, profile: str, lock: int) -> bool:
    """Bring the site of a profile up to date; return whether it had to be rendered.

    Raises `ValueError` for a verdict worse than accepted, a malformed table of contents, or warnings of the
    renderer.  The old site is untouched then.
    """
    root = runs.profile_root(top, profile)
    files = chapter_files(top)
    records = read_records(root, files)
    claims = ledger.check(top, profile, records)
    book_status = status.book_status(top, profile)
    with tempfile.TemporaryDirectory(prefix="site-", dir=_workspace(top)) as temporary:
        staged = Path(temporary) / "stage"
        shutil.copytree(top / "book", staged, ignore=NOT_STAGED)
        write_toc(top, staged, [path.stem for path in files])
        write_config(top, staged)
        stage_chapters(top, root, staged, records, claims)
        atomic.write_json(staged / "_data" / "ledger.json", claims)
        atomic.write_json(staged / "_data" / "status.json", book_status)
        if (top / BENCHMARKS).exists():
            shutil.copy(top / BENCHMARKS, staged / "_data" / "bench.json")
        digest = _digest(top, staged)
        current = atomic.read_json(root / "html" / DIGEST_FILE) == {"digest": digest}
        if not current:
            html = render(top, staged, Path(temporary) / "output", root / "logs", strict=True, inherited=(lock,))
            atomic.write_json(html / DIGEST_FILE, {"digest": digest})
            atomic.swap_directory(html, root / "html")
        atomic.swap_directory(staged, root / "stage")
    atomic.write_json_if_changed(root / "ledger.json", claims)
    if not current or not (root / verify.SUMS).exists():
        verify.seal(root)
    atomic.write_json_if_changed(root / "status.json", book_status)
    return not current


def write_toc(top: Path, staged: Path, stems: list[str]) -> None:
    """Write the table of contents as the renderer needs it."""
    toc = read_toc(top, stems)
    (staged / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False, allow_unicode=True), "utf-8")


def read_toc(top: Path, stems: list[str]) -> object:
    """The table of contents with chapters as executed notebooks, all names relative to the staged sources.

    Raises `ValueError` where it is not YAML, not of the form of a table of contents, or lacks a chapter.
    """
    found = []

    def rewrite(node):
        if isinstance(node, list):
            return [rewrite(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        result = {key: rewrite(value) for key, value in node.items()}
        for key in ("file", "root"):
            if isinstance(result.get(key), str):
                name = result[key].removeprefix("book/").removesuffix(".md")
                found.append(name)
                result[key] = f"{name}.ipynb" if name in stems else name
        return result

    try:
        toc = rewrite(yaml.safe_load((top / "_toc.yml").read_text("utf-8")))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ValueError(f"_toc.yml{line}: expected YAML, got {getattr(error, 'problem', error)}") from None
    missing = [stem for stem in stems if stem not in found]
    if missing:
        raise ValueError(f"_toc.yml: expected every chapter, got no entry for {', '.join(missing)}; "
                         f"try '- file: {missing[0]}' below 'chapters:' of a part")
    from sphinx_external_toc.parsing import MalformedError, parse_toc_data

    try:
        parse_toc_data(toc)
    except MalformedError as error:
        raise ValueError(f"_toc.yml: expected parts with chapters, got {error}; try the indentation of its "
                         "neighbours") from None
    return toc


def write_config(top: Path, staged: Path) -> None:
    """The configuration with the two settings that the pipeline relies on."""
    config = yaml.safe_load((top / "_config.yml").read_text("utf-8"))
    config["only_build_toc_files"] = True  # else Sphinx finds pages twice
    config["execute"] = {"execute_notebooks": "off"}  # papermill has executed them
    (staged / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")


def stage_chapters(top: Path, root: Path, staged: Path, records: list[dict], claims: list[dict]) -> None:
    """The executed notebooks, their records, and the files that their pages offer for download.

    What the notebooks say of claims is rendered anew, from the ledger (`claims`).
    """
    by_id = {claim["id"]: claim for claim in claims}
    for record in records:
        stem = record["chapter"]
        executed = root / "executed" / f"{stem}.ipynb"
        notebook = json.loads(executed.read_text("utf-8"))
        strips.fill(notebook, by_id, {sweep["name"]: sweep for sweep in record["sweeps"]})
        (staged / f"{stem}.ipynb").write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
        downloads = staged / "_data" / "downloads" / stem
        downloads.mkdir(parents=True)
        shutil.copy(executed, downloads / f"{stem}-executed.ipynb")
        (downloads / f"{stem}.ipynb").write_text(clean_notebook(executed.read_text("utf-8")), "utf-8")
        shutil.copy(top / "book" / f"{stem}.md", downloads / f"{stem}.md")
        offered = [("executed notebook", f"{stem}-executed.ipynb"), ("notebook without outputs", f"{stem}.ipynb"),
                   ("text (MyST)", f"{stem}.md")]
        for name in record["figures"]:
            target = downloads / "figures" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / "files" / stem / name, target)
            offered.append((name, f"figures/{name}"))
        links = [{"label": label, "path": f"downloads/{stem}/{name}"} for label, name in offered]
        atomic.write_json(staged / "_data" / "chapters" / f"{stem}.json", record | {"downloads": links})


def clean_notebook(executed: str) -> str:
    """The notebook as its author wrote it: no outputs, no injected parameters, no provenance."""
    notebook = json.loads(executed)
    notebook["cells"] = [cell for cell in notebook["cells"]
                         if "injected-parameters" not in cell["metadata"].get("tags", [])]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    notebook["metadata"].get("companion", {}).pop("provenance", None)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def render(top: Path, staged: Path, output: Path, logs: Path, *, strict: bool, inherited: tuple[int, ...] = ()) -> Path:
    """Render staged sources and return the directory of pages; what the renderer says goes to `logs`/render.log.

    strict: every warning is an error. Else those are printed that do not come from the absence of the other pages.
    """
    # The package has no __main__.
    start = ("import sys; sys.stdout = sys.stderr; from lib.study import lifeline; lifeline.hold(); "
             "from jupyter_book.cli.main import main; sys.exit(main())")
    command = [sys.executable, "-c", start, "build", str(staged), "--path-output", str(output), "--quiet"]
    if strict:
        command += ["--warningiserror", "--nitpick", "--keep-going"]
    environment = {"PYTHONPATH": str(top), "COMPANION_ROOT": str(top), "PYTHONHASHSEED": "0", "NO_COLOR": "1"}
    failed = lifeline.run({"render": command}, logs, 1, environment, inherited)["render"]
    html = output / "_build" / "html"
    said = (logs / "render.log").read_text("utf-8", "replace")
    text = re.sub(r"\x1b\[[0-9;]*m", "", said).replace(f"{staged}/", "")
    text = re.sub(r"\.ipynb:\d+:", ".md:", text)  # a line that only the renderer knows
    lines = [line for line in text.splitlines() if re.search(r"WARNING|ERROR|Error|Errno", line)]
    if not strict and not failed:
        found = [line for line in lines if "WARNING" in line and not _is_elsewhere(top, line)]
        if found:
            print("make book would refuse this page:\n    " + "\n    ".join(dict.fromkeys(found)), flush=True)
    if failed or not (html / "index.html").exists():
        raise ValueError("expected pages without warnings, got\n    " + "\n    ".join(lines or text.splitlines()[-15:]))
    if (staged / "_data" / "downloads").exists():
        shutil.copytree(staged / "_data" / "downloads", html / "downloads")
    return html


def _is_elsewhere(top: Path, warning: str) -> bool:
    """Whether a warning only says that a target is not on this page, while another page of the book has it."""
    target = re.search(r"(?:undefined label|unknown document|target not found)[^'\"]*['\"]([^'\"]+)['\"]|"
                       r"equation not found: (\S+)", warning)
    if not target:
        return "citation" in warning or "_toc" in warning
    name = (target[1] or target[2]).rsplit("/", 1)[-1].removesuffix(".md").removesuffix(".ipynb")
    named = re.compile(rf"^\s*:?name:\s*{re.escape(name)}\s*$|^(\$\$ )?\({re.escape(name)}\)=?\s*$", re.MULTILINE)
    pages = list((top / "book").glob("*.md"))
    return any(page.stem == name for page in pages) or any(named.search(page.read_text("utf-8")) for page in pages)


def _digest(top: Path, staged: Path) -> str:
    """Digest of everything that shapes the pages."""
    parts = [atomic.sha256(place) for place in (staged, top / "lib" / "study", top / "data" / "thesis")]
    return hashlib.sha256(json.dumps([*parts, provenance.environment_digest(top)]).encode()).hexdigest()


def _workspace(top: Path) -> Path:
    workspace = top / "_build" / "tmp"
    workspace.mkdir(parents=True, exist_ok=True)
    return workspace
