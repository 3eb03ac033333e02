"""What a lookup gives: frozen values that never show a secret."""

import copy
import json
import pickle
import traceback
import weakref
from datetime import UTC, datetime, timedelta, timezone

import attrs
import cattrs
import pytest
from cattrs.preconf.json import make_converter
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import models
from ltx_async.alerts import Sighting
from ltx_async.codec.accounts import structure_account
from ltx_async.errors import AccountNotFoundError
from ltx_async.masking import MASK
from ltx_async.models import Account, Cookie, Lookup, Outcome, Stats, draft_of, freeze, trouble_of

CANARY = "canary-0123456789"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WIRE = {
    "email": "ann@example.com",
    "maxJobs": 20,
    "updatedUTC": "2026-01-01T00:00:00.000Z",
    "tokenExpireUTC": "2026-01-01T00:00:00.000Z",
    "refreshTokenExpire": 1767225600000,
    "cookie": {"lt_id": CANARY, "lt_token": CANARY, "lt_refresh_token": CANARY, "more": CANARY},
    "balance": {"LTXStudio_token": 150, "accessToken": CANARY, "x": {"password": [CANARY, 5]}},
    "latestCreatedAtMs": {"LTXStudio_token": 1717401194000, "lt_refresh_token": CANARY, "x": "y"},
    "plan": {"name": "shown", "tokens": {"deep": [CANARY, {"er": CANARY}, 7]}},
    "apiSecret": CANARY,
}
UNDOCUMENTED = {"balance", "latestCreatedAtMs", "plan", "apiSecret"}
MOMENTS = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)
TEXTS = st.none() | st.text()
BY_KIND = st.none() | st.dictionaries(st.sampled_from(["LTXStudio_token", "x"]), st.integers(0, 9))
ACCOUNTS = st.builds(
    Account,
    email=TEXTS,
    cookie=st.none()
    | st.builds(Cookie, TEXTS, TEXTS, TEXTS, st.dictionaries(st.just("x"), st.text())),
    max_jobs=st.none() | st.integers(1, 100),
    updated_at=MOMENTS,
    token_expires_at=MOMENTS,
    refresh_token_expires_at=MOMENTS,
    balance=BY_KIND,
    latest_created_at_ms=BY_KIND,
    error=TEXTS,
    extra=st.dictionaries(st.sampled_from(["plan", "new"]), st.text() | st.lists(st.integers())),
)


def make_account(**changes):
    account = structure_account(WIRE, json.dumps(WIRE).encode())
    return attrs.evolve(account, **changes) if changes else account


def make_lookup(account=None, error=None):
    return Lookup(0, "ann@example.com", Outcome.OK, account, error, 200, 1, 0.25, NOW)


def make_stats():
    return Stats(dict.fromkeys(Outcome, 0), 3, 1, 0, 0.1, None)


VALUES = [make_account, make_stats, lambda: Cookie("id", "a", "b", {"c": "d"}), Account, Cookie]
VALUES += [lambda: make_lookup(make_account())]


def test_outcomes_are_the_five_documented_words():
    assert [str(outcome) for outcome in Outcome] == [
        "ok",
        "needs_reauth",
        "not_found",
        "invalid",
        "failed",
    ]
    assert json.dumps({Outcome.OK: Outcome.FAILED}) == '{"ok": "failed"}'


@pytest.mark.parametrize(
    "value",
    [make_account().cookie, make_account(), make_lookup(make_account()), [make_account()]],
    ids=["cookie", "account", "lookup", "list"],
)
def test_no_text_form_shows_a_secret(value):
    texts = [str(value), repr(value), f"{value}", f"{value!r}", "%s" % (value,), ascii(value)]  # noqa: UP031
    assert not [text for text in texts if CANARY in text]


def test_a_cookie_tells_what_is_there_but_not_its_value():
    assert repr(Cookie("user1", None, "x", {"lt_extra": "y", "n\n": "z"})) == (
        "Cookie(lt_id=***, lt_token=None, lt_refresh_token=***, "
        "extra={'lt_extra': ***, 'n\\n': ***})"
    )
    assert repr(Cookie()) == "Cookie(lt_id=None, lt_token=None, lt_refresh_token=None, extra={})"


def test_the_deliberate_way_to_a_cookie_value_works():
    assert make_account().cookie.lt_token == CANARY


def test_an_account_shows_what_is_no_secret():
    text = repr(make_account())
    assert "ann@example.com" in text
    assert "'LTXStudio_token': 150" in text
    assert "'name': 'shown'" in text
    assert "wire" not in text


