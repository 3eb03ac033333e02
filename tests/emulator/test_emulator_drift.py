"""Accounts that change while they are served: the same ones for the same seed."""

from datetime import UTC, datetime, timedelta

import pytest

from ltx_async.emulator import Drift, Emulator, GeneratedAccounts

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def drifting(accounts, *, seed=0):
    emulator = Emulator(accounts)
    return emulator, Drift(emulator, seed=seed, clock=NOW.timestamp)


def generated(count, **more):
    return GeneratedAccounts(count, now=NOW, **more)


def turns(count, accounts, *, seed=0):
    emulator, drift = drifting(accounts, seed=seed)
    changes = [drift.turn() for _ in range(count)]
    return changes, {email: emulator.accounts.get(email) for email in emulator.accounts}


def troubled(account):
    ends = account.get("refreshTokenExpireUTC", "")
    soon = (NOW + timedelta(days=7)).isoformat()
    return "error" in account or account["balance"]["LTXStudio_token"] < 100 or ends < soon


def test_the_seed_decides_what_becomes_of_the_accounts():
    assert turns(200, generated(30), seed=1) == turns(200, generated(30), seed=1)
    assert turns(200, generated(30), seed=1)[0] != turns(200, generated(30), seed=2)[0]


def test_each_turn_changes_the_account_it_names_and_no_other():
    emulator, drift = drifting(generated(20))
    for _ in range(100):
        before = {email: emulator.accounts.get(email) for email in emulator.accounts}
        change = drift.turn()
        after = {email: emulator.accounts.get(email) for email in emulator.accounts}
        changed = [email for email in after if after[email] != before[email]]
        assert changed == [change.email]


def test_within_a_minute_of_turns_everything_happens_that_an_alert_is_for():
    for seed in range(20):
        said = " ".join(str(change) for change in turns(60, generated(20), seed=seed)[0])
        for what in ("sign-in lost", "sign-in ends on 2026-03-", "balance fell from", "repaired"):
            assert what in said


def test_a_lost_sign_in_looks_as_the_api_tells_of_it(sample):
    emulator, drift = drifting(generated(20))
    while (change := drift.turn()).what != "sign-in lost":
        pass
    account = emulator.accounts.get(change.email)
    assert account["error"] == sample("account_needs_reauth.json")["error"]
    assert not {"balance", "tokenExpireUTC", "refreshTokenExpireUTC"} & set(account)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_most_accounts_are_well_at_any_time(count):
    emulator, drift = drifting(generated(count))
    most = 0
    for _ in range(300):
        drift.turn()
        bad = [e for e in emulator.accounts if troubled(emulator.accounts.get(e))]
        most = max(most, len(bad))
    assert most == max(1, count // 5)


def test_a_repaired_account_has_its_balance_again_and_a_sign_in_of_three_months():
    accounts = generated(10)
    emulator, drift = drifting(accounts)
    while "repaired" not in (change := drift.turn()).what:
        pass
    account = emulator.accounts.get(change.email)
    assert account["balance"] == accounts[change.email]["balance"]
    assert change.what.endswith(f" {account['balance']['LTXStudio_token']}")
    assert "error" not in account
    assert account["refreshTokenExpireUTC"] == "2026-06-02T09:30:00.000Z"


def test_accounts_that_are_broken_from_the_start_are_left_to_their_owner():
    accounts = [{"email": "ann@example.com", "error": "x"}, {"email": "bob@example.com"}]
    changes, _ = turns(50, accounts)
    assert {change.email for change in changes} == {"bob@example.com"}
    assert turns(3, accounts[:1])[0] == [None] * 3
    assert turns(3, [])[0] == [None] * 3


@pytest.mark.parametrize(
    "odd",
    [
        {"balance": None},
        {"balance": {"LTXStudio_token": "many"}},
        {"balance": {"LTXStudio_token": float("nan")}},
        {"balance": {"LTXStudio_token": 0, "x": 1}},
        {"balance": [1], "latestCreatedAtMs": 3},
        {"refreshTokenExpire": 5, "tokenExpire": None, "updated": "?"},
    ],
)
def test_accounts_of_any_kind_can_drift(odd):
    source = {"email": "ann@example.com", "note": "kept", **odd}
    changes, accounts = turns(40, [source])
    assert None not in changes
    assert not any("fell from 0" in change.what for change in changes)
    assert "note" in accounts["ann@example.com"]
    assert source == {"email": "ann@example.com", "note": "kept", **odd}


def test_what_else_a_balance_holds_stays():
    account = {"email": "ann@example.com", "balance": {"LTXStudio_token": 500, "x": 1}}
    emulator, drift = drifting([account])
    while "fell" not in drift.turn().what:
        pass
    assert emulator.accounts.get("ann@example.com")["balance"]["x"] == 1
    assert account["balance"] == {"LTXStudio_token": 500, "x": 1}


def test_replaced_accounts_begin_anew():
    emulator, drift = drifting(generated(1))
    while "lost" not in drift.turn().what:
        pass
    others = generated(1, seed=9)
    emulator.replace(others)
    change = drift.turn()
    assert "repaired" not in change.what
    while "repaired" not in (change := drift.turn()).what:
        pass
    assert emulator.accounts.get(change.email)["balance"] == others[change.email]["balance"]


def test_of_a_million_accounts_a_thousand_take_part():
    _, drift = drifting(generated(1_000_000))
    emails = {drift.turn().email for _ in range(50)}
    assert len(emails) > 30
    assert max(emails) <= "user001000@example.com"
