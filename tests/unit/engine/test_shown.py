"""What a notebook shows of lookups and of a run: bounded, inert, without a secret."""

import pickle
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from ltx_async.engine.bulk.shown import Lookups
from ltx_async.errors import ServerError
from ltx_async.models import Account, Cookie, Lookup, Outcome
from unit.scripted import ScriptedTransport, client_over, emails
from unit.virtual_time import in_virtual_time, passes

NOW = datetime(2026, 3, 9, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\x1b[31m\u202e&"


class Table(HTMLParser):
    """The rows of a table, and every tag that there is."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not attrs
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def found(index=0, email="ann@example.com", **account):
    made = Account(
        email,
        Cookie(lt_token="canary-0123456789"),
        balance={"LTXStudio_token": 7},
        refresh_token_expires_at=NOW,
        **account,
    )
    return Lookup(index, email, Outcome.OK, made, None, 200, 1, 0.1, NOW)


def failed(index=0, email="bob@example.com", message="HTTP 503"):
    error = ServerError(message, status=503, email=email)
    return Lookup(index, email, Outcome.FAILED, None, error, 503, 3, 0.1, NOW)


def test_a_list_of_lookups_is_a_table_with_what_matters():
    shown = Table(Lookups([found(), failed()])._repr_html_())
    assert shown.rows == [
        ["email", "outcome", "balance", "sign-in ends", "what is wrong"],
        ["ann@example.com", "ok", "7", "2026-03-09", ""],
        ["bob@example.com", "failed", "", "", "HTTP 503"],
    ]


@pytest.mark.parametrize(
    "lookup", [found(email=EVIL), failed(email=EVIL), failed(message=EVIL), found(error=EVIL)]
)
def test_nothing_that_others_wrote_is_alive_in_it(lookup):
    html = Lookups([lookup])._repr_html_()
    assert Table(html).tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert not {"\x1b", "\u202e"} & set(html)
    assert "canary" not in html


def test_it_is_bounded_however_many_there_are_and_however_long():
    lookups = Lookups(found(n, f"user{n}@example.com", error="x" * 10**6) for n in range(1000))
    html = lookups._repr_html_()
    assert len(Table(html).rows) == 51
    assert "and 950 more" in html
    assert len(html) < 50_000
    assert "more" not in Lookups(lookups[:50])._repr_html_()


def test_its_repr_counts_and_lists_nobody():
    lookups = Lookups([found(n) for n in range(1200)] + [failed()])
    assert repr(lookups) == str(lookups) == "<1,201 lookups: 1,200 ok, 1 failed>"
    assert repr(Lookups()) == "<0 lookups>"


def test_it_is_a_list_in_every_other_way():
    lookups = Lookups([found(), failed()])
    assert lookups == [*lookups]
    assert isinstance(lookups, list)
    assert [one.email for one in pickle.loads(pickle.dumps(lookups))] == [
        one.email for one in lookups
    ]


@in_virtual_time
async def test_both_ways_to_a_list_give_one_that_a_notebook_shows():
    client = client_over(ScriptedTransport())
    for lookups in (await client.lookup_all(emails(3)), await client.lookup_many(emails(3))):
        assert len(Table(lookups._repr_html_()).rows) == 4


@in_virtual_time
async def test_a_run_is_shown_at_any_time_without_addresses():
    client = client_over(ScriptedTransport(latency=2.0), concurrency=4)
    run = client.lookup_many(emails(100))
    texts = [run._repr_html_()]
    async with run:
        await passes(2.5)
        texts.append(run._repr_html_())
        async for _ in run:
            pass
    texts.append(run._repr_html_())
    figures = [dict(Table(text).rows) for text in texts]
    assert [one["finished"] for one in figures] == ["0", "4: 4 ok", "100: 100 ok"]
    assert [one["pending"] for one in figures] == ["0", "4", "0"]
    assert [one.get("per second") for one in figures] == [None, "1.6", "2.0"]
    assert "(not started" in texts[0]
    assert not re.search("@", "".join(texts))
