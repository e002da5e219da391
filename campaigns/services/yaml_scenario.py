"""Scenarios as YAML: written out, read back with every fault by its line, brought in as a draft.

The file is read event by event, never built into objects: a limit on size, depth and number of values holds
before anything grows, and aliases, tags and further documents are refused. Source: issue "a library of
starter scenarios, and import / export of a scenario as YAML".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import scenario_files as rule
from campaigns.rules import scenario_reading
from campaigns.rules.contents import Status
from campaigns.rules.scenario_files import (
    Fault,
    File,
    FileContent,
    FileMail,
    FileRow,
    List,
    Table,
    Tree,
    Word,
)
from campaigns.rules.scenarios import Scenario, Step
from campaigns.services.author import Gone
from campaigns.storage import audit, contents, designs, scenarios, steps
from campaigns.storage import events as events_stored
from campaigns.storage.contents import Variant

MAX_BYTES = 1_000_000
MAX_DEPTH = 8
MAX_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Read:
    """file None: it cannot be brought in, and the faults say why, by line."""

    file: File | None
    faults: tuple[Fault, ...]


class _Bad(Exception):
    def __init__(self, line: int, code: str, **args: str | int) -> None:
        super().__init__(code)
        self.fault = Fault(line, code, args)


def read(data: bytes) -> Read:
    """What a file says. Never raises, whatever the bytes are."""
    if len(data) > MAX_BYTES:
        return Read(None, (Fault(0, "too_large", {"most": MAX_BYTES}),))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Read(None, (Fault(data.count(b"\n", 0, error.start) + 1, "not_utf8"),))
    try:
        tree = _tree(_events(text))
    except _Bad as bad:
        return Read(None, (bad.fault,))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = str(error.problem or error.context or "")[:200]
        return Read(None, (Fault(mark.line + 1 if mark else 0, "not_yaml", {"detail": detail}),))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        return Read(None, (Fault(line, "odd_character"),))
    file, faults = scenario_reading.read(tree)
    return Read(None if faults else file, faults)


def _events(text: str) -> Iterator[yaml.Event]:
    loader = yaml.SafeLoader(text)
    for count in itertools.count():
        try:
            if not loader.check_event():
                return
            event = loader.get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError):
            # The reader makes a number of an escape like \U99999999 and of a %YAML line's version, however large.
            raise _Bad(loader.line + 1, "not_yaml", detail="number out of range") from None
        if count > MAX_EVENTS:
            raise _Bad(_line(event), "too_many_values", most=MAX_EVENTS)
        yield event


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 0


def _tree(events: Iterator[yaml.Event]) -> Tree:
    """The one document's tree. Raises _Bad at the first thing that has no place in a plain file."""
    next(events)  # the stream begins
    if isinstance(next(events), yaml.StreamEndEvent):
        raise _Bad(1, "empty")
    tree = _node(next(events), events, 1)
    next(events)  # the document ends
    behind = next(events)
    if not isinstance(behind, yaml.StreamEndEvent):
        raise _Bad(_line(behind), "two_documents")
    return tree


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Tree:
    line = _line(event)
    if depth > MAX_DEPTH:
        raise _Bad(line, "too_deep", most=MAX_DEPTH)
    if isinstance(event, yaml.AliasEvent):
        raise _Bad(line, "alias")
    tag = getattr(event, "tag", None)
    if tag:
        raise _Bad(line, "tag", tag=str(tag)[:60])
    if isinstance(event, yaml.ScalarEvent):
        is_nothing = event.style is None and event.value in ("~", "null")
        return Word("" if is_nothing else event.value, line)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_node(inner, events, depth + 1))
        return List(tuple(items), line)
    pairs = []
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        name = _node(inner, events, depth + 1)
        if not isinstance(name, Word):
            raise _Bad(name.line, "odd_name")
        pairs.append((name, _node(next(events), events, depth + 1)))
    return Table(tuple(pairs), line)


_BREAKS = frozenset("\x85\u2028\u2029")  # YAML's own line ends besides the newline