def test_to_wire_leaves_the_cookie_out_and_masks_secrets():
    shown = make_account().to_wire()
    assert CANARY not in json.dumps(shown)
    assert "cookie" not in shown
    assert shown["balance"] == {
        "LTXStudio_token": 150,
        "accessToken": MASK,
        "x": {"password": [MASK, 5]},
    }
    assert shown["latestCreatedAtMs"] == {
        "LTXStudio_token": 1717401194000,
        "lt_refresh_token": MASK,
        "x": "y",
    }
    assert shown["plan"] == {"name": "shown", "tokens": {"deep": [MASK, {"er": MASK}, 7]}}
    assert shown["apiSecret"] == MASK
    assert list(shown) == [name for name in WIRE if name != "cookie"]


@pytest.mark.parametrize("name", ["balance", "latest_created_at_ms"])
@pytest.mark.parametrize(
    "secret",
    [
        {"accessToken": CANARY},
        {"LTXStudio_token": 5, "lt_refresh_token": CANARY},
        {"LTXStudio_token": 5, "x": {"password": CANARY}},
        {"LTXStudio_token": 5, "x": [{"name": "Authorization", "value": CANARY}]},
        {"LTXStudio_token": CANARY},
    ],
)
def test_a_secret_among_the_figures_of_an_account_is_masked(name, secret):
    account = Account(**{name: secret})
    assert CANARY not in repr(account)
    assert CANARY not in json.dumps(account.to_wire())
    assert account.to_wire(include_secrets=True) == {models.WIRE_NAMES[name]: secret}


def test_the_figures_of_an_account_are_shown_whatever_their_names():
    figures = {"LTXStudio_token": 5, "other_token": 7.5, "key": None, "x": {"session": True}}
    account = Account(balance=figures, latest_created_at_ms=figures)
    assert account.to_wire() == {"balance": figures, "latestCreatedAtMs": figures}
    assert repr(account).count("'other_token': 7.5") == 2


def test_to_wire_with_secrets_is_what_came_in():
    account = make_account()
    assert account.to_wire(include_secrets=True) == WIRE
    account.to_wire(include_secrets=True).clear()
    account.to_wire(include_secrets=True)["plan"]["tokens"].clear()
    account.to_wire()["balance"].clear()
    assert account.to_wire(include_secrets=True) == WIRE
    assert account.token_balance == 150


def test_an_account_made_by_hand_says_what_its_fields_say():
    assert Account().to_wire() == Account().to_wire(include_secrets=True) == {}
    account = Account(
        "ann@example.com",
        Cookie("a", lt_token="b", extra={"c": "d"}),
        max_jobs=20,
        updated_at=datetime(2026, 1, 1, 12, 0, 0, 5000, tzinfo=timezone(timedelta(hours=2))),
        balance={"LTXStudio_token": 0},
        error="",
        extra={"apiKey": "x", "plan": ["y"]},
    )
    plain = {
        "email": "ann@example.com",
        "maxJobs": 20,
        "updatedUTC": "2026-01-01T10:00:00.005Z",
        "balance": {"LTXStudio_token": 0},
        "error": "",
    }
    assert account.to_wire() == {**plain, "apiKey": MASK, "plan": ["y"]}
    assert account.to_wire(include_secrets=True) == {
        **plain,
        "cookie": {"lt_id": "a", "lt_token": "b", "c": "d"},
        "apiKey": "x",
        "plan": ["y"],
    }
    account.to_wire(include_secrets=True)["plan"].clear()
    account.to_wire()["balance"].clear()
    assert account.to_wire()["plan"] == ["y"]
    assert account.token_balance == 0


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"email": "bob@example.com"}, "email", "bob@example.com"),
        ({"max_jobs": 3}, "maxJobs", 3),
        ({"balance": {"LTXStudio_token": 1}}, "balance", {"LTXStudio_token": 1}),
        ({"error": "sign in"}, "error", "sign in"),
        ({"extra": {"new": 1}}, "new", 1),
        ({"cookie": Cookie("x")}, "cookie", {"lt_id": "x"}),
        ({"token_expires_at": NOW + timedelta(1)}, "tokenExpireUTC", "2026-01-02T00:00:00.000Z"),
    ],
)
def test_an_account_that_was_changed_does_not_say_what_came_in(change, name, value):
    assert make_account(**change).to_wire(include_secrets=True)[name] == value
    without = make_account(**dict.fromkeys(change, {} if name == "new" else None))
    assert name not in without.to_wire(include_secrets=True)


