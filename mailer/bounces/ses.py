"""Amazon SES: bounces and complaints, posted by Amazon SNS.

SNS signs each message with a certificate that it names by URL. The URL is believed only on SNS's own hosts,
in the region of the topic, and only for the topics that we know; what is fetched from there is kept.
Source: docs.aws.amazon.com, "Verifying the signatures of Amazon SNS messages" and "Amazon SNS notification
contents for Amazon SES".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection
from datetime import datetime
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from mailer.bounces.events import WORDS_MAX, BadSignature, Event, EventKind, Fields, Headers, instant, judged
from mailer.bounces.events import key as name
from mailer.bounces.events import load as read_json
from mailer.bounces.returned import Side

# url -> its body; raises OSError. https and the host are checked before it is called.
Fetch = Callable[[str], bytes]

_HOST = re.compile(r"sns\.(?P<region>[a-z0-9-]{3,40})\.amazonaws\.com(\.cn)?")
_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]{3,40}):\d{12}:[\w.-]{1,256}")
_CERTIFICATE = re.compile(r"/[A-Za-z0-9_.-]{1,100}\.pem")
_PLAIN_URL = re.compile(r"[!-~]{1,2000}")  # no blank or control character, which parsers read differently
_HASHES = {"1": SHA1, "2": SHA256}
# What is signed, by the message's type, in this order.
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
    "UnsubscribeConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_BOUNCES = {"permanent": Side.HARD, "transient": Side.SOFT, "undetermined": Side.SOFT}
_REASONS = {
    "noemail": "user_unknown",
    "suppressed": "user_unknown",
    "onaccountsuppressionlist": "user_unknown",
    "mailboxfull": "mailbox_full",
    "messagetoolarge": "too_big",
    "contentrejected": "content",
    "attachmentrejected": "content",
    "customtimeoutexceeded": "expired",
}
# These feedback reports are about servers, or are praise: nobody refuses by them. Source: spec 45 B5.
_NO_COMPLAINTS = ("not-spam", "auth-failure")


class Certificates:
    """Certificates by URL, fetched once. A failure is remembered for a while, so that rubbish costs nothing."""

    KEPT_MAX = 50
    FAILED_S = 60.0
    FETCHES_MAX = 10  # within FAILED_S; SNS has one certificate a region, and changes it once a year

    def __init__(self) -> None:
        self._kept: dict[str, x509.Certificate] = {}
        self._failed: dict[str, datetime] = {}
        self._fetched: list[datetime] = []
        self._lock = Lock()

    def get(self, url: str, fetch: Fetch, *, now: datetime) -> x509.Certificate:
        """Raises OSError when it cannot be had now, BadSignature when it is no certificate."""
        with self._lock:
            if url in self._kept:
                return self._kept[url]
            failed = self._failed.get(url)
            if failed is not None and (now - failed).total_seconds() < self.FAILED_S:
                raise OSError("the certificate could not be fetched a moment ago")
            self._fetched = [at for at in self._fetched if (now - at).total_seconds() < self.FAILED_S]
            if len(self._fetched) >= self.FETCHES_MAX:
                raise OSError("too many certificates were asked for")
            self._fetched.append(now)
        try:
            found = x509.load_pem_x509_certificate(fetch(url))
        except (OSError, ValueError) as error:
            with self._lock:
                if len(self._failed) >= self.KEPT_MAX:
                    self._failed.clear()
                self._failed[url] = now
            if isinstance(error, OSError):
                raise
            raise BadSignature("no certificate stands at SigningCertURL") from error
        with self._lock:
            if len(self._kept) >= self.KEPT_MAX:
                self._kept.clear()
            self._kept[url] = found
        return found


def verify(
    payload: bytes, *, topics: Collection[str], certificates: Certificates, fetch: Fetch, now: datetime
) -> Fields:
    """The message, if SNS signed it for one of our topics. Raises BadSignature, or OSError: try again."""
    message = Fields(read_json(payload))
    topic = message.whole("TopicArn")
    arn = _ARN.fullmatch(topic)
    if arn is None or topic not in topics:
        raise BadSignature("not one of our topics")
    url, version = message.whole("SigningCertURL"), message.text("SignatureVersion")
    if (
        not is_trusted(url, region=arn["region"])
        or not _CERTIFICATE.fullmatch(urlsplit(url).path)
        or set("?#") & set(url)
    ):
        raise BadSignature("the certificate stands on a foreign host")
    if version not in _HASHES:
        raise BadSignature("unknown signature version")
    try:
        signature = base64.b64decode(message.whole("Signature"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature("the signature is no base64") from error
    signed = _signed(message)
    certificate = certificates.get(url, fetch, now=now)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise BadSignature("the certificate is not valid now")
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise BadSignature("the certificate holds no RSA key")
    try:
        public.verify(signature, signed, padding.PKCS1v15(), _HASHES[version]())
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise BadSignature("not signed by SNS") from error
    return message


def _signed(message: Fields) -> bytes:
    fields = _SIGNED.get(message.whole("Type"))
    if fields is None:
        raise BadSignature("unknown type of message")
    lines = [f"{field}\n{message.whole(field)}\n" for field in fields if message.has(field)]
    return "".join(lines).encode("utf-8", "replace")


def is_trusted(url: str, *, region: str) -> bool:
    """Whether an address is SNS's own in this region: https, no port, no name and password."""
    if not _PLAIN_URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        host = _HOST.fullmatch(parts.netloc)
    except ValueError:
        return False
    return parts.scheme == "https" and host is not None and host["region"] == region


