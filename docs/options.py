"""Write `options.md`: every option of every command, as `--help` has them.

Run it with `make docs`; a test compares what it writes with what lies in the repository.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from ltx_async.cli.app import commands
from ltx_async.cli.settings import ClientOptions

SHARED = set(attrs.fields_dict(ClientOptions))
HEAD = """\
# Commands and options

What `ltx-async COMMAND --help` says, for reading here; `make docs` writes this page from it.
An option wins over the environment, the environment over the default. The API token comes from
`USEAPI_TOKEN` or `--token-file`, the base URL from `USEAPI_API` or `--base-url`; no secret is ever
an option. `NO_COLOR` turns colours off, `LTX_ASYNC_LOG=debug` shows every attempt. What a command
ends with is [its exit status](data.md#exit-statuses). Every command also has `-h, --help`.

A shell completes commands, options and file names after one line in its start file:

```sh
eval "$(_LTX_ASYNC_COMPLETE=bash_source ltx-async)"    # ~/.bashrc
eval "$(_LTX_ASYNC_COMPLETE=zsh_source ltx-async)"     # ~/.zshrc, below compinit
_LTX_ASYNC_COMPLETE=fish_source ltx-async | source     # ~/.config/fish/config.fish
```
"""

ASKING = """\
## How to ask

The options of every command that asks the API. An environment variable may stand for each, for all
commands alike: `LTX_ASYNC_MAX_WAIT=120` for `--max-wait 120`, `LTX_ASYNC_TRUST_ENV=1` for the flag
`--trust-env`. No variable names an output, or allows one to be replaced.
"""


def page() -> str:
    """Return the whole page."""
    root = click.Context(commands, info_name="ltx-async")
    contexts = []
    for name in commands.list_commands(root):
        command = commands.get_command(root, name)
        assert command is not None
        contexts.append(click.Context(command, info_name=name, parent=root))
    parts = [HEAD, *(_section(context) for context in contexts), _shared(contexts[0])]
    return "\n".join(parts)


def _section(context: click.Context) -> str:
    command = context.command
    options = [option for option in command.params if isinstance(option, click.Option)]
    asks = {option.name for option in options} >= SHARED
    if asks:
        options = [option for option in options if option.name not in SHARED]
    lines = [f"## {context.info_name}", "", *_prose(command.help or "")]
    lines += ["```", command.get_usage(context).removeprefix("Usage: "), "```", ""]
    lines += _table(context, options)
    if asks:
        lines += ["Also [how to ask](#how-to-ask).", ""]
    return "\n".join([*lines, *_prose(command.epilog or "")])


def _shared(context: click.Context) -> str:
    options = [
        option
        for option in context.command.params
        if isinstance(option, click.Option) and option.name in SHARED
    ]
    return "\n".join([ASKING, *_table(context, options)])


def _prose(text: str) -> Iterator[str]:
    """Give paragraphs; what a backspace marks, or begins with a command, is kept as it is."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line != "\b"]
        first, *code = lines
        head, colon, one = first.partition(":")
        if head in {"Example", "Examples"} and colon:
            code = [one, *code] if one else code
            yield from (f"{head}:", "", "```sh", *map(str.strip, code), "```", "")
        else:
            yield from (*lines, "")


def _table(context: click.Context, options: list[click.Option]) -> list[str]:
    records = [record for option in options if (record := option.get_help_record(context))]
    rows = [f"| {_cell(f'`{name}`')} | {_cell(meaning)} |" for name, meaning in records]
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("  [", " [")


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), "utf-8")