@given(ACCOUNTS)
def test_what_the_fields_say_is_read_as_the_same_account(account):
    assert structure_account(account.to_wire(include_secrets=True)) == account


@attrs.frozen
class Held:
    """What an application keeps of a lookup."""

    lookup: Lookup


def everything_in(value):
    """All text that a walk through plain values meets, and the text form of what stays whole."""
    if isinstance(value, dict):
        return "".join(f"{key}{everything_in(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | set):
        return "".join(map(everything_in, value))
    return f"{value!r} {value}"


WALKS = {
    "asdict": attrs.asdict,
    "astuple": attrs.astuple,
    "asdict without recursion": lambda value: attrs.asdict(value, recurse=False),
    "unstructure": cattrs.unstructure,
    "unstructure as tuples": cattrs.Converter(
        unstruct_strat=cattrs.UnstructureStrategy.AS_TUPLE
    ).unstructure,
    "unstructure with more": make_converter().unstructure,
    "asdict as JSON": lambda value: json.dumps(attrs.asdict(value), default=str),
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
@pytest.mark.parametrize(
    "hold", [make_lookup, lambda account: account, lambda account: Held(make_lookup(account))]
)
def test_what_walks_through_objects_meets_no_cookie(walk, hold):
    # What is not documented is not hidden from them.
    account = attrs.evolve(make_account(), balance=None, latest_created_at_ms=None, extra={})
    known = {name: value for name, value in WIRE.items() if name not in UNDOCUMENTED}
    came = structure_account(known, json.dumps(WIRE).encode())
    for one in (account, came):
        assert CANARY not in everything_in(walk(hold(one)))
        assert one.cookie.lt_token == CANARY


def test_a_cookie_cannot_be_changed():
    cookie = make_account().cookie
    for name in ("lt_id", "lt_token", "lt_refresh_token", "extra", "more"):
        with pytest.raises(AttributeError):
            setattr(cookie, name, "x")
    assert cookie == Cookie(CANARY, CANARY, CANARY, {"more": CANARY})
    assert cookie != Cookie(CANARY, CANARY, CANARY)
    assert cookie != (CANARY, CANARY, CANARY, {"more": CANARY})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_keeps_all_of_an_account(protocol):
    again = pickle.loads(pickle.dumps(make_lookup(make_account()), protocol=protocol))
    assert again == make_lookup(make_account())
    assert again.account.to_wire(include_secrets=True) == WIRE
    assert again.account.cookie.lt_token == CANARY


@pytest.mark.parametrize(
    ("balance", "tokens"),
    [(None, None), ({}, None), ({"LTXStudio_token": 0}, 0), ({"LTXStudio_token": 7.5}, 7.5)],
)
def test_token_balance_tells_none_from_zero(balance, tokens):
    assert Account(balance=balance).token_balance == tokens


@pytest.mark.parametrize("created", [None, {}, {"other": 5}, {"LTXStudio_token": None}])
def test_latest_created_at_is_none_where_the_reply_did_not_say(created):
    assert Account(latest_created_at_ms=created).latest_created_at is None


@given(st.integers(-62135596800000, 253402300799999))
def test_latest_created_at_is_exact_to_the_millisecond(milliseconds):
    moment = Account(latest_created_at_ms={"LTXStudio_token": milliseconds}).latest_created_at
    assert moment.tzinfo is UTC
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == milliseconds
    assert moment.microsecond % 1000 == 0


@pytest.mark.parametrize(
    ("error", "broken"),
    [(None, False), ("sign in", True), ("", False), (" ", False), ("\n", False)],
)
def test_an_account_with_an_error_needs_reauthentication(error, broken):
    account = Account(error=error)
    assert account.needs_reauth is broken
    outcome = Outcome.NEEDS_REAUTH if broken else Outcome.OK
    lookup = Lookup(0, "ann@example.com", outcome, account, None, 200, 1, 0.1, NOW)
    assert trouble_of(lookup) == (error if broken else None)
    assert Sighting.of(lookup).error == lookup.to_row()["error"] == trouble_of(lookup)


def test_unwrap_gives_the_account_broken_ones_too():
    account = Account(error="sign in again")
    assert make_lookup(account).unwrap() is account


def frames(error):
    return len(list(traceback.walk_tb(error.__traceback__)))


def test_unwrap_raises_the_same_each_time_and_nothing_of_its_frames_lives_on():
    error = AccountNotFoundError("HTTP 404", status=404, email="ann@example.com", ray="8f0-FRA")
    lookup = make_lookup(error=error)
    depths = set()
    for _ in range(3):
        with pytest.raises(AccountNotFoundError) as caught:
            lookup.unwrap()
        assert caught.value is not error
        assert (vars(caught.value), caught.value.args) == (vars(error), error.args)
        caught.value.add_note("mine")
        depths.add(frames(caught.value))
    assert len(depths) == 1
    assert lookup.error is error
    assert error.__traceback__ is None
    assert error.__notes__ == [error.hint]


@pytest.mark.parametrize("make", VALUES)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_every_value_survives_pickling_and_copying(make, duplicate):
    value = make()
    again = duplicate(value)
    assert again == value
    assert hash(again) == hash(value)
    assert repr(again) == repr(value)


def test_the_wire_form_survives_pickling():
    account = pickle.loads(pickle.dumps(make_account()))
    assert account.to_wire(include_secrets=True) == WIRE


def test_a_lookup_that_failed_survives_pickling():
    error = AccountNotFoundError("HTTP 404", status=404, ray="8f0-FRA")
    again = pickle.loads(pickle.dumps(make_lookup(error=error)))
    assert (again.error.status, again.error.ray) == (404, "8f0-FRA")


@pytest.mark.parametrize("make", VALUES)
def test_every_value_is_frozen_and_without_a_dict(make):
    value = make()
    for attribute in attrs.fields(type(value)) if attrs.has(type(value)) else ():
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, attribute.name, None)
    assert not hasattr(value, "__dict__")


def test_values_differ_where_a_field_differs_but_not_by_the_kept_wire_form():
    assert make_account() == attrs.evolve(make_account())
    for name, other in {"email": "bob@example.com", "balance": {}, "extra": {}}.items():
        assert make_account() != make_account(**{name: other})
    assert Cookie("a") != Cookie("b")


@pytest.mark.parametrize("cls", [Account, Lookup, Stats])
def test_annotations_resolve_at_runtime(cls):
    attrs.resolve_types(cls)
    assert not any(isinstance(attribute.type, str) for attribute in attrs.fields(cls))


@pytest.mark.parametrize("cls", [Cookie, Account, Lookup, Stats, Outcome])
def test_everything_public_says_what_it_is(cls):
    assert getattr(models, cls.__name__) is cls
    assert cls.__module__.startswith(f"{models.__name__}.")
    assert cls.__doc__


@pytest.mark.parametrize("value", [Account, Lookup])
def test_a_draft_becomes_the_value_that_was_meant_and_is_frozen_from_then_on(value):
    content = {one.alias: object() for one in attrs.fields(value)}
    draft = draft_of(value)(**content)
    made = freeze(draft)
    assert made is draft
    assert made == value(**content)
    assert type(made) is value
    for one in attrs.fields(value):
        assert getattr(made, one.name) is content[one.alias]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, one.name, None)


