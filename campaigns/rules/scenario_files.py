"""Scenario files: a scenario with its rows, conditions and mails as one text, to be kept, passed on and read back.

Here is what such a file may say, apart from how it is written: a tree of words with their lines is read into
values, and everything that does not fit is named with its line. Nothing of a file is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from campaigns.rules.audience import EVERYBODY, FIELDS, Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.reasons import Value
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone

FORMAT = "scenario/1"
KINDS = ("mail", "invite", "call", "fax", "visit", "wait", "branch", "jump", "shelf")
TOLD = frozenset({"mail", "invite"})
ARMS = ("yes", "else")
WHO = ("", "inside", "field", "owner")


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class List:
    items: tuple[Tree, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """Names with their values, as they stand: a name may come twice, which is a fault."""

    pairs: tuple[tuple[Word, Tree], ...]
    line: int


Tree = Word | List | Table


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a line (from 1). code and args are data; the screen words them."""

    line: int
    code: str
    args: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileMail:
    lang: str = "ja"
    role: str = ""
    format: str = "html"
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A content under the name that rows call it by within the file."""

    name: str
    title: str = ""
    kind: str = ContentKind.GENERAL.value
    tone: str = Tone.INFO.value
    tags: tuple[str, ...] = ()
    evergreen: bool = False
    mails: tuple[FileMail, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row; fields as a step has them, `content` and `event` by name."""

    key: str
    kind: str = "mail"
    month: int = 0
    day: int = 10
    tone: str = Tone.INFO.value
    content: str = ""
    until: date | None = None
    event: str = ""
    title: str = ""
    branch: str = ""
    arm: str = ""
    goto: str = ""
    condition: Condition | None = None
    wait_days: int = 0
    who: str = ""
    due_days: int = 5


@dataclass(frozen=True, slots=True)
class File:
    name: str
    purpose: str = ""
    goal: str = ""
    classes: tuple[str, ...] = ()
    event: str = ""
    audience: Audience = EVERYBODY
    rows: tuple[FileRow, ...] = ()
    contents: tuple[FileContent, ...] = ()


def as_data(file: File) -> dict[str, object]:
    """The file as plain lists and tables, in the order in which it is written; what is usual is left out."""
    data: dict[str, object] = {
        "ikusei": FORMAT,
        "name": file.name,
        "purpose": file.purpose,
        "goal": file.goal,
    }
    data["classes"] = list(file.classes)
    if file.event:
        data["event"] = file.event
    audience = {name: list(getattr(file.audience, name)) for name in FIELDS if getattr(file.audience, name)}
    if audience:
        data["audience"] = audience
    data["rows"] = [_row_data(row) for row in file.rows]
    data["contents"] = [_content_data(content) for content in file.contents]
    return data


def _row_data(row: FileRow) -> dict[str, object]:
    usual = replace(FileRow(row.key), kind="") if row.kind not in TOLD else FileRow(row.key, "", -1, 0, "")
    data: dict[str, object] = {}
    for name in FileRow.__dataclass_fields__:
        value = getattr(row, name)
        if name == "key" or value != getattr(usual, name):
            data[name if name != "condition" else "if"] = value
    if row.condition is not None:
        data["if"] = {
            name: value
            for name, value in (
                ("on", row.condition.on),
                ("of", row.condition.of),
                ("values", list(row.condition.values)),
            )
            if value or name == "on"
        }
    if row.until is not None:
        data["until"] = row.until.isoformat()
    return data


def _content_data(content: FileContent) -> dict[str, object]:
    data: dict[str, object] = {
        "name": content.name,
        "title": content.title,
        "kind": content.kind,
        "tone": content.tone,
    }
    if content.tags:
        data["tags"] = list(content.tags)
    if content.evergreen:
        data["evergreen"] = True
    data["mails"] = [
        {
            name: getattr(mail, name)
            for name in FileMail.__dataclass_fields__
            if name == "lang" or getattr(mail, name) != getattr(FileMail(), name)
        }
        for mail in content.mails
    ]
    return data
