"""The one map from errors to HTTP."""

from __future__ import annotations

import pytest
import structlog

from services.core import errors
from services.gateway.problems import PreconditionFailed, openai_error, problem, shown, status_of


def _all(cls: type[errors.SouffleurError]) -> list[type[errors.SouffleurError]]:
    return [sub for one in cls.__subclasses__() if one.__module__ == "services.core.errors" for sub in (one, *_all(one))]


@pytest.mark.parametrize("cls", _all(errors.SouffleurError))
def test_every_error_has_a_status_of_its_own_fault(cls: type[errors.SouffleurError]) -> None:
    """The caller's faults are 4xx; nothing that has a name is a bare 500."""
    error = cls("x")
    assert 400 <= status_of(error) < 600
    assert status_of(error) != 500
    assert shown(error) is error


def test_a_failed_precondition_is_412_and_still_a_conflict() -> None:
    """A subclass keeps the code of its kind."""
    assert status_of(PreconditionFailed()) == 412
    assert PreconditionFailed.code == "conflict"


def test_the_unexpected_is_masked_and_logged() -> None:
    """What is told has an incident number; the log has the error under the same one."""
    with structlog.testing.capture_logs() as logged:
        told = shown(ValueError("secret"))
    assert "secret" not in told.detail
    assert logged[0]["incident"] in told.detail


def test_the_two_forms_of_an_error() -> None:
    """RFC 9457 for REST, OpenAI's for its clients."""
    assert problem(404, "not_found", "gone")["title"] == "Not Found"
    assert openai_error(503, "unavailable", "gone")["error"]["type"] == "server_error"
    assert openai_error(400, "invalid_request", "bad", "n")["error"]["param"] == "n"
