"""Raw mails in files: one mail, or a mailbox of several (mbox, RFC 4155)."""

from __future__ import annotations

import re

from mailer.bounces.read import read
from mailer.bounces.returned import Returned, ReturnedKind

_MAILS_MAX = 1_000
# A line that separates, and a header line after it: text may begin with "From " too.
_FROM = re.compile(
    rb"^From \S{1,320} {1,4}[A-Z][a-z]{2} [A-Z][a-z]{2} [\d ]\d \d\d:\d\d[^\r\n]{0,60}\r?\n(?=[A-Za-z-]{1,60}:)",
    re.MULTILINE,
)
# The gravest first: what a file with several kinds is called.
_GRAVEST = (
    ReturnedKind.COMPLAINT,
    ReturnedKind.BOUNCE,
    ReturnedKind.DELAYED,
    ReturnedKind.AUTOREPLY,
    ReturnedKind.OTHER,
)


def mails(raw: bytes) -> list[bytes]:
    """The mails of a file. Only a file that begins like an mbox is one; any other is a single mail."""
    if not _FROM.match(raw):
        return [raw]
    starts = [found.start() for found in _FROM.finditer(raw)][:_MAILS_MAX]
    return [raw[start:end] for start, end in zip(starts, [*starts[1:], len(raw)], strict=True)]


def read_all(raw: bytes) -> list[Returned]:
    """What every mail of a file says. Never raises."""
    return [read(mail) for mail in mails(raw)]


def gravest(found: list[Returned]) -> ReturnedKind:
    """The one kind that a whole file is called by."""
    kinds = {returned.kind for returned in found}
    return next((kind for kind in _GRAVEST if kind in kinds), ReturnedKind.OTHER)
