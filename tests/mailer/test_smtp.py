"""Handing over to servers that behave, refuse, vanish and lie."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailer.errors import HeaderError, Temporary
from mailer.receipts import Item, NoJournal, Outcome, Receipt, Stage
from mailer.smtp import SmtpTransport, send_all
from mailer.wire import Features, Server, Tls
from tests.mailer.fake_smtp import CLOSE, SILENT, FakeServer, agreeable

BODY = b"Subject: x\r\n\r\nhello\r\n.starts with a dot\r\n"


class Notes:
    """A journal that remembers, and may fail."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.records: list[tuple[object, ...]] = []
        self._fail_at = fail_at

    def handing(self, id: int) -> None:
        if id == self._fail_at:
            raise OSError(28, "No space left on device")
        self.records.append(("H", id))

    def answered(self, id: int, code: int, text: str) -> None:
        self.records.append(("A", id, code))


def items(*ids: int, body: bytes | Callable[[], bytes] = BODY) -> list[Item]:
    return [Item(id, "bounce@minori.example", f"lead{id}@buyer.example", body) for id in ids]


def send(
    server: FakeServer,
    batch: list[Item],
    *,
    notes: Notes | None = None,
    may: Callable[[int], bool] = lambda id: True,
    lanes: int = 1,
    **options: float,
) -> dict[int, Receipt]:
    receipts: dict[int, Receipt] = {}

    def keep(receipt: Receipt) -> None:
        assert receipt.id not in receipts, "two receipts for one mail"
        receipts[receipt.id] = receipt

    transport = SmtpTransport(server.url, timeout_s=5, final_timeout_s=5, lanes=lanes, **options)  # type: ignore[arg-type]
    transport.send_batch(batch, journal=notes or NoJournal(), before_body=may, on_result=keep)
    transport.close()
    assert sorted(receipts) == sorted(item.id for item in batch)
    return receipts


def answering(**replies: str) -> Callable[[str, int, str], str]:
    return lambda verb, number, line: replies.get(verb) or agreeable(verb, number, line)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("ehlo", ["250-fake\r\n250 PIPELINING", "250 fake"])
def test_a_batch_arrives_whole_with_and_without_pipelining(lanes: int, ehlo: str) -> None:
    notes = Notes()
    with FakeServer(answering(EHLO=ehlo)) as server:
        receipts = send(server, items(*range(1, 41)), notes=notes, lanes=lanes)
    assert {r.outcome for r in receipts.values()} == {Outcome.ACCEPTED}
    assert server.bodies == [BODY] * 40
    assert server.connections == lanes
    for id in range(1, 41):
        assert notes.records.index(("H", id)) < notes.records.index(("A", id, 250))


def test_the_next_envelope_travels_with_this_body() -> None:
    seen: list[str] = []

    def answer(verb: str, number: int, line: str) -> str:
        seen.append(verb)
        return agreeable(verb, number, line)

    with FakeServer(answer) as server:
        send(server, items(1, 2))
    assert [v for v in seen if v not in ("HALF", "KEEP")][:9] == [
        "CONNECT",
        "EHLO",
        "MAIL",
        "RCPT",
        "DATA",
        "BODY",
        "MAIL",
        "RCPT",
        "DATA",
    ]


def test_bare_line_ends_cannot_smuggle_a_second_mail() -> None:
    evil = b"Subject: x\n\nhello\n.\nMAIL FROM:<evil@x.example>\r.\r\n"
    with FakeServer() as server:
        send(server, items(1, body=evil))
    assert server.bodies == [b"Subject: x\r\n\r\nhello\r\n.\r\nMAIL FROM:<evil@x.example>\r\n.\r\n"]
    assert len([line for line in server.lines if line.startswith("MAIL")]) == 1


def test_connection_lost_after_the_dot_is_in_doubt_and_never_sent_again() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        return CLOSE if verb == "BODY" and number == 1 else agreeable(verb, number, line)

    notes = Notes()
    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2, 3), notes=notes)
    assert receipts[1].outcome is Outcome.IN_DOUBT
    assert [receipts[id].outcome for id in (2, 3)] == [Outcome.ACCEPTED] * 2
    assert len(server.bodies) == 3, "the server had kept the first one: a second try would double it"
    assert ("H", 1) in notes.records
    assert not [r for r in notes.records if r[:2] == ("A", 1)]