def nothing_known(value):
    return {one.alias: None for one in attrs.fields(value) if one.default is None}


@pytest.mark.parametrize("value", [Account])
def test_a_draft_insists_on_what_is_optional_and_has_its_own_of_what_is_made(value):
    draft = draft_of(value)
    made, other = (freeze(draft(**nothing_known(value))) for _ in range(2))
    assert made == value()
    assert made.extra is not other.extra
    for name in nothing_known(value):
        with pytest.raises(TypeError, match=name):
            draft(**{known: None for known in nothing_known(value) if known != name})


def test_a_draft_can_be_filled_in_parts_until_it_is_frozen():
    draft = draft_of(Account)(**nothing_known(Account) | {"email": "ann@example.com"})
    draft.max_jobs = 7
    assert freeze(draft) == Account(email="ann@example.com", max_jobs=7)
    with pytest.raises(AttributeError):
        freeze(draft)  # a value is nobody's draft


@pytest.mark.parametrize("value", [Account])
def test_a_value_can_be_referred_to_weakly_and_a_draft_shows_no_secret(value):
    made = draft_of(value)(**nothing_known(value))
    assert weakref.ref(made)() is made
    freeze(made)
    assert weakref.ref(made)() is made
    cookie = Cookie(CANARY)
    assert weakref.ref(cookie)() is cookie
    assert CANARY not in repr(draft_of(Account)(**nothing_known(value) | {"cookie": cookie}))


def test_the_repr_of_an_account_is_one_line_of_bounded_length_however_much_came():
    much = {f"key{number}": ["x" * 10_000] * 100 for number in range(1_000)}
    account = Account("a" * 10**6, None, 1, None, None, None, much, much, "\n" * 10**6, much)
    assert len(repr(account)) < 10_000
    assert repr(account).isprintable()
