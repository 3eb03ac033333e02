"""The site that `make docs` builds: without a warning, offline, readable on a phone, searchable."""

import itertools
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from report.chromium import browser_page, executable

pytest.importorskip("sphinx", reason="the group docs is not installed")
pytest.importorskip("furo", reason="the group docs is not installed")
PROJECT = Path(__file__).parent.parent
CONTENTS = runpy.run_path(str(PROJECT / "docs" / "conf.py"))["CONTENTS"]
PAGES = ["README", *(page for pages in CONTENTS.values() for page in pages)]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--fail-on-warning", "--keep-going", "-d", target / "trees")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "-c", "docs", ".", target / "site"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return target / "site"


def test_every_document_has_its_place_in_the_contents(site):
    documents = {str(page.relative_to(PROJECT)) for page in PROJECT.glob("docs/*.md")}
    assert {f"{page}.md" for page in PAGES} >= documents
    assert all((site / f"{page}.html").is_file() for page in PAGES)
    assert "README.html" in (site / "index.html").read_text("utf-8")


def test_the_reference_has_every_public_name_and_its_index_finds_it(site):
    import ltx_async

    reference = (site / "docs" / "api.html").read_text("utf-8")
    described = set(re.findall(r'id="ltx_async\.(\w+)"', reference))
    assert described >= {*ltx_async.__all__} - {"Event", "__version__"}
    index = (site / "searchindex.js").read_text("utf-8")
    titles = json.loads(index[index.index("{") : index.rindex("}") + 1])["docnames"]
    assert set(PAGES) == set(titles)


@pytest.mark.skipif(executable() is None, reason="no chromium here")
async def test_pages_are_read_offline_on_any_screen_and_in_any_scheme(site, tmp_path):
    backgrounds = set()
    async with browser_page(tmp_path / "profile") as page:
        for width, scheme in itertools.product((1280, 390), ("light", "dark")):
            await page.look(width=width, height=900, scheme=scheme)
            for name in PAGES:
                await page.open(site / f"{name}.html")
                assert await page.run(WIDER) == 0, (name, width)
            backgrounds.add(await page.run("getComputedStyle(document.body).backgroundColor"))
        assert len(backgrounds) == 2
        await page.do("Page.navigate", url=f"{(site / 'search.html').as_uri()}?q=Retry-After")
        found = "document.querySelectorAll('#search-results li').length > 3"
        await page.settles(found, wanted=True)
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith("file:")] == []
