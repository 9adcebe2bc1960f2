"""The protocol's union of events against what is read and written here."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, cast

import pytest
from openai._models import BaseModel

from services.gateway.realtime.acts import Acts
from services.gateway.realtime.config import SessionConfig
from services.gateway.realtime.responses import joined
from tests.integration.realtime.protocol import client_types, server_types

_WRITERS = ("acts", "connection", "items", "responses", "speech", "emitter")


def test_every_client_event_of_the_package_is_read() -> None:
    """Nothing that the official client can send is unknown here."""
    acts = Acts(SessionConfig(session="s", model="m", hang_over_ms=500), *cast(Any, (None, None, None, None)))
    assert set(client_types()) <= set(acts._handlers)


@pytest.mark.parametrize("name", _WRITERS)
def test_every_event_written_is_one_of_the_client_s(name: str) -> None:
    """The classes of server events that are used are members of the client's union, under their own type."""
    module = importlib.import_module(f"services.gateway.realtime.{name}")
    events = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if issubclass(cls, BaseModel) and "event_id" in cls.model_fields]
    written = [cls for cls in events if cls.model_fields["event_id"].is_required()]
    assert all(cls in server_types().values() for cls in written)


def test_sentences_are_joined_as_their_script_is_written() -> None:
    """Latin and Cyrillic get a space, Chinese gets none."""
    assert joined("One.", "Two.") == "One. Two."
    assert joined("Раз.", "Два.") == "Раз. Два."
    assert joined("你好。", "请坐。") == "你好。请坐。"
    assert joined("", "One.") == "One."
