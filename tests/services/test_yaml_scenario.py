"""A scenario as a file: what is written is read back the same, and nothing odd gets in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from campaigns.parts import Parts
from campaigns.rules.audience import Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.contents import FORMATS, LANGS, ROLES
from campaigns.rules.scenario_files import KINDS, File, FileContent, FileMail, FileRow
from campaigns.rules.scenarios import CLASSES, GOALS, ContentKind
from campaigns.rules.starters import PATTERNS
from campaigns.rules.tones import Tone
from campaigns.services import author, collect, design, yaml_scenario
from campaigns.services.yaml_scenario import read, write
from campaigns.storage import tables as t
from tests.services.test_publish import House, house, make

__all__ = ["house"]

HEAD = "ikusei: scenario/1\nname: 名\ngoal: visit\nclasses: [C1]\n"

# What people and mail programs put into texts, and what YAML takes for something else.
WORDS = st.sampled_from(
    ["yes", "on", "null", "~", "1", "1e3", "0x1F", "2027-01-31", "- a", "a: b", "# x", "'", '"', "&a", "*a", "!x",
     "%", "@", "`", "|", ">", "[", "{", "<p>{{ 宛名 }}</p>", "\u3000", "😀", "\ufeff", "\u2028", "\x85", "é"]
)  # fmt: skip
LINES = st.lists(
    WORDS | st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12),
    max_size=4,
)  # fmt: skip
LINE = LINES.map(" ".join)
TEXT = st.lists(LINE | st.just("") | st.just("  in") | st.just("\t"), max_size=6).map("\n".join)
NAME = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
TITLE = LINE.map(lambda line: f"題 {line}")


@st.composite
def files(draw: st.DrawFn) -> File:
    names = draw(st.lists(NAME, unique=True, max_size=3))
    contents = tuple(FileContent(
        name=name,
        title=draw(TITLE),
        kind=draw(st.sampled_from(list(ContentKind))),
        tone=draw(st.sampled_from(list(Tone))),
        tags=tuple(draw(st.lists(LINE.map(lambda x: f"t{x}"[:30]), unique=True, max_size=3))),
        evergreen=draw(st.booleans()),
        mails=tuple(
            FileMail(lang, role, draw(st.sampled_from(FORMATS)), draw(LINE), draw(LINE), draw(TEXT), draw(TEXT))
            for lang, role in draw(
                st.lists(st.tuples(st.sampled_from(LANGS), st.sampled_from(ROLES)), unique=True, max_size=2)
            )
        ),
    ) for name in names)  # fmt: skip
    keys = draw(st.lists(NAME, unique=True, min_size=len(names), max_size=len(names) + 4))
    rows: list[FileRow] = []
    for no, key in enumerate(keys):
        branches = [row.key for row in rows if row.kind == "branch"]
        branch = draw(st.sampled_from(["", *branches]))
        condition = Condition(
            draw(st.sampled_from(["clicked", "rank", "no_reaction"])),
            draw(st.sampled_from(["", *keys])),
            tuple(
                draw(st.lists(st.sampled_from(["hot", "A", "製造業", "業" * 300]), unique=True, max_size=2))
            ),
        )
        rows.append(FileRow(
            key=key,
            kind=draw(st.sampled_from(KINDS)),
            month=draw(st.integers(0, 60)),
            day=draw(st.integers(1, 31)),
            tone=draw(st.sampled_from(list(Tone))),
            content=names[no] if no < len(names) else "",
            until=draw(st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1))),
            event=draw(LINE),
            title=draw(LINE),
            branch=branch,
            arm=draw(st.sampled_from(["yes", "else"])) if branch else "",
            goto=draw(st.sampled_from(["", "end", *keys])),
            condition=draw(st.none() | st.just(condition)),
            wait_days=draw(st.integers(0, 366)),
            who=draw(st.sampled_from(["", "inside", "field", "owner"])),
            due_days=draw(st.integers(0, 366)),
        ))  # fmt: skip
    some = st.lists(st.sampled_from(["製造業", "50-99", "hot"]), unique=True, max_size=2).map(tuple)
    return File(
        name=draw(TITLE),
        purpose=draw(TEXT),
        goal=draw(st.sampled_from(GOALS)),
        classes=tuple(draw(st.lists(st.sampled_from(CLASSES), unique=True))),
        event=draw(LINE),
        audience=Audience(draw(some), draw(some), draw(some), draw(some)),
        rows=tuple(rows),
        contents=contents,
    )


@given(files())
@settings(deadline=None, max_examples=40)
def test_whatever_is_written_is_read_back_the_same(file: File) -> None:
    seen = read(write(file).encode())
    assert seen.faults == ()
    assert seen.file == file


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@settings(deadline=None, max_examples=60)
def test_no_bytes_at_all_raise(data: bytes) -> None:
    seen = read(data)
    assert (seen.file is None) == bool(seen.faults)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.code)
def test_a_shipped_scenario_comes_back_from_its_file_unchanged(
    parts: Parts, house: House, now: datetime, pattern: object
) -> None:
    scenario_id = make(parts, house, now, pattern.code)  # type: ignore[attr-defined]
    first = design.load(parts, scenario_id, now=now).steps
    if first and first[0].content_id:
        author.add_variant(parts, first[0].content_id, lang="en", buying_role="技術", now=now)
    _name, text = yaml_scenario.export(parts, scenario_id)
    file = read(text.encode()).file
    assert file is not None
    again = yaml_scenario.bring_in(parts, file, product_id=house.product, user_id=house.user, now=now)
    assert again != scenario_id
    assert yaml_scenario.export(parts, again)[1] == text
    assert [step.key for step in design.load(parts, again, now=now).steps] == [step.key for step in first]


def test_dates_events_audience_and_marks_of_a_content_survive(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    with parts.engine.begin() as tx:
        day = now.date() + timedelta(days=60)
        tx.execute(update(t.steps).values(valid_until=day, event_id=house.event, kind="invite"))
        tx.execute(update(t.contents).values(tags=["外観検査"], is_evergreen=True))
        tx.execute(update(t.scenarios).values(event_id=house.event, audience={"ranks": ["hot"]}))
    text = yaml_scenario.export(parts, scenario_id)[1]
    file = read(text.encode()).file
    assert file is not None
    assert (file.event, file.rows[0].event, file.rows[0].until) == ("ミライ工場展", "ミライ工場展", day)
    again = yaml_scenario.bring_in(parts, file, product_id=house.product, user_id=None, now=now)
    assert yaml_scenario.export(parts, again)[1] == text


def test_what_comes_from_a_file_waits_for_a_yes(parts: Parts, house: House, now: datetime) -> None:
    file = read(yaml_scenario.export(parts, make(parts, house, now))[1].encode()).file
    assert file is not None
    again = yaml_scenario.bring_in(parts, file, product_id=house.product, user_id=house.user, now=now)
    with parts.engine.connect() as tx:
        statuses = tx.execute(
            select(t.contents.c.status)
            .join(t.steps, t.steps.c.content_id == t.contents.c.id)
            .join(t.scenario_versions, t.scenario_versions.c.id == t.steps.c.version_id)
            .where(t.scenario_versions.c.scenario_id == again)
        ).scalars()
        assert set(statuses) == {"draft"}
    problems = design.load(parts, again, now=now).problems
    assert "content_not_approved" in {problem.code for problem in problems}
    for line in collect.listing(parts).lines:
        assert line.author in (None, "佐伯 美和")


def faults(text: str | bytes) -> list[tuple[int, str]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(fault.line, fault.code) for fault in read(data).faults]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"a" * (yaml_scenario.MAX_BYTES + 1), "too_large", 0),
        (b"ikusei: scenario/1\nname: \xff", "not_utf8", 2),
        (b"", "empty", 1),
        (b"a: 1\nb: \x07", "odd_character", 2),
        (b"a:\n- b\n  c: d", "not_yaml", 3),
        (b"a: 'never closed", "not_yaml", 1),
        (b"\tname: x", "not_yaml", 1),
        (b"a: &a [x]\nb: *a\n", "alias", 2),
        (b"a: b\n---\nc: d\n", "two_documents", 2),
        (b"!!python/object/apply:os.system [id]", "tag", 1),
        (b"name: !!str x", "tag", 1),
        (b"[" * 100_000, "too_deep", 1),
        (b"{a: " * 50_000, "too_deep", 1),
        (b"? [a]\n: b", "odd_name", 1),
        (b"[" + b"1," * 30_000 + b"]", "too_many_values", 1),
        (b"just words", "not_a_table", 1),
        (b"%YAML 9.9\n---\na: b", "not_yaml", 1),
        (b"%YAML 1." + b"9" * 5000 + b"\n---\na: b", "not_yaml", 1),
        (b'a: b\nc: "\\UFFFFFFFF"', "not_yaml", 2),
        (b'a: b\nc: "\\U00110000"', "not_yaml", 2),
    ],
)
def test_hostile_files_are_refused_with_their_line(data: bytes, code: str, line: int) -> None:
    found = faults(data)
    assert found[0] == (line, code)
    assert read(data).file is None


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    layers = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert faults(f"b0: &b0 [x]\n{layers}") == [(2, "alias")]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("{key: a, kind: bomb}", "not_a_choice"),
        ("{key: a, month: -1}", "not_a_number"),
        ("{key: a, month: ９９９９}", "not_a_number"),
        ("{key: a, month: [1]}", "not_a_text"),
        ("{key: a, day: 32}", "not_a_number"),
        ("{key: a, until: 2027-02-30}", "not_a_day"),
        ("{key: a, until: 20270228}", "not_a_day"),
        ("{key: a, owner: me}", "unknown_field"),
        ("{key: a, key: b}", "field_twice"),
        ("{kind: mail}", "key_missing"),
        ("{key: 'a b'}", "key_missing"),
        ("{key: a, goto: nowhere}", "no_such_row"),
        ("{key: a, branch: a, arm: 'yes'}", "no_such_branch"),
        ("{key: a, arm: 'yes'}", "arm_missing"),
        ("{key: a, content: ghost}", "no_such_content"),
        ("{key: a, if: [x]}", "not_a_table"),
        ("{key: a, if: {on: clicked, of: nobody}}", "no_such_row"),
        ("{key: a, title: \"\\0\"}", "odd_character"),
        ("[key, a]", "not_a_table"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_by_its_line(row: str, code: str) -> None:
    found = faults(f"{HEAD}rows:\n  - {{key: ok}}\n  - {row}\n")
    assert (7, code) in found


def test_every_fault_is_told_at_once_in_the_order_of_lines() -> None:
    found = faults("name: ''\ngoal: fame\nclasses: [Z]\nrows: x\ncontents: y\n")
    assert [code for _line, code in found] == [
        "not_our_file",
        "name_missing",
        "not_a_choice",
        "not_a_choice",
        "not_a_list",
        "not_a_list",
    ]
    assert [line for line, _code in found] == [1, 1, 2, 3, 4, 5]


def test_a_content_that_no_row_tells_or_that_comes_twice_is_named() -> None:
    words = "contents:\n  - {name: a, title: A}\n  - {name: a, title: B}\n  - {name: '', title: C}\n"
    assert faults(f"{HEAD}{words}") == [
        (6, "content_unused"), (7, "name_twice"), (7, "content_unused"), (8, "content_nameless")
    ]  # fmt: skip


def test_a_thousand_faults_are_not_all_told() -> None:
    rows = "".join(f"  - {{key: '{n} x'}}\n" for n in range(60))
    assert len(faults(f"{HEAD}rows:\n{rows}")) == 50


def test_nothing_of_a_refused_file_is_written(parts: Parts, house: House, tmp_path: Path) -> None:
    assert read(f"{HEAD}rows: 5".encode()).file is None
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.scenarios)).scalar_one() == 0
