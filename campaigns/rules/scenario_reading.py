"""Read a scenario's file: from a tree of words with their lines to values, each fault named by its line.

Nothing of a file is trusted; the values are those of `scenario_files`.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date

from campaigns.rules.audience import EVERYBODY, FIELDS, Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.contents import FORMATS, LANGS, ROLES, TAG_MAX, TAGS_MAX, TITLE_MAX
from campaigns.rules.reasons import Value
from campaigns.rules.scenario_files import (
    ARMS,
    FORMAT,
    KINDS,
    WHO,
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
from campaigns.rules.scenarios import CLASSES, GOALS, MAX_OFFSET_MONTHS, MAX_STEPS, ContentKind
from campaigns.rules.tones import Tone

FAULTS_MAX = 50
VALUE_MAX = 300  # letters of a value, as the designer's form takes them
CONTENTS_MAX = 60
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,6}")
# Control characters, halves of a pair and the like: no mail carries them, and no database keeps NUL.
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class _Reader:
    """Collects the faults on the way, so that all of them are named at once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, line: int, code: str, **args: Value) -> None:
        self.faults.append(Fault(line, code, args))

    def table(self, tree: Tree, names: Iterable[str]) -> dict[str, Tree]:
        """The fields of a table; unknown ones and those that come twice are faults."""
        if not isinstance(tree, Table):
            self.fault(tree.line, "not_a_table")
            return {}
        known, found = tuple(names), {}
        for name, value in tree.pairs:
            if name.text not in known:
                self.fault(name.line, "unknown_field", name=name.text[:60], known=", ".join(known))
            elif name.text in found:
                self.fault(name.line, "field_twice", name=name.text)
            else:
                found[name.text] = value
        return found

    def items(self, tree: Tree | None) -> tuple[Tree, ...]:
        if tree is None:
            return ()
        if isinstance(tree, List):
            return tree.items
        self.fault(tree.line, "not_a_list")
        return ()

    def text(self, tree: Tree | None, *, most: int, is_line: bool = True) -> str:
        if tree is None:
            return ""
        if not isinstance(tree, Word):
            self.fault(tree.line, "not_a_text")
        elif len(tree.text) > most:
            self.fault(tree.line, "too_long", most=most)
        elif _ODD.search(tree.text):
            self.fault(tree.line, "odd_character")
        elif is_line and "\n" in tree.text.strip():
            self.fault(tree.line, "not_one_line")
        else:
            return tree.text
        return ""

    def number(self, tree: Tree | None, *, default: int, least: int = 0, most: int = 366) -> int:
        if tree is None:
            return default
        words = self.text(tree, most=20)
        if _NUMBER.fullmatch(words) and least <= int(words) <= most:
            return int(words)
        self.fault(tree.line, "not_a_number", least=least, most=most)
        return default

    def choice(self, tree: Tree | None, choices: Iterable[str], *, default: str = "") -> str:
        if tree is None:
            return default
        known = tuple(choices)
        word = self.text(tree, most=200)
        if word not in known:
            self.fault(tree.line, "not_a_choice", word=word[:60], known=", ".join(c for c in known if c))
            return default
        return word

    def flag(self, tree: Tree | None) -> bool:
        return tree is not None and self.choice(tree, ("true", "false", "yes", "no")) in ("true", "yes")

    def day(self, tree: Tree | None) -> date | None:
        if tree is None:
            return None
        words = self.text(tree, most=20)
        try:
            return date.fromisoformat(words) if len(words) == 10 else date.fromisoformat("")
        except ValueError:
            self.fault(tree.line, "not_a_day")
            return None

    def words(self, tree: Tree | None, *, most: int, length: int = VALUE_MAX) -> tuple[str, ...]:
        """A list of short words, each once."""
        found = self.items(tree)
        if len(found) > most:
            self.fault(found[most].line, "too_many", most=most)
        return tuple(dict.fromkeys(self.text(item, most=length) for item in found[:most]))


def read(tree: Tree) -> tuple[File, tuple[Fault, ...]]:
    """A file's values, and what is wrong with it by line; with a fault the values are of no use."""
    reader = _Reader()
    top = reader.table(
        tree,
        ("ikusei", "name", "purpose", "goal", "classes", "event", "audience", "rows", "contents"),
    )
    mark = top.get("ikusei")
    if not isinstance(mark, Word) or mark.text != FORMAT:
        reader.fault(mark.line if mark else tree.line, "not_our_file", format=FORMAT)
    contents = _contents(reader, top.get("contents"))
    file = File(
        name=reader.text(top.get("name"), most=TITLE_MAX),
        purpose=reader.text(top.get("purpose"), most=1000, is_line=False),
        goal=reader.choice(top.get("goal"), GOALS),
        classes=tuple(reader.choice(item, CLASSES) for item in reader.items(top.get("classes"))),
        event=reader.text(top.get("event"), most=TITLE_MAX),
        audience=_audience(reader, top.get("audience")),
        rows=_rows(reader, top.get("rows"), frozenset(content.name for content in contents)),
        contents=contents,
    )
    if not file.name.strip():
        reader.fault(tree.line, "name_missing")
    told = {row.content for row in file.rows}
    listed = top.get("contents")
    for content, item in zip(contents, listed.items if isinstance(listed, List) else (), strict=False):
        if content.name and content.name not in told:
            reader.fault(item.line, "content_unused", name=content.name)
    return file, tuple(sorted(reader.faults, key=lambda fault: fault.line)[:FAULTS_MAX])


