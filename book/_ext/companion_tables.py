"""Directives that show the state of the whole book: claims, items, chapters, benchmarks."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path

import companion_behind
import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

_STATES = {"fresh": "✓", "stale": "◐", "failed": "✗", "never run": "○"}


def setup(app: Sphinx) -> None:
    for name, directive in (("claims-ledger", ClaimsLedger), ("items-status", ItemsStatus),
                            ("chapter-status", ChapterStatus), ("benchmarks", Benchmarks), ("records", Records),
                            ("mutations", Mutations), ("ranges", Ranges)):
        app.add_directive(name, directive)
    app.add_role("ratio", Ratio())


class Ratio(SphinxRole):
    """The ratio of a row of the committed benchmarks, by the row's name, so that prose says what the table says."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data/bench.json"))
        bench = data.staged(self.env.srcdir, "bench.json")
        found = [row["ratio"] for row in bench or [] if row["name"] == self.text]
        if bench and len(found) != 1:
            message = f"expected the name of one row of the benchmarks, got {self.text!r}, which {len(found)} have; " \
                      "try one from data/records/bench.json"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.Text(f"{found[0]:.{0 if found[0] >= 10 else 1}f}" if found else "–")], []


class _Table(SphinxDirective):
    """A directive without arguments whose content is one piece of HTML."""

    def html(self) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        # The staged data can change while the page's own text does not.
        for path in (Path(self.env.srcdir) / "_data").rglob("*.json"):
            self.env.note_dependency(str(path))
        return [nodes.raw("", self.html(), format="html")]


class ClaimsLedger(_Table):
    """Every claim of the thesis, or with the argument `own` every result that it does not have: what was expected, what
    came out here, at which scale, and the verdict."""

    optional_arguments = 1

    def html(self) -> str:
        own = self.arguments == ["own"]
        ledger = [claim for claim in data.ledger(self.env.srcdir) if claim.item.startswith("own-") == own]
        if not ledger:
            return '<p class="empty-note">No chapter has settled such a claim yet.</p>'
        words = data.claim_words(self.env.srcdir)
        counts = Counter(claim.verdict for claim in ledger)
        profile = ", ".join(sorted({claim.profile for claim in ledger}))
        summary = "".join(self._count(verdict, counts[verdict], own) for verdict in data.SYMBOLS
                          if counts[verdict] or not own)  # the first table has a place for each
        for page in {claim.page for claim in ledger}:
            self.env.note_dependency(str(Path(self.env.srcdir) / f"{page}.ipynb"))
        behind = companion_behind.links(self.env.srcdir)
        rows = [self._row(claim, words, behind.get(claim.id, [])) for claim in ledger]
        return (f'<p>{len(ledger)} claims, profile {html.escape(profile)}:</p><ul class="verdict-counts">{summary}</ul>'
                + data.table(["chapter", "result", "expected", "here", "verdict"] if own else
                             ["item", "claim", "thesis", "here", "verdict"], rows, "ledger-table"))

    @staticmethod
    def _count(verdict: str, count: int, own: bool) -> str:
        """How many claims have a verdict, as a link that shows these alone; the first table has the place it names."""
        name = f"verdict={verdict.replace(' ', '+')}"
        place = "" if own else f' id="{name}"'
        return f'<li{place}><a href="#{name}">{data.badge(verdict)} <strong>{count}</strong></a></li>'

    def _row(self, claim, words, behind: list[str]) -> list[str]:
        link = f'<a href="{claim.page}.html#claim-{claim.id}">{words.item_text(claim.item)}</a>'
        details = [f"{name}: {words.shown(value)}" for name, value in words.facts(claim)
                   if name not in ("thesis", "reference", "expected", "here")]
        details += behind[:1]
        details += [f"{name}: <code>{html.escape(command)}</code>" for name, command in commands(claim)]
        statement = f"{data.markup(claim.statement)}<ul class=\"claim-details\">" + "".join(
            f"<li>{detail}</li>" for detail in details) + "</ul>"
        if behind[1:]:
            statement += '<details class="claim-behind"><summary>Behind it</summary><ul>' + "".join(
                f"<li>{line}</li>" for line in behind[1:]) + "</ul></details>"
        expected = words.shown(words.expected_text(claim)) + (" (ours)" if claim.bound else "")
        where = f'<span class="claim-where">{html.escape(claim.expected.where)}</span>'
        value, _, error = words.shown(words.measured_text(claim)).partition("\xa0±\xa0")
        whole = ' class="number"' if re.fullmatch(r"[−+\d.\xa0×⁻⁰¹²³⁴-⁹]+", value) else ""  # others may take two lines
        measured = f"<span{whole}>{value}</span>" + (f' <span class="number">± {error}</span>' if error else "")
        return [link, statement, f"{expected} {where}", measured, data.badge(claim.verdict)]


