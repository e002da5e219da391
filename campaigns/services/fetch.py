"""Fetch: one small thing from one https address, and nothing else."""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

TIMEOUT_S = 5.0
MAX_BYTES = 64 * 1024


class _Stay(urllib.request.HTTPRedirectHandler):
    """A checked address must not lead to an unchecked one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


_opener = urllib.request.build_opener(_Stay())


def https(url: str) -> bytes:
    """The first 64 kB that stand there. The caller has checked the host. Raises OSError."""
    if urlsplit(url).scheme != "https":
        raise OSError("not https")
    try:
        with _opener.open(url, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read(MAX_BYTES)
    except HTTPException as error:  # an answer that is none, or one that was cut off
        raise OSError(f"no answer in HTTP: {type(error).__name__}") from error
    return body
