"""Jupyter itself runs README's snippets as they stand, and examples/notebook.py cell by cell."""

import re

import pytest

from ltx_async.emulator import Emulator, GeneratedAccounts

from .recipes import PROJECT

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
import nbformat  # noqa: E402

README = (PROJECT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
NOTEBOOK = (PROJECT / "examples" / "notebook.py").read_text("utf-8")
CELLS = re.split(r"^# %%.*\n", NOTEBOOK, flags=re.MULTILINE)[1:]


@pytest.fixture
def emulator(monkeypatch):
    with Emulator(GeneratedAccounts(20, unhealthy=0)) as emulator:
        monkeypatch.setenv("USEAPI_API", emulator.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
        yield emulator


def said_by(cells, tmp_path):
    """Execute the cells in one kernel; return what each of them has said and shown."""
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    nbclient.NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    for cell in notebook.cells:
        assert not [one for one in cell.outputs if one.get("name") == "stderr"], cell.outputs
    return [cell.outputs for cell in notebook.cells]


def texts(outputs):
    return "".join(one.get("text", "") for one in outputs)


def test_the_snippets_of_the_readme_run_as_they_stand(emulator, tmp_path):
    assert len(SNIPPETS) >= 2
    said = [texts(outputs) for outputs in said_by(SNIPPETS, tmp_path)]
    assert all(said)
    assert emulator.count("user000001@example.com") >= 2
    assert any("user000002@example.com ok" in text for text in said)


@pytest.mark.parametrize("own_server", [True, False])
def test_the_notebook_of_the_examples_runs_cell_by_cell(
    emulator, tmp_path, monkeypatch, own_server
):
    if own_server:
        monkeypatch.delenv("USEAPI_TOKEN")
    _, outcomes, balances, ends = (texts(outputs) for outputs in said_by(CELLS, tmp_path))
    assert re.search(r" ok +20\n" if not own_server else r" ok +1[0-9][0-9]\n", outcomes)
    assert len(balances.splitlines()) == len(ends.splitlines()) == 5
    assert (emulator.request_count == 0) is own_server


def test_cells_may_wait_in_a_loop_that_runs_in_both_ways(emulator, tmp_path):
    cells = [
        (
            "from ltx_async import LTXClient\n"
            "client = LTXClient()\n"
            "run = client.lookup_many(['user000001@example.com', 'user000002@example.com'])"
        ),
        "lookups = await run\nlookups",
        "run",
        "await client.aclose()",
        (
            "import ltx_async.sync\n"
            "with ltx_async.sync.LTXClient() as waiting:\n"
            "    print(waiting.fetch_account('user000003@example.com').email)"
        ),
    ]
    _, listed, shown, closed, waited = said_by(cells, tmp_path)
    assert listed[0]["data"]["text/plain"] == "<2 lookups: 2 ok>"
    assert "<td>user000001@example.com</td>" in listed[0]["data"]["text/html"]
    assert "2 ok" in shown[0]["data"]["text/html"]
    assert closed == []
    assert texts(waited) == "user000003@example.com\n"
