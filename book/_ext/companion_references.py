"""References: the list has the labels of the text, author and year; the ids of claims are links to their boxes."""

from __future__ import annotations

import companion_data as data
from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.alpha import Style as AlphaStyle
from sphinx.application import Sphinx


class AuthorYearLabels:
    """Cho and Saul, 2009; Belkin et al., 2019: as `bibtex_reference_style: author_year` cites them."""

    def format_labels(self, entries):
        for entry in entries:
            authors = [str(Text.from_latex(" ".join([*person.prelast_names, *person.last_names])))
                       for person in entry.persons["author"]]
            names = f"{authors[0]} et al." if len(authors) > 2 else " and ".join(authors)
            yield f"{names}, {entry.fields['year']}"


class AuthorYearStyle(AlphaStyle):
    """The usual list, labelled by author and year."""

    default_label_style = "author_year"


def setup(app: Sphinx) -> None:
    register_plugin("pybtex.style.labels", "author_year", AuthorYearLabels)
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle)
    app.connect("doctree-resolved", link_claims)


def link_claims(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make the id of a claim, written as code, a link to its box."""
    pages = {claim.id: claim.page for claim in data.ledger(app.srcdir)}
    for literal in list(doctree.findall(nodes.literal)):
        page = pages.get(literal.astext())
        if page and not isinstance(literal.parent, nodes.reference):
            link = nodes.reference("", "", internal=True, refuri=f"{page}.html#claim-{literal.astext()}")
            literal.replace_self(link)
            link += literal
