"""Through a real Postfix and Dovecot and back: handed over with STARTTLS and a login, read over IMAP,
returned by Postfix's own reports, answered and unsubscribed by mail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

import dkim
import pytest
from sqlalchemy import text

from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.services import deliver, dkim_keys, intake
from tests import world
from tests.e2e import dovecot, postfix
from tests.e2e.mail_house import FULL, INBOX, OWNER, READER, MailHouse, mail_house, parsed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

UNKNOWN = "p2@hamana-techno.example"
GONE, LATE, DEAD, STRICT = "p3@gone.example", "p4@late.example", "p5@dead.example", "p7@strict.example"
TO = (READER, UNKNOWN, GONE, LATE, DEAD, FULL, STRICT)


@pytest.fixture(scope="module")
def house() -> Iterator[MailHouse]:
    lacking = [*postfix.missing(), *dovecot.missing()]
    if any(word.startswith("root") for word in lacking):
        pytest.skip(f"a real Postfix and Dovecot need {', '.join(lacking)}")  # deploy/needs.py says it too
    assert not lacking, f"missing: {lacking}; see deploy/apt.txt"
    with mail_house() as made:
        yield made


@pytest.fixture
def live(parts: Parts, house: MailHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """An installation that really sends: through Postfix, with its answers read over IMAP."""
    monkeypatch.setenv("SSL_CERT_FILE", str(house.certificates.authority))
    settings = replace(
        parts.settings,
        smtp_url=house.smtp_url,
        base_url="https://links.minori.example",
        mailbox_url=house.dovecot.imap_url(INBOX),
    )
    built = composition.build(settings)
    for user in (INBOX, OWNER, READER):
        house.empty(user)
    yield built
    deliver.close()
    built.engine.dispose()
    built.redis.close()


def people_at(parts: Parts, *addresses: str) -> tuple[world.World, dict[str, int]]:
    """One person an address, each with a mail that is due now; returns delivery ids by address."""
    made = world.build(parts, count=len(addresses))
    now = parts.clock.now()
    with parts.engine.begin() as tx:
        for person, address in zip(made.people, addresses, strict=True):
            tx.execute(
                text(
                    "update addresses set email = :to, email_key = :to, key_hash = :mark"
                    " where id = (select address_id from people where id = :person)"
                ),
                {"to": f"moving-{address}", "mark": f"moving-{address}".encode(), "person": person},
            )
        for address in addresses:
            tx.execute(
                text(
                    "update addresses set email = :to, email_key = :to, key_hash = :mark where email = :was"
                ),
                {"to": address, "mark": parts.key_hash(address), "was": f"moving-{address}"},
            )
        # Met in the past whatever today is: the world's own days are fixed.
        tx.execute(text("update consents set obtained_at = :at, recorded_at = :at"), {"at": now - 30 * DAY})
    ids = world.planned(parts, made, send_at=now - timedelta(minutes=1))
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text("select a.email, d.id from deliveries d join addresses a on a.id = d.address_id")
        )
        found = {row.email: row.id for row in rows}
    assert sorted(found.values()) == sorted(ids)
    return made, found


DAY = timedelta(days=1)


def hand_over(parts: Parts) -> None:
    while deliver.batch(parts, now=parts.clock.now()):
        pass


def take_in(parts: Parts, wanted: dict[str, int], *, limit_s: float = 25) -> None:
    """Read the mailbox until every wanted result came up as often as said; nothing else may come up."""
    counts: dict[str, int] = {}
    limit = time.monotonic() + limit_s
    while counts != wanted and time.monotonic() < limit:
        for result, count in intake.run(parts, now=parts.clock.now()).items():
            counts[result] = counts.get(result, 0) + count
        time.sleep(0.2)
    assert counts == wanted


def delivery(parts: Parts, id: int) -> Any:
    with parts.engine.connect() as tx:
        return tx.execute(
            text(
                "select d.state, d.reason, d.bounce, a.status, a.status_reason from deliveries d"
                " join addresses a on a.id = d.address_id where d.id = :id"
            ),
            {"id": id},
        ).one()


def human(text: str, *, subject: str, sender: str, to: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = f"<{time.monotonic_ns()}@hamana-techno.example>"
    mail["Date"] = datetime.now(UTC)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def test_a_mail_arrives_whole_with_its_unsubscribe_header_on_one_line(live: Parts, house: MailHouse) -> None:
    people_at(live, READER)
    hand_over(live)
    assert world.states(live) == {"sent": 1}
    [raw] = house.wait_for(READER, 1)
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n")
    [unsubscribe] = [line for line in head if line.startswith(b"List-Unsubscribe:")]
    assert unsubscribe.startswith(b"List-Unsubscribe: <https://links.minori.example/u/")
    assert unsubscribe.endswith(b">")
    assert b"=?" not in unsubscribe
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    [path] = [line for line in head if line.startswith(b"Return-Path: <bounce+")][:1]
    assert path.endswith(b"@minori.example>")
    assert len(path.split(b"@")[0].partition(b"<")[2]) <= 64
    assert any(b"ESMTPSA" in line for line in head), "not handed over in TLS with a login"
    mail = parsed(raw)
    assert mail["To"].addresses[0].addr_spec == READER
    assert mail["To"].addresses[0].display_name == "若林 拓也1 様"
    assert mail["From"].addresses[0].addr_spec == OWNER
    assert mail["Subject"].startswith("便り")
    assert not mail.defects
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    for part in mail.iter_parts():
        words = part.get_content()
        for item in ("若林", "こんにちは。", "株式会社みのり精機", "https://links.minori.example/"):
            assert item in words, (part.get_content_type(), item)


def test_its_signatures_hold_after_two_servers_and_break_when_somebody_adds_a_way_out(
    live: Parts, house: MailHouse
) -> None:
    folder, now = dkim_keys.folder_of(live.settings), live.clock.now()
    dkim_keys.make(folder, "minori.example", now=now)
    active, _ = dkim_keys.activate(folder, "minori.example", now=now)
    records = {f"{key.record_name}.": key.record for key in (dkim_keys.load(folder, one) for one in active)}
    people_at(live, READER)
    hand_over(live)
    [raw] = house.wait_for(READER, 1)

    def verdicts(mail: bytes) -> list[bool]:
        count = mail.partition(b"\r\n\r\n")[0].lower().count(b"dkim-signature:")
        return [
            dkim.DKIM(mail).verify(
                idx=place, dnsfunc=lambda name, timeout=5: records.get(name.decode(), "").encode()
            )
            for place in range(count)
        ]

    assert verdicts(raw) == [True, True]  # RSA and Ed25519
    assert verdicts(b"List-Unsubscribe: <https://evil.example/>\r\n" + raw) == [False, False]


def test_what_comes_back_ends_at_the_right_delivery(live: Parts, house: MailHouse) -> None:
    _, ids = people_at(live, *TO)
    hand_over(live)
    # Postfix knows its own domains' mailboxes and refuses at once; the others' it has to ask.
    assert world.states(live) == {"sent": 6, "failed": 1}
    unknown = delivery(live, ids[UNKNOWN])
    assert (unknown.state, unknown.bounce, unknown.status) == ("failed", "", "hard")
    # Two that take long are first reported as delayed, then given up.
    take_in(live, {"hard_bounce": 1, "soft_bounce": 3, "policy": 1, "delayed": 2})
    ends = {to: delivery(live, ids[to]) for to in (READER, GONE, LATE, DEAD, FULL, STRICT)}
    assert {row.state for row in ends.values()} == {"sent"}
    assert {to: (row.bounce, row.status) for to, row in ends.items()} == {
        READER: ("", "ok"),
        GONE: ("hard", "hard"),
        LATE: ("soft", "soft"),
        DEAD: ("soft", "soft"),
        FULL: ("soft", "soft"),
        STRICT: ("", "ok"),
    }
    assert "5.1.1" in ends[GONE].status_reason
    assert "5.2.2" in ends[FULL].status_reason
    assert "4.4.1" in ends[DEAD].status_reason
    assert len(house.mails(READER)) == 1
    with live.engine.connect() as tx:
        tasks = tx.execute(
            text(
                "select t.cause from tasks t join deliveries d on d.person_id = t.person_id where d.id = :id"
            ),
            {"id": ids[GONE]},
        ).scalars()
        assert "address_dead" in set(tasks)
    # Nothing is read twice, and nothing that came back leaves again.
    assert not intake.run(live, now=live.clock.now())
    hand_over(live)
    assert world.states(live) == {"sent": 6, "failed": 1}


def test_a_reply_reaches_the_owner_and_an_automatic_one_nobody(live: Parts, house: MailHouse) -> None:
    _, ids = people_at(live, READER)
    hand_over(live)
    got = parsed(house.wait_for(READER, 1)[0])
    to = got["Reply-To"].addresses[0].addr_spec
    away = human(
        "12月1日まで不在にしております。",
        subject="不在のお知らせ",
        sender=READER,
        to=to,
        Auto_Submitted="auto-replied",
    )
    house.send(away, to=to, sender="")
    answer = human(
        "仕様書を送ってください。", subject="Re: 便り", sender=READER, to=to, In_Reply_To=got["Message-ID"]
    )
    house.send(answer, to=to, sender=READER)
    take_in(live, {"ignored": 1, "reply": 1})
    hand_over(live)
    forwarded = parsed(house.wait_for(OWNER, 1)[0])
    assert "仕様書を送ってください。" in forwarded.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    with live.engine.connect() as tx:
        touches = tx.execute(text("select delivery_id from touchpoints where kind = 'mail_reply'")).all()
    assert [row.delivery_id for row in touches] == [ids[READER]]


def test_a_mail_to_the_unsubscribe_address_stops_that_product(live: Parts, house: MailHouse) -> None:
    made, _ = people_at(live, READER)
    hand_over(live)
    header = parsed(house.wait_for(READER, 1)[0])["List-Unsubscribe"]
    # What a mail program does with the header's second way (RFC 6068 escapes the plus).
    to = unquote(header.partition("<mailto:")[2].partition(">")[0])
    house.send(human("", subject="unsubscribe", sender=READER, to=to), to=to, sender=READER)
    take_in(live, {"unsubscribed": 1})
    with live.engine.connect() as tx:
        rows = tx.execute(text("select scope, product_id from suppressions")).all()
    assert [tuple(row) for row in rows] == [("product", made.product)]


def test_over_pop3_what_is_ours_is_taken_and_what_is_not_stays(live: Parts, house: MailHouse) -> None:
    by_pop3 = replace(live, settings=replace(live.settings, mailbox_url=house.dovecot.pop3_url(INBOX)))
    _, ids = people_at(by_pop3, GONE, READER)
    hand_over(by_pop3)
    got = parsed(house.wait_for(READER, 1)[0])
    to = got["Reply-To"].addresses[0].addr_spec
    answer = human(
        "資料をください。", subject="Re: 便り", sender=READER, to=to, In_Reply_To=got["Message-ID"]
    )
    house.send(answer, to=to, sender=READER)
    stray = human("誰宛でもないメール", subject="other", sender=READER, to=INBOX)
    house.send(stray, to=INBOX, sender=READER)
    house.wait_for(INBOX, 3)
    take_in(by_pop3, {"hard_bounce": 1, "reply": 1, "bad_token": 1})
    end = delivery(by_pop3, ids[GONE])
    assert (end.bounce, end.status) == ("hard", "hard")
    assert [parsed(raw)["Subject"] for raw in house.mails(INBOX)] == ["other"]
    assert not intake.run(by_pop3, now=by_pop3.clock.now())
