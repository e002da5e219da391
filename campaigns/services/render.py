"""Render: from a delivery to the mail that leaves, for a whole batch.

What is the same for a published mail is done once (inlining at publish, compiled templates, the MIME
skeleton, the footer); what is left for each recipient is three template renders and a few signatures.
The preview and the test send go through `texts`, the same code. Source: design 3, 4; S4-14; LAW-06.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from hashlib import blake2b
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import merge_fields
from campaigns.rules.merge_fields import Bond
from campaigns.services import keyring
from campaigns.storage import outgoing
from campaigns.storage.outgoing import Body, Bonded, Outgoing, Profile
from mailer import footer
from mailer.errors import HeaderError, MailError
from mailer.footer import Disclosure
from mailer.inline import Published
from mailer.links import Link
from mailer.message import Attachment, Mail, MailKind, Sender
from mailer.mime import Skeleton
from mailer.receipts import Item
from mailer.sign import DkimSigner
from mailer.stencil import Filled, Stencil
from tracking_pixel.links import Links

log = structlog.get_logger()

# Stands for the unsubscribe address while a footer is kept; the real one is dropped in a recipient.
_SLOT = b"https://unsubscribe.invalid/"
_TRAP = b'<a href="%s" style="display:none" tabindex="-1" aria-hidden="true" rel="nofollow"></a>'
# Where no sender profile exists yet (notices to staff of a fresh installation).
_NOBODY = "ikusei.example"


@dataclass(frozen=True)
class Post:
    """What all mails of an installation share: addresses to sign, the zone, whether nothing leaves."""

    parts: Parts

    @cached_property
    def links(self) -> Links:
        settings = self.parts.settings
        return Links(self.parts.signer, settings.base_url, sites=settings.origins())

    @cached_property
    def zone(self) -> ZoneInfo:
        return self.parts.settings.tz

    @cached_property
    def practice(self) -> bool:
        return self.parts.settings.practice

    @cached_property
    def own_domain(self) -> str:
        return self.parts.settings.reply_domain

    def reply_domain(self, sender: Sender) -> str:
        return self.own_domain or sender.address.rpartition("@")[2]

    def bounce_domain(self, profile: Profile | None) -> str:
        own = profile.return_path_domain if profile else ""
        return self.own_domain or own or sender_of(profile, self).address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A published mail as a worker keeps it. rests: its links' part of every recipient's tokens."""

    stencil: Stencil
    rests: tuple[bytes, ...]


def items(tx: Connection, parts: Parts, delivery_ids: Sequence[int], *, now: datetime) -> dict[int, Item]:
    """Mails to hand over, by delivery: three statements at the most, however many there are.

    A delivery without anything to send is left out. Bodies are made when their turn comes.
    """
    post = Post(parts)
    rows = outgoing.load(tx, delivery_ids)
    ring = keyring.of(parts)
    signers: dict[str, DkimSigner | None] = {}
    frozen = published(tx, post, {row.published_mail_id for row in rows if row.published_mail_id})
    made: dict[int, Item] = {}
    for row in rows:
        mail = frozen.get(row.published_mail_id or 0)
        if row.to and (mail is not None or row.body is not None):
            try:
                domain = _domain(_sender_of(row, post).address)
                return_path = _return_path(row, post)
            except (MailError, ValueError) as error:  # no host name: this sender's mails fail, no others
                made[row.delivery_id] = Item(row.delivery_id, "", row.to, partial(_refuse, str(error)), True)
                continue
            if domain not in signers:
                signers[domain] = ring.signer_for(domain)
            make = partial(_bytes, post, row, mail, signers[domain])
            made[row.delivery_id] = Item(
                row.delivery_id, return_path, row.to, partial(make, return_path, now), True
            )
    return made


def _refuse(why: str) -> bytes:
    raise HeaderError("From", why)


def _bytes(
    post: Post,
    row: Outgoing,
    frozen: Frozen | None,
    signer: DkimSigner | None,
    return_path: str,
    now: datetime,
) -> bytes:
    mail = letter(post, row, frozen, return_path=return_path, now=now)
    skeleton = _skeleton(mail.sender, mail.list_id, mail.kind, post.practice)
    raw = skeleton.encode(mail)
    return signer.sign(raw) + raw if signer is not None else raw


