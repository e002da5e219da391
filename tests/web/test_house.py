"""The rules of the whole house: monthly cap and calls a day."""

from __future__ import annotations

from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol, house_rules, plan, self_audit
from tests import world
from tests.web.conftest import SignIn


def ask(client: FlaskClient, parts: Parts, **changed: object) -> tuple[int, str]:
    form = {
        "cap_max": 1,
        "cap_reason": "",
        "calls": 20,
        "stale_days": 14,
        "version": house_rules.read(parts).version,
    } | changed
    answer = client.post("/house", data=form)
    return answer.status_code, answer.text


def test_the_cap_rises_with_a_reason_that_is_kept(client: FlaskClient, parts: Parts) -> None:
    status, page = ask(client, parts, cap_max=2)
    assert status == 422
    assert "理由を書いてください" in page
    assert ask(client, parts, cap_max=2, cap_reason="消耗品は月に2度の案内を約束している")[0] == 302
    assert house_rules.read(parts).cap_max == 2
    with parts.engine.connect() as tx:
        kept = tx.execute(text("select field, old, new from audit_values")).all()
    assert ("cap_max", "1", "2") in {tuple(row) for row in kept}


def test_more_than_three_mails_a_month_are_refused(client: FlaskClient, parts: Parts) -> None:
    status, page = ask(client, parts, cap_max=4, cap_reason="x")
    assert (status, house_rules.read(parts).cap_max) == (422, 1)
    assert "1通から3通まで" in page


def test_the_cap_is_not_lowered_below_what_is_promised(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    ask(client, parts, cap_max=2, cap_reason="試験")
    made = world.build(parts, count=3, offsets=(0,))
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
                " select p, p, n, 24400, n, p * 10 + n from unnest(cast(:people as bigint[])) p, generate_series(1, 2) n"
            ),
            {"people": list(made.people)},
        )
    status, page = ask(client, parts, cap_max=1)
    assert status == 422
    assert "3名" in page


def test_calls_a_day_are_a_whole_number(client: FlaskClient, parts: Parts) -> None:
    assert ask(client, parts, calls="many")[0] == 422
    assert ask(client, parts, calls=35)[0] == 302
    assert house_rules.read(parts).calls == 35


def test_two_admins_do_not_overwrite_each_other(client: FlaskClient, parts: Parts) -> None:
    version = house_rules.read(parts).version
    assert ask(client, parts, calls=30, version=version)[0] == 302
    status, page = ask(client, parts, calls=40, version=version)
    assert (status, house_rules.read(parts).calls) == (409, 30)
    assert "ほかの人が先に" in page


def test_only_an_admin_changes_them(sign_in: SignIn, parts: Parts) -> None:
    assert sign_in("marketer").get("/house").status_code == 403


def test_a_month_of_a_higher_cap_is_no_finding_of_the_audit_later(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1, offsets=(0,))
    enrol.audience(parts, made.scenario, now=now)
    plan.run(parts, now=now)
    with parts.engine.begin() as tx:
        for n in (1, 2):
            world.insert(
                tx, "deliveries", origin=f"old:{n}", person_id=made.people[0], product_id=n, month=24000, state="sent",
                created_at=now, sent_at=now, send_at=now,
            )  # fmt: skip
    assert self_audit.run(parts, now=now).found["over_cap"] == 0
