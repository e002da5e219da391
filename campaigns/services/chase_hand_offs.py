"""Chase hand-offs: who is offered a lead hears of it, is reminded, and the manager hears when nobody answers.

Each is told once: the time stands in the row, and whoever sets it tells. Once a week sales are asked how much they
take. Source: spec 2.3 (3 business days), S2-12.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import handoff
from campaigns.services import event_lines, post
from campaigns.storage import closed_days, gate, hand_offs, next_actions
from campaigns.storage.hand_offs import Waiting
from campaigns.storage.next_actions import Alert

FAR = timedelta(days=30)
MORNING = time(8, 30)
LINES_MAX = 20

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "hand_off_offered": "引き渡しのご提案 {n}件: {first}",
        "hand_off_offered_head": "次の見込みを引き渡します。3営業日以内に、受け入れるか差し戻すかをお答えください。",
        "hand_off_due": "まもなく回答の期限です {n}件: {first}",
        "hand_off_due_head": "次の引き渡しは、次の営業日が回答の期限です。",
        "hand_off_overdue": "引き渡しへの回答がありません {n}件: {first}",
        "hand_off_overdue_head": "期限までに営業の回答がありませんでした。担当を決め直すか、本人に確かめてください。",
        "line": "・{company} {name} 様（{product}）{rep} 期限 {due}",
        "rep": " 担当 {rep}",
        "more": "ほか{n}件",
        "foot": "引き渡しの一覧: {url}",
        "appetite_asked": "今週の営業の受入状態をお知らせください",
        "appetite_asked_head": "次の商材について、いま営業が受け入れられる見込みの確度と件数をお知らせください。",
        "appetite_line": "・{product}: {said}",
        "never": "まだ登録がありません（「通常」として扱っています）",
        "old": "{days}日前の登録です",
        "stale": "{days}日前の登録のため、「通常」として扱っています",
        "appetite_foot": "登録: {url}",
    },
    "en": {
        "hand_off_offered": "Leads offered to you ({n}): {first}",
        "hand_off_offered_head": "These leads are handed over. Please accept or return each within 3 business days.",
        "hand_off_due": "Answer due soon ({n}): {first}",
        "hand_off_due_head": "These hand-offs are to be answered by the next business day.",
        "hand_off_overdue": "Hand-offs without an answer ({n}): {first}",
        "hand_off_overdue_head": "Sales did not answer in time. Please name somebody else, or ask the rep.",
        "line": "- {name}, {company} ({product}){rep}, due {due}",
        "rep": ", with {rep}",
        "more": "and {n} more",
        "foot": "Hand-offs: {url}",
        "appetite_asked": "How much do sales take this week?",
        "appetite_asked_head": "Please say for these products how sure leads must be, and how many sales take.",
        "appetite_line": "- {product}: {said}",
        "never": "never said (counts as normal)",
        "old": "said {days} days ago",
        "stale": "said {days} days ago, so it counts as normal",
        "appetite_foot": "Say it: {url}",
    },
}


def run(parts: Parts, *, now: datetime) -> int:
    """Tell what is to be told at this minute; returns the offers told about."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        calendar = closed_days.load(tx)
        managers = hand_offs.managers(tx)
        new = hand_offs.claim(tx, "told_at", due=now + FAR, now=now)
        _tell(tx, parts, "hand_off_offered", _by_rep(new, managers), now=now)
        # From the morning of the business day before the last one.
        last = handoff.reminding(today, calendar)
        soon = datetime.combine(last + timedelta(days=1), time(), tzinfo=parts.settings.tz)
        is_day = now.astimezone(parts.settings.tz).time() >= MORNING
        near = hand_offs.claim(tx, "reminded_at", due=soon, now=now) if is_day else []
        _tell(tx, parts, "hand_off_due", _by_rep(near, managers), now=now)
        late = hand_offs.claim(tx, "escalated_at", due=now, now=now)
        _tell(tx, parts, "hand_off_overdue", dict.fromkeys(managers, late), now=now)
    return len(new) + len(near) + len(late)