def _audience(reader: _Reader, tree: Tree | None) -> Audience:
    if tree is None:
        return EVERYBODY
    fields = reader.table(tree, FIELDS)
    return Audience(**{name: reader.words(fields.get(name), most=60) for name in FIELDS})


def _rows(reader: _Reader, tree: Tree | None, contents: frozenset[str]) -> tuple[FileRow, ...]:
    items = reader.items(tree)
    if len(items) > MAX_STEPS:
        reader.fault(items[MAX_STEPS].line, "too_many", most=MAX_STEPS)
    rows: list[tuple[FileRow, Tree]] = []
    for item in items[:MAX_STEPS]:
        row = _row(reader, item, contents)
        before = {other.key: other for other, _ in rows}
        if row.key in before:
            reader.fault(item.line, "key_twice", key=row.key)
        if row.branch and (row.branch not in before or before[row.branch].kind != "branch"):
            reader.fault(item.line, "no_such_branch", key=row.branch)
        rows.append((row, item))
    keys = {row.key for row, _ in rows}
    for row, item in rows:
        if row.goto not in ("", "end") and row.goto not in keys:
            reader.fault(item.line, "no_such_row", key=row.goto)
        if row.condition and row.condition.of and row.condition.of not in keys:
            reader.fault(item.line, "no_such_row", key=row.condition.of)
    return tuple(row for row, _ in rows)


def _row(reader: _Reader, tree: Tree, contents: frozenset[str]) -> FileRow:
    fields = reader.table(
        tree, [name if name != "condition" else "if" for name in FileRow.__dataclass_fields__]
    )
    row = FileRow(
        key=reader.text(fields.get("key"), most=40),
        kind=reader.choice(fields.get("kind"), KINDS, default="mail"),
        month=reader.number(fields.get("month"), default=0, most=MAX_OFFSET_MONTHS),
        day=reader.number(fields.get("day"), default=10, least=1, most=31),
        tone=reader.choice(fields.get("tone"), list(Tone), default=Tone.INFO.value),
        content=reader.text(fields.get("content"), most=40),
        until=reader.day(fields.get("until")),
        event=reader.text(fields.get("event"), most=TITLE_MAX),
        title=reader.text(fields.get("title"), most=TITLE_MAX),
        branch=reader.text(fields.get("branch"), most=40),
        arm=reader.choice(fields.get("arm"), ARMS),
        goto=reader.text(fields.get("goto"), most=40),
        condition=_condition(reader, fields.get("if")),
        wait_days=reader.number(fields.get("wait_days"), default=0),
        who=reader.choice(fields.get("who"), WHO),
        due_days=reader.number(fields.get("due_days"), default=5),
    )
    if not _KEY.fullmatch(row.key):
        reader.fault(tree.line, "key_missing")
    if bool(row.branch) != bool(row.arm):
        reader.fault(tree.line, "arm_missing")
    if row.content and row.content not in contents:
        reader.fault(tree.line, "no_such_content", name=row.content)
    return row


def _condition(reader: _Reader, tree: Tree | None) -> Condition | None:
    if tree is None:
        return None
    fields = reader.table(tree, ("on", "of", "values"))
    on = reader.text(fields.get("on"), most=40)
    of = reader.text(fields.get("of"), most=40)
    return Condition(on, of, reader.words(fields.get("values"), most=60))


def _contents(reader: _Reader, tree: Tree | None) -> tuple[FileContent, ...]:
    items = reader.items(tree)
    if len(items) > CONTENTS_MAX:
        reader.fault(items[CONTENTS_MAX].line, "too_many", most=CONTENTS_MAX)
    found: list[FileContent] = []
    for item in items[:CONTENTS_MAX]:
        content = _content(reader, item)
        if content.name in {other.name for other in found}:
            reader.fault(item.line, "name_twice", name=content.name)
        found.append(content)
    return tuple(found)


def _content(reader: _Reader, tree: Tree) -> FileContent:
    fields = reader.table(tree, FileContent.__dataclass_fields__)
    content = FileContent(
        name=reader.text(fields.get("name"), most=40),
        title=reader.text(fields.get("title"), most=TITLE_MAX),
        kind=reader.choice(fields.get("kind"), list(ContentKind), default=ContentKind.GENERAL.value),
        tone=reader.choice(fields.get("tone"), list(Tone), default=Tone.INFO.value),
        tags=reader.words(fields.get("tags"), most=TAGS_MAX, length=TAG_MAX),
        evergreen=reader.flag(fields.get("evergreen")),
        mails=tuple(_mail(reader, item) for item in reader.items(fields.get("mails"))[:30]),
    )
    if not _KEY.fullmatch(content.name) or not content.title.strip():
        reader.fault(tree.line, "content_nameless")
    seen = [(mail.lang, mail.role) for mail in content.mails]
    if len(set(seen)) < len(seen):
        reader.fault(tree.line, "mail_twice")
    return content


def _mail(reader: _Reader, tree: Tree) -> FileMail:
    fields = reader.table(tree, FileMail.__dataclass_fields__)
    long: Callable[[str], str] = lambda name: reader.text(fields.get(name), most=300_000, is_line=False)  # noqa: E731
    return FileMail(
        lang=reader.choice(fields.get("lang"), LANGS, default="ja"),
        role=reader.choice(fields.get("role"), ROLES),
        format=reader.choice(fields.get("format"), FORMATS, default="html"),
        subject=reader.text(fields.get("subject"), most=300),
        preheader=reader.text(fields.get("preheader"), most=300),
        html=long("html"),
        text=long("text"),
    )
