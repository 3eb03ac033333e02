"""Run `ltx-async` without what Windows does not have; nothing of it is asked by name alone."""

import asyncio
import os
import select
import sys

for module in ("fcntl", "resource", "uvloop"):
    sys.modules[module] = None
for owner, names in (
    (os, ("fchmod", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "killpg", "geteuid")),
    (select, ("PIPE_BUF", "poll", "epoll")),
):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)


def unsupported(*_arguments):
    raise NotImplementedError


for name in ("add_signal_handler", "add_reader", "add_writer"):
    setattr(asyncio.SelectorEventLoop, name, unsupported)

if __name__ == "__main__":
    from ltx_async.cli.app import run

    sys.exit(run(sys.argv[1:]))
