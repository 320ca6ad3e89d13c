"""Each page's first picture is there soon: what a browser reads from the disk before it, and how long that takes.

Times are printed and bounded generously, since they are those of the machine; what is read does not depend on it.
With the median of three for every page: ``pytest --all -s tests/book/test_site_speed.py``.
"""

import statistics

import pytest

from tests.browsing import SITE, in_site

# As soon as the first picture of the article that shows is decoded: when that was, in milliseconds since the page was
# asked for, which picture it is, and whether formulas, which take longer, were drawn before.
WATCH = """() => {
  const look = () => {
    const image = [...document.querySelectorAll('article img')].find(image => image.getClientRects().length);
    if (!image) return document.readyState === 'complete' ? (window.firstPicture = null) : requestAnimationFrame(look);
    image.decode().then(() => {
      window.firstPicture = [performance.now(), image.currentSrc, !!document.querySelector('mjx-container')];
    });
  };
  window.firstPicture = undefined;
  look();
}"""


@pytest.fixture(scope="module")
def firsts(browser, pages, request):
    """By page with a picture: times (ms) of visits, the picture, the files that were read before, and whether formulas
    were drawn before."""
    found = {}
    for name in pages:
        times, picture, files, late = [], None, [], False
        for _ in range(3 if request.config.getoption("--all") else 1):
            context = browser.new_context(viewport={"width": 1360, "height": 900})
            page, files = context.new_page(), []
            page.on("requestfinished", lambda request, files=files: files.append(in_site(request.url)))
            page.add_init_script(f"({WATCH})()")
            page.goto((SITE / name).as_uri(), wait_until="commit")
            page.wait_for_function("window.firstPicture !== undefined")
            first = page.evaluate("window.firstPicture")
            context.close()
            if first is None:
                break
            times.append(first[0])
            late |= first[2]
            picture = in_site(first[1])
            files = files[:files.index(picture) + 1] if picture in files else files
        if times:
            found[name] = times, picture, [file for file in files if file], late
    return found


def test_little_is_read_before_the_first_picture(firsts, capsys):
    with capsys.disabled():
        print()
        for name, (times, picture, files, _) in sorted(firsts.items()):
            read = sum(file.stat().st_size for file in files)
            print(f"{name:42} {statistics.median(times):6.0f} ms, {len(files):2} files, {read / 1e3:6.0f} kB before "
                  f"{picture.name} ({picture.stat().st_size / 1e3:.0f} kB)")
    assert len(firsts) > 12
    for name, (_, picture, files, _) in firsts.items():
        assert picture.stat().st_size < 4e5, name
        assert len(files) <= 25 and sum(file.stat().st_size for file in files) < 4e6, name


def test_formulas_wait_for_the_first_picture(firsts):
    """Up to three seconds, which a busy machine may need for the picture."""
    assert [name for name, (times, *_, late) in firsts.items() if late and max(times) < 3000] == []


def test_the_first_picture_is_there_within_a_time_that_no_machine_misses(firsts):
    assert {name: times for name, (times, *_) in firsts.items() if min(times) > 10_000} == {}
