"""The questions of the benchmark: what is measured for each, and its table."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen
class Section:
    """One answered question: a title, a Markdown text, and the data behind it."""

    name: str
    title: str
    text: str
    data: Mapping[str, Any]