def commands(claim) -> list[tuple[str, str]]:
    """What computes a claim again, with a word on each: its page, and the record or the benchmarks that it rests on.

    Nothing does where it was not run.
    """
    if claim.verdict == "not run":
        return []
    chapter = claim.page[:2]
    profile = "" if claim.profile == "laptop" else f" PROFILE={claim.profile}"
    found = [("run", f"make chapter CH={chapter}{profile}")]
    if {*claim.records} - {"bench"}:
        found.append(("check the record", f"make audit CH={chapter}"))
    return found + [("measure", "make bench")] * ("bench" in claim.records)


class ItemsStatus(_Table):
    """Every figure and table of the thesis, and whether this book shows it yet."""

    def html(self) -> str:
        items = json.loads((data.repository(self.env.srcdir) / "data/thesis/items.json").read_text("utf-8"))
        words = data.claim_words(self.env.srcdir)
        ledger = data.ledger(self.env.srcdir)
        rows, built = [], 0
        for item in items:
            own = [claim for claim in ledger if claim.item == item["item"]]
            settled = [claim for claim in own if claim.verdict != "not run"]
            built += bool(settled)
            counts = Counter(claim.verdict for claim in own)
            state = " ".join(f"{data.badge(verdict)}&nbsp;{counts[verdict]}" for verdict in data.SYMBOLS
                             if counts[verdict]) or '<span class="not-built">not built yet</span>'
            name = words.item_text(item["item"])
            if own:
                name = f'<a href="{own[0].page}.html#claim-{own[0].id}">{name}</a>'
            rows.append([name, html.escape(item["title"]), state])
        return (f"<p>{built} of the {len(items)} figures and tables have at least one settled claim.</p>"
                + data.table(["item", "what it shows", "claims here"], rows, "items-table"))


class ChapterStatus(_Table):
    """Every chapter: up to date or not, and its cost against its budget."""

    def html(self) -> str:
        status = data.staged(self.env.srcdir, "status.json")
        if not status:
            return '<p class="empty-note">This site was rendered without a build.</p>'
        rows = []
        for chapter in data.in_order(status["chapters"]):
            made = data.staged(self.env.srcdir, f"chapters/{chapter['chapter']}.json")
            state = f'<span class="state state-{chapter["state"].replace(" ", "-")}"><span aria-hidden="true">' \
                    f"{_STATES[chapter['state']]}</span> {chapter['state']}</span>"
            if chapter.get("reasons"):
                state += f'<span class="state-reason">{html.escape("; ".join(chapter["reasons"]))}</span>'
            title = html.escape(f"{data.page_number(chapter['number'])}. {chapter['title']}")
            if made:
                title = f'<a href="{chapter["page"]}#how-this-page-was-made">{title}</a>'
            day = html.escape(data.date(chapter.get("date")))
            rows.append([title, state, _cost(chapter), data.duration(chapter.get("seconds")),
                         data.memory(chapter.get("peak_memory_bytes")),
                         f"<span>{day}, commit {data.commit_markup(chapter)}</span>" if chapter.get("date") else "–"])
        return (f"<p>Profile {html.escape(status['profile'])}.</p>"
                + data.table(["chapter", "state", "core-minutes", "wall time", "peak memory", "made"], rows,
                             "status-table"))


