"""Emails as other libraries hold them: taken as they are, or refused with the line to write.

Every value is one of the real library, for the doubles of them in the unit tests know only what
their author did.
"""

import copy
import pickle
import sqlite3

import pytest

from ltx_async import InvalidEmailError
from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient

ANN = "user000001@example.com"
BLANK = "is it a blank? leave it out"
ROWS = "did you pass rows? take row[0]"
NAMED = 'did you pass rows? take row["email"]'


@pytest.fixture
def client():
    with (
        Emulator(GeneratedAccounts(1, unhealthy=0)) as server,
        LTXClient(server.token, base_url=server.base_url) as client,
    ):
        yield client


def pandas_taken(pd):
    pyarrow = pytest.importorskip("pyarrow")
    yield from (pd.Series([ANN]), pd.Series([ANN], dtype="string"), pd.Index([ANN]))
    yield from (pd.Series([ANN], dtype="category"), pd.DataFrame({"email": [ANN]})["email"])
    yield pd.Series([ANN], dtype=pd.ArrowDtype(pyarrow.string()))


def numpy_taken(np):
    yield from (np.array([ANN]), np.array([ANN], dtype=object), [np.str_(ANN)])
    yield np.array([ANN], dtype=np.dtypes.StringDType())


def polars_taken(pl):
    yield from (pl.Series([ANN]), pl.DataFrame({"email": [ANN]})["email"])
    yield pl.Series([ANN], dtype=pl.Categorical)


def pyarrow_taken(pa):
    yield pa.array([ANN]).to_pylist()
    yield pa.table({"email": [ANN]})["email"].to_pylist()


def duckdb_taken(duckdb):
    rows = duckdb.sql(f"SELECT '{ANN}' AS email")
    yield rows.fetchnumpy()["email"]
    yield [row[0] for row in rows.fetchall()]


TAKEN = {
    "duckdb": duckdb_taken,
    "numpy": numpy_taken,
    "pandas": pandas_taken,
    "polars": polars_taken,
    "pyarrow": pyarrow_taken,
}


@pytest.mark.parametrize("library", TAKEN)
def test_a_column_is_taken_as_it_is(library, client):
    for source in TAKEN[library](pytest.importorskip(library)):
        (found,) = client.lookup_all(source)
        assert (type(found.email), found.email, found.outcome) == (str, ANN, "ok"), source


def pandas_refused(pd):
    frame = pd.DataFrame({"email": [ANN]})
    for blank in (None, float("nan"), pd.NA, pd.NaT):
        yield pd.Series([blank], dtype=object), BLANK
    yield pd.Series([None], dtype="string"), BLANK
    yield frame.itertuples(), ROWS
    yield frame.itertuples(index=False, name=None), ROWS
    yield frame.iterrows(), ROWS
    yield frame.to_numpy(), ROWS
    yield frame.to_dict("records"), NAMED
    yield [frame], NAMED


def numpy_refused(np):
    yield np.array([[ANN]]), ROWS
    yield np.array([ANN.encode()]), "decode it first, value.decode()"
    yield np.array([np.nan]), BLANK
    yield np.array([1]), "of type int64"


def polars_refused(pl):
    frame = pl.DataFrame({"email": [ANN]})
    yield pl.Series([None], dtype=pl.String), BLANK
    yield frame.iter_rows(), ROWS
    yield frame.iter_rows(named=True), NAMED


def pyarrow_refused(pa):
    for column in (pa.array([ANN, None]), pa.chunked_array([[ANN]])):
        yield column, "pass column.to_pylist(), or take value.as_py()"


def duckdb_refused(duckdb):
    yield duckdb.sql(f"SELECT '{ANN}'").fetchall(), ROWS


def sqlite3_refused(_sqlite3):
    database = sqlite3.connect(":memory:", check_same_thread=False)
    yield database.execute(f"SELECT '{ANN}' AS email"), ROWS
    database.row_factory = sqlite3.Row
    yield database.execute(f"SELECT '{ANN}' AS email"), NAMED
    database.close()


REFUSED = {
    "duckdb": duckdb_refused,
    "numpy": numpy_refused,
    "pandas": pandas_refused,
    "polars": polars_refused,
    "pyarrow": pyarrow_refused,
    "sqlite3": sqlite3_refused,
}


@pytest.mark.parametrize("library", REFUSED)
def test_what_is_no_text_is_refused_with_the_line_to_write(library, client):
    for source, way_out in REFUSED[library](pytest.importorskip(library)):
        for found in client.lookup_all(source):
            assert found.outcome == "invalid", source
            assert way_out in found.error.message
            error = pickle.loads(pickle.dumps(copy.copy(found.error)))
            assert isinstance(error, InvalidEmailError)
            assert str(error) == str(found.error)
            assert found.to_row()["error"] == found.to_record()["error"]["message"]
            assert ANN not in repr(found)  # a row may hold more than is to be shown


WHOLE = {
    "duckdb": (
        lambda duckdb: duckdb.sql(f"SELECT '{ANN}' AS email"),
        "[row[0] for row in rows.fetchall()]",
    ),
    "pandas": (lambda pd: pd.DataFrame({"email": [ANN]}), 'df["email"]'),
    "polars": (lambda pl: pl.DataFrame({"email": [ANN]}), 'df["email"]'),
    "polars.lazy": (lambda pl: pl.LazyFrame({"email": [ANN]}), 'df.collect()["email"]'),
    "pyarrow": (lambda pa: pa.table({"email": [ANN]}), 'table["email"].to_pylist()'),
    "pyarrow.batch": (
        lambda pa: pa.record_batch({"email": [ANN]}),
        'table["email"].to_pylist()',
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_table_is_refused_with_a_line_that_works(name, client):
    make, line = WHOLE[name]
    table = make(pytest.importorskip(name.partition(".")[0]))
    with pytest.raises(TypeError, match=f"not a whole {type(table).__name__}: ") as caught:
        client.lookup_all(table)
    assert str(caught.value).endswith(line)
    emails = eval(line, {"df": table, "rows": table, "table": table})
    assert [found.outcome for found in client.lookup_all(emails)] == ["ok"]


def test_a_connection_of_duckdb_is_refused_with_a_line_that_works(client):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT '{ANN}'")
        with pytest.raises(TypeError, match=r"pass \[row\[0\] for row in rows\.fetchall\(\)\]"):
            client.lookup_all(rows)
        assert client.lookup_all([row[0] for row in rows.fetchall()])[0].outcome == "ok"
