"""Names to classes, loaded only when asked for, so that a process never imports an engine it does not use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from services.core.errors import EngineMissing, NotFound


def load(name: str, table: Mapping[str, str]) -> object:
    """The object behind `name`: a key of `table`, or itself an import string "package.module:attribute".

    Raises `NotFound` for an unknown name and `EngineMissing` when the module's own dependency is not installed.
    A module that is there but broken raises its own error: hiding it would send the reader looking for an install.
    """
    target = table.get(name, name)
    if ":" not in target:
        known = ", ".join(sorted(table))
        raise NotFound(f"unknown name {name!r}; known: {known}")
    module_name, _, attribute = target.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise EngineMissing(f"{name} needs the package {error.name!r}, which is not installed") from error
        raise NotFound(f"no module {module_name!r} for {name!r}") from error
    found = module
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
