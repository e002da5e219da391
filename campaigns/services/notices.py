"""Notices to staff by mail: one a reader and run, however many leads it is about.

They are transactional mails of the outbox. Their words stand here and not in the web layer's catalogue,
since no request and no reader's page is at hand; the reader's own language is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules.reasons import Reason
from campaigns.services import post
from campaigns.storage import next_actions
from campaigns.storage.next_actions import Alert, Named, Reader
from campaigns.storage.ranks import Product

LINES_MAX = 20

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "subject": "今すぐ客 {n}名: {first}",
        "head": "次の方が今すぐ客になりました。1営業日以内のご連絡をお願いします。",
        "line": "・{company} {name} 様（{product}）: {reason}",
        "more": "ほか{n}名",
        "surge_subject": "動き出した見込み {n}件: {first}",
        "surge_head": "静かだった方や企業が動き出しました。候補を絞り込んでいる時期かもしれません。",
        "silent_then_active": "{days}日ぶりに反応がありました",
        "colleagues_active": "同じ企業の{people}名が{days}日以内に反応しました",
        "foot": "一覧: {url}",
        "trigger": "今すぐ客とする反応がありました",
        "trigger_inquiry": "お問い合わせがありました",
        "trigger_quote_request": "見積のご依頼がありました",
        "trigger_call_interest": "電話で関心を示されました",
        "p_win_over_gate": "受注の見込みが基準を超え、会話も深まっています",
        "join": "、",
    },
    "en": {
        "subject": "Hot leads ({n}): {first}",
        "head": "These people have become hot leads. Please call them within one business day.",
        "line": "- {name}, {company} ({product}): {reason}",
        "more": "and {n} more",
        "surge_subject": "Signs of a purchase ({n}): {first}",
        "surge_head": "People or companies that had been quiet have stirred. They may be drawing up a shortlist.",
        "silent_then_active": "active again after {days} days",
        "colleagues_active": "{people} people of the company active within {days} days",
        "foot": "List: {url}",
        "trigger": "did what makes a hot lead here",
        "trigger_inquiry": "sent an inquiry",
        "trigger_quote_request": "asked for a quote",
        "trigger_call_interest": "showed interest on the phone",
        "p_win_over_gate": "the win rate is over the gate and there has been a real talk",
        "join": ", ",
    },
}


def tell(
    tx: Connection,
    kind: str,
    alerts: Sequence[Alert],
    alert_ids: Sequence[int],
    products: Mapping[int, Product],
    *,
    now: datetime,
    base_url: str = "",
) -> int:
    """Tell each owner what is new; returns the mails queued. kind: hot, surge."""
    if not alerts:
        return 0
    readers = next_actions.readers(tx, sorted({a.user_id for a in alerts if a.user_id is not None}))
    names = next_actions.names(tx, sorted({a.person_id for a in alerts if a.person_id is not None}))
    queued = 0
    for reader in readers:
        mine = [alert for alert in alerts if alert.user_id == reader.user_id]
        subject, text = write(kind, reader, mine, names, products, base_url=base_url)
        # The first alert's id names the notice: ids are never used twice, so neither is the origin.
        origin = f"tx:{kind}:{alert_ids[0]}:{reader.user_id}"
        queued += (
            post.queue(tx, origin=origin, to=reader.email, subject=subject, text=text, now=now) is not None
        )
    return queued


def write(
    kind: str,
    reader: Reader,
    alerts: Sequence[Alert],
    names: Mapping[int, Named],
    products: Mapping[int, Product],
    *,
    base_url: str,
) -> tuple[str, str]:
    """Subject and text of the notice. kind: hot, surge."""
    words = WORDS.get(reader.locale, WORDS["ja"])
    said, page = ("", "calls") if kind == "hot" else (f"{kind}_", "alerts")
    lines = [_line(alert, names, products, words) for alert in alerts[:LINES_MAX]]
    if len(alerts) > LINES_MAX:
        lines.append(words["more"].format(n=len(alerts) - LINES_MAX))
    first = names.get(alerts[0].person_id or 0, Named("", ""))
    subject = words[f"{said}subject"].format(n=len(alerts), first=f"{first.company} {first.name}".strip())
    text = [words[f"{said}head"], "", *lines]
    if base_url:
        text += ["", words["foot"].format(url=f"{base_url}/{page}")]
    return subject, "\n".join(text) + "\n"


def _line(
    alert: Alert, names: Mapping[int, Named], products: Mapping[int, Product], words: Mapping[str, str]
) -> str:
    who = names.get(alert.person_id or 0, Named("", ""))
    product = products.get(alert.product_id or 0)
    reasons = alert.args.get("reasons")
    found = [Reason.from_json(one) for one in reasons] if isinstance(reasons, list) else []
    said = [words[code].format(**one.args) for one in found if (code := _code(one.code, words)) in words]
    return (
        words["line"]
        .format(
            name=who.name,
            company=who.company,
            product=product.name if product else "",
            reason=words["join"].join(said),
        )
        .replace("  ", " ")
    )


def _code(code: str, words: Mapping[str, str]) -> str:
    return "trigger" if code.startswith("trigger_") and code not in words else code
