"""Tell staff by an alert and by mail what a colleague wrote or asked. One of each a reader.

The words of the mails stand here, as in services/notices: no request is at hand, and the reader's language is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.services import post
from campaigns.storage import next_actions
from campaigns.storage.next_actions import Alert

WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "ja": {
        "comment": ("コメント: {name}（{by}）", "{by}さんが{name}にコメントしました。"),
        "mention": (
            "あなた宛てのコメント: {name}（{by}）",
            "{by}さんが{name}へのコメントであなたを呼んでいます。",
        ),
        "catalogue_asked": (
            "担当のお願い: {name}（{by}）",
            "{by}さんが、あなたを{name}の担当に推薦しました。",
        ),
        "catalogue_named": ("担当の指名: {name}（{by}）", "{by}さんが、あなたを{name}の担当に指名しました。"),
        "catalogue_taken": ("担当の交代: {name}（{by}）", "{name}の担当が{by}さんに替わりました。"),
        "catalogue_declined": (
            "担当の辞退: {name}（{by}）",
            "{by}さんは、{name}の担当を引き受けませんでした。",
        ),
        "catalogue_wished": (
            "担当の希望: {name}（{by}）",
            "{by}さんが、{name}の担当を希望しています。譲るかどうか、カタログのページで答えてください。",
        ),
        "catalogue_given": (
            "担当になりました: {name}（{by}）",
            "{by}さんが了承し、あなたが{name}の担当になりました。",
        ),
        "catalogue_kept": (
            "担当は替わりません: {name}（{by}）",
            "{by}さんは、{name}の担当の交代を見送りました。",
        ),
        "event_given": (
            "担当の指名: {name}（{by}）",
            "{by}さんが、あなたを{name}で出会った{n}社の担当に指名しました。",
        ),
        "catalogues_stale": (
            "更新のないカタログ {n}件: {name}ほか",
            "{days}日以上更新のないトラッキングカタログが{n}件あります。最も長いものは{name}です。",
        ),
    },
    "en": {
        "comment": ("Comment: {name} ({by})", "{by} has commented on {name}."),
        "mention": ("You are mentioned: {name} ({by})", "{by} mentions you in a comment on {name}."),
        "catalogue_asked": (
            "Will you follow {name}? ({by})",
            "{by} has nominated you as the owner of {name}.",
        ),
        "catalogue_named": ("You follow {name} now ({by})", "{by} has made you the owner of {name}."),
        "catalogue_taken": ("New owner: {name} ({by})", "{by} is the owner of {name} now."),
        "catalogue_declined": ("Declined: {name} ({by})", "{by} has declined to be the owner of {name}."),
        "catalogue_wished": (
            "{by} wishes to follow {name}",
            "{by} wishes to be the owner of {name}. Please answer on the page of the catalogue.",
        ),
        "catalogue_given": (
            "You follow {name} now ({by})",
            "{by} has agreed: you are the owner of {name} now.",
        ),
        "catalogue_kept": (
            "The owner stays: {name} ({by})",
            "{by} has decided that the owner of {name} stays.",
        ),
        "event_given": (
            "You follow companies of {name} now ({by})",
            "{by} has made you the owner of {n} companies met at {name}.",
        ),
        "catalogues_stale": (
            "Catalogues without news ({n}): {name} and others",
            "{n} tracking catalogues have had no news for {days} days or more, the longest being {name}.",
        ),
    },
}


def run(
    tx: Connection,
    kind: str,
    user_ids: Sequence[int],
    *,
    args: Mapping[str, object],
    key: str,
    page: str,
    words: str = "",
    base_url: str = "",
    now: datetime,
) -> None:
    """args: of the alert and for the mail: name, by, ...; key: names what happened for ever; page: where to look;
    words: what was written."""
    wanted = sorted(set(user_ids))
    next_actions.add_alerts(tx, [Alert(kind, None, None, None, id, dict(args)) for id in wanted], now=now)
    for reader in next_actions.readers(tx, wanted):
        subject, text = WORDS.get(reader.locale, WORDS["ja"])[kind]
        lines = [
            text.format(**args),
            *(["", words] if words else []),
            *(["", base_url + page] if base_url else []),
        ]
        post.queue(
            tx,
            origin=f"tx:{kind}:{key}:{reader.user_id}",
            to=reader.email,
            subject=" ".join(subject.format(**args).split()),
            text="\n".join(lines) + "\n",
            now=now,
        )
