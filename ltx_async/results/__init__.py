"""Records of lookups in files: JSON Lines, CSV, TSV and SQLite, written, continued and read.

async with open_results("results.sqlite", existing="resume") as out:
    async with client.lookup_many(e for e in emails if e not in out) as lookups:
        async for lookup in lookups:
            await out.write(lookup)
for record in read_results("results.sqlite"):
    print(record.email, record.outcome, record.balance)
"""

from typing import TYPE_CHECKING, Any

from ltx_async.late import late

if TYPE_CHECKING:
    from ltx_async.results.reading import RecordReader, read_results
    from ltx_async.results.record import Record
    from ltx_async.results.writing import ResultsWriter, open_results

__all__ = ["Record", "RecordReader", "ResultsWriter", "open_results", "read_results"]

_HOMES = {
    "Record": "record",
    "RecordReader": "reading",
    "ResultsWriter": "writing",
    "open_results": "writing",
    "read_results": "reading",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the columns need no SQLite."""
    return late(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return __all__
