"""Words for the rows of a month table: what a row is, what it will do, where it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules import flow
from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import FIELD_CLASSES, Step
from campaigns.web.scenario_words import CLASSES, ROLES
from campaigns.web.words import RANKS, day, language, number, short_day

KINDS = {
    "mail": _l("メール"),
    "invite": _l("来場案内"),
    "call": _l("電話"),
    "fax": _l("FAX"),
    "visit": _l("訪問"),
    "wait": _l("待つ"),
    "branch": _l("分岐"),
    "jump": _l("移る"),
    "shelf": _l("常備の棚へ"),
}
ICONS = {
    "mail": "mail",
    "invite": "calendar-event",
    "call": "phone",
    "fax": "file-text",
    "visit": "walk",
    "wait": "hourglass",
    "branch": "git-branch",
    "jump": "arrow-right",
    "shelf": "plant",
}
ARMS = {"yes": _l("はい"), "else": _l("それ以外")}
WHO = {"inside": _l("インサイドセールス"), "field": _l("フィールドセールス"), "owner": _l("担当営業")}
ON = {
    "clicked": _l("リンクをクリックした"),
    "opened": _l("開封した"),
    "visited": _l("サイトを見た"),
    "replied": _l("返信した"),
    "no_reaction": _l("何も反応がない"),
    "rank_rose": _l("見込度が上がった"),
    "rank_fell": _l("見込度が下がった"),
    "rank": _l("見込度"),
    "class": _l("管理区分"),
    "industry": _l("業種"),
    "size": _l("従業員数"),
    "role": _l("購買への関与"),
}
MOVES = ("rank_rose", "rank_fell")
REACTIONS = ("clicked", "opened", "visited", "replied", "no_reaction", *MOVES)
CHANGES = {
    "add": _l("行の追加"),
    "save": _l("行の変更"),
    "delete": _l("行の削除"),
    "move": _l("行の移動"),
    "duplicate": _l("行の複製"),
    "discard": _l("下書きの取り消し"),
}


@dataclass(frozen=True, slots=True)
class Course:
    """How the rows are called and where each goes on: labels and titles by key; after: key -> key or "end"."""

    labels: Mapping[str, str]
    titles: Mapping[str, str]
    after: Mapping[str, str]

    def name(self, key: str) -> str:
        """A row as others point at it: 4行目「照明条件のコツ」."""
        if key == "end":
            return str(_("終わり"))
        if key not in self.labels:
            return str(_("なくなった行"))
        return str(_("%(n)s行目", n=self.labels[key])) + (
            str(_("「%(x)s」", x=self.titles[key])) if self.titles[key] else ""
        )


def course(steps: Sequence[Step]) -> Course:
    """The course of a version's rows."""
    graph, at = flow.graph(steps), {step.position: step.key for step in steps}
    return Course(
        dict(zip((step.key for step in steps), flow.labels(steps), strict=True)),
        {step.key: title(step) for step in steps},
        {step.key: at.get(graph.node(step.position).next, "end") for step in steps},
    )


def title(step: Step) -> str:
    """What a row is about, in a few words."""
    if step.kind in ("mail", "invite"):
        return step.content_title
    if step.kind == "branch" and step.condition:
        return asks(step.condition)
    return step.title


def asks(condition: Condition) -> str:
    """What a branch asks: リンクを人がクリックしたか."""
    words = {
        "clicked": _("リンクを人がクリックしたか"),
        "opened": _("人が開封したか"),
        "visited": _("サイトを見たか"),
        "replied": _("返信があったか"),
        "no_reaction": _("何も反応がないか"),
        "rank_rose": _("見込度が上がったか"),
        "rank_fell": _("見込度が下がったか"),
    }
    if condition.on in words:
        return str(words[condition.on])
    if condition.on not in ON:
        return ""
    if not condition.values:
        return str(ON[condition.on])
    return str(_("%(what)sが %(values)s か", what=ON[condition.on], values=chosen(condition)))


def chosen(condition: Condition) -> str:
    """The values of a condition, one after the other."""
    tables = {"rank": RANKS, "class": CLASSES, "role": ROLES}
    table = tables.get(condition.on, {})
    return str(_("・")).join(str(table.get(value, value)) for value in condition.values)


