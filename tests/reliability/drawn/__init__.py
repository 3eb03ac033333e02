"""What one seed draws: the faults of a server, of a disk and of files, and what must hold then.

A case is a coroutine that is decorated with `@drawn`. It gets a `Scene`, draws all that it does
from `scene.draw`, and asserts. Each module here is a room, and adds the cases of its own faults.
"""

from . import disk, files, overwriting, server
from .scene import CASES, play

__all__ = ["CASES", "disk", "files", "overwriting", "play", "server"]
