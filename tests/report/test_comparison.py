import json

import pytest
from attrs import evolve
from result_examples import NOW, balanced, failed, found, missing, read, refused, write_jsonl

from ltx_async import Outcome
from ltx_async.report import ChangeKind, compare
from ltx_async.report.rowdata import change_table


@pytest.fixture
def changes(tmp_path):
    def between(older, newer):
        return compare(
            read(write_jsonl(tmp_path / "older.jsonl", older)),
            read(write_jsonl(tmp_path / "newer.jsonl", newer)),
        )

    return between


BROKEN = found(error="Session refresh failed")
KINDS = {
    "ok to reauth": (found(), BROKEN, ChangeKind.BROKEN),
    "ok to missing": (found(), missing(), ChangeKind.BROKEN),
    "ok to refused": (found("x"), refused("x"), ChangeKind.BROKEN),
    "failed to missing": (failed(), missing(), ChangeKind.BROKEN),
    "ok to failed": (found(), failed(), ChangeKind.UNANSWERED),
    "missing to failed": (missing(), failed(), ChangeKind.UNANSWERED),
    "reauth to ok": (BROKEN, found(), ChangeKind.RECOVERED),
    "missing to ok": (missing(), found(), ChangeKind.RECOVERED),
    "moved": (balanced("a@example.com", 5), balanced("a@example.com", 4), ChangeKind.MOVED),
    "failed to ok": (failed(), found(), None),
    "failed again": (failed(), failed(), None),
    "reauth to missing": (BROKEN, missing(), None),
    "the same": (balanced("a@example.com", 5), balanced("a@example.com", 5), None),
    "balance unknown before": (found(), balanced("ann@example.com", 5), None),
}


@pytest.mark.parametrize(("before", "after", "kind"), KINDS.values(), ids=KINDS)
def test_each_pair_of_outcomes_has_its_kind(changes, before, after, kind):
    assert [change.kind for change in changes([before], [after]).changes] == [kind] * bool(kind)


@pytest.mark.parametrize(
    ("older", "newer", "told"),
    [
        ("ann@EXAMPLE.com", "ann@example.com", []),
        ("ann@example.com", "ann@Example.Com", []),
        ("Ann@example.com", "ann@example.com", [ChangeKind.GONE, ChangeKind.NEW]),
        ("ann@\u212aiwi.com", "ann@kiwi.com", [ChangeKind.GONE, ChangeKind.NEW]),
    ],
)
def test_the_case_of_a_domain_makes_no_new_email(changes, older, newer, told):
    assert [change.kind for change in changes([found(older)], [found(newer)]).changes] == told


def test_what_is_too_much_for_a_number_is_not_told_as_one(changes):
    before, after = balanced("ann@example.com", -1.7e308), balanced("ann@example.com", 1.7e308)
    told = changes([before], [after])
    assert [change.kind for change in told.changes] == [ChangeKind.MOVED]
    assert told.changes[0].moved is None
    json.dumps([told.as_json(), change_table(told)], allow_nan=False)
    none, most = ([balanced(f"{who}@example.com", one) for who in "ab"] for one in (0, 1.7e308))
    assert changes(none, most).moved is None


def test_new_and_gone_emails_are_told(changes):
    told = changes([found("gone@example.com")], [found("new@example.com")]).changes
    assert [(change.email, change.kind) for change in told] == [
        ("gone@example.com", ChangeKind.GONE),
        ("new@example.com", ChangeKind.NEW),
    ]


def test_the_worst_comes_first_and_counts_name_every_kind(changes):
    older = [balanced("a@example.com", 1), found("b@example.com"), found("c@example.com")]
    newer = [balanced("a@example.com", 3), failed("b@example.com"), missing("c@example.com")]
    told = changes(older, newer)
    assert [change.email for change in told.changes] == [
        "c@example.com", "b@example.com", "a@example.com",
    ]  # fmt: skip
    assert told.counts() == {kind: int(kind in {"newly broken", "no answer now", "balance moved"})
                             for kind in ChangeKind}  # fmt: skip


def test_the_movement_is_summed_over_balances_known_twice(changes):
    older = [balanced("a@example.com", 10), balanced("b@example.com", 10), found("c@example.com")]
    newer = [
        balanced("a@example.com", 4),
        balanced("b@example.com", 11),
        balanced("c@example.com", 9),
    ]
    assert changes(older, newer).moved == -5


def test_results_in_the_wrong_order_are_remarked(changes):
    later = NOW.replace(year=2027)
    assert changes([found()], [found(at=later)]).remarks == ()
    assert "are the newer ones" in changes([found(at=later)], [found()]).remarks[0]


def test_results_of_another_base_url_are_remarked(changes):
    here, there = (evolve(found(), base_url=f"https://{host}.example/v1") for host in ("a", "b"))
    (told,) = changes([here], [there]).remarks
    assert told.endswith("older.jsonl, were asked for at https://a.example/v1.")
    for older, newer in ((here, here), (found(), here), (here, found())):
        assert changes([older], [newer]).remarks == ()


def test_the_comparison_is_json(changes):
    told = changes([balanced("ann@example.com", 5)], [BROKEN, found("bob@example.com")])
    figures = json.loads(json.dumps(told.as_json()))
    assert figures["since_as_of"] == "2026-03-11T14:03:05.000Z"
    assert figures["counts"]["newly broken"] == figures["counts"]["new"] == 1
    assert figures["changes"][0] == {
        "email": "ann@example.com",
        "kind": "newly broken",
        "before": Outcome.OK,
        "after": Outcome.NEEDS_REAUTH,
        "balance_moved": None,
        "trouble": "Session refresh failed",
    }
    assert figures["changes"][1]["before"] is None