def letter(post: Post, row: Outgoing, frozen: Frozen | None, *, return_path: str, now: datetime) -> Mail:
    """Everything of one mail. frozen None: the body was written beforehand (answers, notices)."""
    sender = _sender_of(row, post)
    domain = _domain(sender.address)
    unsubscribe_url = post.links.unsubscribe_url(row.delivery_id) if frozen else None
    if frozen is not None:
        words = tracked(post, row, frozen, unsubscribe_url or "")
        subject, html, text = words.subject, words.html, words.text
    elif row.body is not None:
        subject, text = row.body.subject, _octets(row.body.text)
        html = _octets(row.body.html or _as_html(row.body.text))
    else:
        raise ValueError(f"delivery {row.delivery_id} has nothing to send")
    name = row.recipient.full_name
    return Mail(
        message_id=message_id(row, domain, post.parts.secret),
        to=row.to,
        to_name=f"{name} {row.recipient.honorific}" if name and row.lang == "ja" else name or None,
        sender=sender,
        reply_to=post.links.reply_address(row.delivery_id, post.reply_domain(sender))
        if row.profile and not (row.body and row.body.from_address)
        else None,
        return_path=return_path,
        subject=subject,
        html=html,
        text=text,
        list_id=f"{row.list_key or f'product-{row.product_id}'}.{domain}" if frozen else None,
        unsubscribe_url=unsubscribe_url,
        stop_address=post.links.stop_address(row.delivery_id, return_path.rpartition("@")[2])
        if frozen
        else None,
        date=_local(now, post.zone),
        kind=_KINDS[row.kind] if frozen else MailKind.TRANSACTIONAL,
        attachment=_file(row.body),
    )


def _file(body: Body | None) -> Attachment | None:
    if body is None or body.file is None:
        return None
    return Attachment(body.file_name, body.file_type, bytes(body.file))


def _sender_of(row: Outgoing, post: Post) -> Sender:
    """The profile, unless the mail names its own sender: a fax gateway knows its customers by it."""
    usual = sender_of(row.profile, post)
    return _sender(usual.name, row.body.from_address) if row.body and row.body.from_address else usual


def _return_path(row: Outgoing, post: Post) -> str:
    if row.body and row.body.from_address:
        return row.body.from_address
    return post.links.bounce_address(row.delivery_id, post.bounce_domain(row.profile))


def tracked(post: Post, row: Outgoing, frozen: Frozen, unsubscribe_url: str) -> Filled:
    """A recipient's texts with wrapped links and the pixel; neither where tracking was refused (LAW-27)."""
    asks = frozen.stencil.may_use(*merge_fields.ANSWERS)
    rsvp = post.links.rsvp_url(row.delivery_id) if asks else ""
    if row.do_not_track:
        urls = [link.url.encode() for link in frozen.stencil.published.links]
        return texts(
            row, frozen.stencil, urls=urls, unsubscribe_url=unsubscribe_url, rsvp_url=rsvp, zone=post.zone
        )
    *urls, trap = post.links.click_urls(row.delivery_id, frozen.rests)
    return texts(
        row,
        frozen.stencil,
        urls=urls,
        pixel=post.links.open_url(row.delivery_id).encode("ascii"),
        unsubscribe_url=unsubscribe_url,
        rsvp_url=rsvp,
        trap=trap,
        zone=post.zone,
    )


def texts(
    row: Outgoing,
    stencil: Stencil,
    *,
    urls: Sequence[bytes],
    unsubscribe_url: str,
    zone: ZoneInfo,
    rsvp_url: str = "",
    pixel: bytes = b"",
    trap: bytes = b"",
) -> Filled:
    """Subject, HTML and text of one recipient. Raises mailer.errors.TemplateError.

    urls: the links' addresses in order of their numbers. rsvp_url: the recipient's page to answer an invitation.
    trap: a link no person sees; a machine that follows it gives itself away, so it is not put where nothing is
    tracked.
    """
    fields = fields_of(row, zone=zone, stop_page=unsubscribe_url, rsvp=rsvp_url)
    product = row.unsubscribe_label or row.product_name
    foot_html, foot_text = _footer(row.profile, product, row.lang, fields["ご縁"])
    unsubscribe = unsubscribe_url.encode("utf-8")
    if trap:
        foot_html += _TRAP % trap
    return stencil.fill(
        fields,
        links=urls,
        pixel=pixel,
        footer_html=foot_html.replace(_SLOT, unsubscribe),
        footer_text=foot_text.replace(_SLOT, unsubscribe),
    )


