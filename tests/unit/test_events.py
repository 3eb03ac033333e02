"""What `on_event` receives: frozen, comparable, picklable records."""

import copy
import inspect
import pickle
from datetime import UTC, datetime
from typing import get_args

import attrs
import pytest

from ltx_async import events
from ltx_async.errors import ConnectError
from ltx_async.events import (
    AttemptFinished,
    AttemptStarted,
    Event,
    GateClosed,
    GateOpened,
    LookupFinished,
    NobodyFound,
    OutageBegan,
    OutageEnded,
    PaceLearned,
    RetryScheduled,
)
from ltx_async.models import Account, Cookie, Lookup, Outcome

WHY = ConnectError("refused", errno=111, email="ann@example.com")
CANARY = "canary-0123456789"
LOOKUP = Lookup(
    0,
    "ann@example.com",
    Outcome.OK,
    Account("ann@example.com", Cookie(lt_token=CANARY)),
    None,
    200,
    1,
    0.25,
    datetime(2026, 1, 1, tzinfo=UTC),
)
EXAMPLES = [
    AttemptStarted("ann@example.com", 1),
    AttemptFinished("ann@example.com", 1, 0.25, 200, None),
    AttemptFinished("ann@example.com", 1, 0.25, None, WHY),
    RetryScheduled("ann@example.com", 1, 0.5, WHY),
    GateClosed(30.0, WHY),
    GateOpened(1),
    PaceLearned(98.0, None),
    PaceLearned(98.0, 5),
    OutageBegan(60.0, WHY),
    OutageEnded(12.0),
    NobodyFound(20),
    LookupFinished(LOOKUP),
]


def test_event_is_the_union_of_every_record():
    defined = {
        value
        for value in vars(events).values()
        if inspect.isclass(value) and value.__module__ == events.__name__
    }
    assert set(get_args(Event)) == defined == {type(example) for example in EXAMPLES}
    assert events.KINDS == defined > events.OF_EACH_LOOKUP


@pytest.mark.parametrize("event", EXAMPLES)
def test_every_event_is_frozen(event):
    for attribute in attrs.fields(type(event)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(event, attribute.name, None)


@pytest.mark.parametrize("event", EXAMPLES)
def test_every_event_survives_pickling_and_copying(event):
    assert copy.copy(event) == event
    assert hash(copy.copy(event)) == hash(event)
    assert repr(pickle.loads(pickle.dumps(event))) == repr(event)


def test_events_without_an_error_equal_their_pickled_selves():
    for event in (EXAMPLES[0], EXAMPLES[1], EXAMPLES[5], EXAMPLES[6]):
        assert pickle.loads(pickle.dumps(event)) == event


def test_no_event_shows_a_cookie():
    assert CANARY not in repr(LookupFinished(LOOKUP))
    assert CANARY not in f"{LookupFinished(LOOKUP)}"


@pytest.mark.parametrize("cls", get_args(Event))
def test_annotations_resolve_at_runtime(cls):
    attrs.resolve_types(cls)
    assert not any(isinstance(attribute.type, str) for attribute in attrs.fields(cls))
