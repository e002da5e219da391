"""A form that is sent: once, by a person, under the words that stood on the page; and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules import form_texts
from campaigns.rules.forms import Consent, Door, Field, Kind
from campaigns.rules.matching import company_key
from campaigns.services import (
    attach,
    confirm_form,
    count_forms,
    design_form,
    refuse,
    show_form,
    submit_form,
    work_entries,
)
from campaigns.services.catalogue import Invalid
from campaigns.services.show_form import Unknown
from campaigns.services.submit_form import Outcome, Sent
from campaigns.storage.forms import Handling
from tests import world
from tracking_pixel.links import Visit, visit_token
from tracking_pixel.tokens import TokenKind

SLOWLY = timedelta(seconds=20)
PDF = b"%PDF-1.7\n" + b"x" * 300


@dataclass
class Made:
    """A published form and a visitor."""

    parts: Parts
    now: datetime
    form_id: int
    key: str

    def send(
        self,
        *,
        at: datetime | None = None,
        after: timedelta = SLOWLY,
        token: str = "",
        fields: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Outcome:
        """The page is opened, filled in for a while, and sent."""
        at = at or self.now
        token = token or show_form.show(self.parts, self.key, now=at).token
        said = {"email": "suzuki@kakegawa.example", "company": "掛川精工株式会社"} | dict(fields or {})
        sent = Sent(token=token, fields={name: [value] for name, value in said.items()}, **more)
        return submit_form.run(self.parts, self.key, sent, now=at + after)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.parts.engine.connect() as tx:
            return list(tx.execute(text(sql), values).all())

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) from {table}")[0][0])

    def states(self) -> list[str]:
        return [row.state for row in self.rows("select state from form_entries order by id")]

    def mails(self) -> list[Any]:
        return self.rows(
            "select d.id, d.origin, b.to_address, b.subject, b.text, b.html, d.person_id from deliveries d"
            " join delivery_bodies b on b.delivery_id = d.id order by d.id"
        )


def make(parts: Parts, now: datetime, kind: Kind = Kind.DOC_REQUEST, **changed: Any) -> Made:
    """A published form of a kind; changed: of its design (confirms, consent, ...) or of its handling."""
    drawn = {
        name: changed.pop(name)
        for name in ("confirms", "consent", "for_product", "fields")
        if name in changed
    }
    form_id = design_form.create(
        parts, kind, Handling(**{"name": "検査装置の資料", **changed}), user_id=None, now=now
    )
    form = design_form.find(parts, form_id)
    design_form.save(
        parts, form_id, design=replace(form.design, **drawn), version=form.version, user_id=None, now=now
    )
    form = design_form.find(parts, form_id)
    design_form.publish(
        parts, form_id, {"ja": "<p>見えた画面</p>"}, version=form.version, user_id=None, now=now
    )
    return Made(parts, now, form_id, form.public_key)


@pytest.fixture
def house(parts: Parts) -> world.World:
    return world.build(parts, count=2)


@pytest.fixture
def form(parts: Parts, house: world.World, now: datetime) -> Made:
    return make(parts, now, product_id=house.product, tags=("外観検査",))


def test_an_entry_makes_person_company_touch_lead_consent_and_mail(form: Made, house: world.World) -> None:
    outcome = form.send(consents=True)
    assert outcome.is_done
    (entry,) = form.rows("select * from form_entries")
    person = form.rows("select * from people where id = :id", id=entry.person_id)[0]
    assert entry.state == "done"
    assert form.rows("select name from companies order by id desc limit 1")[0].name == "掛川精工株式会社"
    (touch,) = form.rows("select * from touchpoints where person_id = :id", id=person.id)
    assert (touch.kind, touch.product_id, list(touch.tags), touch.depth) == (
        "doc_request",
        house.product,
        ["外観検査"],
        3,
    )
    assert touch.at == form.now + SLOWLY
    (lead,) = form.rows("select * from product_leads where person_id = :id", id=person.id)
    assert (lead.rank, round(lead.score, 3)) == ("nurture", 13.272)
    (consent,) = form.rows("select * from consents where person_id = :id", id=person.id)
    assert (consent.basis, consent.method, consent.product_id) == ("opt_in", "web", None)
    assert consent.wording == form_texts.CONSENT["ja"]
    assert consent.evidence["form_version"] == 1
    assert [m.to_address for m in form.mails()] == ["suzuki@kakegawa.example"]
    assert (
        form.rows("select status from enrollments where person_id = :id", id=person.id)[0].status == "active"
    )


def test_the_same_page_sent_twice_is_one_entry(form: Made) -> None:
    token = show_form.show(form.parts, form.key, now=form.now).token
    first, again = form.send(token=token), form.send(token=token, after=timedelta(minutes=3))
    assert first.entry_id == again.entry_id
    assert (form.count("form_entries"), form.count("touchpoints"), len(form.mails())) == (1, 1, 1)


def test_ten_presses_at_the_same_moment_are_one_entry(form: Made) -> None:
    token = show_form.show(form.parts, form.key, now=form.now).token
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _n: form.send(token=token).entry_id, range(10)))
    assert len(set(done)) == 1
    assert (form.count("form_entries"), form.count("touchpoints")) == (1, 1)


def test_ten_entries_of_a_new_address_at_the_same_moment_are_one_person_and_one_company(form: Made) -> None:
    people, companies = form.count("people"), form.count("companies")
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _n: form.send(), range(5)))
    assert (form.count("people"), form.count("companies")) == (people + 1, companies + 1)


def test_mended_after_a_step_back_it_is_another_entry(form: Made) -> None:
    token = show_form.show(form.parts, form.key, now=form.now).token
    form.send(token=token)
    form.send(token=token, fields={"email": "suzuki@kakegawa2.example"})
    assert form.count("form_entries") == 2


def test_without_consent_nothing_is_recorded_and_nobody_joins_a_scenario(form: Made) -> None:
    form.send()
    person = form.rows("select person_id from form_entries")[0].person_id
    assert form.rows("select 1 from consents where person_id = :p", p=person) == []
    assert form.rows("select 1 from enrollments where person_id = :p", p=person) == []
    assert len(form.mails()) == 1  # the material itself was asked for


def test_a_known_person_is_found_by_the_mailbox_and_nothing_of_theirs_is_overwritten(
    form: Made, house: world.World
) -> None:
    form.send(fields={"email": "P1@Hamana-Techno.example", "company": "別の会社株式会社"})
    entry = form.rows("select * from form_entries")[0]
    assert entry.person_id == house.people[0]
    assert entry.differences == {"company": ["浜名テクノ工業株式会社", "別の会社株式会社"]}
    (place,) = form.rows("select co.name from affiliations f join companies co on co.id = f.company_id where f.person_id = :p", p=entry.person_id)  # fmt: skip
    assert place.name == "浜名テクノ工業株式会社"


def test_another_name_at_a_known_mailbox_is_a_second_person_shown_for_review(
    form: Made, house: world.World
) -> None:
    form.send(fields={"email": "p1@hamana-techno.example", "name": "佐々木 花子"})
    person = form.rows("select person_id from form_entries")[0].person_id
    assert person not in house.people
    assert form.rows("select a_id, b_id from match_candidates") == [(house.people[0], person)]


def test_name_and_company_alone_do_not_attach_a_strangers_mailbox_to_a_known_person(
    form: Made, house: world.World
) -> None:
    with form.parts.engine.begin() as tx:
        tx.execute(text("update people set address_id = null where id = :p"), {"p": house.people[0]})
        core = company_key("浜名テクノ工業株式会社").core
        tx.execute(text("update companies set core_key = :core"), {"core": core})
    form.send(fields={"name": "若林 拓也1", "company": "浜名テクノ工業株式会社"})
    person = form.rows("select person_id from form_entries")[0].person_id
    assert person != house.people[0]
    assert form.rows("select reason from match_candidates")[0].reason == "same_name"


@pytest.mark.parametrize(
    ("sign", "more"),
    [
        ("trap", {"trap": "http://spam.example"}),
        ("haste", {"after": timedelta(seconds=1)}),
        ("crawler", {"is_crawler": True}),
        ("links", {"fields": {"company": "見て https://spam.example"}}),
    ],
)
def test_a_machine_sees_the_same_outcome_and_its_entry_is_kept_aside(
    form: Made, sign: str, more: dict[str, Any]
) -> None:
    people = form.count("people")
    outcome = form.send(**more)
    assert outcome.is_done
    (entry,) = form.rows("select * from form_entries")
    assert (entry.state, entry.reasons, entry.person_id) == ("aside", [sign], None)
    assert (form.count("people"), form.count("touchpoints"), form.mails()) == (people, 0, [])
    shown, state, _sender = show_form.finished(
        form.parts, form.key, form.parts.signer.sign(TokenKind.ENTRY, entry.id)
    )
    assert (shown.no, state) == (1, "done")


def test_an_entry_released_by_the_staff_counts_from_when_it_was_sent(form: Made, now: datetime) -> None:
    outcome = form.send(after=timedelta(seconds=1), consents=True)
    assert outcome.entry_id is not None
    user = _user(form)
    later = now + timedelta(days=2)
    assert work_entries.release(form.parts, form.form_id, outcome.entry_id, user_id=user, now=later)
    assert not work_entries.release(form.parts, form.form_id, outcome.entry_id, user_id=user, now=later)
    (touch,) = form.rows("select * from touchpoints")
    assert touch.at == now + timedelta(seconds=1)
    assert form.states() == ["done"]


def test_a_dropped_entry_keeps_nothing_that_was_typed(form: Made, now: datetime) -> None:
    outcome = form.send(trap="x")
    assert work_entries.drop(form.parts, form.form_id, outcome.entry_id or 0, user_id=_user(form), now=now)
    (entry,) = form.rows("select * from form_entries")
    assert (entry.state, entry.answers, entry.net) == ("dropped", {}, "")


def test_many_entries_from_one_network_are_kept_aside_and_a_flood_is_only_counted(form: Made) -> None:
    for n in range(12):
        form.send(net="192.0.2.0/24", fields={"email": f"a{n}@kakegawa.example"})
    assert form.states() == ["done"] * 10 + ["aside"] * 2
    form.parts.redis.set("ikusei:forms:net:192.0.2.0/24", count_forms.FLOOD + 1)
    assert form.send(net="192.0.2.0/24").is_done
    assert len(form.states()) == 12
    count_forms.settle(form.parts)
    assert form.rows("select refused from form_days")[0].refused == 1


def test_without_redis_an_entry_is_taken_all_the_same(form: Made) -> None:
    nowhere = replace(form.parts, redis=redis.Redis(port=1, socket_connect_timeout=0.1))
    assert replace(form, parts=nowhere).send(net="192.0.2.0/24").is_done
    assert form.states() == ["done"]


def test_counts_of_looks_are_taken_over_once(form: Made, now: datetime) -> None:
    for _ in range(3):
        count_forms.note(form.parts, form.form_id, "views", now=now)
    count_forms.note(form.parts, form.form_id, "starts", now=now)
    count_forms.note(form.parts, 999, "views", now=now)
    assert count_forms.settle(form.parts) == 3
    assert count_forms.settle(form.parts) == 0
    count_forms.note(form.parts, form.form_id, "views", now=now)
    count_forms.settle(form.parts)
    assert [tuple(r) for r in form.rows("select day, views, starts, refused from form_days")] == [(date(2026, 11, 24), 4, 1, 0)]  # fmt: skip


# --- versions ---------------------------------------------------------------------------------------------


def test_an_old_page_is_read_by_its_own_version_and_the_consent_keeps_its_words(
    form: Made, now: datetime
) -> None:
    token = show_form.show(form.parts, form.key, now=now).token
    found = design_form.find(form.parts, form.form_id)
    said = {lang: replace(words, consent=f"新しい文 {lang}") for lang, words in found.design.words.items()}
    asked = (*found.design.fields, Field("message", True))
    design_form.save(form.parts, form.form_id, design=replace(found.design, words=said, fields=asked), version=found.version, user_id=None, now=now)  # fmt: skip
    found = design_form.find(form.parts, form.form_id)
    assert design_form.publish(form.parts, form.form_id, {"ja": "2"}, version=found.version, user_id=None, now=now) == 2  # fmt: skip
    assert form.send(token=token, consents=True).is_done
    (consent,) = form.rows("select wording, evidence from consents where method = 'web'")
    assert (consent.wording, consent.evidence["form_version"]) == (form_texts.CONSENT["ja"], 1)
    assert form.send(consents=True).answers.errors == {"message": "missing"}
    assert design_form.published(form.parts, form.form_id, 1).snapshot == {"ja": "<p>見えた画面</p>"}


def test_a_page_of_another_form_or_a_forged_or_old_one_is_shown_afresh_with_what_was_typed(
    form: Made, house: world.World, now: datetime
) -> None:
    other = make(form.parts, now, name="別の資料")
    stolen = show_form.show(form.parts, other.key, now=now).token
    old = show_form.show(form.parts, form.key, now=now - timedelta(days=40)).token
    for token in (stolen, "", "x", old):
        outcome = submit_form.run(
            form.parts, form.key, Sent(token=token, fields={"company": ["掛川精工"]}), now=now
        )
        assert outcome.is_old
        assert not outcome.is_done
        assert outcome.answers.values == {"company": "掛川精工"}
    assert form.count("form_entries") == 0


def test_a_form_that_is_unknown_or_a_draft_is_not_there(form: Made, now: datetime) -> None:
    draft = design_form.create(form.parts, Kind.INQUIRY, Handling("下書き"), user_id=None, now=now)
    for key in ("nowhere", design_form.find(form.parts, draft).public_key):
        with pytest.raises(Unknown):
            show_form.show(form.parts, key, now=now)


# --- closed, full, over ----------------------------------------------------------------------------------


def test_a_closed_form_takes_nothing_and_says_so(form: Made, now: datetime) -> None:
    token = show_form.show(form.parts, form.key, now=now).token
    design_form.set_state(form.parts, form.form_id, "closed", user_id=None, now=now)
    assert form.send(token=token).door is Door.CLOSED
    assert form.count("form_entries") == 0


def test_a_form_closes_after_its_last_day_in_tokyo(parts: Parts, house: world.World, now: datetime) -> None:
    made = make(parts, now, closes_on=date(2026, 11, 24))
    last = datetime(2026, 11, 24, 14, 59, tzinfo=now.tzinfo)
    assert show_form.show(parts, made.key, now=last).door is Door.OPEN
    assert show_form.show(parts, made.key, now=last + timedelta(minutes=1)).door is Door.CLOSED


def test_an_event_of_the_past_takes_no_more_applications(
    parts: Parts, house: world.World, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        event = world.insert(
            tx, "events", kind="seminar", name="講座", starts_on=date(2026, 11, 23), created_at=now
        )
    made = make(parts, now, Kind.SEMINAR_APPLY, event_id=event)
    assert show_form.show(parts, made.key, now=now).door is Door.CLOSED


SEMINAR = {"name": "鈴木 一郎", "theme": "0"}


def test_the_last_seat_is_given_once_and_the_next_waits(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, Kind.SEMINAR_APPLY, capacity=3, has_waiting_list=True)

    def apply(n: int) -> str:
        return str(made.send(fields={**SEMINAR, "email": f"s{n}@kakegawa.example"}).door)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(apply, range(6)))
    assert sorted(made.states()) == ["done"] * 3 + ["waiting"] * 3
    waiting = made.rows("select id from form_entries where state = 'waiting' order by id")[0].id
    assert work_entries.seat(parts, made.form_id, waiting, user_id=_user(made), now=now)
    assert sorted(made.states()) == ["done"] * 4 + ["waiting"] * 2


def test_a_full_form_without_a_list_takes_nobody_but_who_has_a_seat_may_send_again(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, Kind.SEMINAR_APPLY, capacity=1)
    made.send(fields={**SEMINAR, "email": "s1@kakegawa.example"})
    assert made.send(fields={**SEMINAR, "email": "s2@kakegawa.example"}).door is Door.FULL
    assert made.send(fields={**SEMINAR, "email": "S1@kakegawa.example", "theme": "1"}).is_done
    assert made.states() == ["done", "done"]


def test_an_application_carries_its_themes_and_leads_to_an_entry_pass(
    parts: Parts, house: world.World, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        event = world.insert(
            tx, "events", kind="seminar", name="講座", starts_on=date(2026, 12, 3), created_at=now
        )
    made = make(parts, now, Kind.SEMINAR_APPLY, event_id=event, tags=("講座",))
    made.send(fields=SEMINAR)
    (touch,) = made.rows("select * from touchpoints")
    assert (touch.kind, touch.event_id, list(touch.tags)) == ("seminar_apply", event, ["講座", "導入事例"])
    assert "/q/" in made.mails()[0].text


# --- mails ------------------------------------------------------------------------------------------------


def test_the_material_is_a_tracked_link_unless_tracking_is_refused(
    parts: Parts, house: world.World, now: datetime
) -> None:
    file = attach.store(parts, PDF, name="カタログ.pdf", user_id=None, now=now).file
    made = make(parts, now, product_id=house.product, file_id=file.id)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set do_not_track = true where id = :p"), {"p": house.people[1]})
    made.send(fields={"email": "p1@hamana-techno.example"})
    made.send(fields={"email": "p2@hamana-techno.example"})
    tracked, plain = made.mails()
    (token,) = [word.partition("/c/")[2] for word in tracked.text.split() if "/c/" in word]
    read = parts.signer.read(token, TokenKind.CLICK)
    assert read.ids[0] == tracked.id
    assert b"/f/" in read.tail
    assert "/c/" in tracked.html
    assert "/c/" not in plain.text + plain.html
    assert "/f/" in plain.text


def test_nothing_that_a_visitor_typed_stands_in_the_mail_to_the_address_they_typed(form: Made) -> None:
    form.send(fields={"company": "<b>買ってください</b>", "name": "だれか\r\nBcc: x@y.example"})
    (mail,) = form.mails()
    for part in (mail.subject, mail.text, mail.html):
        assert "買って" not in part
        assert "だれか" not in part


def test_an_inquiry_makes_hot_alerts_the_owner_and_reaches_them_by_mail(
    parts: Parts, house: world.World, now: datetime
) -> None:
    owner = _user(Made(parts, now, 0, ""))
    made = make(parts, now, Kind.INQUIRY, product_id=house.product, owner_user_id=owner)
    made.send(fields={"name": "鈴木 一郎", "message": "=cmd|' /C calc'!A0 の見積りは？"})
    assert made.rows("select rank from product_leads order by id desc limit 1")[0].rank == "hot"
    kinds = {row.kind for row in made.rows("select kind from alerts")}
    assert {"form_inquiry", "hot"} <= kinds
    told = [mail for mail in made.mails() if mail.to_address == "boss@minori.example"]
    assert "お問い合わせ：掛川精工株式会社 鈴木 一郎" in [mail.subject for mail in told]
    assert any("の見積りは？" in mail.text for mail in told)


# --- confirmation and refusals ---------------------------------------------------------------------------


def _confirm_token(form: Made) -> str:
    return next(
        word.partition("/form/confirm/")[2]
        for mail in form.mails()
        for word in mail.text.split()
        if "/form/confirm/" in word
    )


def test_with_double_opt_in_nothing_exists_until_the_mailbox_has_answered(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, Kind.NEWSLETTER, product_id=house.product)
    people = made.count("people")
    made.send()
    assert (made.states(), made.count("people"), made.count("touchpoints")) == (["pending"], people, 0)
    token = _confirm_token(made)
    later = now + timedelta(days=3)
    for _ in range(5):  # scanners
        asked = confirm_form.look(parts, token, now=later)
        assert asked is not None
        assert asked.state == "open"
    assert made.count("touchpoints") == 0
    confirm_form.run(parts, token, now=later)
    confirm_form.run(parts, token, now=later)
    (touch,) = made.rows("select * from touchpoints")
    assert (touch.kind, touch.at) == ("newsletter", now + SLOWLY)
    (consent,) = made.rows("select * from consents where method = 'web'")
    assert consent.obtained_at == later
    assert "confirmed_at" in consent.evidence
    assert made.states() == ["done"]
    assert made.rows("select 1 from enrollments where person_id = :p", p=touch.person_id)


def test_what_nobody_confirms_within_two_weeks_is_let_go_with_everything_typed(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, Kind.NEWSLETTER)
    made.send()
    token = _confirm_token(made)
    assert confirm_form.expire(parts, now=now + timedelta(days=13)) == 0
    asked = confirm_form.run(parts, token, now=now + timedelta(days=15))
    assert asked is not None
    assert asked.state == "expired"
    assert confirm_form.expire(parts, now=now + timedelta(days=15)) == 1
    assert made.rows("select state, answers from form_entries") == [("expired", {})]


def test_who_sent_an_entry_from_which_browser_is_forgotten_after_90_days(form: Made, now: datetime) -> None:
    form.send(visitor="0123456789abcdefghijk", ua="Mozilla/5.0", net="192.0.2.0/24")
    sent = "select visitor, ua, net from form_entries"
    confirm_form.expire(form.parts, now=now + timedelta(days=89))
    assert tuple(form.rows(sent)[0]) == ("0123456789abcdefghijk", "Mozilla/5.0", "192.0.2.0/24")
    confirm_form.expire(form.parts, now=now + timedelta(days=91))
    assert tuple(form.rows(sent)[0]) == ("", "", "")


def test_what_was_kept_aside_is_thrown_away_after_90_days_and_nothing_else(form: Made, now: datetime) -> None:
    form.send(trap="x")
    form.send(token=show_form.show(form.parts, form.key, now=now).token, fields={"email": "a@b.example"})
    confirm_form.expire(form.parts, now=now + timedelta(days=89))
    assert form.states() == ["aside", "done"]
    confirm_form.expire(form.parts, now=now + timedelta(days=91))
    assert form.states() == ["dropped", "done"]
    assert form.rows("select answers from form_entries where state = 'dropped'")[0].answers == {}


def test_a_form_goes_only_while_nothing_has_come_in(form: Made, house: world.World, now: datetime) -> None:
    empty = make(form.parts, now, product_id=house.product)
    design_form.delete(form.parts, empty.form_id, user_id=None, now=now)
    assert [row.id for row in form.rows("select id from forms")] == [form.form_id]
    with pytest.raises(Unknown):
        show_form.show(form.parts, empty.key, now=now)
    form.send(trap="x")
    with pytest.raises(Invalid):
        design_form.delete(form.parts, form.form_id, user_id=None, now=now)
    assert form.count("form_versions") == 1


def test_a_forged_confirmation_confirms_nothing(form: Made, now: datetime) -> None:
    for token in (
        "",
        "x",
        form.parts.signer.sign(TokenKind.ENTRY, 1),
        form.parts.signer.sign(TokenKind.CONFIRM, 99),
    ):
        assert confirm_form.run(form.parts, token, now=now) is None


def test_who_refused_everything_gets_the_material_but_no_scenario_until_they_confirm_the_new_consent(
    form: Made, house: world.World, now: datetime
) -> None:
    refuse.record(form.parts, scope="global", reason="user_link", email="p1@hamana-techno.example", now=now)
    form.send(fields={"email": "p1@hamana-techno.example"}, consents=True)
    (mail,) = form.mails()
    assert "停止されています" in mail.text
    assert form.rows("select 1 from consents where method = 'web'") == []
    assert form.rows("select 1 from enrollments") == []
    assert form.rows("select 1 from suppressions where lifted_at is not null") == []
    confirm_form.run(form.parts, _confirm_token(form), now=now + timedelta(hours=1))
    assert form.rows("select lifted_reason from suppressions") == [("consent",)]
    assert len(form.rows("select 1 from consents where method = 'web'")) == 1
    assert len(form.rows("select 1 from enrollments")) == 1


def test_consent_to_one_products_mail_does_not_lift_a_refusal_of_everything(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, product_id=house.product, for_product=True)
    refuse.record(parts, scope="global", reason="user_link", email="p1@hamana-techno.example", now=now)
    made.send(fields={"email": "p1@hamana-techno.example"}, consents=True)
    assert not any("/form/confirm/" in mail.text for mail in made.mails())
    assert made.rows("select 1 from suppressions where lifted_at is not null") == []


def test_a_browser_stays_with_whoever_came_after_an_entry_that_is_released_later(
    form: Made, now: datetime
) -> None:
    browser = "0123456789abcdefghijk"
    aside = form.send(visitor=browser, trap="x", fields={"email": "first@kakegawa.example"})
    assert aside.entry_id is not None
    form.send(at=now + timedelta(days=1), visitor=browser, fields={"email": "second@kakegawa.example"})
    work_entries.release(
        form.parts, form.form_id, aside.entry_id, user_id=_user(form), now=now + timedelta(days=2)
    )
    rows = form.rows(
        "select e.answers->>'email' as email, t.at from visitor_ties t join form_entries e"
        " on t.source = 'form:' || e.id order by t.at"
    )
    assert [(row.email, row.at - now) for row in rows] == [
        ("first@kakegawa.example", SLOWLY),
        ("second@kakegawa.example", timedelta(days=1) + SLOWLY),
    ]


@pytest.mark.parametrize("reason", ["complaint", "admin"])
def test_a_complaint_or_an_admins_word_is_not_lifted_by_a_form(
    form: Made, now: datetime, reason: str
) -> None:
    refuse.record(form.parts, scope="global", reason=reason, email="p1@hamana-techno.example", now=now)
    form.send(fields={"email": "p1@hamana-techno.example"}, consents=True)
    assert not any("/form/confirm/" in mail.text for mail in form.mails())


def test_consent_that_is_not_asked_for_is_never_recorded(
    parts: Parts, house: world.World, now: datetime
) -> None:
    made = make(parts, now, product_id=house.product, consent=Consent.NONE)
    made.send(consents=True)
    assert made.rows("select 1 from consents where method = 'web'") == []


# --- filled in from a mail --------------------------------------------------------------------------------


def test_a_click_in_a_mail_fills_in_the_company_and_a_masked_address_and_nothing_more(
    form: Made, house: world.World, now: datetime
) -> None:
    world.planned(form.parts, house, send_at=now, count=1)
    ik = visit_token(form.parts.signer, Visit(1, 7), now=now)
    public = show_form.show(form.parts, form.key, ik=ik, now=now)
    assert public.filled is not None
    assert (public.filled.masked, public.filled.company) == (
        "p•••••@hamana-techno.example",
        "浜名テクノ工業株式会社",
    )
    outcome = form.send(
        token=public.token, fields={"email": ""}, keeps_address=True, after=timedelta(seconds=2)
    )
    assert outcome.is_done
    (entry,) = form.rows("select * from form_entries")
    assert (entry.person_id, entry.delivery_id, entry.state) == (house.people[0], 1, "done")
    assert show_form.show(form.parts, form.key, ik=ik, now=now + timedelta(days=40)).filled is None
    assert show_form.show(form.parts, form.key, ik=ik[:-2], now=now).filled is None


def test_the_known_address_needs_the_page_that_was_made_for_it(form: Made) -> None:
    outcome = form.send(fields={"email": ""}, keeps_address=True)
    assert outcome.answers.errors == {"email": "missing"}


def _user(form: Made) -> int:
    with form.parts.engine.begin() as tx:
        return world.insert(
            tx, "users", email="boss@minori.example", name="営業 花子", role="marketer", created_at=form.now
        )


def silent_lead(form: Made) -> None:
    """The sender wrote half a year ago, so that the next act is a surge as well."""
    form.send(at=form.now - timedelta(days=180))
    with form.parts.engine.begin() as tx:
        tx.execute(text("update product_leads set created_at = created_at - interval '180 days'"))
        tx.execute(text("delete from alerts"))
        tx.execute(text("delete from delivery_bodies"))


def owner(parts: Parts, now: datetime) -> int:
    """Owns every product."""
    user_id = _user(Made(parts, now, 0, ""))
    with parts.engine.begin() as tx:
        tx.execute(text("update products set owner_user_id = :id"), {"id": user_id})
    return user_id


def test_an_inquiry_that_makes_a_silent_lead_hot_is_one_notice_to_its_owner(
    parts: Parts, house: world.World, now: datetime
) -> None:
    user_id = owner(parts, now)
    form = make(parts, now, Kind.INQUIRY, product_id=house.product, owner_user_id=user_id)
    silent_lead(form)
    form.send(fields={"name": "鈴木 一郎", "message": "9月に決めたい"})
    assert [row.kind for row in form.rows("select kind from alerts where user_id = :u", u=user_id)] == [
        "form_inquiry"
    ]
    [mail] = [mail for mail in form.mails() if mail.to_address == "boss@minori.example"]
    assert "9月に決めたい" in mail.text
    assert "今すぐ客です" in mail.text


def test_an_owner_who_is_not_told_of_the_form_hears_once_of_the_hot_lead(
    parts: Parts, house: world.World, now: datetime
) -> None:
    user_id = owner(parts, now)
    form = make(parts, now, Kind.INQUIRY, product_id=house.product)
    silent_lead(form)
    form.send(fields={"name": "鈴木 一郎", "message": "9月に決めたい"})
    assert [row.kind for row in form.rows("select kind from alerts where user_id = :u", u=user_id)] == ["hot"]
    assert len([mail for mail in form.mails() if mail.to_address == "boss@minori.example"]) == 1


def test_the_owner_hears_of_a_confirmed_entry_what_its_confirmation_brought(
    parts: Parts, house: world.World, now: datetime
) -> None:
    user_id = owner(parts, now)
    form = make(parts, now, Kind.INQUIRY, product_id=house.product, owner_user_id=user_id, confirms=True)
    entry_id = form.send(fields={"name": "鈴木 一郎", "message": "9月に決めたい"}).entry_id
    token = form.parts.signer.sign(TokenKind.CONFIRM, entry_id)
    confirm_form.run(form.parts, token, now=now + timedelta(hours=1))
    kinds = [
        row.kind for row in form.rows("select kind from alerts where user_id = :u order by id", u=user_id)
    ]
    assert kinds == ["form_inquiry", "hot"]