def test_connection_lost_within_the_body_is_in_doubt() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        return CLOSE if verb == "HALF" and number == 1 else agreeable(verb, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2))
    assert receipts[1].outcome is Outcome.IN_DOUBT
    assert receipts[2].outcome is Outcome.ACCEPTED


def test_a_silent_server_after_the_dot_is_in_doubt_after_the_final_timeout() -> None:
    with FakeServer(answering(BODY=SILENT)) as server:
        transport = SmtpTransport(server.url, timeout_s=5, final_timeout_s=0.3, lanes=1)
        got: list[Receipt] = []
        transport.send_batch(items(1), journal=NoJournal(), before_body=lambda id: True, on_result=got.append)
    assert [(r.outcome, r.text) for r in got] == [(Outcome.IN_DOUBT, "timeout")]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_connection_lost_before_the_body_is_tried_again_on_a_new_one(verb: str) -> None:
    def answer(said: str, number: int, line: str) -> str:
        return CLOSE if said == verb and number == 1 else agreeable(said, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2))
    assert {r.outcome for r in receipts.values()} == {Outcome.ACCEPTED}
    assert len(server.bodies) == 2


def test_a_server_that_always_hangs_up_gives_temporary_not_a_loop() -> None:
    with FakeServer(answering(MAIL=CLOSE)) as server:
        receipts = send(server, items(*range(1, 30)), lanes=2)
    assert {(r.outcome, r.code) for r in receipts.values()} == {(Outcome.TEMPORARY, 0)}
    assert server.connections <= 4


def test_nobody_listens_gives_temporary() -> None:
    with FakeServer() as server:
        url = server.url
    got: list[Receipt] = []
    SmtpTransport(url, timeout_s=2).send_batch(
        items(1, 2), journal=NoJournal(), before_body=lambda id: True, on_result=got.append
    )
    assert [(r.outcome, r.code) for r in got] == [(Outcome.TEMPORARY, 0)] * 2


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("450 4.2.1 later", Outcome.TEMPORARY),
        ("550 5.1.1 unknown", Outcome.PERMANENT),
        ("999 ?", Outcome.TEMPORARY),
    ],
)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ehlo", ["250-fake\r\n250 PIPELINING", "250 fake"])
def test_a_refused_envelope_concerns_that_mail_only(
    reply: str, outcome: Outcome, verb: str, ehlo: str
) -> None:
    refused: list[str] = []

    def answer(said: str, number: int, line: str) -> str:
        if said == "EHLO":
            return ehlo
        if said == verb and not refused:
            refused.append(said)
            return reply
        return agreeable(said, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2, 3))
    assert (receipts[1].outcome, receipts[1].code) == (outcome, int(reply[:3]))
    assert [receipts[id].outcome for id in (2, 3)] == [Outcome.ACCEPTED] * 2
    # A server that says 354 although it refused the recipient is given an empty body, nothing else.
    assert [body for body in server.bodies if body] == [BODY] * 2


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("451 4.3.0 later", Outcome.TEMPORARY),
        ("554 5.7.1 spam", Outcome.PERMANENT),
        ("354 what", Outcome.IN_DOUBT),
        ("no number", Outcome.IN_DOUBT),
    ],
)
def test_the_answer_to_the_body_decides(reply: str, outcome: Outcome) -> None:
    with FakeServer(answering(BODY=reply)) as server:
        assert send(server, items(1))[1].outcome is outcome


def test_421_in_the_middle_reconnects_and_loses_nothing() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        if verb == "MAIL" and "lead" not in line and number == 1 and len(server.bodies) == 2:
            return "421 4.7.0 try later"
        return agreeable(verb, number, line)

    server = FakeServer(answer)
    with server:
        receipts = send(server, items(*range(1, 7)))
    assert {r.outcome for r in receipts.values()} == {Outcome.ACCEPTED}
    assert server.connections == 2
    assert len(server.bodies) == 6


