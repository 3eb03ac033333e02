"""Markdown tables, and numbers as people read them."""

from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, the numbers to the right."""
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(heads))]
    rule = [
        "-" * width if not column else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    return "\n".join(_line(row, widths) for row in (cells[0], rule, *cells[1:]))


def skipped(reasons: Mapping[str, str]) -> str:
    """Return what was left out and why, as a list to stand beneath a table; empty for nothing."""
    lines = [f"- {name}: {reason}" for name, reason in reasons.items()]
    return "\n".join(("\n\nSkipped:\n", *lines)) if lines else ""


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands apart, or a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def percent(share: float) -> str:
    """Return a share of one as a percentage."""
    return f"{share * 100:.1f} %"


def mebibytes(kibibytes: float | None) -> str:
    """Return memory in MiB."""
    return number(kibibytes / 1024 if kibibytes else None)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
    return f"| {' | '.join(cells)} |"
