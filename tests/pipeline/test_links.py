"""make links: links and anchors within a built site, and addresses outside it, which a server here plays."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lib.pipeline import command
from tests import toy_book

PAGE = """<html><body id="body"><a href="other.html#a">there</a> <a href="#b">here</a> <a href="other.html?x=1">it</a>
<p id="b">{more}</p><img src="_images/a.svg#dark"/><source srcset="_images/a.svg, _images/a.svg 2x"/></body></html>"""


@pytest.fixture
def site(tmp_path):
    toy_book.write(tmp_path, "_build/html/index.html", PAGE.format(more=""))
    toy_book.write(tmp_path, "_build/html/other.html", '<html><p id="a"></p><a href="index.html#body"></a></html>')
    toy_book.write(tmp_path, "_build/html/_images/a.svg", "<svg/>")
    return tmp_path


@pytest.fixture
def server(monkeypatch):
    """The address of a server that has one page, has lost one, and answers no program at a third."""
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/good_": 200, "/shy": 403}.get(self.path, 404))
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Answers) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def said(top, capsys, *options):
    status = command.main(["links", "--root", str(top), *options])
    told = capsys.readouterr()
    return status, (told.err if status else told.out).strip().splitlines()


def add(top, more):
    toy_book.write(top, "_build/html/index.html", PAGE.format(more=more))


def test_a_site_in_order_is_said_to_be(site, capsys):
    add(site, '<a href="https://example.org/">out</a> <a href="mailto:a@example.org">letter</a>')
    assert said(site, capsys) == (0, [
        "2 pages with 9 links: those within the site lead somewhere, every anchor is there once",
        "1 addresses outside it were not asked; make links OUTSIDE=yes does so"])


@pytest.mark.parametrize("more, line", [
    ('<a href="gone.html">x</a>', "expected a file of the site, got 'gone.html'"),
    ('<img src="_images/b.svg">', "expected a file of the site, got '_images/b.svg'"),
    ('<source srcset="_images/b.svg 2x"/>', "expected a file of the site, got '_images/b.svg'"),
    ('<a href="../x.html">x</a>', "expected a file of the site, got '../x.html'"),
    ('<a href="#c">x</a>', "expected an anchor of index.html, got '#c'"),
    ('<a href="other.html#A">x</a>', "expected an anchor of other.html, got 'other.html#A'"),
    ('<b id="b">x</b>', "expected every anchor once, got 'b' 2 times")])
def test_what_leads_nowhere_is_named_with_its_page(site, capsys, more, line):
    add(site, more)
    assert said(site, capsys) == (1, [f"index.html: {line}"])


def test_without_a_site_it_says_what_to_do(tmp_path, capsys):
    assert said(tmp_path, capsys) == (1, ["expected a built site, got none; try make book"])


def test_addresses_outside_are_asked(site, server, capsys):
    add(site, f'<a href="{server}/good_">1</a> <a href="{server}/shy">2</a>')
    status, lines = said(site, capsys, "--outside")
    assert status == 0 and lines[1] == "1 of 2 addresses outside it answer"
    assert lines[2].strip().startswith(f"{server}/shy answers no program (403 Client Error") and len(lines) == 3
    add(site, f'<a href="{server}/good_">1</a> <a href="{server}/gone">2</a> <a href="http://127.0.0.1:9/">3</a>')
    status, lines = said(site, capsys, "--outside")
    assert status == 1 and {line.split(" (")[0] for line in lines} == {
        f"index.html: expected an address that answers, got {uri}" for uri in ("http://127.0.0.1:9/", f"{server}/gone")}


def test_where_nothing_answers_a_network_is_asked_for(site, capsys, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    add(site, '<a href="http://127.0.0.1:9/a">1</a> <a href="http://127.0.0.1:9/b">2</a>')
    assert said(site, capsys, "--outside") == (1, [
        "expected a network, to ask the 2 addresses outside the site, got no answer from any of them; try again with "
        "one (the links within the site are in order)"])
    add(site, "")
    assert said(site, capsys, "--outside")[1][1] == "0 of 0 addresses outside it answer"
