"""Every delivery stands in exactly one group with its reason; doubts, pause and export do what they say."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, select, update

from campaigns import rates
from campaigns.parts import Parts
from campaigns.rules import cells
from campaigns.rules.deliveries import State
from campaigns.rules.schedule import month_of
from campaigns.services import render
from campaigns.storage import deliveries, flow
from campaigns.storage import tables as t
from campaigns.storage.deliveries import GROUPS, Filter
from campaigns.web import delivery_words
from mailer.catcher import Catcher
from mailer.receipts import NoJournal, Outcome, Receipt
from mailer.replies import Reason
from mailer.throttle import Limits, Result
from mailer.transports import transport_for
from tests import world
from tests.services.test_publish import House, add_person, deliver_to, house, make, publish_it

__all__ = ["house"]


@pytest.fixture
def planned(parts: Parts, house: House, now: datetime) -> list[int]:
    """One delivery in every state, of as many people."""
    publish_it(parts, make(parts, house, now), now)
    ids = []
    for n, state in enumerate(State, start=1):
        id = deliver_to(parts, house, add_person(parts, house, now, n=n, name=f"担当 {state}"), now)
        with parts.engine.begin() as tx:
            tx.execute(
                update(t.deliveries)
                .where(t.deliveries.c.id == id)
                .values(state=state, month=month_of(now), until=date(2026, 12, 1))
            )
        ids.append(id)
    return ids


def doubt_of(parts: Parts) -> int:
    with parts.engine.connect() as tx:
        id: int = tx.execute(select(t.deliveries.c.id).where(t.deliveries.c.state == "in_doubt")).scalar_one()
    return id


def test_every_state_belongs_to_exactly_one_group() -> None:
    states = [state for group in GROUPS.values() for state in group]
    assert sorted(states) == sorted(State)
    assert len(set(states)) == len(states)


def test_the_figures_add_up_and_every_figure_opens_its_rows(
    client: FlaskClient, parts: Parts, planned: list[int]
) -> None:
    with parts.engine.connect() as tx:
        counts = deliveries.counts(tx, Filter())
    assert sum(counts.values()) == len(planned)
    for group, n in counts.items():
        page = client.get(f"/deliveries?show={group}").get_data(as_text=True)
        assert page.count("担当 ") - page.count("<strong>担当 ") == n, group
    assert client.get("/deliveries").status_code == 200


def test_a_reason_stands_in_words_with_the_next_date(
    client: FlaskClient, parts: Parts, planned: list[int], house: House
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            update(t.deliveries)
            .where(t.deliveries.c.state == "carried_over")
            .values(reason="rank", reason_args={"product_id": house.product})
        )
    page = client.get("/deliveries?show=held").get_data(as_text=True)
    assert "「外観検査装置」の枠が先のため12月1日まで保留：見込度の高い方が先" in page
    assert "12/01" in page


def test_said_to_have_arrived_keeps_the_slot_and_the_other_answer_frees_it(
    client: FlaskClient, parts: Parts, house: House, planned: list[int], now: datetime
) -> None:
    doubt = doubt_of(parts)
    with parts.engine.begin() as tx:
        row = tx.execute(
            select(t.deliveries.c.person_id, t.deliveries.c.address_id).where(t.deliveries.c.id == doubt)
        ).one()
        tx.execute(
            insert(t.mail_slots).values(
                person_id=row.person_id,
                address_id=row.address_id,
                product_id=house.product,
                month=month_of(now),
                slot_no=1,
                delivery_id=doubt,
            )
        )
    client.post(f"/deliveries/{doubt}/lost")
    with parts.engine.connect() as tx:
        after = tx.execute(
            select(t.deliveries.c.state, t.deliveries.c.reason).where(t.deliveries.c.id == doubt)
        ).one()
        assert tuple(after) == ("failed", "said_not_arrived")
        assert tx.execute(select(t.mail_slots.c.delivery_id)).one_or_none() is None
    client.post(f"/deliveries/{doubt}/arrived")
    with parts.engine.connect() as tx:
        assert (
            tx.execute(select(t.deliveries.c.state).where(t.deliveries.c.id == doubt)).scalar_one()
            == "failed"
        ), "the first answer stands"


def test_an_answer_is_for_mails_in_doubt_alone(client: FlaskClient, parts: Parts, planned: list[int]) -> None:
    for id in planned:
        with parts.engine.connect() as tx:
            state = tx.execute(select(t.deliveries.c.state).where(t.deliveries.c.id == id)).scalar_one()
        client.post(f"/deliveries/{id}/arrived")
        with parts.engine.connect() as tx:
            after = tx.execute(select(t.deliveries.c.state).where(t.deliveries.c.id == id)).scalar_one()
        assert after == ("sent" if state == "in_doubt" else state)


def test_stop_all_moves_the_counter_that_running_batches_read(
    client: FlaskClient, parts: Parts, planned: list[int]
) -> None:
    def stops() -> tuple[int, bool]:
        with parts.engine.connect() as tx:
            return tuple(tx.execute(select(t.stops.c.n, t.stops.c.paused)).one())

    n, paused = stops()
    assert not paused
    client.post("/deliveries/pause", data={"reason": "件名の誤り"})
    assert stops() == (n + 1, True)
    page = client.get("/deliveries").get_data(as_text=True)
    assert "すべての配信を止めています。" in page
    assert "件名の誤り" in page
    client.post("/deliveries/resume")
    assert stops() == (n + 2, False)


def test_a_mail_server_that_is_away_is_said_with_what_waits(
    client: FlaskClient, parts: Parts, planned: list[int], now: datetime
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            update(t.deliveries)
            .where(t.deliveries.c.state == "retry")
            .values(reason="smtp_away", send_at=now + timedelta(minutes=5))
        )
    page = client.get("/deliveries").get_data(as_text=True)
    assert "送信サーバーにつながりません。" in page
    assert "失われるものはありません。" in page


def test_the_export_is_logged_and_holds_no_formula(
    client: FlaskClient, parts: Parts, planned: list[int]
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(update(t.people).where(t.people.c.id == 1).values(full_name='=HYPERLINK("x")'))
    answer = client.get("/deliveries/deliveries.csv?month=all")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert len(rows) == len(planned) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    with parts.engine.connect() as tx:
        log = tx.execute(select(t.export_log)).one()
    assert (log.kind, log.rows, len(log.person_ids)) == ("deliveries", len(planned), len(planned))


@pytest.mark.parametrize("cell", ["=1+1", "+81", "-1", "@x", "\tx", "＝１"])
def test_a_cell_never_becomes_a_formula(cell: str) -> None:
    assert cells.inert(cell) == f"'{cell}"


@pytest.mark.parametrize("query", ["month=2026-13", "month=x", "show=nothing", "kind=other"])
def test_a_choice_that_does_not_exist_is_a_page_not_a_crash(client: FlaskClient, query: str) -> None:
    assert client.get(f"/deliveries?{query}").status_code == 404


def test_the_pager_keeps_the_choices(
    client: FlaskClient, parts: Parts, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campaigns.web import deliveries as web

    monkeypatch.setattr(web, "PAGE", 2)
    publish_it(parts, make(parts, house, now), now)
    for n in range(1, 6):
        deliver_to(parts, house, add_person(parts, house, now, n=n), now)
    with parts.engine.begin() as tx:
        tx.execute(update(t.deliveries).values(month=month_of(now)))
    page = client.get("/deliveries?show=planned").get_data(as_text=True)
    found = re.search(r'href="([^"]*from=2[^"]*)"', page)
    assert found
    assert "show=planned" in found[1]
    second = client.get(found[1].replace("&amp;", "&")).get_data(as_text=True)
    assert "from=4" in second


def test_the_catcher_shows_a_caught_mail_sandboxed_and_nothing_outside_its_folder(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    folder = parts.catcher_folder
    folder.mkdir(parents=True, exist_ok=True)
    assert "まだ1通も届いていません。" in client.get("/caught").get_data(as_text=True)
    publish_it(parts, make(parts, house, now), now)
    id = deliver_to(parts, house, add_person(parts, house, now, name="<b>若林</b>"), now)
    with parts.engine.connect() as tx:
        item = render.items(tx, parts, [id], now=now)[id]
    caught = Catcher(folder, host="127.0.0.1", port=0)
    caught.start()
    transport = transport_for(caught.url, ehlo_name="localhost")
    receipts: list[Receipt] = []
    transport.send_batch([item], journal=NoJournal(), before_body=lambda _id: True, on_result=receipts.append)
    transport.close()
    caught.stop()
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED]
    page = client.get("/caught").get_data(as_text=True)
    found = re.search(r'href="(/caught/[^"?]+\.eml)"', page)
    assert found
    shown = client.get(found[1]).get_data(as_text=True)
    assert "List-Unsubscribe-Post" in shown
    assert "<b>若林" not in shown
    frame = client.get(f"{found[1]}/html")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert client.get(f"{found[1]}/raw").mimetype == "text/plain"
    assert client.get("/caught/..%2Fkeys").status_code == 404
    assert client.get("/caught/00000000-nothing.eml").status_code == 404


def test_a_stop_asks_first_with_its_numbers_and_wants_a_reason(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=now + timedelta(hours=1))
    of = f"scenario:{made.scenario}"
    page = client.get(f"/deliveries/stop?of={of}&at=page").get_data(as_text=True)
    assert "2通と2名を停止する" in page
    refused = client.post("/deliveries/stop", data={"of": of, "reason": " ", "at": "page"})
    assert refused.status_code == 422
    assert "理由を入力してください。" in refused.get_data(as_text=True)
    done = client.post("/deliveries/stop", data={"of": of, "reason": "展示会が中止", "at": "page"})
    assert done.headers["Location"] == f"/scenarios/{made.scenario}"
    assert world.states(parts) == {"cancelled": 2}
    with parts.engine.connect() as tx:
        assert tx.execute(select(t.scenarios.c.status)).scalar_one() == "ended"
        told = tx.execute(select(t.audit_log.c.user_id).where(t.audit_log.c.action == "stop")).scalar_one()
    assert told is not None
    again = client.get(f"/deliveries/stop?of={of}").get_data(as_text=True)
    assert "いま終わらせるものはありません。" in again


def test_a_product_is_paused_on_its_own_page_and_shown_on_all_three(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    of = f"product:{house.product}"
    pressed = client.post("/deliveries/pause", data={"of": of, "reason": "価格の改定", "at": "page"})
    assert pressed.headers["Location"] == f"/products/{house.product}"
    for path in ("/deliveries", f"/products/{house.product}", f"/scenarios/{scenario_id}"):
        page = client.get(path).get_data(as_text=True)
        assert "価格の改定" in page, path
        assert "佐伯 美和" in page, path
    client.post("/deliveries/resume", data={"of": of})
    assert "価格の改定" not in client.get("/deliveries").get_data(as_text=True)


@pytest.mark.parametrize(
    "of", ["x", "product:999", "scenario:0", "product:１", "all:1", "scenario:" + "9" * 30]
)
def test_what_is_not_there_cannot_be_held(client: FlaskClient, of: str) -> None:
    for act in ("pause", "resume", "stop"):
        answer = client.post(f"/deliveries/{act}", data={"of": of, "reason": "x"})
        assert answer.status_code == 404, act
    assert client.get("/deliveries/stop", query_string={"of": of}).status_code == 404


def test_a_domain_that_throttles_is_shown_with_its_queue_and_the_servers_words(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    publish_it(parts, make(parts, house, now), now)
    deliver_to(parts, house, add_person(parts, house, now, n=1), now)
    with parts.engine.begin() as tx:
        tx.execute(update(t.deliveries).values(state="planned", send_at=now - timedelta(minutes=1)))
    page = client.get("/deliveries").get_data(as_text=True)
    assert "hamana.example" in page
    assert "送信できています" in page
    rates.SharedRates(parts.redis, Limits.parse("")).report(
        {"hamana.example": Result(throttled=1, reason="throttled", code=421, text="4.7.0 <b>slow</b> down")},
        now_s=now.timestamp(),
    )
    page = client.get("/deliveries").get_data(as_text=True)
    assert "止めて待っています" in page
    assert "送る速さを落とすよう言われました" in page
    assert "421" in page
    assert "&lt;b&gt;slow" in page


def test_the_speed_counts_the_last_minute_hour_and_day(
    client: FlaskClient, parts: Parts, planned: list[int], now: datetime
) -> None:
    with parts.engine.begin() as tx:
        for ago, sent in ((10, 1), (40, 2), (600, 4), (5000, 8)):
            at = now - timedelta(seconds=ago)
            tx.execute(
                insert(t.claims).values(
                    token=f"claim-{ago}", size=sent, sent=sent, claimed_at=at, lease_until=at, settled_at=at
                )
            )
        tx.execute(
            insert(t.mail_days).values(
                day=date(2026, 11, 24), product_id=house_product(tx), scenario_id=1, sent=7
            )
        )
        rate = flow.rate(tx, now=now, today=date(2026, 11, 24))
    assert (rate.minute, rate.hour, rate.today, rate.yesterday) == (3, 7, 7, 0)


def house_product(tx: Connection) -> int:
    id: int = tx.execute(select(t.products.c.id)).scalar_one()
    return id


def test_doubts_of_every_month_are_counted_and_the_oldest_listed(
    parts: Parts, planned: list[int], now: datetime
) -> None:
    with parts.engine.begin() as tx:
        for place, id in enumerate(planned):
            tx.execute(
                update(t.deliveries)
                .where(t.deliveries.c.id == id)
                .values(state="in_doubt", month=month_of(now) - place % 3)
            )
        count, lines = deliveries.in_doubt(tx, limit=4)
        assert deliveries.months(tx) == (month_of(now), month_of(now) - 1, month_of(now) - 2)
    assert count == len(planned)
    assert [line.id for line in lines] == planned[:4]


def test_the_reasons_of_a_person_stand_by_month(
    client: FlaskClient, parts: Parts, planned: list[int], house: House
) -> None:
    page = client.get("/deliveries/why/1").get_data(as_text=True)
    assert "2026年11月" in page
    assert "いまの条件" in page
    assert client.get("/deliveries/why/999").status_code == 404
    english = client.get("/deliveries/why/1?lang=en&months=999").get_data(as_text=True)
    assert "What holds now" in english
    assert "November 2026" in english


def test_every_answer_of_a_server_has_its_words() -> None:
    silent = {Reason.ACCEPTED}
    assert [
        reason for reason in Reason if reason not in silent and delivery_words.plain(reason) == reason
    ] == []
