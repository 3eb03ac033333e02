"""What the room of inputs shows."""

import pytest

import ltx_async.inputs


def test_the_room_shows_what_it_offers_and_nothing_else():
    assert dir(ltx_async.inputs) == [*ltx_async.inputs.__all__]
    for name in ltx_async.inputs.__all__:
        assert getattr(ltx_async.inputs, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Line'"):
        ltx_async.inputs.Line  # noqa: B018