def month(offset: int) -> str:
    """0 -> 当月, 1 -> 1か月後."""
    if offset <= 1:
        return str(_("1か月後") if offset else _("当月"))
    return str(_("%(n)sか月後", n=offset))


def when(step: Step) -> str:
    """The second column: month and day, or how long it waits."""
    if step.kind in ("mail", "invite"):
        return month(step.offset_months) + str(_("・")) + str(_("%(d)s日", d=step.want_day))
    if step.kind == "wait" or (step.kind == "branch" and _watches(step)):
        return str(_("%(n)s日間待つ", n=step.wait_days))
    if step.kind == "branch" and step.offset_months:
        return month(step.offset_months) + str(_("・")) + str(_("%(d)s日", d=step.want_day))
    return ""


def due(step: Step) -> str:
    """The fourth column: by whom, until when."""
    if step.kind in ("call", "fax", "visit"):
        return str(WHO.get(step.who, _("自動")))
    if step.last_day:
        return str(_("自動")) + str(_("・")) + str(_("%(day)sまで", day=short_day(step.last_day)))
    return str(_("自動"))


def sentence(step: Step, course: Course) -> str:
    """What this row will do, in a sentence or two: the contract with who designs it."""
    said = _SAID.get(step.kind, _said_mail)(step, course)
    if step.goto_key and step.kind not in ("branch", "jump", "shelf"):
        said = [*said, _goes_to(step.goto_key, course)]
    return ("" if language() == "ja" else " ").join(str(one) for one in said)


def had(n: int) -> str:
    """What follows the sentence of a mail that some have read already."""
    if not n:
        return ""
    said = str(_("同じ内容を読んだ人（%(n)s名）には送りません。", n=number(n)))
    return said if language() == "ja" else " " + said


def older(waiting: int, versions: Sequence[tuple[int, int]]) -> str:
    """Who waits at a row by an older version, which says when their mail goes."""
    parts = str(_("・")).join(str(_("%(n)s名は第%(no)s版", n=number(n), no=no)) for no, n in versions)
    return str(_("待機%(all)s名のうち、%(parts)sのまま待っています。", all=number(waiting), parts=parts))


def _goes_to(key: str, course: Course) -> str:
    if key == "end":
        return str(_("そのあと、ここで終わります。"))
    return str(_("そのあと、%(row)sへ進みます。", row=course.name(key)))


def _said_mail(step: Step, _course: Course) -> list[str]:
    if step.content_id is None:
        return [_("送る内容がまだ選ばれていません。")]
    said = [_day_of(step)]
    if step.last_day is not None:
        said.append(_("%(day)sを過ぎたら送らず、次の行へ進みます。", day=short_day(step.last_day)))
    if step.content_kind == "thanks":
        said.append(_("月間枠が使われていても、お礼は1度だけ例外として送ります。"))
    else:
        said.append(_("他商材が枠を使った月は、翌月へ繰り越します。"))
    return said


def _said_invite(step: Step, course: Course) -> list[str]:
    said = _said_mail(step, course)
    if step.event_on is not None and step.content_id is not None:
        said.append(_("開催日は%(day)sです。", day=day(step.event_on)))
    return said


def _said_call(step: Step, course: Course) -> list[str]:
    said = _("%(whom)sなら、%(n)s営業日以内の架電リストに載せます。", whom=_asked(), n=step.due_days)
    return [said, _goes_on(step, course)]


def _asked() -> str:
    """Whom a call or a visit is for: what `flow.advance` asks before it makes the task."""
    classes = str(_("・")).join(sorted(FIELD_CLASSES))
    return str(_("今すぐ客・お悩み客か、管理区分%(classes)sの方（まだまだ客を除く）", classes=classes))


def _said_fax(step: Step, course: Course) -> list[str]:
    who = WHO.get(step.who, _("担当者"))
    return [
        _("%(who)sに、%(n)s営業日以内のFAX送付を頼みます。", who=who, n=step.due_days),
        _goes_on(step, course),
    ]


def _said_visit(step: Step, course: Course) -> list[str]:
    who = WHO.get(step.who, _("担当者"))
    return [
        _(
            "%(whom)sなら、%(who)sに%(n)s営業日以内の訪問を頼みます。",
            whom=_asked(),
            who=who,
            n=step.due_days,
        ),
        _goes_on(step, course),
    ]