def ask_appetite(parts: Parts, *, now: datetime) -> int:
    """Ask the managers about products of which sales said nothing for a week; once a week. For the nightly job."""
    since = now - handoff.ASKED_EVERY
    with parts.engine.begin() as tx:
        silent = gate.silent(tx, since=since, now=now)
        managers = hand_offs.managers(tx) if silent else []
        asked = gate.asked_lately(tx, since=since)
        ones = [user_id for user_id in managers if user_id not in asked]
        names = "、".join(one.product for one in silent)
        alerts = [
            Alert(
                "appetite_asked",
                None,
                None,
                None,
                user_id,
                {"name": names, "products": [s.product_id for s in silent]},
            )
            for user_id in ones
        ]
        ids = next_actions.add_alerts(tx, alerts, now=now)
        for reader in next_actions.readers(tx, ones):
            words = WORDS.get(reader.locale, WORDS["ja"])
            lines = [
                words["appetite_line"].format(product=s.product, said=_said(s, words, now)) for s in silent
            ]
            url = f"{parts.settings.base_url}/hand-offs/trust"
            text = [words["appetite_asked_head"], "", *lines, "", words["appetite_foot"].format(url=url)]
            post.queue(
                tx,
                origin=f"tx:appetite:{ids[0]}:{reader.user_id}",
                to=reader.email,
                subject=words["appetite_asked"],
                text="\n".join(text) + "\n",
                now=now,
            )
    return len(ones)


def _said(one: gate.Silent, words: Mapping[str, str], now: datetime) -> str:
    if one.set_at is None:
        return words["never"]
    age = now - one.set_at
    return words["stale" if age > handoff.STALE else "old"].format(days=age.days)


def _by_rep(found: Sequence[Waiting], managers: Sequence[int]) -> dict[int, list[Waiting]]:
    """Each rep's own; what nobody has been named for is every manager's."""
    told: dict[int, list[Waiting]] = {}
    for one in found:
        for user_id in [one.rep_user_id] if one.rep_user_id is not None else managers:
            told.setdefault(user_id, []).append(one)
    return told


def _tell(
    tx: Connection, parts: Parts, kind: str, told: Mapping[int, Sequence[Waiting]], *, now: datetime
) -> None:
    """An alert a hand-off, a mail a reader."""
    alerts = [
        Alert(kind, one.person_id, one.product_id, one.lead_id, user_id, {"hand_off": one.id})
        for user_id, mine in told.items()
        for one in mine
    ]
    if not alerts:
        return
    ids = next_actions.add_alerts(tx, alerts, now=now)
    for reader in next_actions.readers(tx, sorted(told)):
        words = WORDS.get(reader.locale, WORDS["ja"])
        mine = told[reader.user_id]
        subject = words[kind].format(n=len(mine), first=f"{mine[0].company} {mine[0].name}".strip())
        text = "\n".join([words[f"{kind}_head"], "", *_lines(mine, reader.locale, parts), ""])
        text += words["foot"].format(url=f"{parts.settings.base_url}/hand-offs") + "\n"
        post.queue(
            tx,
            origin=f"tx:{kind}:{ids[0]}:{reader.user_id}",
            to=reader.email,
            subject=subject,
            text=text,
            now=now,
        )


def _lines(mine: Sequence[Waiting], locale: str, parts: Parts) -> Iterable[str]:
    words = WORDS.get(locale, WORDS["ja"])
    for one in mine[:LINES_MAX]:
        due: date = one.due_at.astimezone(parts.settings.tz).date()
        rep = words["rep"].format(rep=one.rep) if one.rep else ""
        yield words["line"].format(
            company=one.company, name=one.name, product=one.product, rep=rep, due=event_lines.day(due, locale)
        )
    if len(mine) > LINES_MAX:
        yield words["more"].format(n=len(mine) - LINES_MAX)
