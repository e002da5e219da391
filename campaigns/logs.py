"""Logs: one line an event, key=value, never a mail address (spec LAW-28)."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

ADDRESS = re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+")


def configure(level: str) -> None:
    """Plain lines to standard error, from `level` on: standard output belongs to what a command answers."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide_addresses,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def hide_addresses(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The last door: whatever looks like a mail address leaves as its domain's mask."""
    return {
        key: ADDRESS.sub("<address>", value) if isinstance(value, str) else value
        for key, value in event.items()
    }