def _goes_on(step: Step, course: Course) -> str:
    if step.goto_key:
        return str(_("結果は待ちません。"))
    after = course.after.get(step.key, "end")
    if after == "end":
        return str(_("結果にかかわらず、ここで終わります。"))
    return str(_("結果にかかわらず%(n)s行目へ進みます。", n=course.labels.get(after, "")))


def _said_wait(step: Step, _course: Course) -> list[str]:
    return [_("前のメールの送信から%(n)s日待って、次へ進みます。何も送りません。", n=step.wait_days)]


def _said_jump(step: Step, course: Course) -> list[str]:
    if not step.goto_key:
        return [_("移る先がまだ選ばれていません。")]
    if step.goto_key == "end":
        return [_("何も送らず、ここで終わります。")]
    return [_("何も送らず、%(row)sへ進みます。", row=course.name(step.goto_key))]


def _said_shelf(_step: Step, _course: Course) -> list[str]:
    return [_("まだ読んでいない常備の内容を、月に1通お送りします。なくなるまで続きます。")]


def _said_branch(step: Step, course: Course) -> list[str]:
    condition = step.condition
    if condition is None or not condition.on:
        return [_("分かれる条件がまだ選ばれていません。")]
    if _watches(step):
        of = course.name(condition.of) if condition.of else _("前のメール")
        said = [_WATCHED[condition.on](of, step.wait_days)]
        if condition.on != "no_reaction":
            said.append(_("そのメールを受け取っていない人は、すぐに「それ以外」へ進みます。"))
        return said
    if not condition.values:
        return [_("%(what)sの値がまだ選ばれていません。", what=ON.get(condition.on, condition.on))]
    said = _(
        "%(what)sが%(values)sなら「はい」、そうでなければ「それ以外」へ進みます。",
        what=ON.get(condition.on, condition.on),
        values=chosen(condition),
    )
    if step.offset_months:
        at = _("%(month)sの%(d)s日の時点で分かれます。", month=month(step.offset_months), d=step.want_day)
        return [said, at]
    return [said]


def _watches(step: Step) -> bool:
    return step.condition is not None and step.condition.on in REACTIONS


_WATCHED = {
    "clicked": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、人によるクリックがあれば「はい」、なければ「それ以外」へ進みます。",
        of=of, n=n,
    ),
    "opened": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、人による開封があれば「はい」、なければ「それ以外」へ進みます。",
        of=of, n=n,
    ),
    "visited": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、サイトの閲覧があれば「はい」、なければ「それ以外」へ進みます。",
        of=of, n=n,
    ),
    "replied": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、返信があれば「はい」、なければ「それ以外」へ進みます。", of=of, n=n
    ),
    "no_reaction": lambda of, n: _(
        "%(of)sの送信から%(n)s日たっても人による反応がなければ「はい」、あれば「それ以外」へ進みます。",
        of=of, n=n,
    ),
    "rank_rose": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、この商材の見込度が上がれば「はい」、上がらなければ「それ以外」へ進みます。",
        of=of, n=n,
    ),
    "rank_fell": lambda of, n: _(
        "%(of)sの送信から%(n)s日以内に、この商材の見込度が下がれば「はい」、下がらなければ「それ以外」へ進みます。",
        of=of, n=n,
    ),
}  # fmt: skip
_SAID = {
    "invite": _said_invite,
    "call": _said_call,
    "fax": _said_fax,
    "visit": _said_visit,
    "wait": _said_wait,
    "branch": _said_branch,
    "jump": _said_jump,
    "shelf": _said_shelf,
}


def _day_of(step: Step) -> str:
    said = _sent_on(step)
    if step.want_day <= 28:
        return said
    last = str(_("%(day)s日のない月は、月末の日にします。", day=step.want_day))
    return said + ("" if language() == "ja" else " ") + last


def _sent_on(step: Step) -> str:
    if step.offset_months == 0:
        return str(
            _(
                "登録した月の%(day)s日（休業日なら翌営業日）に送ります。過ぎているときは、次の営業日に送ります。",
                day=step.want_day,
            )
        )
    if step.offset_months == 1:
        return str(_("1か月後の%(day)s日（休業日なら翌営業日）に送ります。", day=step.want_day))
    return str(
        _(
            "%(n)sか月後の%(day)s日（休業日なら翌営業日）に送ります。",
            n=step.offset_months,
            day=step.want_day,
        )
    )