def test_421_as_the_answer_to_a_body_is_a_refusal_not_a_doubt() -> None:
    with FakeServer(answering(BODY="421 4.3.2 shutting down")) as server:
        receipts = send(server, items(1, 2, 3))
    assert {r.outcome for r in receipts.values()} == {Outcome.TEMPORARY}


def test_a_kept_connection_that_died_meanwhile_is_opened_again() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        return CLOSE if verb == "MAIL" and number == 1 and server.bodies else agreeable(verb, number, line)

    server = FakeServer(answer)
    with server:
        transport = SmtpTransport(server.url, timeout_s=5, lanes=1)
        got: list[Receipt] = []
        for id in (1, 2):
            transport.send_batch(
                items(id), journal=NoJournal(), before_body=lambda id: True, on_result=got.append
            )
        transport.close()
    assert [r.outcome for r in got] == [Outcome.ACCEPTED] * 2


def test_a_stop_between_envelope_and_body_leaves_the_body_unsent() -> None:
    asked: list[int] = []

    def may(id: int) -> bool:
        asked.append(id)
        return not (id == 2 and asked.count(2) > 1)  # allowed at the envelope, forbidden at the body

    notes = Notes()
    with FakeServer() as server:
        receipts = send(server, items(1, 2, 3), may=may, notes=notes)
    assert receipts[2].outcome is Outcome.WITHHELD
    assert [receipts[id].outcome for id in (1, 3)] == [Outcome.ACCEPTED] * 2
    assert len(server.bodies) == 2
    assert ("H", 2) not in notes.records


def test_a_stop_before_the_envelope_asks_the_server_nothing() -> None:
    with FakeServer() as server:
        receipts = send(server, items(1, 2), may=lambda id: False)
    assert {r.outcome for r in receipts.values()} == {Outcome.WITHHELD}
    assert server.connections == 0


def test_a_journal_that_cannot_be_written_stops_the_batch_before_the_body() -> None:
    notes = Notes(fail_at=2)
    with FakeServer() as server:
        receipts = send(server, items(1, 2, 3, 4), notes=notes)
    assert receipts[1].outcome is Outcome.ACCEPTED
    assert {receipts[id].outcome for id in (2, 3, 4)} == {Outcome.TEMPORARY}
    assert len(server.bodies) == 1


def test_a_body_that_cannot_be_made_fails_alone() -> None:
    def broken() -> bytes:
        raise HeaderError("Subject", "empty")

    batch = [*items(1), *items(2, body=broken), *items(3, body=lambda: BODY)]
    with FakeServer() as server:
        receipts = send(server, batch)
    assert (receipts[2].outcome, receipts[2].code) == (Outcome.PERMANENT, 0)
    assert [receipts[id].outcome for id in (1, 3)] == [Outcome.ACCEPTED] * 2


def test_an_unexpected_error_in_a_body_function_ends_the_batch_with_no_body_in_doubt() -> None:
    def broken() -> bytes:
        raise KeyError("a bug")

    notes = Notes()
    batch = [*items(1), *items(2, body=broken)]
    with FakeServer() as server, pytest.raises(KeyError):
        send(server, batch, notes=notes)
    assert server.bodies == []
    assert notes.records == []


def test_addresses_go_out_quoted_idna_or_not_at_all() -> None:
    batch = [
        Item(1, "b@minori.example", "a..b@docomo.example", BODY),
        Item(2, "b@minori.example", "x@日本語.example", BODY),
        Item(3, "b@minori.example", "x@y.example>\r\nRCPT TO:<evil@x.example", BODY),
        Item(4, "", "postmaster@y.example", BODY),
    ]
    with FakeServer() as server:
        receipts = send(server, batch)
    rcpt = [line for line in server.lines if line.startswith("RCPT")]
    assert rcpt == [
        'RCPT TO:<"a..b"@docomo.example>',
        "RCPT TO:<x@xn--wgv71a119e.example>",
        "RCPT TO:<postmaster@y.example>",
    ]
    assert receipts[3].outcome is Outcome.PERMANENT
    assert "MAIL FROM:<> SIZE=" in " ".join(server.lines)


