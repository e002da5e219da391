"""What a browser sends, made safe to store, in one place for all pages.

PostgreSQL keeps no NUL in a text and no id beyond 64 bits. Nobody types either, so a NUL is left out of
what was sent, and a number too large for an id is no number at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, abort, request
from werkzeug.datastructures import FileStorage, ImmutableMultiDict
from werkzeug.routing import IntegerConverter

# Times a page's size it still fits into 64 bits; no counter of ours comes near.
NUMBER_MAX = 2**53


class Fields(ImmutableMultiDict[str, Any]):
    """Query and form: texts without NUL, numbers within bounds."""

    def __init__(self, mapping: Any = None) -> None:
        super().__init__(mapping)
        for values in dict.values(self):
            values[:] = [_clean(value) for value in values]

    def get(  # type: ignore[override]
        self, key: str, default: Any = None, type: Callable[[Any], Any] | None = None
    ) -> Any:
        """As ever; with type=int a number of no sane size is the default, as a word is."""
        read: Any = number if type is int else type
        return super().get(key, default, type=read)


class Asked(Request):
    """A request whose fields can be stored."""

    parameter_storage_class = Fields


class Id(IntegerConverter):
    """`<int:...>` in an address: one that no row can have is not found."""

    def __init__(self, map: Any, *args: Any, **more: Any) -> None:
        super().__init__(map, *args, **{"max": NUMBER_MAX, **more})


def register(app: Flask) -> None:
    """Before any page is registered: the converter reads each address from then on."""
    app.request_class = Asked
    app.url_map.converters["int"] = Id

    @app.before_request
    def no_odd_address() -> None:
        if "\0" in request.path:
            abort(404)


def number(text: str) -> int:
    """Raises ValueError for what is no number or larger than any of ours."""
    if len(text) > 20:
        raise ValueError("too many digits")
    found = int(text)
    if abs(found) > NUMBER_MAX:
        raise ValueError("out of range")
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, FileStorage):
        value.filename = (value.filename or "").replace("\0", "")
        return value
    return value.replace("\0", "") if isinstance(value, str) else value