def fields_of(row: Outgoing, *, zone: ZoneInfo, stop_page: str, rsvp: str) -> dict[str, str]:
    """The recipient's merge fields by both their names, plain text."""
    return merge_fields.build(
        row.recipient,
        _bond(row.bond, zone) if row.bond else None,
        sender=row.profile.from_name if row.profile else "",
        product=row.product_name,
        lang=row.lang,
        stop_page=stop_page,
        rsvp=rsvp,
    )


# The visitors of a fair share it.
@lru_cache(maxsize=4096)
def _bond(bond: Bonded, zone: ZoneInfo) -> Bond:
    return Bond(bond.kind, bond.event, bond.at.astimezone(zone).date())


@lru_cache(maxsize=64)
def _sender(name: str, address: str) -> Sender:
    return Sender(name, address)


def sender_of(profile: Profile | None, post: Post) -> Sender:
    if profile is not None and profile.from_address:
        return _sender(profile.from_name, profile.from_address)
    host = post.parts.settings.host
    return Sender("Ikusei", f"ikusei@{_NOBODY if _is_bare(host) else host}")


def message_id(row: Outgoing, domain: str, secret: bytes) -> str:
    """From the delivery alone, so a second attempt is recognisably the same mail (design 3)."""
    return f"<{row.delivery_id}.{message_mark(row.origin, secret)}@{domain}>"


def message_mark(origin: str, secret: bytes) -> str:
    """The part of a Message-ID that only we can make: what came back is ours if it fits its delivery."""
    mac = _keyed(secret).copy()
    mac.update(origin.encode())
    return mac.hexdigest()


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> blake2b:
    return blake2b(key=secret, digest_size=8, person=b"message-id")


_KINDS = {kind.value: kind for kind in MailKind}


# A batch has one instant.
@lru_cache(maxsize=64)
def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone)


@lru_cache(maxsize=256)
def _domain(address: str) -> str:
    """The host of an address as ASCII."""
    name = address.rpartition("@")[2]
    return name if name.isascii() else name.encode("idna").decode()


# Published mails never change, so a worker keeps those it has met.
_KEPT: dict[int, Frozen] = {}
_KEPT_MAX = 512


def published(tx: Connection, post: Post, mail_ids: set[int]) -> dict[int, Frozen]:
    """Published mails by id, from memory where they were read before."""
    # Two lanes share what is kept: what one of them has found must not vanish when the other clears it.
    found = {mail_id: kept for mail_id in mail_ids if (kept := _KEPT.get(mail_id)) is not None}
    missing = mail_ids - found.keys()
    if missing:
        if len(_KEPT) + len(missing) > _KEPT_MAX:
            _KEPT.clear()
        for mail_id, mail in outgoing.frozen(tx, missing).items():
            links = tuple(Link(link["no"], link["url"], link["text"]) for link in mail.links)
            made = Published(subject=mail.subject, html=mail.html, text=mail.text, links=links, fields=())
            try:
                rests = post.links.rests((link.no, link.url) for link in links)
                found[mail_id] = _KEPT[mail_id] = Frozen(Stencil(made), rests)
            except Exception as error:
                # Publishing refuses such a text; were one to get through, the batch's other mails still go.
                log.error(
                    "a published mail cannot be read", published_mail=mail_id, error=type(error).__name__
                )
    return found


# An exhibition's people share one footer but for the address of their unsubscribe page.
@lru_cache(maxsize=4096)
def _footer(profile: Profile | None, product: str, lang: str, relation: str) -> tuple[bytes, bytes]:
    origin = (
        f"You receive this mail as someone {relation}."
        if lang == "en"
        else f"このメールは、{relation}方にお送りしています。"
    )
    disclosure = Disclosure(
        legal_name=profile.legal_name if profile else "",
        postal_address=profile.postal_address if profile else "",
        inquiry=profile.inquiry if profile else "",
        origin_sentence=origin,
        product_name=product,
        unsubscribe_url=_SLOT.decode(),
        less_url=f"{_SLOT.decode()}#less",
        language=lang,
    )
    return _octets(footer.as_html(disclosure)), _octets(footer.as_text(disclosure))


@lru_cache(maxsize=1024)
def _skeleton(sender: Sender, list_id: str | None, kind: MailKind, practice: bool) -> Skeleton:
    return Skeleton.of(sender=sender, list_id=list_id, kind=kind, practice=practice)


def _octets(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>'
        f'<body style="font:15px/1.7 sans-serif;white-space:pre-wrap">{escaped}</body></html>'
    )


def _is_bare(host: str) -> bool:
    """A name no mail can come from: an IP address or a name without a dot."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True
