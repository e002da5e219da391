"""Words for what lies ahead of a person: a line a row, the arms of a branch indented under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from campaigns.rules.flow import GO_END, MAILS, SHELF, TASKS
from campaigns.rules.outlook import Arm, Chance, Stop
from campaigns.services.explain import Road
from campaigns.web import delivery_words, step_words
from campaigns.web.step_words import ARMS, ICONS, KINDS, WHO, Course
from campaigns.web.words import month_name, short_day, word


@dataclass(frozen=True, slots=True)
class Line:
    """depth: arms it stands in. arm: it is the head of an arm. is_likely: that arm would come today."""

    depth: int
    what: str
    notes: tuple[str, ...] = ()
    icon: str = ""
    arm: bool = False
    is_likely: bool = False

    @property
    def note(self) -> str:
        return str(_("・")).join(self.notes)


def lines(road: Road) -> list[Line]:
    """A road from where the person stands to its end."""
    return list(_lines(road.stops, step_words.course(road.steps), 0))


def heading() -> str:
    return str(_("この先の流れ"))


def stopped(road: Road) -> str:
    """What forbids its mails now, ''."""
    return str(delivery_words.plain(road.block)) if road.block else ""


def _lines(stops: Sequence[Stop], course: Course, depth: int) -> Iterator[Line]:
    for stop in stops:
        notes = tuple(note for note in (_when(stop), *_notes(stop)) if note)
        yield Line(depth, _what(stop), notes, ICONS[stop.step.kind])
        for arm in stop.arms:
            yield _arm(arm, course, depth + 1)
            yield from _lines(arm.stops, course, depth + 2)


def _arm(arm: Arm, course: Course, depth: int) -> Line:
    notes = [str(_("いまのままならこちら"))] if arm.is_likely else []
    if arm.goes_to == GO_END:
        notes.append(str(_("そのあと終わり") if arm.stops else _("ここで終わり")))
    elif arm.goes_to:
        notes.append(str(_("そのあと%(row)sへ", row=course.name(arm.goes_to))))
    elif not arm.stops:
        notes.append(str(_("何もせず次へ")))
    return Line(depth, word(ARMS, arm.name), tuple(notes), "arrow-right", arm=True, is_likely=arm.is_likely)


def _what(stop: Stop) -> str:
    step = stop.step
    if step.kind in MAILS or step.kind == SHELF:
        return title(Chance(step))
    if step.kind in TASKS:
        kind = word(KINDS, step.kind)
        return str(_("%(kind)s：%(title)s", kind=kind, title=step.title)) if step.title else kind
    if step.kind == "branch":
        return step_words.title(step)
    return step_words.when(step)


def _when(stop: Stop) -> str:
    if stop.month is not None:
        return str(_("早ければ%(month)s", month=month_name(stop.month)))
    if stop.until:
        day = short_day(date.fromordinal(stop.until))
        return str(_("%(day)sに決まります", day=day) if stop.arms else _("%(day)sまで", day=day))
    return step_words.when(stop.step) if stop.arms else ""


def _notes(stop: Stop) -> Iterator[str]:
    step = stop.step
    if step.kind in TASKS:
        yield word(WHO, step.who) if step.who else ""
        yield str(_("%(n)s営業日以内", n=step.due_days))
    if step.kind == "invite":
        yield word(KINDS, "invite")
    if stop.left_out == "rank":
        yield str(_("いまの見込度と管理区分では行いません"))
    elif stop.left_out:
        yield str(_("断った方なので行いません"))


def title(chance: Chance) -> str:
    """What a mail is called; the shelf has one for each month."""
    if chance.step.kind == SHELF:
        return str(_("常備の棚の、まだ読んでいない内容"))
    return chance.step.content_title or str(_("無題のメール"))


def ways(chances: Sequence[Chance]) -> str:
    """Which mail a branch brings, arm by arm: 分岐「…」が「はい」なら「A」、「それ以外」なら「B」."""
    said, last = [], None
    for chance in chances:
        assert chance.branch is not None
        values = {"arm": word(ARMS, chance.arm), "title": title(chance)}
        if chance.branch == last:
            said.append(_("「%(arm)s」なら「%(title)s」", **values))
        else:
            question = step_words.title(chance.branch)
            said.append(_("分岐「%(question)s」が「%(arm)s」なら「%(title)s」", question=question, **values))
        last = chance.branch
    return str(_("、")).join(str(one) for one in said)
