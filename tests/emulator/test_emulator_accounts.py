"""Accounts from a seed, from a file, and changed by hand."""

import json
import os
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from ltx_async.emulator import AccountFile, AccountStore, Emulator, GeneratedAccounts, load_accounts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = "user000001@example.com"


def moment(text):
    return datetime.fromisoformat(text)


def test_generated_accounts_have_the_shape_of_the_documented_answer(sample):
    account = GeneratedAccounts(1, now=NOW)[FIRST]

    assert set(account) == {*sample("account.json"), "refreshTokenExpireUTC"}
    assert set(account["cookie"]) == set(sample("account.json")["cookie"])
    assert account["email"] == FIRST
    assert account["cookie"]["lt_token"] == "…secured…"
    assert account["updatedUTC"].endswith("Z")
    assert len(account["updatedUTC"]) == len("2025-06-03T12:13:14.000Z")


def test_generated_accounts_are_healthy_unless_asked_otherwise():
    accounts = GeneratedAccounts(500, now=NOW)

    for account in accounts.values():
        assert "error" not in account
        assert account["balance"]["LTXStudio_token"] >= 100
        assert NOW - timedelta(days=10) <= moment(account["updatedUTC"]) <= NOW
        assert moment(account["tokenExpireUTC"]) >= NOW + timedelta(days=20)
        assert moment(account["refreshTokenExpireUTC"]) >= NOW + timedelta(days=45)


def test_the_seed_decides_the_accounts():
    def everything(seed):
        return dict(GeneratedAccounts(50, seed=seed, unhealthy=30, now=NOW))

    assert everything(1) == everything(1)
    assert everything(1) != everything(2)
    assert list(everything(1)) == list(everything(2))


def test_accounts_keep_their_content_when_more_are_generated():
    few, many = GeneratedAccounts(10, now=NOW), GeneratedAccounts(1_000_000, now=NOW)

    assert dict(few) == {email: many[email] for email in few}


def test_unhealthy_accounts_are_of_every_kind_and_as_many_as_asked_for():
    accounts = list(GeneratedAccounts(2_000, unhealthy=20, now=NOW).values())
    soon = NOW + timedelta(days=7)
    kinds = [
        sum("error" in account for account in accounts),
        sum(account.get("balance", {}).get("LTXStudio_token", 100) < 10 for account in accounts),
        sum(moment(a["refreshTokenExpireUTC"]) < soon for a in accounts if "error" not in a),
        sum(moment(a["tokenExpireUTC"]) < NOW for a in accounts if "error" not in a),
    ]

    assert all(60 <= count <= 140 for count in kinds)
    assert 340 <= sum(kinds) <= 460


def test_all_can_be_unhealthy():
    assert all(
        "error" in account
        or account["balance"]["LTXStudio_token"] < 10
        or moment(account["refreshTokenExpireUTC"]) < NOW + timedelta(days=7)
        or moment(account["tokenExpireUTC"]) < NOW
        for account in GeneratedAccounts(200, unhealthy=100, now=NOW).values()
    )


def test_a_million_accounts_cost_nothing_until_asked_for():
    tracemalloc.start()
    try:
        store = AccountStore(GeneratedAccounts(1_000_000))
        assert store.get("user1000000@example.com") is not None
        assert len(store) == 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "email",
    [
        "user000000@example.com",
        "user000011@example.com",
        "user1@example.com",
        "user0000001@example.com",
        "user00000\u0661@example.com",
        "user" + "9" * 5_000 + "@example.com",
        "ann@example.com",
    ],
)
def test_no_other_email_has_a_generated_account(email):
    accounts = GeneratedAccounts(10)

    assert email not in accounts
    assert accounts.get(email) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count must be"),
        ({"count": 1, "unhealthy": 101}, "percentage"),
        ({"count": 1, "unhealthy": float("nan")}, "percentage"),
        ({"count": 1, "now": datetime(2026, 1, 1)}, "aware"),  # noqa: DTZ001
    ],
)
def test_impossible_generation_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GeneratedAccounts(**arguments)


# Files


def write(tmp_path, content):
    file = tmp_path / "accounts.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


ANN = {"email": "ann@example.com", "maxJobs": 3}
BOB = {"email": "bob@example.com", "note": "\u2028"}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"ann@example.com": ANN, "bob@example.com": BOB}),
        json.dumps([ANN, BOB], indent=2),
        "\n".join(json.dumps(entry, ensure_ascii=False) for entry in (ANN, BOB)) + "\n\n",
        "\ufeff" + json.dumps([ANN, BOB]),
    ],
    ids=["object", "array", "lines", "bom"],
)
def test_an_account_file_is_an_object_an_array_or_lines(tmp_path, content):
    accounts = load_accounts(write(tmp_path, content))

    assert accounts == {"ann@example.com": ANN, "bob@example.com": BOB}


