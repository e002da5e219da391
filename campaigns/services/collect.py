"""Collect: ideas from everybody, turned into mails that a marketer approves. Source: S4-18.

Each function is one transaction and leaves its line in the audit log: who did what to a content, and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import contents as rule
from campaigns.rules.contents import Status
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone
from campaigns.services import author, shelf
from campaigns.services.author import Gone
from campaigns.storage import audit, contents
from campaigns.storage.contents import Change, Content, Line

# What the audit log calls a step to that status.
ACTIONS: Mapping[str, str] = {
    Status.IDEA: "note_idea",
    Status.DRAFT: "draft",
    Status.APPROVED: "approve",
    Status.RETIRED: "retire",
}


class Refused(Exception):
    """The step cannot be taken. code: not_from_here, without_mail."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Listing:
    """The lines of a list with the last step of each: who and when, by content."""

    lines: tuple[Line, ...]
    steps: Mapping[int, Change]
    tags: tuple[str, ...]


def note_idea(
    parts: Parts, *, words: str, source_dept: str, tags: tuple[str, ...], user_id: int | None, now: datetime
) -> int:
    """Keep an idea; its id. words: what was typed, one line as a rule."""
    title = " ".join(words.split())[: rule.TITLE_MAX]
    with parts.engine.begin() as tx:
        content_id = contents.create(
            tx,
            title=title,
            kind=ContentKind.GENERAL,
            tone=Tone.INFO,
            product_id=None,
            user_id=user_id,
            now=now,
            status=Status.IDEA,
            idea=words.strip(),
            source_dept=source_dept.strip(),
            tags=list(tags),
        )
        audit.note(
            tx, noun="content", noun_id=content_id, action=ACTIONS[Status.IDEA], user_id=user_id, now=now
        )
    return content_id


def begin_draft(
    parts: Parts,
    content_id: int,
    *,
    kind: str,
    tone: str,
    product_id: int | None,
    starter: str = "",
    user_id: int | None,
    now: datetime,
) -> None:
    """Make a mail of an idea, from a starter's words or an empty page. Raises Gone, Refused."""
    with parts.engine.begin() as tx:
        content = _content(tx, content_id)
        if content.status != Status.IDEA:
            raise Refused("not_from_here")
        base_url = parts.settings.base_url
        words = author.read_starter(starter, base_url=base_url)[1] if starter in author.starters() else None
        contents.add_variant(tx, content_id, lang="ja", words=words)
        _step(
            tx, content, Status.DRAFT, user_id=user_id, now=now, kind=kind, tone=tone, product_id=product_id
        )


def set_status(parts: Parts, content_id: int, status: Status, *, user_id: int | None, now: datetime) -> None:
    """Approve, retire or take up again; the shelf follows. Raises Gone, Refused."""
    with parts.engine.begin() as tx:
        content = _content(tx, content_id)
        if not rule.may_become(content.status, status) or content.status == Status.IDEA == status:
            raise Refused("not_from_here")
        variants = contents.variants(tx, content_id)
        if status is Status.APPROVED and not any(v.subject and v.html for v in variants):
            raise Refused("without_mail")
        _step(tx, content, status, user_id=user_id, now=now)
        if not variants and status is Status.DRAFT:
            contents.add_variant(tx, content_id, lang="ja")
    shelf.put(parts, content_id, now=now)


def copy(parts: Parts, content_id: int, *, user_id: int | None, now: datetime) -> int:
    """A new item with the same words, to be changed and told again; its id. Raises Gone."""
    with parts.engine.begin() as tx:
        new = author.copy(tx, content_id, user_id=user_id, now=now)
        audit.note(tx, noun="content", noun_id=new, action="create", user_id=user_id, now=now)
    return new


def listing(parts: Parts, *, ideas: bool = False) -> Listing:
    """Every content, or what began as an idea."""
    with parts.engine.connect() as tx:
        lines = contents.listing(tx, ideas=ideas)
        steps = contents.changes(tx, [line.id for line in lines], list(ACTIONS.values()))
        return Listing(lines, steps, contents.known_tags(tx))


def known_tags(parts: Parts) -> tuple[str, ...]:
    """Theme tags in use, for the next one who types."""
    with parts.engine.connect() as tx:
        return contents.known_tags(tx)


def _step(
    tx: Connection, content: Content, status: Status, *, user_id: int | None, now: datetime, **head: object
) -> None:
    if not contents.save(tx, content.id, version=content.version, status=status.value, **head):
        raise Gone
    audit.note(
        tx,
        noun="content",
        noun_id=content.id,
        action=ACTIONS[status],
        user_id=user_id,
        now=now,
        changes={"status": (content.status, status.value)},
    )


def _content(tx: Connection, content_id: int) -> Content:
    content = contents.get(tx, content_id, lock=True)
    if content is None:
        raise Gone
    return content
