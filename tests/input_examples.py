"""Inputs out of bytes, read in pieces of any size, without a file and without a loop."""

from attrs import define

from ltx_async.inputs.input import Input
from ltx_async.inputs.reading import how_to_read

PIECE = 64 << 10


@define
class Pieces:
    """A source of bytes that are there already."""

    name: str
    data: bytes
    piece: int = PIECE
    path: str | None = None
    offset: int = 0
    stopped: bool = False

    @property
    def size(self):
        return len(self.data)

    async def read(self):
        data = self.data[self.offset : self.offset + self.piece]
        self.offset += len(data)
        return data

    def stop(self):
        self.stopped = True

    def close(self):
        pass


def opened(name, data, *, piece=PIECE, **how):
    """Return an input of this name and content."""
    return Input(Pieces(name, data, piece), how_to_read(**how))


def read_all(one):
    """Return every entry of an input."""
    found = []
    while not one.exhausted:
        found += now(one.read())
    return found


def entries(name, data, **options):
    """Return every entry of bytes, as `check` reads them from a file of this name."""
    return read_all(opened(name, data, **options))


def emails(name, data, **options):
    """Return the emails that are asked for."""
    return [entry.email for entry in entries(name, data, **options) if entry.email is not None]


def now(coroutine):
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits for something")
