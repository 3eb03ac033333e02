"""The recipes of the documents: code for libraries that the project itself does without."""

import importlib.util
import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def recipes(document, heading, language):
    """Return the blocks of a language below a heading of a document, in order."""
    text = (PROJECT / "docs" / document).read_text("utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(recipe):
    """Run one and return what it leaves, by name."""
    scope = {"__name__": "recipe"}
    exec(compile(recipe, "recipe", "exec"), scope)
    return scope


def example(name):
    """Import one of the examples."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
