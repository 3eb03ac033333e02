"""How Sphinx binds the project's Markdown into a site: `make docs`.

The source directory is the project itself: so a link or a picture leads to the same place on the
site and in the repository, and README is the first page, not a second text beside it.
"""

import re
from typing import Any

from ltx_async import __version__

project = "ltx_async"
release = version = __version__
project_copyright = "the authors of ltx_async, MIT licence"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = [
    "*.md",
    "docs/*.md",
    "benchmarks/README.md",
    "examples/README.md",
    "tests/reliability/README.md",
]
exclude_patterns = [".*", "build", "dist", "mutants"]

myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
default_role = "py:obj"
add_module_names = False
napoleon_use_ivar = True  # attributes in one list, not twice

suppress_warnings = ["misc.highlighting_failure"]  # DuckDB knows more of SQL than Pygments

html_theme = "furo"
html_title = f"ltx_async {__version__}"
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which a page from a folder may not
html_show_sourcelink = False

html_theme_options = {"navigation_with_keys": True}

CONTENTS = {
    "Begin": ["docs/install", "docs/tutorial", "docs/notebook"],
    "Use": [
        "docs/python",
        "docs/inputs",
        "docs/attention",
        "docs/operations",
        "docs/tuning",
        "docs/errors",
        "docs/recipes",
        "examples/README",
    ],
    "Look up": ["docs/options", "docs/data", "docs/api", "docs/compatibility"],
    "Judge": [
        "benchmarks/README",
        "tests/reliability/README",
        "docs/design",
        "SECURITY",
        "CONTRIBUTING",
        "CHANGELOG",
    ],
}
INDEX = """<!doctype html>
<title>ltx_async</title>
<meta http-equiv="refresh" content="0; url=README.html">
"""


def add_contents(_app: Any, page: str, text: list[str]) -> None:
    """Put the contents of the site under its first page, where only Sphinx sees them."""
    if page == root_doc:
        for caption, pages in CONTENTS.items():
            tree = "\n".join(f"/{each}" for each in pages)
            text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{tree}\n```\n"


def lead_to_the_first_page(app: Any, error: Exception | None) -> None:
    """Let who opens the folder find the first page."""
    if error is None:
        (app.outdir / "index.html").write_text(INDEX, "utf-8")


def take_as_meant(*event: Any) -> None:
    """Escape what reStructuredText reads otherwise: the star of `Content-*`, the s of `Error`s."""
    lines: list[str] = event[-1]
    lines[:] = [re.sub(r"(`\w+`)(?=\w)", r"\1\\ ", line.replace("*", r"\*")) for line in lines]


def setup(app: Any) -> None:
    """Register them all."""
    app.connect("autodoc-process-docstring", take_as_meant)
    app.connect("source-read", add_contents)
    app.connect("build-finished", lead_to_the_first_page)