class Records(_Table):
    """What the tables and figures of all chapters that rest on records rest on."""

    def html(self) -> str:
        status = data.staged(self.env.srcdir, "status.json") or {"chapters": []}
        rows, anchored, changed = [], set(), {}
        for chapter in data.in_order(status["chapters"]):
            made = data.staged(self.env.srcdir, f"chapters/{chapter['chapter']}.json") or {}
            for sweep in made.get("sweeps", []):
                if sweep["record"]:
                    rows.append(self._row(chapter, sweep, sweep["name"] not in anchored))
                    anchored.add(sweep["name"])  # a second chapter may read the same
                    changed[sweep["name"]] = (sweep.get("audits") or {}).get("uncommitted", 0)
        if not rows:
            return '<p class="empty-note">No chapter has a record yet.</p>'
        head = ["record", "figure", "points", "processor time", "made", "with uncommitted changes", "audited"]
        total = f"<p>In all, {sum(changed.values()):,} points were made in trees with uncommitted changes.</p>"
        return data.table(head, rows, "records-table") + total

    def _row(self, chapter: dict, sweep: dict, anchored: bool) -> list[str]:
        done = sweep["states"].get("valid", 0)
        states = "".join(f"<li>{count} {html.escape(state)}</li>" for state, count in sweep["states"].items())
        made = " to ".join(dict.fromkeys(data.date(date).split(",")[0] for date in sweep["dates"]))
        commits = ", ".join(data.commit_markup({"commit": commit}) for commit in sweep["commits"])
        audits = sweep.get("audits") or {}
        where = html.escape(", ".join(sweep["processors"]))
        name = html.escape(sweep["name"])
        anchor = f'id="record-{name}" ' if anchored else ""
        return [f'<a {anchor}href="{chapter["page"]}">{name}</a>', html.escape(sweep["item"] or "–"),
                f'{done} of {sweep["points"]}<ul class="claim-details">{states}</ul>',
                data.duration(sweep["core_seconds"]), f"<span>{html.escape(made)}, commit {commits}, on {where}</span>",
                _uncommitted(audits), html.escape(audits.get("text", "not yet"))]


class Benchmarks(_Table):
    """The last committed runs of ``make bench``, or of the group that is named, machine by machine."""

    optional_arguments = 1

    def html(self) -> str:
        bench = data.staged(self.env.srcdir, "bench.json")
        group = self.arguments[0] if self.arguments else None
        bench = [row for row in bench or [] if group in (None, row.get("group", "rbm"))]
        if not bench:
            return '<p class="empty-note">No benchmark run is committed yet; <code>make bench</code> makes one.</p>'
        machines: dict[str, list[dict]] = {}
        for row in bench:
            machines.setdefault(_machine(row.get("machine", "")), []).append(row)
        return "".join(self._of_machine(*item) for item in machines.items())

    def _of_machine(self, machine: str, bench: list[dict]) -> str:
        """A table of what one machine has measured: ratios depend on it."""
        rows = [[f'{html.escape(row["name"])}<br><small>{html.escape(_circumstances(row))}</small>',
                 _amount(row, "ours"), _amount(row, "peer"), f"<strong>{row['ratio']:.1f}</strong>", _goal(row)]
                for row in bench]
        where = f"<p>Measured on: {html.escape(machine)}</p>" if machine else ""
        head = ["what", "here", "peer's", "ratio", "goal"]
        return where + data.table(head, rows, "bench-table")


class Mutations(_Table):
    """The committed runs of ``make mutations``: edits of the code, and what the anchors said to each."""

    def html(self) -> str:
        found = data.committed(self.env.srcdir, "mutations")
        if not found:
            return '<p class="empty-note">No run is committed yet; <code>make mutations</code> makes one.</p>'
        rows = [[html.escape(row.what), "<br>".join(f"<code>{data.breakable(name)}</code>" for name in row.files),
                 "harmless" if row.harmless else "wrong", self._answer(row),
                 f"<span>{data.commit_markup(vars(row))}, {html.escape(row.date)}</span>"] for row in found]
        return data.table(["edit", "file", "kind", "the anchors said", "commit"], rows, "mutations-table")

    def _answer(self, row) -> str:
        """Who noticed, with the first words of each message folded; and a warning where that is not as it should be."""
        said = "".join(f"<li>{html.escape(message)}</li>" for message in row.moved.values())
        text = f"<details><summary>{', '.join(row.moved)}</summary><ul>{said}</ul></details>" if said else "nothing"
        return text if row.as_expected else f"<strong>not as expected:</strong> {text}"


