"""Garbage collection waits inside, and is as it was afterwards."""

from __future__ import annotations

import gc

import pytest

from shapescope.collection import collection_waits


def test_it_waits_and_goes_on() -> None:
    assert gc.isenabled()
    with collection_waits():
        assert not gc.isenabled()
        with collection_waits():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), collection_waits():
        raise ValueError("inside")
    assert gc.isenabled()


def test_who_has_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with collection_waits():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
