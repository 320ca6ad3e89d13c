"""What every chapter page shows about its own making: parameters, downloads, provenance.

All of it is added while Sphinx reads the executed notebook, from the record of the run that the build staged.
"""

from __future__ import annotations

import html
import re

import companion_data as data
import companion_figures
from docutils import nodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", describe_page)
    app.connect("doctree-read", keep_names_whole, priority=400)  # before titles are taken for other pages


def keep_names_whole(app: Sphinx, doctree: nodes.document) -> None:
    """Let no title break within CIFAR-10 or ResNet-18; the anchors of their sections have been made before."""
    for title in doctree.findall(nodes.title):
        for text in list(title.findall(nodes.Text)):
            text.parent.replace(text, nodes.Text(re.sub(r"(?<=[A-Za-z])-(?=\d)", "\u2011", text)))


def describe_page(app: Sphinx, doctree: nodes.document) -> None:
    """Add the boxes to a page that has the record of a run."""
    record = data.chapter(app.srcdir, app.env.docname)
    if record is None:
        return
    app.env.note_dependency(f"_data/chapters/{app.env.docname}.json")
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    for number, cell in enumerate((cell for cell in cells if "tag_injected-parameters" not in cell["classes"]), 1):
        cell["ids"].append(f"cell-{number}")  # for the ledger
    for cell in cells:
        if "tag_parameters" in cell["classes"]:
            # The box says it more legibly; the cell stays, folded.
            cell["hide_mode"] = "input"
            cell["prompt_show"], cell["prompt_hide"] = "Show the cell that sets them", "Hide the cell that sets them"
            parameters = data.declared_parameters(app.srcdir, app.env.docname)
            command = data.example_command(app.srcdir, app.env.docname)
            cell.parent.insert(cell.parent.index(cell), _raw(parameter_box(parameters, record["provenance"], command)))
        saved = data.SAVED.search(cell.children[0].astext() if cell.children else "")
        for figure in cell.findall(nodes.figure):
            if saved:
                _add_figure_links(figure, saved[1], record.get("downloads", []))
                for image in figure.findall(nodes.image):
                    image["narrow"] = f"_data/narrow/{app.env.docname}/{saved[1]}{companion_figures.NARROW}"
    section = next(iter(doctree.findall(nodes.section)), doctree)
    section.insert(1, _raw(reading_time(section)))
    app.env.note_dependency("_data/times.json")
    times = data.staged(app.srcdir, "times.json") or {}
    section.insert(2, _raw(computing_time({profile: noted.get(app.env.docname) for profile, noted in times.items()})))
    section += _raw(downloads_box(record.get("downloads", [])) + provenance_box(record))


def reading_time(section: nodes.Element) -> str:
    """How long a page takes to read: 200 words a minute, and a minute for each figure."""
    texts = [node for node in section.findall(nodes.TextElement)
             if isinstance(node, (nodes.paragraph, nodes.caption, nodes.title, nodes.term))]
    words = sum(len(node.astext().split()) for node in texts)
    figures = len(list(section.findall(nodes.figure)))
    minutes = max(1, round(words / 200 + figures))
    one, some = (f"{n:,} {word}{'s' if n != 1 else ''}" for n, word in ((minutes, "minute"), (figures, "figure")))
    return f'<p class="reading-time">{one} to read: {words:,} words and {some}.</p>'


def computing_time(noted: dict[str, dict | None]) -> str:
    """What a page takes to compute at each profile, as it was measured and noted (`make accept`); nothing where no
    profile was.  What this build's own run took stands at the foot (:func:`provenance_box`)."""
    said: dict[str, list[str]] = {}
    for profile in dict.fromkeys(["smoke", "laptop", "paper", *noted]):
        if entry := noted.get(profile):
            day = data.date(entry["date"]).partition(",")[0]
            where = f"noted on one core of {html.escape(entry['processor'])}, {day}"
            said.setdefault(where, []).append(f"{data.duration(entry['core_seconds'])} at {profile}")
    known = [f"{', '.join(times)} ({where})" for where, times in said.items()]
    unknown = [profile for profile in ("smoke", "laptop", "paper") if not noted.get(profile)]
    known += [f"{' and '.join(unknown)}: not measured"] if unknown else []
    return f'<p class="computing-time">Processor time to compute: {"; ".join(known)}.</p>' if said else ""


