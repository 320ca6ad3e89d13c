"""The directive ``result``: the picture of a chapter, a sentence or two, and the verdicts that belong to them; and
``open-claims``: what a chapter has left undecided.

::

    ```{result} fig-5-1-training
    :claims: fig5.1-fidelity, fig5.1-kl
    A machine with ten hidden units learns the critical chain.
    ```

The first claim tells the chapter.  Nothing is copied: the picture comes from what Sphinx has read of that chapter, the
verdicts from the ledger of this build.
"""

from __future__ import annotations

import difflib
import html
from pathlib import Path

import companion_data as data
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

logger = getLogger(__name__)


class ShownFigure(nodes.General, nodes.Element):
    """The place of a picture that another page, or another part of this one, shows."""


def setup(app: Sphinx) -> None:
    app.add_node(ShownFigure)
    app.add_directive("result", Result)
    app.add_directive("open-claims", OpenClaims)
    app.add_post_transform(FillFigures)


class Result(SphinxDirective):
    """A picture by the name of its figure; the content becomes the text below it."""

    required_arguments = 1
    has_content = True
    option_spec = {"claims": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        names = [name.strip() for name in self.options.get("claims", "").split(",") if name.strip()]
        known = data.known_claims(self.env.srcdir)
        if not names:
            raise self.error(
                "expected the claims that belong to the picture, got none; try ':claims: ' and their ids"
            )
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise self.error(
                    f"expected a claim of the claims files, got {name!r}; try {(near or ['another'])[0]}"
                )
        chapter = known[names[0]].chapter
        page = next((name for name in self.env.found_docs if name.startswith(f"{chapter}-")), None)
        if page is None:
            raise self.error(
                f"expected a claim of a chapter that this book has, got {names[0]!r} of {chapter}"
            )
        for name in (
            ("_data/ledger.json", f"{page}.ipynb")
            if page != self.env.docname
            else ("_data/ledger.json",)
        ):
            self.env.note_dependency(str(Path(self.env.srcdir) / name))
        shown = ShownFigure(label=self.arguments[0], page=page)
        self.set_source_info(shown)
        text = nodes.container(classes=["result-text"])
        self.state.nested_parse(self.content, self.content_offset, text)
        verdicts = claim_list(
            data.ledger(self.env.srcdir), names, data.claim_words(self.env.srcdir)
        )
        return [
            nodes.container(
                "", shown, text, nodes.raw("", verdicts, format="html"), classes=["result"]
            )
        ]


class OpenClaims(SphinxDirective):
    """The claims of this page that are undecided or not run, folded; a sentence where there are none."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data/ledger.json"))
        ledger = data.ledger(self.env.srcdir)
        words = data.claim_words(self.env.srcdir)
        return [nodes.raw("", open_claims(ledger, self.env.docname, words), format="html")]


def open_claims(ledger: list, page: str, words) -> str:
    """The claims of a page that no verdict settles, as a folded list of links."""
    names = [
        claim.id
        for claim in ledger
        if claim.page == page and claim.verdict in ("undecided", "not run")
    ]
    if not names:
        return '<p class="open-claims">This build decides every claim of this page.</p>'
    claims = "claim of this page is" if len(names) == 1 else "claims of this page are"
    return (
        f'<details class="open-claims"><summary>{len(names)} {claims} undecided or not run in this build'
        f"</summary>{claim_list(ledger, names, words)}</details>"
    )


def claim_list(ledger: list, names: list[str], words) -> str:
    """Claims by their ids, with their verdicts, as links to their lines; those without one yet say so."""
    found = {claim.id: claim for claim in ledger}
    lines = []
    for name in names:
        claim = found.get(name)
        if claim is None:
            lines.append(
                f'<li><span class="not-built">{html.escape(name)}: no verdict yet</span></li>'
            )
            continue
        own = claim.item.startswith("own-")
        label = "expected" if own else "bound of ours" if claim.bound else "thesis"
        link = f'<a href="{claim.page}.html#claim-{name}">{data.badge(claim.verdict)}</a>'
        numbers = f"{words.expected_text(claim)}; here: {words.measured_text(claim)}"
        lines.append(
            f"<li>{link} {data.markup(claim.statement)} "
            f'<span class="result-numbers">{label}: {words.shown(numbers)}</span></li>'
        )
    return f'<ul class="result-claims">{"".join(lines)}</ul>'


class FillFigures(SphinxPostTransform):
    """Put the pictures where they are shown, each a link to its figure."""

    default_priority = 5  # before images are looked for

    def run(self, **_: object) -> None:
        for place in list(self.document.findall(ShownFigure)):
            page = place["page"]
            other = self.document if page == self.env.docname else self.env.get_doctree(page)
            figure, near = find_figure(other, place["label"])
            if figure is None:
                logger.warning(
                    "expected a figure of %s, got %r; try %s",
                    page,
                    place["label"],
                    near,
                    location=place,
                )
                place.parent.remove(place)
                continue
            place.replace_self(self._linked(page, figure))

    def _linked(self, page: str, figure: nodes.figure) -> nodes.Node:
        anchor = figure["ids"][0]
        number = self.env.toc_fignumbers.get(page, {}).get("figure", {}).get(anchor)
        images = sorted(
            figure.findall(nodes.image), key=lambda image: not image["uri"].endswith(".svg")
        )
        link = (
            f"#{anchor}"
            if page == self.env.docname
            else self.app.builder.get_relative_uri(self.env.docname, page)
        )
        where = nodes.reference(
            "", "", internal=True, refuri=link if link[0] == "#" else f"{link}#{anchor}"
        )
        where += nodes.Text(f"Figure {'.'.join(map(str, number))}" if number else "The figure")
        title = self.env.titles[page].astext()
        note = nodes.paragraph(
            "",
            "",
            where,
            nodes.Text("" if page == self.env.docname else f" in “{title}”"),
            classes=["result-source"],
        )
        return nodes.container("", images[0].deepcopy(), note, classes=["result-picture"])


def find_figure(document: nodes.document, label: str) -> tuple[nodes.figure | None, str]:
    """The figure of this name, and the nearest name where there is none; only those with a picture count."""
    figures = {
        name: figure
        for figure in document.findall(nodes.figure)
        for name in figure["names"] + figure["ids"]
        if next(iter(figure.findall(nodes.image)), None)
    }
    near = (
        difflib.get_close_matches(label, figures, 1, 0.3)
        or sorted(figures)
        or ["a page with figures"]
    )
    return figures.get(label), near[0]