def subscribe_url(message: Fields) -> str | None:
    """Where a subscription is confirmed; None for another type of message. Raises BadSignature.

    message: a verified one.
    """
    if message.whole("Type") != "SubscriptionConfirmation":
        return None
    url = message.whole("SubscribeURL")
    arn = _ARN.fullmatch(message.whole("TopicArn"))
    if arn is None or not is_trusted(url, region=arn["region"]):
        raise BadSignature("the confirmation leads to a foreign host")
    if parse_qs(urlsplit(url).query).get("Action") != ["ConfirmSubscription"]:
        raise BadSignature("the confirmation's address does something else")
    return url


def parse(payload: bytes, headers: Headers) -> list[Event]:
    """The events of a verified message. One that is no notification has none."""
    outer = Fields(read_json(payload))
    if outer.whole("Type") != "Notification":
        return []
    inner = Fields(read_json(outer.whole("Message")))
    if not inner.text("notificationType", "eventType"):
        return []  # "Successfully validated SNS topic ..."
    return _events(inner, outer.text("MessageId"))


def _events(inner: Fields, message_id: str) -> list[Event]:
    word = inner.text("notificationType", "eventType").lower().replace(" ", "")
    if word in ("send",):
        return []
    make = {
        "bounce": _bounces,
        "complaint": _complaints,
        "deliverydelay": _delays,
        "subscription": _unsubscribes,
    }
    if word in make:
        return make[word](inner, message_id)
    kind = EventKind.DELIVERED if word in ("delivery", "open", "click") else EventKind.OTHER
    return [_event(inner, kind, "", message_id, at=inner.child("mail").text("timestamp"), words=word)]


def _bounces(inner: Fields, message_id: str) -> list[Event]:
    bounce = inner.child("bounce")
    usual = _BOUNCES.get(bounce.text("bounceType").lower(), Side.SOFT)
    named = _REASONS.get(bounce.text("bounceSubType").lower(), "")
    # SES could not say whom it was about: the mail's own recipient.
    people = bounce.children("bouncedRecipients") or [Fields({})]
    found = []
    if bounce.text("bounceSubType").lower() == "unsubscribedrecipient":
        # Left the list at SES's own page: refused by SES, but no dead address.
        kind, at = EventKind.UNSUBSCRIBE, bounce.text("timestamp")
        id = bounce.text("feedbackId") or message_id
        return [_event(inner, kind, one.text("emailAddress"), id, at=at) for one in people]
    for person in people:
        status, words = person.text("status"), person.text("diagnosticCode") or bounce.text("bounceSubType")
        side, reason = judged(status, words, usual=usual, reason=named)
        found.append(
            _event(
                inner,
                EventKind.BOUNCE,
                person.text("emailAddress"),
                bounce.text("feedbackId") or message_id,
                at=bounce.text("timestamp"),
                side=side,
                status=status,
                reason=reason,
                words=words,
            )
        )
    return found


def _complaints(inner: Fields, message_id: str) -> list[Event]:
    complaint = inner.child("complaint")
    word = complaint.text("complaintFeedbackType").lower()
    kind = EventKind.OTHER if word in _NO_COMPLAINTS else EventKind.COMPLAINT
    people = complaint.children("complainedRecipients") or [Fields({})]
    return [
        _event(
            inner,
            kind,
            person.text("emailAddress"),
            complaint.text("feedbackId") or message_id,
            at=complaint.text("timestamp"),
            reason="feedback",
            words=word or complaint.text("complaintSubType"),
        )
        for person in people
    ]


def _delays(inner: Fields, message_id: str) -> list[Event]:
    delay = inner.child("deliveryDelay")
    people = delay.children("delayedRecipients") or [Fields({})]
    return [
        _event(
            inner,
            EventKind.DELAYED,
            person.text("emailAddress"),
            f"{message_id} {delay.text('timestamp')}",
            at=delay.text("timestamp"),
            status=person.text("status"),
            words=person.text("diagnosticCode") or delay.text("delayType"),
        )
        for person in people
    ]


def _unsubscribes(inner: Fields, message_id: str) -> list[Event]:
    """Somebody changed his preferences at SES's own page. Only leaving everything is a refusal."""
    chosen = inner.child("subscription").child("newTopicPreferences")
    kind = EventKind.UNSUBSCRIBE if chosen.flag("unsubscribeAll") else EventKind.OTHER
    return [_event(inner, kind, "", message_id, at=inner.child("subscription").text("timestamp"))]


def _event(
    inner: Fields,
    kind: EventKind,
    recipient: str,
    id: str,
    *,
    at: str,
    side: Side | None = None,
    status: str = "",
    reason: str = "",
    words: str = "",
) -> Event:
    mail = inner.child("mail")
    headers = {one.text("name").lower(): one.text("value") for one in mail.children("headers")}
    traces = (
        mail.text("source"),
        mail.child("commonHeaders").text("messageId"),
        headers.get("message-id", ""),
        headers.get("return-path", ""),
        headers.get("reply-to", ""),
    )
    return Event(
        key=name("ses", kind, id, recipient),
        kind=kind,
        recipient=recipient or next(iter(mail.texts("destination")), ""),
        traces=tuple(trace for trace in traces if trace),
        side=side,
        status=status,
        reason=reason,
        words=words[:WORDS_MAX],
        at=instant(at),
        raw=inner.raw(),
    )
