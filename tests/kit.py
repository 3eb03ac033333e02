"""What the operators' kit in `examples/` says, so that tests can do it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = Path(sys.executable).parent
INSTALLED = "/opt/ltx/bin/"
"""Where the kit has the program."""


def unit(name):
    """Return the assignments of a unit file, in order; continued lines are one."""
    text = (EXAMPLES / "systemd" / name).read_text().replace("\\\n", " ")
    return re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)


def started_by(name, **places):
    """Return the arguments of a unit's program, with `%d` and its like replaced."""
    (command,) = [value for key, value in unit(name) if key == "ExecStart"]
    for letter, place in places.items():
        command = command.replace(f"%{letter}", str(place))
    assert "%" not in command
    return here(shlex.split(command))


def image(instruction):
    """Return the arguments of an instruction of the Dockerfile, those of the last one."""
    text = (EXAMPLES / "container" / "Dockerfile").read_text()
    return json.loads(re.findall(rf"^{instruction}.*?(\[.*\])$", text, re.MULTILINE)[-1])


def here(arguments):
    """Have the program of this environment in place of the installed one."""
    kit = str(EXAMPLES / "container")
    return [
        one.replace(INSTALLED, f"{SCRIPTS}/").replace("/opt/ltx/healthy.py", f"{kit}/healthy.py")
        for one in arguments
    ]


def given(arguments, **values):
    """Have other values for some options."""
    changed = list(arguments)
    for option, value in values.items():
        changed[changed.index("--" + option.replace("_", "-")) + 1] = str(value)
    return changed


def run(arguments, *, seconds=60, **options):
    """Run a program with nothing of this environment, and return how it ended."""
    environment = {"PATH": f"{SCRIPTS}:/usr/bin:/bin", **options.pop("env", {})}
    return subprocess.run(
        [os.fspath(one) for one in arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        **options,
    )


def token_file(path, token):
    """Write a token as the kit wants it, and return the path."""
    path.write_text(f"{token}\n")
    path.chmod(0o600)
    return path