class _Dumper(yaml.SafeDumper):
    """Lines as lines, items indented under their name."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if not _BREAKS.isdisjoint(text):
        style = '"'  # the only one that escapes them: in the others they would come back as spaces
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_multi_representer(str, _text_node)
_Dumper.add_representer(str, _text_node)


def write(file: File) -> str:
    """The file's text; reading it gives the same file."""
    return str(
        yaml.dump(rule.as_data(file), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
    )


def export(parts: Parts, scenario_id: int) -> tuple[str, str]:
    """Name and text of a scenario's file: its draft, or the version in force. Raises Gone."""
    with parts.engine.connect() as tx:
        scenario = scenarios.get(tx, scenario_id)
        version = scenarios.draft(tx, scenario_id) or scenarios.published(tx, scenario_id)
        if scenario is None or version is None:
            raise Gone
        rows = steps.of(tx, version.id)
        file = _file(tx, scenario, rows)
    return scenario.name, write(file)


def _file(tx: Connection, scenario: Scenario, rows: tuple[Step, ...]) -> File:
    told = list(dict.fromkeys(row.content_id for row in rows if row.content_id))
    names = {content_id: f"mail-{no}" for no, content_id in enumerate(told, start=1)}
    words = contents.variants_of(tx, set(told))
    events = events_stored.names(tx, [row.event_id for row in rows if row.event_id])
    found = {content_id: contents.get(tx, content_id) for content_id in told}
    return File(
        name=scenario.name,
        purpose=scenario.purpose,
        goal=scenario.goal_kind,
        classes=scenario.classes,
        event=scenario.event_name or "",
        audience=scenario.audience,
        rows=tuple(_file_row(row, names, events) for row in rows),
        contents=tuple(
            FileContent(
                names[content_id],
                content.title,
                content.kind,
                content.tone,
                content.tags,
                content.is_evergreen,
                tuple(_file_mail(variant) for variant in words.get(content_id, ())),
            )
            for content_id, content in found.items()
            if content is not None
        ),
    )


def _file_row(row: Step, names: dict[int, str], events: dict[int, str]) -> FileRow:
    return FileRow(
        key=row.key,
        kind=row.kind,
        month=row.offset_months,
        day=row.want_day,
        tone=row.tone,
        content=names.get(row.content_id or 0, ""),
        until=row.valid_until,
        event=events.get(row.event_id or 0, ""),
        title=row.title,
        branch=row.parent_key,
        arm=row.arm,
        goto=row.goto_key,
        condition=row.condition,
        wait_days=row.wait_days,
        who=row.who,
        due_days=row.due_days,
    )


def _file_mail(variant: Variant) -> FileMail:
    return FileMail(
        variant.lang,
        variant.buying_role,
        variant.format,
        variant.subject,
        variant.preheader,
        variant.html,
        variant.text,
    )


def bring_in(parts: Parts, file: File, *, product_id: int, user_id: int | None, now: datetime) -> int:
    """A new scenario of the product, as a draft; its id. Its contents are drafts too: somebody who knows the
    house approves them. An event that is not known here by its name is left open."""
    with parts.engine.begin() as tx:
        events = events_stored.named(tx, [file.event, *(row.event for row in file.rows)])
        scenario_id = scenarios.create(
            tx,
            product_id=product_id,
            name=file.name,
            purpose=file.purpose,
            goal_kind=file.goal,
            classes=file.classes,
            event_id=events.get(file.event),
            audience=file.audience,
            user_id=user_id,
            now=now,
        )
        made = {
            content.name: _bring_content(tx, content, product_id=product_id, user_id=user_id, now=now)
            for content in file.contents
        }
        rows = [_step(row, no, made, events) for no, row in enumerate(file.rows, start=1)]
        designs.replace(tx, scenarios.open_draft(tx, scenario_id).id, rows)
        audit.note(tx, noun="scenario", noun_id=scenario_id, action="import", user_id=user_id, now=now)
    return scenario_id


def _bring_content(
    tx: Connection, content: FileContent, *, product_id: int, user_id: int | None, now: datetime
) -> int:
    content_id = contents.create(
        tx,
        title=content.title,
        kind=content.kind,
        tone=content.tone,
        product_id=product_id,
        user_id=user_id,
        now=now,
        status=Status.DRAFT.value,
        tags=list(content.tags),
        is_evergreen=content.evergreen,
    )
    for mail in content.mails or (FileMail(),):
        words = {name: getattr(mail, name) for name in ("subject", "preheader", "html", "text", "format")}
        contents.add_variant(tx, content_id, lang=mail.lang, buying_role=mail.role, words=words)
    audit.note(tx, noun="content", noun_id=content_id, action="create", user_id=user_id, now=now)
    return content_id


def _step(row: FileRow, position: int, made: dict[str, int], events: dict[str, int]) -> Step:
    return Step(
        id=0,
        key=row.key,
        position=position,
        kind=row.kind,
        offset_months=row.month,
        want_day=row.day,
        tone=row.tone,
        content_id=made.get(row.content),
        valid_until=row.until,
        title=row.title,
        parent_key=row.branch,
        arm=row.arm,
        goto_key=row.goto,
        condition=row.condition,
        wait_days=row.wait_days,
        who=row.who,
        due_days=row.due_days,
        event_id=events.get(row.event),
    )