def parameter_box(parameters: dict, provenance: dict, command: str) -> str:
    """The parameters of the run, folded: type, value (and what a full build uses where it differs), allowed range,
    meaning and cost; and below them the command that makes the page with other ones."""
    rows, changed = [], 0
    for name, parameter in parameters.items():
        value = provenance["parameters"].get(name, parameter.default)
        shown = f"<strong>{html.escape(repr(value))}</strong>"
        if value != parameter.default:
            changed += 1
            shown += f' <span class="parameter-default">(laptop: {html.escape(repr(parameter.default))})</span>'
        rows.append([f'<code>{name}</code> <span class="parameter-type">{html.escape(parameter.type)}</span>', shown,
                     *map(html.escape, (_allowed(parameter), parameter.meaning, parameter.cost or "not said"))])
    note = f"profile {html.escape(provenance['profile'])}"
    note += f", {changed} changed from the defaults" if changed else ", all at their defaults"
    table = data.table(["name, type", "value", "allowed", "meaning", "cost"], rows, "parameter-table")
    return (f'<details class="companion-box parameters"><summary>Parameters of this build '
            f'<span class="box-note">{note}</span></summary>{table}{_other_values(command)}</details>')


def _other_values(command: str) -> str:
    """The command that makes a page with other parameters, as a block that the theme gives a button to copy it."""
    if not command:
        return ""
    return ('<p class="box-hint">This page with other values, beside the book and with what moved (more names and '
            "values after a blank, all others stay as they are in the chapter):</p>"
            '<div class="highlight-bash notranslate parameter-command"><div class="highlight">'
            f"<pre>{html.escape(command, quote=False)}</pre></div></div>")


def provenance_box(record: dict) -> str:
    """"How this page was made", folded."""
    made = record["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    budget = made.get("budget_core_minutes")
    wall = data.duration(made["seconds"])
    used = data.duration(made["core_seconds"]) + (f" of {budget:g} min budgeted" if budget else "")
    commits = [("commit of the numbers", made), ("commit of the text", record["text"])]
    facts = [("profile", made["profile"]),
             ("parameters", ", ".join(f"{name} = {value!r}" for name, value in made["parameters"].items())),
             ("seed", "–" if made.get("seed") is None else str(made["seed"])), ("versions", versions),
             ("processor", made["processor"]), ("device", f"{made['device']}, {made['threads']} thread(s)"),
             ("wall time of this run", wall), ("processor time of it", used),
             ("peak memory", data.memory(made["peak_memory_bytes"])), ("date", data.date(made["date"]))]
    rows = "".join(f"<dt>{name}</dt><dd>{data.commit_markup(value)}</dd>" for name, value in commits)
    rows += "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts)
    return (f'<details class="companion-box provenance" id="how-this-page-was-made"><summary>How this page was made '
            f'<span class="box-note">in {html.escape(wall)} of wall time, '
            f"{html.escape(data.date(made['date']))}</span></summary><dl>{rows}</dl></details>")


def downloads_box(downloads: list[dict]) -> str:
    """Links to the page's notebooks; the files behind the figures follow in a folded list."""
    own = [entry for entry in downloads if not _is_figure_file(entry)]
    figures = [entry for entry in downloads if _is_figure_file(entry)]
    if not downloads:
        return ""
    links = "".join(f"<li>{_link(entry)}</li>" for entry in own)
    more = ""
    if figures:
        items = "".join(f"<li>{_link(entry)}</li>" for entry in figures)
        more = f"<details><summary>Figures and the numbers behind them</summary><ul>{items}</ul></details>"
    return ('<div class="companion-box downloads"><p class="box-title">Take this page with you</p>'
            f'<ul>{links}</ul>{more}<p class="box-hint">A browser that shows a file instead of saving it, as most do '
            "with a page opened from the disk, can save it from there.</p></div>")


def _add_figure_links(figure: nodes.figure, name: str, downloads: list[dict]) -> None:
    """Below a figure: its SVG and PNG, and its numbers as CSV."""
    words = {"svg": "SVG", "png": "PNG", "csv": "numbers (CSV)"}
    found = {}
    for entry in downloads:
        for suffix in words:
            if entry["path"].rsplit("/", 1)[-1] == f"{name}.{suffix}":
                found[suffix] = entry["path"]
    if found:
        links = " · ".join(f'<a href="{html.escape(found[suffix])}" download>{words[suffix]}</a>'
                           for suffix in words if suffix in found)
        figure.parent.insert(figure.parent.index(figure) + 1, _raw(f'<p class="figure-files">Figure as {links}</p>'))


def _is_figure_file(entry: dict) -> bool:
    return entry["path"].rsplit(".", 1)[-1] in ("svg", "png", "csv")


def _link(entry: dict) -> str:
    return f'<a href="{html.escape(entry["path"])}" download>{html.escape(entry["label"])}</a>'


def _allowed(parameter) -> str:
    """A parameter's range in words."""
    if parameter.choices is not None:
        return "one of " + ", ".join(map(str, parameter.choices))
    if parameter.low is None:
        return "any"
    low, high = (f"{limit:,.0f}" if float(limit).is_integer() else f"{limit:g}"
                 for limit in (parameter.low, parameter.high))
    return f"{low} to {high}"


def _raw(markup: str) -> nodes.raw:
    return nodes.raw("", markup, format="html")
