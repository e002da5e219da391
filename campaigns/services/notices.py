"""Notices to staff by mail: one a reader and run, however many leads it is about.

They are transactional mails of the outbox. Their words stand here and not in the web layer's catalogue,
since no request and no reader's page is at hand; the reader's own language is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

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
        "foot": "List: {url}",
        "trigger": "did what makes a hot lead here",
        "trigger_inquiry": "sent an inquiry",
        "trigger_quote_request": "asked for a quote",
        "trigger_call_interest": "showed interest on the phone",
        "p_win_over_gate": "the win rate is over the gate and there has been a real talk",
        "join": ", ",
    },
}


def hot(
    tx: Connection,
    alerts: Sequence[Alert],
    alert_ids: Sequence[int],
    products: Mapping[int, Product],
    *,
    now: datetime,
    base_url: str = "",
) -> int:
    """Tell each owner about their new hot leads; returns the mails queued."""
    if not alerts:
        return 0
    readers = next_actions.readers(tx, sorted({a.user_id for a in alerts if a.user_id is not None}))
    names = next_actions.names(tx, sorted({a.person_id for a in alerts if a.person_id is not None}))
    queued = 0
    for reader in readers:
        mine = [alert for alert in alerts if alert.user_id == reader.user_id]
        subject, text = write(reader, mine, names, products, base_url=base_url)
        # The first alert's id names the notice: ids are never used twice, so neither is the origin.
        origin = f"tx:hot:{alert_ids[0]}:{reader.user_id}"
        queued += (
            post.queue(tx, origin=origin, to=reader.email, subject=subject, text=text, now=now) is not None
        )
    return queued


def write(
    reader: Reader,
    alerts: Sequence[Alert],
    names: Mapping[int, Named],
    products: Mapping[int, Product],
    *,
    base_url: str,
) -> tuple[str, str]:
    """Subject and text of the notice."""
    words = WORDS.get(reader.locale, WORDS["ja"])
    lines = [_line(alert, names, products, words) for alert in alerts[:LINES_MAX]]
    if len(alerts) > LINES_MAX:
        lines.append(words["more"].format(n=len(alerts) - LINES_MAX))
    first = names.get(alerts[0].person_id or 0, Named("", ""))
    subject = words["subject"].format(n=len(alerts), first=f"{first.company} {first.name}".strip())
    text = [words["head"], "", *lines]
    if base_url:
        text += ["", words["foot"].format(url=f"{base_url}/calls")]
    return subject, "\n".join(text) + "\n"


def _line(
    alert: Alert, names: Mapping[int, Named], products: Mapping[int, Product], words: Mapping[str, str]
) -> str:
    who = names.get(alert.person_id or 0, Named("", ""))
    product = products.get(alert.product_id or 0)
    reasons = alert.args.get("reasons")
    codes = [str(reason["code"]) for reason in reasons] if isinstance(reasons, list) else []
    codes = ["trigger" if c.startswith("trigger_") and c not in words else c for c in codes]
    return (
        words["line"]
        .format(
            name=who.name,
            company=who.company,
            product=product.name if product else "",
            reason=words["join"].join(words[code] for code in codes if code in words),
        )
        .replace("  ", " ")
    )
