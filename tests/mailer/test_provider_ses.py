"""Amazon SES by SNS: real signatures by a certificate made here; who forges one is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from mailer.bounces import Side, ses
from mailer.bounces.events import BadSignature, EventKind, Fields
from tests.mailer import sns
from tests.mailer.sns import NOW, TOPIC

PEM = sns.certificate()


class Web:
    """What stands at https addresses; remembers who was asked."""

    def __init__(self, pem: bytes = PEM, *, is_away: bool = False) -> None:
        self.pem = pem
        self.is_away = is_away
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self.is_away:
            raise OSError("no route")
        return self.pem


def verify(payload: bytes, web: Web | None = None, **changed: Any) -> Fields:
    values = {"topics": [TOPIC], "certificates": ses.Certificates(), "now": NOW, **changed}
    return ses.verify(payload, fetch=web or Web(), **values)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_signature_versions_are_verified(version: str) -> None:
    message = verify(sns.notification(sns.bounce(), version=version))
    assert message.text("TopicArn") == TOPIC
    verify(sns.notification(sns.bounce(), version=version, Subject="Amazon SES Email Event"))
    verify(sns.confirmation(SignatureVersion=version))


def test_a_changed_field_breaks_the_signature() -> None:
    message = json.loads(sns.notification(sns.bounce()))
    for name in ("Message", "MessageId", "Timestamp", "Subject", "Type"):
        forged = json.dumps({**message, name: "SubscriptionConfirmation" if name == "Type" else "forged"})
        with pytest.raises(BadSignature):
            verify(forged.encode())
    for signature in ("", "?", "AAAA", None, 5):
        with pytest.raises(BadSignature):
            verify(json.dumps({**message, "Signature": signature}).encode())


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com@evil.example/x.pem",
        "https://user@sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com:444/x.pem",
        "https://s3.ap-northeast-1.amazonaws.com/x.pem",
        "https://evil.sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com/?x.pem",
        "https://sns.ap-northeast-1.amazonaws.com/a/b.pem",
        "https://sns.ap-northeast-1.amazonaws.com\\@evil.example/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com/x.pem?a= b",
        "https://sns.ap-northeast-1.amazonaws.com/x.pem#here",
        "https://sns.ap-northeast-1.amazonaws.com/x.pem\r\nHost: evil.example",
        "https://sns.ap-northeast-1.amaz\nonaws.com/x.pem",
        " https://sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com/証明.pem",
        "https://[::1/x.pem",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_certificate_elsewhere_is_never_asked_for(url: str) -> None:
    web = Web()
    with pytest.raises(BadSignature):
        verify(sns.notification(sns.bounce(), SigningCertURL=url), web)
    assert web.asked == []


def test_the_cloud_of_china_has_its_own_name() -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:returned"
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-01.pem"
    verify(sns.notification(sns.bounce(), TopicArn=topic, SigningCertURL=url), topics=[topic])


def test_a_foreign_topic_is_refused_before_anything_is_fetched() -> None:
    web = Web()
    for topic in ("arn:aws:sns:ap-northeast-1:999999999999:returned", "", "rubbish"):
        with pytest.raises(BadSignature):
            verify(sns.notification(sns.bounce(), TopicArn=topic), web)
    with pytest.raises(BadSignature):
        verify(sns.notification(sns.bounce()), web, topics=[])
    assert web.asked == []


def test_a_certificate_is_fetched_once_and_a_failure_is_remembered_for_a_while() -> None:
    web, kept = Web(), ses.Certificates()
    for _ in range(3):
        verify(sns.notification(sns.bounce()), web, certificates=kept)
    assert len(web.asked) == 1
    away, kept = Web(is_away=True), ses.Certificates()
    for _ in range(3):
        with pytest.raises(OSError, match=r"no route|a moment ago"):
            verify(sns.notification(sns.bounce()), away, certificates=kept)
    assert len(away.asked) == 1
    away.is_away = False
    verify(sns.notification(sns.bounce()), away, certificates=kept, now=NOW + timedelta(minutes=2))


def test_posts_that_name_ever_new_certificates_cost_few_fetches() -> None:
    web, kept = Web(b"rubbish"), ses.Certificates()
    for number in range(100):
        url = f"https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-{number}.pem"
        with pytest.raises((BadSignature, OSError)):
            verify(sns.notification(sns.bounce(), SigningCertURL=url), web, certificates=kept)
    assert len(web.asked) == 10


def test_a_certificate_that_is_none_or_too_old_proves_nothing() -> None:
    for pem in (b"", b"rubbish", sns.certificate(days=1), sns.certificate(since=NOW + timedelta(days=1))):
        with pytest.raises(BadSignature):
            verify(sns.notification(sns.bounce()), Web(pem))


def test_a_subscription_is_confirmed_only_at_the_service_itself() -> None:
    assert ses.subscribe_url(verify(sns.confirmation())) == sns.SUBSCRIBE_URL
    assert ses.subscribe_url(verify(sns.notification(sns.bounce()))) is None
    for url in (
        "https://evil.example/?Action=ConfirmSubscription",
        sns.SUBSCRIBE_URL.replace("https", "http"),
        sns.SUBSCRIBE_URL.replace("ConfirmSubscription", "DeleteTopic"),
        sns.SUBSCRIBE_URL.replace("amazonaws.com", "amazonaws.com.evil.example"),
    ):
        message = verify(sns.confirmation(url=url))
        with pytest.raises(BadSignature):
            ses.subscribe_url(message)


@pytest.mark.parametrize(
    ("inner", "kind", "side", "reason"),
    [
        (sns.bounce(), "bounce", Side.HARD, "user_unknown"),
        (sns.bounce(sub="NoEmail"), "bounce", Side.HARD, "user_unknown"),
        (sns.bounce("Transient", "MailboxFull", "5.2.2"), "bounce", Side.SOFT, "mailbox_full"),
        (sns.bounce("Transient", "MessageTooLarge", "5.3.4"), "bounce", Side.SENDER, "too_big"),
        (sns.bounce("Permanent", "General", "5.7.1"), "bounce", Side.SENDER, None),
        (sns.bounce("Undetermined", "Undetermined", ""), "bounce", Side.SOFT, None),
        (sns.bounce("OfTomorrow", "OfTomorrow", ""), "bounce", Side.SOFT, None),
        (sns.bounce(sub="UnsubscribedRecipient"), "unsubscribe", None, None),
        (sns.complaint(), "complaint", None, "feedback"),
        (sns.complaint(None), "complaint", None, "feedback"),
        (sns.complaint("not-spam"), "other", None, None),
        (sns.complaint("auth-failure"), "other", None, None),
        ({"eventType": "DeliveryDelay", "deliveryDelay": {"delayType": "MailboxFull"}, "mail": sns.mail()}, "delayed", None, None),
        ({"notificationType": "Delivery", "delivery": {}, "mail": sns.mail()}, "delivered", None, None),
        ({"eventType": "Subscription", "subscription": {"newTopicPreferences": {"unsubscribeAll": True}}, "mail": sns.mail()}, "unsubscribe", None, None),
        ({"eventType": "Subscription", "subscription": {"newTopicPreferences": {"unsubscribeAll": False}}, "mail": sns.mail()}, "other", None, None),
        ({"eventType": "Rendering Failure", "mail": sns.mail()}, "other", None, None),
        ({"eventType": "Of Tomorrow"}, "other", None, None),
    ],
)  # fmt: skip
def test_the_words_of_ses(inner: Any, kind: str, side: Side | None, reason: str | None) -> None:
    [event] = ses.parse(sns.notification(inner), {})
    assert (event.kind, event.side) == (EventKind(kind), side)
    assert reason is None or event.reason == reason


def test_traces_are_the_envelope_sender_first_then_the_message_id() -> None:
    inner = sns.bounce(mail=sns.mail("bounce+0011@maker.example", "<5.aa@maker.example>"))
    [event] = ses.parse(sns.notification(inner), {})
    assert event.traces[:2] == ("bounce+0011@maker.example", "<5.aa@maker.example>")
    assert event.recipient == "jane@customer.example"


def test_several_recipients_are_several_events_and_a_second_post_has_the_same_keys() -> None:
    inner = sns.bounce()
    inner["bounce"]["bouncedRecipients"] *= 2
    inner["bounce"]["bouncedRecipients"][1] = {"emailAddress": "richard@customer.example"}
    events = ses.parse(sns.notification(inner), {})
    assert [event.recipient for event in events] == ["jane@customer.example", "richard@customer.example"]
    again = ses.parse(sns.notification(inner, MessageId="another"), {})
    assert [event.key for event in events] == [event.key for event in again]
    assert len({event.key for event in events}) == 2
    assert "@" not in events[0].key


@pytest.mark.parametrize(
    "text", ["Successfully validated SNS topic for Amazon SES event publishing.", "{}", "5", ""]
)
def test_what_is_no_notification_of_ses_is_nothing(text: str) -> None:
    assert ses.parse(sns.notification(text), {}) == []
    assert ses.parse(sns.confirmation(), {}) == []
