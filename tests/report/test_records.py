"""Records kept as columns are those that were put in, to the bit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_examples import NOW, WRITERS, read, run_of

from ltx_async import Outcome
from ltx_async.codec.identity import entry_key
from ltx_async.report import collect, records
from ltx_async.report.records import Records
from ltx_async.results.reading import RecordReader, read_results
from ltx_async.results.record import Record

EMAILS = st.sampled_from(
    ["a@x", "a@X", "A@x", "b@x", "jörg@x", "\udcff@x", "a\0@x", "no email", ""]
)
TEXTS = st.none() | st.text(st.characters(exclude_categories=()), max_size=3)
NUMBERS = (
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.sampled_from([0, 0.0, -0.0, 5, 5.0, 2**53, 2**53 + 1, -(2**53) - 1, 2**63, -(2**63)])
)
EDGES = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
MOMENTS = st.sampled_from([*EDGES, NOW]) | st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(fold=0)
)
RECORDS = st.builds(
    Record,
    email=EMAILS,
    outcome=st.sampled_from(Outcome),
    status=st.none() | st.integers(),
    balance=NUMBERS,
    max_jobs=st.none() | st.integers(),
    updated_at=st.none() | MOMENTS,
    token_expires_at=st.none() | MOMENTS,
    refresh_token_expires_at=st.none() | MOMENTS,
    error_type=TEXTS,
    error=TEXTS,
    attempts=st.integers(),
    elapsed_ms=NUMBERS,
    checked_at=MOMENTS,
    base_url=TEXTS,
    hint=TEXTS,
    ray=TEXTS,
)


@pytest.fixture(autouse=True, scope="module")
def few_at_a_time():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_AT_A_TIME", 3)
        yield


def reader(name, ones):
    return RecordReader(name, (one for one in ones))


def told(kept):
    return list(map(repr, kept))  # 5 is not 5.0 here, nor 0.0 -0.0


@given(st.lists(RECORDS, max_size=12))
def test_what_is_kept_is_what_a_dictionary_would_keep(given_ones):
    model = {}
    for one in given_ones:
        model[entry_key(one.email)] = one
    kept = Records.of(given_ones)
    assert told(kept) == told(model.values())
    assert len(kept) == len(model) == len(given_ones) - kept.replaced
    for one in given_ones:
        assert repr(kept.find(one.email)) == repr(model[entry_key(one.email)])
        assert repr(kept.value_of(one.email, "balance")) == repr(kept.find(one.email).balance)
    assert kept.find("c@x") is kept.value_of("c@x", "balance") is None


@given(st.lists(RECORDS, max_size=8))
def test_columns_say_what_the_records_do(given_ones):
    kept = Records.of(given_ones)
    ones = list(kept)
    assert told(kept.where("attempts", lambda value: value > 0)) == told(
        one for one in ones if one.attempts > 0
    )
    for name in ("email", "balance", "checked_at", "updated_at", "error", "outcome"):
        assert told(kept.column(name)) == told(getattr(one, name) for one in ones)
        values = [getattr(one, name) for one in ones]
        assert kept.counts(name) == {one: values.count(one) for one in values}


@given(st.lists(RECORDS, max_size=8))
def test_results_are_as_of_the_last_check(given_ones):
    results = collect(reader("run", given_ones))
    assert results.as_of == max((one.checked_at for one in results.records), default=None)


def test_records_are_a_sequence():
    ones = [Record(email=f"{n}@x", outcome=Outcome.OK, checked_at=NOW) for n in range(7)]
    kept = Records.of(ones)
    assert (kept[0], kept[-1], kept[2:5], kept[::-3]) == (
        ones[0],
        ones[-1],
        tuple(ones[2:5]),
        tuple(ones[::-3]),
    )
    assert kept.index(ones[4]) == 4
    with pytest.raises(IndexError):
        kept[7]


def test_a_record_keeps_no_json_of_an_account():
    one = Record(email="a@x", outcome=Outcome.OK, checked_at=NOW, account={"email": "a@x"})
    assert Records.of([one])[0].account is None


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_is_kept_as_it_is_read(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"run{suffix}", run_of(50))
    assert told(read(path).records) == told(read_results(path, accounts=False))


CHECKED = st.builds(
    lambda email, minutes, outcome: Record(
        email=email, outcome=outcome, checked_at=NOW + timedelta(minutes=minutes)
    ),
    st.sampled_from(["a@x", "a@X", "A@x", "b@x"]),
    st.integers(0, 2),
    st.sampled_from(Outcome),
)


@given(st.lists(st.lists(CHECKED, max_size=4), min_size=2, max_size=3))
def test_of_several_files_the_latest_of_an_email_counts(files):
    latest, sources, twice = {}, {}, 0
    for name, ones in enumerate(files):
        last = {entry_key(one.email): one for one in ones}
        twice += len(last.keys() & latest.keys())
        for key, one in last.items():
            if key not in latest or latest[key].checked_at <= one.checked_at:
                latest[key], sources[key] = one, str(name)
    results = collect(*(reader(str(name), ones) for name, ones in enumerate(files)))
    assert told(results.records) == told(latest.values())
    assert results.sources == sources
    assert any("In several files" in one for one in results.remarks) == (twice > 0)
    assert not twice or results.remarks[-1].endswith(f": {twice} email{'s' * (twice > 1)}.")
