"""Every delivery stands in exactly one group with its reason; doubts, pause and export do what they say."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from campaigns.parts import Parts
from campaigns.rules import cells
from campaigns.rules.deliveries import State
from campaigns.rules.schedule import month_of
from campaigns.services import render
from campaigns.storage import deliveries
from campaigns.storage import tables as t
from campaigns.storage.deliveries import GROUPS, Filter
from mailer.catcher import Catcher
from mailer.receipts import NoJournal, Outcome, Receipt
from mailer.transports import transport_for
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
    assert "見込度の高い「外観検査装置」が先です" in page
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
        assert tx.execute(select(t.mail_slots.c.id)).one_or_none() is None
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
