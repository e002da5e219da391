"""Mails about an entry: to the sender (thanks, the material, the entry pass, please confirm) and to the owner.

To the sender goes nothing that was typed: whoever enters a stranger's address must not be able to send them
words of their own through us. The words stand here, since no page's language is at hand; a version brings its
own title and thanks. They are transactional mails of the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.forms import Design, Kind
from campaigns.services import attach, event_lines, post
from campaigns.storage import events, files, next_actions, products
from campaigns.storage.form_entries import Entry
from campaigns.storage.forms import Form
from tracking_pixel.links import Links
from tracking_pixel.tokens import TokenKind

_LINK = "\x02link\x03"  # where the tracked address goes; no text holds such signs
WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "file": "資料はこちらからご覧いただけます。",
        "pass": "受付票（当日、受付でご提示ください）",
        "confirm": "次のページでボタンを押すと、お申し込みが完了します。",
        "resume": "このアドレスへのご案内は停止されています。再開をご希望のときだけ、次のページでボタンを押してください。",
        "within": "14日以内にお願いします。お心当たりがなければ、このメールは破棄してください。何も登録されません。",
        "within_resume": "何もしなければ、停止したままです。",
        "waiting": "ただいま定員に達しているため、キャンセル待ちとして承りました。空きが出ましたら、ご連絡します。",
        "subject": "{title}",
        "subject_confirm": "ご確認ください：{title}",
        "why": "このメールは、{title}のフォームに入力されたアドレスへ自動でお送りしています。",
        "told": "{kind}：{who}",
        "told_head": "フォーム「{form}」から連絡がありました。",
        "told_pending": "メールアドレスは、まだ確認されていません。",
        "told_waiting": "定員に達しているため、キャンセル待ちとして受け付けました。",
        "told_hot": "この方は今すぐ客です。1営業日以内のご連絡をお願いします。",
        "told_foot": "受付の内容: {url}",
        "join": "、",
    },
    "en": {
        "file": "You can read the material here:",
        "pass": "Your entry pass (please show it at the reception):",
        "confirm": "Please press the button on this page to complete your request:",
        "resume": "Mail to this address has been stopped. Only if you want it again, press the button on this page:",
        "within": "Please do so within 14 days. If this was not you, ignore this mail: nothing will be recorded.",
        "within_resume": "If you do nothing, it stays stopped.",
        "waiting": "All seats are taken at the moment. You are on the waiting list; we will let you know.",
        "subject": "{title}",
        "subject_confirm": "Please confirm: {title}",
        "why": "This mail was sent automatically to the address entered in the form “{title}”.",
        "told": "{kind}: {who}",
        "told_head": "Somebody has sent the form “{form}”.",
        "told_pending": "The mail address has not been confirmed yet.",
        "told_waiting": "All seats are taken: this is on the waiting list.",
        "told_hot": "This is a hot lead now. Please call within one business day.",
        "told_foot": "The entry: {url}",
        "join": ", ",
    },
}
KINDS: Mapping[str, Mapping[Kind, str]] = {
    "ja": {
        Kind.DOC_REQUEST: "資料請求",
        Kind.SEMINAR_APPLY: "セミナー申込",
        Kind.NEWSLETTER: "メールマガジン登録",
        Kind.INQUIRY: "お問い合わせ",
        Kind.QUOTE_REQUEST: "見積依頼",
    },
    "en": {
        Kind.DOC_REQUEST: "Document request",
        Kind.SEMINAR_APPLY: "Seminar application",
        Kind.NEWSLETTER: "Newsletter sign-up",
        Kind.INQUIRY: "Inquiry",
        Kind.QUOTE_REQUEST: "Quote request",
    },
}


@dataclass(frozen=True, slots=True)
class To:
    """The receiver. person_id, address_id: None while nobody stands behind the entry. tracks: LAW-27."""

    email: str
    person_id: int | None = None
    address_id: int | None = None
    tracks: bool = False


def confirm(tx: Connection, parts: Parts, form: Form, design: Design, entry: Entry, *, now: datetime) -> bool:
    """Ask the mailbox whether the entry is its own. True when the mail is new."""
    words, title = WORDS[entry.lang], design.said(entry.lang).title
    lines = [words["confirm"], confirm_url(parts, entry.id), "", words["within"]]
    to = To(str(entry.answers["email"]))
    subject = words["subject_confirm"].format(title=title)
    return _queue(tx, parts, form, entry, to, f"tx:form:{entry.id}:confirm", subject, title, lines, now=now)


def thanks(
    tx: Connection,
    parts: Parts,
    form: Form,
    design: Design,
    entry: Entry,
    to: To,
    *,
    asks_to_resume: bool,
    now: datetime,
) -> bool:
    """What was asked for, once an entry counts. asks_to_resume: a refusal stands, and they agreed to mail."""
    said, words = design.said(entry.lang), WORDS[entry.lang]
    lines = [said.thanks_title]
    url = None
    if entry.state == "waiting":
        lines += ["", words["waiting"]]
    elif design.kind is not Kind.DOC_REQUEST or form.handling.file_id is None:
        lines += ["", said.thanks] if said.thanks and design.kind is not Kind.SEMINAR_APPLY else []
    file = files.read(tx, form.handling.file_id) if form.handling.file_id else None
    if file is not None and entry.state == "done":
        url = attach.url_of(parts, file[0])
        lines += ["", words["file"], _LINK]
    event = events.get(tx, form.handling.event_id) if form.handling.event_id else None
    if event is not None:
        lines += ["", *event_lines.of(event.plan, entry.lang)]
    if form.handling.event_id is not None and to.person_id is not None and entry.state == "done":
        lines += ["", words["pass"], pass_url(parts, to.person_id, form.handling.event_id)]
    if asks_to_resume:
        lines += ["", words["resume"], confirm_url(parts, entry.id), words["within_resume"]]
    subject = words["subject"].format(title=said.title)
    origin = f"tx:form:{entry.id}:{entry.state}"
    return _queue(tx, parts, form, entry, to, origin, subject, said.title, lines, url=url, now=now)


def _queue(
    tx: Connection,
    parts: Parts,
    form: Form,
    entry: Entry,
    to: To,
    origin: str,
    subject: str,
    title: str,
    lines: Sequence[str],
    *,
    url: str | None = None,
    now: datetime,
) -> bool:
    links = Links(parts.signer, parts.settings.base_url, sites=parts.settings.origins())

    def wrap(delivery_id: int, words: str) -> str:
        if url is None:
            return words
        return words.replace(_LINK, links.click_url(delivery_id, 1, url) if to.tracks else url)

    text = "\n".join([*lines, "", "--", WORDS[entry.lang]["why"].format(title=title), *_sender(tx, form)])
    id = post.queue(
        tx,
        origin=origin,
        to=to.email,
        subject=subject,
        text=text + "\n",
        html=as_html(text),
        now=now,
        person_id=to.person_id,
        address_id=to.address_id,
        product_id=form.handling.product_id,
        wrap=wrap,
    )
    return id is not None


def _sender(tx: Connection, form: Form) -> list[str]:
    """Who sends, as the law asks of every mail: name, address, where to ask."""
    sender = products.sender_of(tx, form.handling.product_id)
    return (
        [line for line in (sender.legal_name, sender.postal_address, sender.inquiry) if line]
        if sender
        else []
    )


def as_html(text: str) -> str:
    """The same mail as HTML: its lines, with addresses as links."""
    rows = []
    for line in text.split("\n"):
        is_link = line.startswith(("http://", "https://", _LINK))
        # The address is put in later, so the place for it is not escaped away.
        shown = escape(line)
        rows.append(f'<a href="{shown}" style="color:#0b6352">{shown}</a>' if is_link else shown)
    body = "<br>\n".join(rows)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>'
        f'<body style="margin:0;padding:20px;font:16px/1.75 sans-serif;color:#1c2a2b">{body}</body></html>'
    )


def tell_owner(
    tx: Connection,
    parts: Parts,
    form: Form,
    entry: Entry,
    answers: Sequence[tuple[str, str]],
    *,
    is_hot: bool,
    now: datetime,
) -> bool:
    """Tell the form's owner what was sent. answers: label and words, in the form's own words. is_hot: the sender is."""
    found = next_actions.readers(tx, [form.handling.owner_user_id or 0])
    if not found:
        return False
    words = WORDS.get(found[0].locale, WORDS["ja"])
    said = [str(entry.answers.get(name, "")) for name in ("company", "name")]
    kind = KINDS[found[0].locale if found[0].locale in KINDS else "ja"][form.kind]
    who = " ".join(filter(None, said)) or str(entry.answers.get("email", ""))
    lines = [words["told_head"].format(form=form.handling.name), ""]
    lines += [words["told_hot"], ""] if is_hot else []
    lines += [f"{label}: {value}" for label, value in answers]
    lines += ["", words[f"told_{entry.state}"]] if entry.state in ("pending", "waiting") else []
    lines += [
        "",
        words["told_foot"].format(url=f"{parts.settings.base_url}/forms/{form.id}/entries/{entry.id}"),
    ]
    subject = words["told"].format(kind=kind, who=who)
    text = "\n".join(lines) + "\n"
    origin = f"tx:form:{entry.id}:owner"
    return post.queue(tx, origin=origin, to=found[0].email, subject=subject, text=text, now=now) is not None


def confirm_url(parts: Parts, entry_id: int) -> str:
    return f"{parts.settings.base_url}/form/confirm/{parts.signer.sign(TokenKind.CONFIRM, entry_id)}"


def pass_url(parts: Parts, person_id: int, event_id: int) -> str:
    return f"{parts.settings.base_url}/q/{parts.signer.sign(TokenKind.BADGE, person_id, event_id)}"