class Ranges(_Table):
    """The committed run of ``make test-ranges``: the package with the oldest and the newest releases it asks for."""

    def html(self) -> str:
        found = data.committed(self.env.srcdir, "ranges")
        if not found:
            return '<p class="empty-note">No run is committed yet; <code>make test-ranges</code> makes one.</p>'
        rows = [[name, *(row.packages[name] for row in found)] for name in found[0].packages]
        rows += [["Python", *(row.python for row in found)],
                 ["tests", *(", ".join(f"{n} {word}" for word, n in row.tests.items()) for row in found)],
                 ["releases after <code>pip install .</code>",
                  *(_yes_no("as before" if row.left else "changed", row.left) for row in found)]]
        where = "; ".join(f"{row.end}: commit {data.commit_markup(vars(row))}, {html.escape(row.date)}, "
                          f"{html.escape(row.processor)}" for row in found)
        return data.table(["package", *(row.end for row in found)], rows, "ranges-table") + f"<p>{where}</p>"


def _uncommitted(audits: dict) -> str:
    """How many points of a whole record no commit gives, since the tree had changes, and how many audits made again."""
    count = audits.get("uncommitted", 0)
    if not count:
        return "none"
    return f"{count:,} of all {audits['recorded']:,}, {audits['uncommitted audited']} of them audited"


def _cost(chapter: dict) -> str:
    """Core-minutes used and allowed, with a bar."""
    if chapter.get("core_seconds") is None:
        return "–"
    used, budget = chapter["core_seconds"] / 60, chapter.get("budget_core_minutes")
    if not budget:
        return f"{used:.2f}"
    over = " over" if used > budget else ""
    word = ", over budget" if over else ""
    return (f'<span class="cost">{used:.2f} of {budget:g}{word}</span><span class="cost-bar{over}" aria-hidden="true">'
            f'<span style="width:{min(100 * used / budget, 100):.0f}%"></span></span>')


def _amount(row: dict, side: str) -> str:
    """Time of a side, or its memory."""
    if f"bytes_{side}" in row:
        return f"{row[f'bytes_{side}'] / 2**20:.0f} MiB"
    seconds = row.get(f"seconds_{side}")
    if seconds is None:
        return "–"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _goal(row: dict) -> str:
    if row.get("goal") is None:
        return "–"
    met = row["ratio"] >= row["goal"]
    return f"{row['goal']:g} " + _yes_no("met" if met else "missed", met)


def _yes_no(word: str, good: bool) -> str:
    """A yes or no as symbol, word and colour."""
    kind, symbol = ("reproduced", "✓") if good else ("differs", "✗")
    return f'<span class="verdict verdict-{kind}"><span aria-hidden="true">{symbol}</span> {word}</span>'


def _circumstances(row: dict) -> str:
    """The peer, number type and threads of a row; and where it has them fidelities, the path that was chosen, the times
    of others."""
    pair = [row.get("fidelity_ours"), row.get("fidelity_peer")]
    kind = "" if row["dtype"] == "-" else f"{row['dtype']}, "
    parts = [f"{row['peer']}, {kind}{row['threads']} thread{'s' * (row['threads'] != 1)}"]
    parts += ["fidelity " + " / ".join("–" if value is None else f"{value:.4f}" for value in pair)] if any(pair) else []
    parts += [f"{row['path']} path"] if "path" in row else []
    parts += [f"torch.sparse CSR {_amount(row, 'csr')}"] if "seconds_csr" in row else []
    parts += [f"{side} {_amount({'seconds_side': seconds}, 'side')}" for side, seconds in row.get("sides", {}).items()
              if side != "ours"]
    parts += ["by an earlier version of the code"] if row.get("earlier") else []
    return "; ".join(parts)


def _machine(machine: str | dict) -> str:
    return machine if isinstance(machine, str) else ", ".join(f"{key} {value}" for key, value in machine.items())