def test_the_documented_sample_is_an_account_file(sample, request):
    path = request.path.parent.parent / "data" / "samples" / "accounts.json"

    assert load_accounts(str(path)) == sample("accounts.json")


def test_a_single_account_is_an_account_file_of_one(tmp_path):
    assert load_accounts(write(tmp_path, json.dumps(ANN, indent=1))) == {"ann@example.com": ANN}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"line 1, column 1: .*expected a JSON object from email to account"),
        ("[{]", "line 1, column 3"),
        ("3", "expected a JSON object from email to account"),
        ('{"ann@example.com": 3}', "the value under 'ann@example.com' is not an account object"),
        ('[{"email": "a@example.com"}, {"maxJobs": 1}]', "account 2 is not an object with an"),
        ("[7]", "account 1 is not an object"),
        ('{"email": "a@example.com"}\n\n{"email"', "line 3: .*one JSON account per line"),
        ("[" * 100_000, "it nests too deep"),
        ('{"email": "a@example.com"}\n' + "[" * 100_000, "line 2: it nests too deep"),
        (b'{"email": "\xff"}', "not UTF-8 text: save it as UTF-8"),
    ],
)
def test_any_other_file_is_refused_with_the_place_and_advice(tmp_path, content, message):
    with pytest.raises(ValueError, match=f"the account file 'accounts.json' .*{message}"):
        load_accounts(write(tmp_path, content))


# Changes


def test_a_store_counts_and_orders_what_was_changed():
    store = AccountStore([ANN, BOB])
    store.put({"email": "cleo@example.com"})
    store.put({"email": "ann@example.com", "maxJobs": 9})
    store.remove("bob@example.com")

    assert len(store) == 2
    assert list(store) == ["ann@example.com", "cleo@example.com"]
    assert "bob@example.com" not in store
    assert "cleo@example.com" in store
    assert store.get("ann@example.com") == {"email": "ann@example.com", "maxJobs": 9}
    assert store.get("bob@example.com") is None
    store.put(BOB)
    assert list(store) == ["ann@example.com", "bob@example.com", "cleo@example.com"]


def test_an_account_without_email_and_an_unknown_one_are_refused():
    emulator = Emulator(AccountStore([ANN]))

    with pytest.raises(ValueError, match="has no email"):
        emulator.put({"maxJobs": 1})
    with pytest.raises(KeyError):
        emulator.remove("bob@example.com")
    emulator.remove("ann@example.com")
    with pytest.raises(KeyError):
        emulator.remove("ann@example.com")


# A file that changes


@pytest.fixture
def account_file(tmp_path):
    path = tmp_path / "accounts.jsonl"
    path.write_text('{"email": "ann@example.com"}\n')
    file = AccountFile(path)
    assert list(file.read()) == ["ann@example.com"]
    return file


def test_a_file_that_nobody_touches_has_not_changed(account_file):
    assert [account_file.changed() for _ in range(3)] == [False] * 3


def test_a_file_that_is_still_written_is_waited_for(account_file):
    account_file.path.write_text('{"email": "ann@example.com"}\n{"email": "b')
    assert account_file.changed() is False
    account_file.path.write_text('{"email": "ann@example.com"}\n{"email": "bob@example.com"}\n')
    assert account_file.changed() is False
    assert account_file.changed() is True
    assert list(account_file.read()) == ["ann@example.com", "bob@example.com"]
    assert account_file.changed() is False


def test_a_file_put_in_the_place_of_another_is_a_change(account_file, tmp_path):
    state = account_file.path.stat()
    other = tmp_path / "other"
    other.write_text('{"email": "eve@example.com"}\n')
    os.utime(other, ns=(state.st_mtime_ns, state.st_mtime_ns))
    other.replace(account_file.path)
    assert [account_file.changed() for _ in range(2)] == [False, True]


def test_what_is_wrong_with_it_is_said_once(account_file):
    account_file.path.write_text('{"email"')
    account_file.changed()
    assert account_file.changed() is True
    with pytest.raises(ValueError, match=r"the account file 'accounts.jsonl' cannot be used: line"):
        account_file.read()
    assert account_file.changed() is False


def test_a_file_that_is_away_for_a_time_is_a_change_each_way(account_file):
    account_file.path.unlink()
    assert [account_file.changed() for _ in range(2)] == [False, True]
    with pytest.raises(ValueError, match=r"'accounts\.jsonl': No such file"):
        account_file.read()
    assert account_file.changed() is False
    account_file.path.write_text("[]")
    assert [account_file.changed() for _ in range(2)] == [False, True]
    assert account_file.read() == {}
