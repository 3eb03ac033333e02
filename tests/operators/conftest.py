"""What every test of this room starts from."""

from command_line import launch, ltx, server, surroundings

__all__ = ["launch", "ltx", "server", "surroundings"]
