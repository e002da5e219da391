"""Trace: from what a stranger tells us to the mail of ours that it is about.

Only what we signed counts: the token of a return address, or a Message-ID whose mark fits its delivery. A
recipient's address alone names no mail. Source: spec 45 B1, B5, B6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from campaigns.parts import Parts
from campaigns.services.render import message_mark
from campaigns.storage import inbound as store
from tracking_pixel import BadToken
from tracking_pixel.tokens import TokenKind

# Read in any case: some servers fold local parts. Longer ones are no token of ours.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])(reply|bounce|unsubscribe)\+([A-Za-z0-9]{20,100})@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"(?<![A-Za-z0-9.])([1-9]\d{0,18})\.([0-9a-f]{16})@", re.IGNORECASE)
_KINDS = {"reply": TokenKind.REPLY, "bounce": TokenKind.BOUNCE, "unsubscribe": TokenKind.STOP}
# A hostile text may hold thousands of forgeries; ours stands among the first.
_TRIED_MAX = 50
_TEXT_MAX = 200_000


def token(parts: Parts, address: str) -> tuple[TokenKind, int] | None:
    """What an address of ours is for, and its delivery; None for every other address."""
    found = _TOKEN.match(address.strip().strip("<>"))
    return _read(parts, found) if found else None


def is_spelled(address: str) -> bool:
    """Whether an address looks like one of ours, genuine or forged."""
    return _TOKEN.match(address.strip().strip("<>")) is not None


def deliveries(parts: Parts, traces: Sequence[Iterable[str]]) -> list[int | None]:
    """The delivery of each of these things that came in, None where nothing proves one. One query for all.

    traces: for each, the texts in which a token or a Message-ID of ours may stand, the surest first.
    """
    texts = [[text[:_TEXT_MAX] for text in one] for one in traces]
    found = [_by_token(parts, one) for one in texts]
    named = [_message_ids(one) if id is None else [] for one, id in zip(texts, found, strict=True)]
    wanted = sorted({id for marks in named for id, _ in marks})
    if not wanted:
        return found
    with parts.engine.connect() as tx:
        origins = store.origins(tx, wanted)
    ours = {id: message_mark(origin, parts.secret) for id, origin in origins.items()}
    return [
        id if id is not None else next((other for other, mark in marks if ours.get(other) == mark), None)
        for id, marks in zip(found, named, strict=True)
    ]


def _by_token(parts: Parts, texts: Iterable[str]) -> int | None:
    for text in texts:
        for _, match in zip(range(_TRIED_MAX), _TOKEN.finditer(text), strict=False):
            read = _read(parts, match)
            if read is not None:
                return read[1]
    return None


def _read(parts: Parts, match: re.Match[str]) -> tuple[TokenKind, int] | None:
    kind = _KINDS[match[1].lower()]
    try:
        return kind, parts.signer.read(match[2], kind).ids[0]
    except (BadToken, IndexError):
        return None


def _message_ids(texts: Iterable[str]) -> list[tuple[int, str]]:
    found = []
    for text in texts:
        for _, match in zip(range(_TRIED_MAX), _MESSAGE_ID.finditer(text), strict=False):
            if int(match[1]) < 2**63:
                found.append((int(match[1]), match[2].lower()))
    return found[:_TRIED_MAX]
