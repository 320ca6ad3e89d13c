"""The built site and a browser: what tests of pages share.

``make test`` builds the smoke site first; COMPANION_SITE names another one.  Without chromium these tests are
skipped, unless COMPANION_REQUIRE_BROWSER=1, which makes its absence a failure.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.tree import ROOT

SITE = Path(os.environ.get("COMPANION_SITE", ROOT / "_build" / "smoke" / "html")).resolve()
REQUIRED = os.environ.get("COMPANION_REQUIRE_BROWSER") == "1"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]

# Contrast ratio (WCAG 2) between the text of elements and what lies behind them: the lowest for each selector.
CONTRAST = r"""(selectors) => {
  const rgba = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0.5) return colour;
    }
    return [255, 255, 255, 1];
  };
  const ratio = element => {
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return Object.fromEntries(selectors.map(s => [s, Math.min(...[...document.querySelectorAll(s)].map(ratio))])
    .filter(([, value]) => Number.isFinite(value)));
}"""

# Pictures that wait until somebody scrolls to them, and those of the other colours.
SEEN = """Promise.all([...document.querySelectorAll('img[loading=lazy]')].map(image => {
  image.loading = 'eager';
  return image.decode().catch(() => null);
})).then(() => null)"""


def unavailable(reason):
    """Skip with a plain reason, or fail where a browser is required."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def in_site(url):
    """The file of the site that a file:// address points to, or None for anything else."""
    parts = urlsplit(urldefrag(url).url)
    path = Path(unquote(parts.path))
    return path if parts.scheme == "file" and path.is_relative_to(SITE) else None


def open_page(page, name):
    page.goto((SITE / name).as_uri())
    page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => null) : null")
    page.evaluate(SEEN)
