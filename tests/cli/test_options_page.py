"""Every command and option is documented: `docs/options.md` is what the help says."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_page_of_options_is_what_the_help_says():
    spec = importlib.util.spec_from_file_location("options", DOCS / "options.py")
    options = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(options)
    assert (DOCS / "options.md").read_text("utf-8") == options.page(), "do: make docs"