def test_a_mail_above_the_servers_size_is_refused_without_sending_it() -> None:
    batch = [*items(1, body=b"x" * 2000), *items(2)]
    with FakeServer(answering(EHLO="250-fake\r\n250-PIPELINING\r\n250 SIZE 1000")) as server:
        receipts = send(server, batch)
    assert (receipts[1].outcome, receipts[1].code) == (Outcome.PERMANENT, 552)
    assert receipts[2].outcome is Outcome.ACCEPTED
    assert len(server.bodies) == 1


def test_an_eight_bit_body_is_refused_where_the_server_takes_seven() -> None:
    with FakeServer(answering(EHLO="250 fake")) as server:
        receipts = send(server, items(1, body="件名".encode()))
    assert receipts[1].outcome is Outcome.PERMANENT


def test_a_connection_carries_no_more_mails_than_its_limit() -> None:
    with FakeServer() as server:
        receipts = send(server, items(*range(1, 8)), max_per_connection=3)
    assert {r.outcome for r in receipts.values()} == {Outcome.ACCEPTED}
    assert server.connections == 3


def test_login_that_fails_is_temporary_because_the_password_is_ours_to_mend() -> None:
    answer = answering(EHLO="250-fake\r\n250 AUTH LOGIN PLAIN", AUTH="535 5.7.8 bad credentials")
    with FakeServer(answer) as server:
        url = server.url.replace("smtp://", "smtp://user:p%40ss@")
        got: list[Receipt] = []
        transport = SmtpTransport(url, lanes=1)
        transport.send_batch(items(1), journal=NoJournal(), before_body=lambda id: True, on_result=got.append)
    assert [(r.outcome, r.code) for r in got] == [(Outcome.TEMPORARY, 535)]
    assert "AUTH PLAIN AHVzZXIAcEBzcw==" in server.lines


def test_starttls_is_required_off_loopback_and_refused_when_not_offered() -> None:
    assert Server.parse("smtp://mail.example.co.jp").tls is Tls.REQUIRE
    assert Server.parse("smtp://127.0.0.1:1025").tls is Tls.NONE
    assert Server.parse("smtps://mail.example.co.jp") == Server("mail.example.co.jp", 465, Tls.IMPLICIT)
    with FakeServer() as server, pytest.raises(Temporary, match="STARTTLS"):
        SmtpTransport(server.url.replace("none", "require")).check()


def test_a_password_does_not_show_in_the_repr() -> None:
    assert "hunter2" not in repr(Server.parse("smtp://me:hunter2@mail.example.co.jp"))


def test_check_logs_in_and_says_noop() -> None:
    with FakeServer() as server:
        SmtpTransport(server.url).check()
    assert server.lines[-1] in ("NOOP", "QUIT")
    assert "NOOP" in server.lines


def test_features_are_read_in_any_case_and_old_spelling() -> None:
    features = Features.of(["hello", "pipelining", "Size 35882577", "AUTH=PLAIN login", "8bitmime"])
    assert features.pipelining
    assert features.size == 35882577
    assert features.auth == {"PLAIN", "LOGIN"}


def test_a_lane_that_gives_up_leaves_its_mails_to_the_other() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        return CLOSE if verb == "MAIL" and number != 1 else agreeable(verb, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(*range(1, 21)), lanes=2)
    accepted = [id for id, receipt in receipts.items() if receipt.outcome is Outcome.ACCEPTED]
    assert len(accepted) >= 19, "only a mail that met two broken connections may wait for another time"
    assert len(server.bodies) == len(accepted)


def test_two_lanes_killed_after_the_dot_leave_at_most_one_doubt_each() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        return CLOSE if verb == "BODY" and number <= 2 else agreeable(verb, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(*range(1, 21)), lanes=2)
    outcomes = [receipt.outcome for receipt in receipts.values()]
    assert outcomes.count(Outcome.IN_DOUBT) == 2
    assert outcomes.count(Outcome.ACCEPTED) == 18
    assert len(server.bodies) == 20


