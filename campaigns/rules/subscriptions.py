"""Subscriptions: consent, refusal, what a reply asks for, and how an address is shown to strangers.

Source: spec 3.4. When in doubt the person is not mailed.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Basis(StrEnum):
    """On what ground an address may be mailed."""

    OPT_IN = "opt_in"
    CARD_WRITTEN = "card_written"
    BUSINESS_RELATION = "business_relation"
    PUBLISHED = "published"


class Scope(StrEnum):
    """What a refusal covers. new_products: products the person was not yet enrolled in at that moment."""

    PRODUCT = "product"
    GLOBAL = "global"
    NEW_PRODUCTS = "new_products"


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """One consent of an address. product_id: None covers all products."""

    basis: str
    obtained_at: datetime
    product_id: int | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusalFact:
    """One refusal of an address or person. product_id belongs to the scope product alone."""

    scope: str
    at: datetime
    product_id: int | None = None
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mailable:
    """ok, or the reason: no_consent, refused_product, refused_global, refused_new_products."""

    ok: bool
    reason: str | None = None


def covers(
    consents: Iterable[ConsentFact],
    refusals: Iterable[RefusalFact],
    *,
    product_id: int,
    enrolled_at: datetime | None = None,
) -> Mailable:
    """Whether an address may be mailed about a product.

    Some unwithdrawn consent has to cover the product, and no refusal may stand against it. Only the
    person's own opt-in, dated after a refusal, lifts it, and only for the scope that it names: a business
    card collected again does not. enrolled_at: since when the person is enrolled in this product; None
    makes it a new one.
    """
    valid = [
        c for c in consents if c.withdrawn_at is None and (c.product_id is None or c.product_id == product_id)
    ]
    for refusal in sorted(refusals, key=lambda r: r.scope != Scope.GLOBAL):
        if refusal.lifted_at is not None or not _concerns(refusal, product_id, enrolled_at):
            continue
        if not any(c.basis == Basis.OPT_IN and c.obtained_at > refusal.at for c in valid):
            return Mailable(False, f"refused_{refusal.scope}")
    return Mailable(True) if valid else Mailable(False, "no_consent")


def _concerns(refusal: RefusalFact, product_id: int, enrolled_at: datetime | None) -> bool:
    if refusal.scope == Scope.PRODUCT:
        return refusal.product_id == product_id
    if refusal.scope == Scope.NEW_PRODUCTS:
        return enrolled_at is None or enrolled_at > refusal.at
    # Anything else is unspecific, and an unspecific refusal is one of everything.
    return True


def successor(
    refusals: Iterable[RefusalFact], *, old_product_id: int, new_product_id: int
) -> list[RefusalFact]:
    """Refusals that move along when a product is ended or renamed: the most restrictive wins."""
    return [
        RefusalFact(r.scope, r.at, new_product_id)
        for r in refusals
        if r.scope == Scope.PRODUCT and r.product_id == old_product_id and r.lifted_at is None
    ]


@dataclass(frozen=True, slots=True)
class ReplyIntent:
    """What a reply asks for. refusal: global. review: a person must look. word: what was found.

    auto: written by a machine (out of office); it is no sign of interest and refuses nothing.
    """

    refusal: bool = False
    auto: bool = False
    review: bool = False
    word: str = ""


REFUSAL_WORDS = ("停止", "不要", "解除", "送らないで", "unsubscribe")
AUTO_WORDS = (
    "自動返信", "自動応答", "自動配信", "自動送信", "out of office", "automatic reply", "auto-reply", "autoreply",
)  # fmt: skip
# "No answer needed" is courtesy, not a refusal; the rest of the text is still searched.
COURTESY = re.compile(r"(ご?返信|ご?返答|お?返事|ご?回答)(は|には|も)?(ご)?不要")
QUOTE_STARTS = re.compile(
    r"^(-{2,} ?(original message|元のメッセージ|転送|forwarded)|on .+ wrote:|from:|差出人:|送信者:|\d{4}[年/].{4,80}[:<])"
)
REPLY_SUBJECT = re.compile(r"^(re|fw|fwd|返信|転送)[^a-z]")
LINES = 5
CHARS = 20_000


def parse_reply(text: str, *, subject: str = "") -> ReplyIntent:
    """Whether a mail to us asks to stop, from the first five lines its writer wrote.

    Quoted lines are ours and do not count. A sentence such as 「停止していたライン」 is a false hit that
    we accept: a refusal always comes with review. subject counts only if the person wrote it themselves,
    as in a mail from a mailto: link; a "Re:" repeats ours.
    """
    own = []
    for line in _plain(text[:CHARS]).splitlines():
        line = line.strip()
        if line.startswith((">", "|")):
            continue
        if QUOTE_STARTS.match(line):
            break
        if line:
            own.append(line)
        if len(own) == LINES:
            break
    title = _plain(subject).strip()
    if any(word in line for word in AUTO_WORDS for line in (title, *own)):
        return ReplyIntent(auto=True)
    searched = own if REPLY_SUBJECT.match(title) else [title, *own]
    for line in searched:
        for word in REFUSAL_WORDS:
            if word in COURTESY.sub("", line):
                return ReplyIntent(refusal=True, review=True, word=word)
    return ReplyIntent()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


DOTS = "•••••"


def mask(email: str) -> str:
    """t.w•••••@hamana-techno.example: at most three characters and at most half of the local part."""
    local, at, domain = email.rpartition("@")
    if not at:
        return DOTS
    return f"{local[: max(1, min(3, len(local) // 2))]}{DOTS}@{domain}"
