"""Run `ltx-async` without what Windows does not have; nothing of it is asked by name alone."""

import asyncio
import os
import select
import signal
import stat
import sys

for module in ("fcntl", "resource", "uvloop"):
    sys.modules[module] = None
for owner, names in (
    (os, ("fchmod", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "killpg", "geteuid")),
    (select, ("PIPE_BUF", "poll", "epoll")),
    (signal, ("SIGHUP", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGTSTP", "SIGCONT", "SIGWINCH")),
):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)


def unsupported(*_arguments):
    raise NotImplementedError


for name in ("add_signal_handler", "add_reader", "add_writer"):
    setattr(asyncio.SelectorEventLoop, name, unsupported)


def select_sockets(*descriptors_and_timeout, ask=select.select):
    """Ask as Windows does: sockets only, and no more than 512 of a kind."""
    for descriptors in descriptors_and_timeout[:3]:
        if len(descriptors) > 512:
            raise ValueError("too many file descriptors in select()")
        for one in descriptors:
            if not stat.S_ISSOCK(os.fstat(one if isinstance(one, int) else one.fileno()).st_mode):
                raise OSError(10038, "An operation was attempted on something that is not a socket")
    return ask(*descriptors_and_timeout)


select.select = select_sockets

if __name__ == "__main__":
    from ltx_async.cli.app import run

    sys.exit(run(sys.argv[1:]))