def test_an_account_that_greets_nobody_does_not_hold_the_other_up() -> None:
    receipts: dict[int, Receipt] = {}
    ended: dict[int, float] = {}

    def note(receipt: Receipt) -> None:
        receipts[receipt.id], ended[receipt.id] = receipt, time.monotonic()

    with FakeServer(answering(CONNECT=SILENT)) as silent, FakeServer() as sound:
        ways = [SmtpTransport(server.url, timeout_s=1.5) for server in (silent, sound)]
        began = time.monotonic()
        send_all(
            [(ways[0], items(1, 2, 3)), (ways[1], items(*range(4, 44)))],
            journal=NoJournal(),
            before_body=lambda id: True,
            on_result=note,
        )
        for way in ways:
            way.close()
    assert {receipts[id].outcome for id in range(4, 44)} == {Outcome.ACCEPTED}
    assert max(ended[id] for id in range(4, 44)) - began < 1.5, (
        "before the silent one has timed out even once"
    )
    assert {(receipts[id].outcome, receipts[id].stage) for id in (1, 2, 3)} == {
        (Outcome.TEMPORARY, Stage.CONNECT)
    }


def test_a_login_refused_for_good_is_not_tried_by_every_lane_again_and_again() -> None:
    answer = answering(EHLO="250-fake\r\n250 AUTH PLAIN", AUTH="535 5.7.8 bad credentials")
    with FakeServer(answer) as server:
        got: list[Receipt] = []
        transport = SmtpTransport(server.url.replace("smtp://", "smtp://user:secret@"), lanes=2)
        transport.send_batch(
            items(*range(9)), journal=NoJournal(), before_body=lambda id: True, on_result=got.append
        )
    assert {(receipt.code, receipt.stage) for receipt in got} == {(535, Stage.CONNECT)}
    assert len(got) == 9
    assert server.connections <= 2, "one for each lane at the most"


def test_a_refusal_before_the_connection_breaks_is_the_mails_answer() -> None:
    def answer(verb: str, number: int, line: str) -> str:
        if "lead1@" in line and verb == "RCPT":
            return "550 5.1.1 unknown"
        return CLOSE if verb == "DATA" and number == 1 else agreeable(verb, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2))
    assert (receipts[1].outcome, receipts[1].code) == (Outcome.PERMANENT, 550)
    assert receipts[2].outcome is Outcome.ACCEPTED
    assert len([line for line in server.lines if "lead1@" in line]) == 1


def test_a_mail_behind_others_that_end_the_connection_is_not_blamed_for_them() -> None:
    """Mails 1 to 8 are put off with 421 after their bodies; 9 travels behind one of them each time."""

    def answer(verb: str, number: int, line: str) -> str:
        if verb == "BODY" and len(server.bodies) <= 8:
            return "421 4.7.0 slow down"
        return agreeable(verb, number, line)

    server = FakeServer(answer)
    with server:
        receipts = send(server, items(*range(1, 10)))
    assert [receipts[id].code for id in range(1, 10)] == [421] * 8 + [250]
    assert len(server.bodies) == 9, "nobody got a second body"


@pytest.mark.parametrize("reply", ["354 go on\r\n250 kept", "354 go on\r\n354 go on"])
def test_no_body_starts_where_the_server_says_more_than_it_was_asked(reply: str) -> None:
    notes = Notes()
    with FakeServer(answering(DATA=reply)) as server:
        receipts = send(server, items(1), notes=notes)
    assert receipts[1].outcome is Outcome.TEMPORARY
    assert (server.bodies, notes.records) == ([], [])


def test_half_a_reply_and_the_next_one_are_not_read_as_a_yes() -> None:
    """Joined, they would say 250 of a body that was refused."""

    def answer(verb: str, number: int, line: str) -> str:
        return "450-not now" if verb == "BODY" and number == 1 else agreeable(verb, number, line)

    with FakeServer(answer) as server:
        receipts = send(server, items(1, 2))
    assert [receipts[id].outcome for id in (1, 2)] == [Outcome.IN_DOUBT, Outcome.ACCEPTED]


@pytest.mark.parametrize("reply", ["250 2.0.0 ta\0ken\0", "250-2.0.0 ta\0\r\n250 2.0.0 ken"])
def test_a_reply_with_nul_becomes_words_that_a_database_takes(reply: str) -> None:
    with FakeServer(answering(BODY=reply)) as server:
        receipt = send(server, items(1))[1]
    assert receipt.outcome is Outcome.ACCEPTED
    assert "\0" not in receipt.text
    assert "ta" in receipt.text
