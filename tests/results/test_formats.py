import pytest
from command_line import make_lookup

from ltx_async.files.errors import OutputRefusedError
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.formats import FORMATS, Existing, format_of, open_output

NAMES = [f"out{suffix}" for form in FORMATS for suffix in form.suffixes]


def test_the_format_is_chosen_by_suffix():
    names = {"OUT.JSONL": "jsonl", "a/b.CSV": "csv", "x.ndjson": "jsonl", "x.tsv": "tsv"}
    for name, form in names.items():
        assert format_of(name).name == form
    for name in ("x.sqlite3", "x", "x.txt"):
        with pytest.raises(OutputRefusedError, match=name) as raised:
            format_of(name)
        assert ".jsonl, .ndjson, .csv, .tsv, .sqlite or .db" in raised.value.hint


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("existing", Existing)
async def test_an_output_that_is_not_there_is_made(tmp_path, name, existing):
    writer = await open_output(tmp_path / name, existing, EarlierRecords())
    await writer.write(make_lookup())
    await writer.close()
    assert b"ann@example.com" in (tmp_path / name).read_bytes()
    assert format_of(name).recognises((tmp_path / name).read_bytes())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("existing", Existing)
async def test_one_that_is_there_is_refused_replaced_or_continued(tmp_path, name, existing):
    for email in ("ann@example.com", "bob@example.com"):
        how = existing if email[0] == "b" else Existing.OVERWRITE
        if how is Existing.REFUSE:
            with pytest.raises(OutputRefusedError, match="exists already") as raised:
                await open_output(tmp_path / name, how, EarlierRecords())
            assert "--resume" in raised.value.hint
            return
        writer = await open_output(tmp_path / name, how, EarlierRecords())
        await writer.write(make_lookup(email))
        await writer.close()
    data = (tmp_path / name).read_bytes()
    assert b"bob@example.com" in data
    assert (b"ann@example.com" in data) == (existing is Existing.RESUME)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("existing", list(Existing))
@pytest.mark.parametrize("target", ["nowhere", "there", "/dev/null", "folder"])
async def test_a_link_is_not_advised_to_be_continued_or_replaced(tmp_path, form, existing, target):
    path = tmp_path / f"out{form.suffixes[0]}"
    (tmp_path / "there").touch()
    (tmp_path / "folder").mkdir()
    path.symlink_to(target)
    with pytest.raises(
        OutputRefusedError, match=r"is a symbolic link|is no regular file"
    ) as raised:
        await open_output(path, existing, EarlierRecords())
    assert "--" not in raised.value.hint


async def test_a_directory_of_that_name_is_not_advised_to_be_continued(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputRefusedError, match="is no regular file") as raised:
        await open_output(tmp_path / "out.csv", Existing.REFUSE, EarlierRecords())
    assert "--" not in raised.value.hint
