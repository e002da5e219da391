"""Import, end to end on the database: preview, confirm, twice, undo; nothing half-written."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.imports import Settings
from campaigns.rules.texts import ListError
from campaigns.sample import exhibition
from campaigns.services import enrol, import_list, import_undo, plan, rerank
from campaigns.services.import_list import Imported, ImportRefused
from tests import world

HEAD = "会社名,部署名,役職,氏名,メール,電話,名刺交換日"
ROWS = """
㈱浜名テクノ,品質保証部,課長,山田 太郎,taro@hamana.example,053-000-1000,2026/11/12
浜名テクノ株式会社,製造部,部長,鈴木 花子,hanako@hamana.example,,2026/11/12
株式会社浜名テクノ,品質保証部,課長,山田　太郎,TARO@hamana.example,,2026/11/13
東雲精密㈱,,,髙橋 潔,,03-0000-1000,
東雲精密㈱,,,北条 真紀,kita@shinonome,,
合計,,,4,,,
"""


def rows_of(parts: Parts, query: str, **values: object) -> list[Any]:
    with parts.engine.connect() as tx:
        return list(tx.execute(text(query), values))


def one(parts: Parts, query: str, **values: object) -> Any:
    (row,) = rows_of(parts, query, **values)
    return row[0]


def count(parts: Parts, table: str) -> int:
    return int(one(parts, f"select count(*) from {table}"))


def product(parts: Parts) -> int:
    with parts.engine.begin() as tx:
        return world.product(tx)


def settle(parts: Parts, batch: int, now: datetime, **changed: object) -> import_list.Preview:
    """Preview with answers: cards, written consent, purpose published."""
    _, settings, _ = import_list.sample(parts, batch)
    answers: dict[str, object] = {"kind": "card_exchange", "basis": "card_written", "purpose_published": True}
    return import_list.preview(parts, batch, settings=replace(settings, **(answers | changed)), now=now)  # type: ignore[arg-type]


def bring(parts: Parts, body: str, now: datetime, *, head: str = HEAD, **changed: object) -> Imported:
    data = f"{head}\n{body.strip()}\n".encode("cp932")
    batch = import_list.read(parts, data=data, file_name="list.csv", user_id=None, now=now)
    settle(parts, batch, now, **changed)
    return import_list.confirm(parts, batch, now=now, user_id=None)


EMPTY = (
    "people",
    "companies",
    "addresses",
    "consents",
    "touchpoints",
    "product_leads",
    "affiliations",
    "suppressions",
)


def test_a_preview_counts_every_row_and_writes_nothing_about_people(parts: Parts, now: datetime) -> None:
    data = f"{HEAD}\n{ROWS.strip()}\n".encode("cp932")
    batch = import_list.read(parts, data=data, file_name="list.csv", user_id=None, now=now)
    preview = settle(parts, batch, now)
    assert preview.counts == {"new": 3, "update": 0, "duplicate": 1, "review": 0, "refused": 0, "no_consent": 0, "error": 2}  # fmt: skip
    assert (preview.rows, preview.people, preview.problems) == (6, 3, ())
    assert {table: count(parts, table) for table in EMPTY} == dict.fromkeys(EMPTY, 0)


def test_an_import_writes_people_companies_consents_touches_and_leads(parts: Parts, now: datetime) -> None:
    id = product(parts)
    done = bring(parts, ROWS, now, product_id=id)
    assert len(done.person_ids) == 3
    assert done.product_id == id
    companies = rows_of(parts, "select name, legal_form, tel from companies order by id")
    assert [tuple(row) for row in companies] == [
        ("㈱浜名テクノ", "kk", "053-000-1000"),
        ("東雲精密㈱", "kk", "03-0000-1000"),
    ]
    taro = rows_of(
        parts,
        "select p.full_name, a.email, f.department, f.card_on, l.state, l.acquired_at from people p"
        " join addresses a on a.id = p.address_id join affiliations f on f.person_id = p.id"
        " join product_leads l on l.person_id = p.id where a.email_key = 'taro@hamana.example'",
    )
    assert tuple(taro[0]) == (
        "山田 太郎", "taro@hamana.example", "品質保証部", date(2026, 11, 12), "nurturing",
        datetime(2026, 11, 12, 3, tzinfo=UTC),
    )  # fmt: skip
    touches = rows_of(parts, "select source_key, kind, depth, channel from touchpoints order by id")
    assert [tuple(row)[1:] for row in touches] == [("card_exchange", 2, "offline")] * 4
    assert {row.source_key for row in touches} == {f"import:{done.batch_id}:{line}" for line in (2, 3, 4, 5)}
    consent = rows_of(parts, "select basis, evidence from consents order by id")[0]
    assert (consent.basis, consent.evidence["line"], consent.evidence["file"]) == (
        "card_written",
        2,
        "list.csv",
    )
    assert one(parts, "select count(*) from audit_log where noun = 'import' and action = 'import'") == 1
    assert one(parts, "select file is null from import_batches")


def test_confirming_twice_changes_nothing_the_second_time(parts: Parts, now: datetime) -> None:
    done = bring(parts, ROWS, now)
    before = {table: count(parts, table) for table in EMPTY}
    again = import_list.confirm(parts, done.batch_id, now=now, user_id=None)
    assert again.again
    assert again.person_ids == done.person_ids
    assert {table: count(parts, table) for table in EMPTY} == before


def test_importing_the_same_list_again_updates_and_repeats_no_touch(parts: Parts, now: datetime) -> None:
    first = bring(parts, ROWS, now)
    touches = count(parts, "touchpoints")
    again = bring(parts, ROWS, now + timedelta(hours=1))
    assert set(again.person_ids) == set(first.person_ids)
    assert again.counts["update"] == 3
    # The row without a date falls on each import's own day, so it is the one new touch.
    assert count(parts, "touchpoints") == touches + 1
    _, preview = import_list.shown(parts, again.batch_id)
    assert preview.same_file_at is not None


def test_without_an_answer_about_consent_nothing_is_written(parts: Parts, now: datetime) -> None:
    with pytest.raises(ImportRefused) as caught:
        bring(parts, ROWS, now, basis="")
    assert [reason.code for reason in caught.value.reasons] == ["basis_missing"]
    assert count(parts, "people") == 0


def test_no_basis_means_stored_but_not_mailable(parts: Parts, now: datetime) -> None:
    done = bring(parts, ROWS, now, basis="none")
    assert done.counts["no_consent"] == 2
    assert (count(parts, "people"), count(parts, "consents")) == (3, 0)


def test_empty_never_overwrites_and_an_older_card_never_rolls_back(parts: Parts, now: datetime) -> None:
    bring(parts, "㈱浜名テクノ,品質保証部,課長,山田 太郎,taro@hamana.example,053-000-1000,2026/11/12", now)
    bring(parts, "㈱白鷺部品,購買課,係長,山田 太郎,taro@hamana.example,,2020/4/1", now)
    bring(parts, "㈱浜名テクノ,,次長,山田 太郎,taro@hamana.example,053-999-9999,2026/11/20", now)
    person = rows_of(parts, "select tel from people")
    assert [row.tel for row in person] == ["053-000-1000"]
    current = rows_of(
        parts,
        "select c.name, f.department, f.title from affiliations f join companies c on c.id = f.company_id"
        " where f.is_current",
    )
    assert [tuple(row) for row in current] == [("㈱浜名テクノ", "品質保証部", "次長")]
    assert count(parts, "affiliations") == 2, "the older card is history"


def test_a_new_company_on_a_newer_card_ends_the_old_affiliation(parts: Parts, now: datetime) -> None:
    bring(parts, "㈱浜名テクノ,品質保証部,課長,山田 太郎,taro@hamana.example,,2025/11/12", now)
    done = bring(parts, "㈱白鷺部品,購買課,係長,山田 太郎,taro@hamana.example,,2026/11/12", now)
    found = "select c.name, f.is_current, f.ended_on from affiliations f join companies c on c.id = f.company_id order by f.id"
    assert [tuple(row) for row in rows_of(parts, found)] == [
        ("㈱浜名テクノ", False, date(2026, 11, 12)),
        ("㈱白鷺部品", True, None),
    ]
    undone = import_undo.run(parts, done.batch_id, now=now, user_id=None)
    assert undone.person_ids == done.person_ids
    assert [tuple(row) for row in rows_of(parts, found)] == [("㈱浜名テクノ", True, None)]


def test_another_name_at_a_known_mailbox_is_a_second_person_shown_for_review(
    parts: Parts, now: datetime
) -> None:
    bring(parts, "㈱浜名テクノ,,,山田 太郎,info@hamana.example,,", now)
    done = bring(parts, "㈱浜名テクノ,,,鈴木 花子,info@hamana.example,,", now)
    assert done.counts == {"review": 1}
    assert (count(parts, "people"), count(parts, "addresses")) == (2, 1)
    candidate = rows_of(parts, "select a_id, b_id, reason, state from match_candidates")[0]
    assert tuple(candidate) == (1, 2, "same_mailbox", "pending")


def test_a_refusal_stays_whatever_the_next_list_says(parts: Parts, now: datetime) -> None:
    head = f"{HEAD},メール配信可否"
    bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,,拒否", now, head=head)
    refusal = rows_of(parts, "select scope, reason, key_hash, lifted_at from suppressions")[0]
    assert (refusal.scope, refusal.reason, refusal.lifted_at) == ("global", "import", None)
    assert bytes(refusal.key_hash) == parts.key_hash("taro@hamana.example")
    done = bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,,可", now, head=head)
    assert done.counts == {"refused": 1}
    assert count(parts, "suppressions") == 1
    assert one(parts, "select count(*) from consents where basis = 'opt_in'") == 0


def test_a_list_of_refusals_binds_mailboxes_not_known_yet(parts: Parts, now: datetime) -> None:
    bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,", now)
    before = one(parts, "select n from stops")
    data = "taro@hamana.example\nＬＡＴＥＲ@shinonome.example\nnobody\n".encode()
    batch = import_list.read(parts, data=data, file_name="stop.txt", user_id=None, now=now, kind="refusals")
    _, settings, _ = import_list.sample(parts, batch)
    preview = import_list.preview(parts, batch, settings=settings, now=now)
    assert (preview.counts["update"], preview.counts["new"], preview.counts["error"]) == (1, 1, 1)
    import_list.confirm(parts, batch, now=now, user_id=None)
    assert one(parts, "select n from stops") > before
    assert one(parts, "select count(*) from addresses") == 1, "an unknown mailbox is kept as its hash alone"
    later = bring(parts, "東雲精密㈱,,,髙橋 潔,later@shinonome.example,,", now)
    assert later.counts == {"refused": 1}


def test_a_refusal_for_one_product_leaves_the_other_open(parts: Parts, now: datetime) -> None:
    with parts.engine.begin() as tx:
        first, second = world.product(tx), world.product(tx, "測定機", list_key="measure")
    data = b"mail\ntaro@hamana.example\n"
    batch = import_list.read(parts, data=data, file_name="stop.csv", user_id=None, now=now, kind="refusals")
    _, settings, _ = import_list.sample(parts, batch)
    import_list.preview(parts, batch, settings=replace(settings, scope="product", product_id=first), now=now)
    import_list.confirm(parts, batch, now=now, user_id=None)
    row = "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,"
    assert bring(parts, row, now, product_id=first).counts == {"refused": 1}
    assert bring(parts, row, now, product_id=second).counts == {"update": 1}


def test_badge_scans_need_the_organisers_terms(parts: Parts, now: datetime) -> None:
    row = "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,"
    scans = {"kind": "badge_scan", "basis": "card_written"}
    assert bring(parts, row, now, **scans).counts == {"no_consent": 1}
    terms = {**scans, "organiser_terms": True, "wording": "出展社への提供と案内メールに同意します"}
    assert bring(parts, row, now, **terms).counts == {"update": 1}
    consent = rows_of(parts, "select basis, method, wording from consents")[0]
    assert tuple(consent) == ("opt_in", "organiser_terms", "出展社への提供と案内メールに同意します")


def test_a_column_decides_the_touch_of_each_row(parts: Parts, now: datetime) -> None:
    head = f"{HEAD},ランク"
    body = "\n".join(
        f"㈱浜名テクノ,,,山田 {n}子,p{n}@hamana.example,,,{value}"
        for n, value in enumerate(("A", "B", "", "謎"))
    )
    kinds = {"A": "booth_talk_prospect", "B": "booth_talk", "": "badge_scan"}
    bring(parts, body, now, head=head, kind_field="temperature", kind_values=kinds)
    found = [row.kind for row in rows_of(parts, "select kind from touchpoints order by id")]
    assert found == ["booth_talk_prospect", "booth_talk", "badge_scan", "card_exchange"]


def test_who_gave_the_list_stands_beside_the_consent(parts: Parts, now: datetime) -> None:
    row = "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,"
    bring(parts, row, now, third_party=True, giver="展示会事務局", given_on="2026-11-20")
    evidence = one(parts, "select evidence from consents")
    assert (evidence["giver"], evidence["given_on"], evidence["purpose_published"]) == (
        "展示会事務局",
        "2026-11-20",
        True,
    )


def test_excel_sheets_are_read_with_dates_numbers_and_lost_zeros(parts: Parts, now: datetime) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["会社名", "氏名", "メール", "電話番号", "名刺交換日"])
    sheet.append(["㈱浜名テクノ", "山田 太郎", "taro@hamana.example", 312345678, datetime(2026, 11, 12)])  # noqa: DTZ001
    out = io.BytesIO()
    book.save(out)
    batch = import_list.read(parts, data=out.getvalue(), file_name="a.xlsx", user_id=None, now=now)
    settle(parts, batch, now)
    import_list.confirm(parts, batch, now=now, user_id=None)
    assert one(parts, "select tel from people") == "0312345678"
    assert one(parts, "select card_on from affiliations") == date(2026, 11, 12)


def test_cells_pasted_from_a_spreadsheet_are_a_list(parts: Parts, now: datetime) -> None:
    data = "会社名\t氏名\tメール\n㈱浜名テクノ\t山田 太郎\ttaro@hamana.example".encode()
    batch = import_list.read(parts, data=data, file_name="", user_id=None, now=now)
    assert settle(parts, batch, now).counts["new"] == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 no workbook", "binary"),
        (b"\x89PNG\r\n\x1a\n", "binary"),
        (b"a" * 50_000_000, "too_big"),
        (('x,"y\n' * 3).encode(), "wrong_quotes"),
        (b",".join([b"c"] * 10_000), "too_many_columns"),
    ],
    ids=["empty", "zip", "picture", "fifty megabytes", "quotes", "ten thousand columns"],
)
def test_a_hopeless_file_leaves_no_trace(parts: Parts, now: datetime, data: bytes, code: str) -> None:
    with pytest.raises(ListError) as caught:
        import_list.read(parts, data=data, file_name="bad.csv", user_id=None, now=now)
    assert caught.value.code == code
    assert count(parts, "import_batches") == 0


def test_a_list_that_breaks_at_its_end_keeps_the_preview_before(parts: Parts, now: datetime) -> None:
    data = (f"{HEAD}\n" + "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,\n" * 60 + '"開いたまま,\n').encode()
    with pytest.raises(ListError) as caught:
        import_list.read(parts, data=data, file_name="bad.csv", user_id=None, now=now)
    assert (caught.value.code, caught.value.line) == ("wrong_quotes", 62)


def test_errors_come_back_as_a_csv_that_cannot_run_formulas(parts: Parts, now: datetime) -> None:
    body = '=cmd|x!A1,,,山田 太郎,taro@hamana.example,,\n+株式会社,,,鈴木,hanako@hamana,,\n"=1+1",,,林,h@b.example,,'
    data = f"{HEAD}\n{body}\n".encode()
    batch = import_list.read(parts, data=data, file_name="list.csv", user_id=None, now=now)
    assert settle(parts, batch, now).counts["error"] == 3
    raw = import_list.errors_csv(parts, batch, words={"formula": "数式です。"})
    assert raw.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert table[0] == [*HEAD.split(","), "行番号", "理由"]
    assert [row[0] for row in table[1:]] == ["'=cmd|x!A1", "'+株式会社", "'=1+1"]
    assert [row[-2:] for row in table[1:]] == [
        ["2", "数式です。"],
        ["3", "mail_no_domain"],
        ["4", "数式です。"],
    ]


# --- undo ------------------------------------------------------------------------------------------------


def test_an_undo_leaves_nothing_behind(parts: Parts, now: datetime) -> None:
    id = product(parts)
    done = bring(parts, ROWS, now, product_id=id)
    rerank.people(parts, done.person_ids, now=now)
    undone = import_undo.run(parts, done.batch_id, now=now + timedelta(days=6), user_id=None)
    assert (undone.removed, undone.kept) == (3, 0)
    assert {table: count(parts, table) for table in EMPTY} == dict.fromkeys(EMPTY, 0)
    assert import_undo.run(parts, done.batch_id, now=now, user_id=None).again
    with pytest.raises(ImportRefused, match="undone"):
        import_list.confirm(parts, done.batch_id, now=now, user_id=None)


def test_an_undo_takes_back_an_offer_to_sales_that_nobody_has_answered(parts: Parts, now: datetime) -> None:
    id = product(parts)
    done = bring(parts, ROWS, now, product_id=id, kind="inquiry")
    rerank.people(parts, done.person_ids, now=now)
    assert count(parts, "hand_offs") == 3
    undone = import_undo.run(parts, done.batch_id, now=now, user_id=None)
    assert (undone.removed, undone.kept) == (3, 0)
    assert {table: count(parts, table) for table in (*EMPTY, "hand_offs")} == dict.fromkeys(
        (*EMPTY, "hand_offs"), 0
    )


def test_an_undo_restores_what_the_import_filled_unless_changed_since(parts: Parts, now: datetime) -> None:
    bring(parts, "㈱浜名テクノ,製造部,,山田 太郎,taro@hamana.example,,2026/11/1", now)
    done = bring(
        parts, "㈱浜名テクノ,品質保証部,課長,山田 太郎,taro@hamana.example,053-000-1000,2026/11/12", now
    )
    with parts.engine.begin() as tx:
        tx.execute(text("update affiliations set title = '部長'"))
    import_undo.run(parts, done.batch_id, now=now, user_id=None)
    after = rows_of(
        parts, "select p.tel, f.department, f.title from people p join affiliations f on f.person_id = p.id"
    )
    assert [tuple(row) for row in after] == [("", "製造部", "部長")]
    assert count(parts, "touchpoints") == 1
    assert one(parts, "select count(*) from consents where withdrawn_at is null") == 1


def test_after_seven_days_an_import_stays(parts: Parts, now: datetime) -> None:
    done = bring(parts, ROWS, now)
    with pytest.raises(ImportRefused, match="undo_too_late"):
        import_undo.run(parts, done.batch_id, now=now + timedelta(days=7, seconds=1), user_id=None)
    assert count(parts, "people") == 3


def test_an_undo_cancels_planned_mail_and_keeps_who_was_mailed(parts: Parts, now: datetime) -> None:
    with parts.engine.begin() as tx:
        id = world.product(tx)
        world.scenario(tx, id)
    done = bring(parts, ROWS, now, product_id=id)
    enrol.people(parts, done.person_ids, now=now, product_id=id)
    plan.run(parts, now=now)
    planned = rows_of(parts, "select id, person_id from deliveries where state = 'planned' order by id")
    assert len(planned) == 2
    with parts.engine.begin() as tx:
        tx.execute(
            text("update deliveries set state = 'sent', sent_at = :now, settled_at = :now where id = :id"),
            {"now": now, "id": planned[0].id},
        )
    undone = import_undo.run(parts, done.batch_id, now=now, user_id=None)
    assert (undone.removed, undone.kept, undone.cancelled) == (2, 1, 1)
    assert [row.id for row in rows_of(parts, "select id from people")] == [planned[0].person_id]
    assert [tuple(row) for row in rows_of(parts, "select state from deliveries")] == [("sent",)]
    consent = rows_of(parts, "select withdrawn_at from consents")
    assert len(consent) == 1
    assert consent[0].withdrawn_at is not None, "kept as proof, but no ground for another mail"
    assert one(parts, "select count(*) from enrollments where status = 'active'") == 0


def test_a_refusal_recorded_since_survives_the_undo(parts: Parts, now: datetime) -> None:
    done = bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,", now)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into suppressions (key_hash, address_id, person_id, scope, reason, at)"
                " select a.key_hash, a.id, p.id, 'global', 'user_link', :now from people p"
                " join addresses a on a.id = p.address_id"
            ),
            {"now": now},
        )
    import_undo.run(parts, done.batch_id, now=now, user_id=None)
    assert count(parts, "people") == 0
    assert count(parts, "addresses") == 0
    again = bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,", now)
    assert again.counts == {"refused": 1}


def test_somebody_imported_again_by_a_later_list_stays(parts: Parts, now: datetime) -> None:
    first = bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,2026/11/12", now)
    bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,2026/11/20", now)
    undone = import_undo.run(parts, first.batch_id, now=now, user_id=None)
    assert (undone.removed, undone.kept) == (0, 1)
    assert one(parts, "select count(*) from consents where withdrawn_at is null") == 1


def test_undoing_a_list_of_refusals_lifts_them(parts: Parts, now: datetime) -> None:
    data = b"mail\ntaro@hamana.example\n"
    batch = import_list.read(parts, data=data, file_name="stop.csv", user_id=None, now=now, kind="refusals")
    _, settings, _ = import_list.sample(parts, batch)
    import_list.preview(parts, batch, settings=settings, now=now)
    import_list.confirm(parts, batch, now=now, user_id=None)
    import_undo.run(parts, batch, now=now, user_id=None)
    assert one(parts, "select lifted_reason from suppressions") == "import_undone"
    assert bring(parts, "㈱浜名テクノ,,,山田 太郎,taro@hamana.example,,", now).counts == {"new": 1}


# --- size ------------------------------------------------------------------------------------------------


def test_the_sample_list_comes_in_whole(parts: Parts, now: datetime) -> None:
    batch = import_list.read(
        parts, data=exhibition.csv(seed=1), file_name=exhibition.FILE_NAME, user_id=None, now=now
    )
    preview = settle(parts, batch, now, product_id=product(parts))
    assert preview.rows == exhibition.ROWS + 1
    done = import_list.confirm(parts, batch, now=now, user_id=None)
    assert len(done.person_ids) == preview.people == count(parts, "people") >= 250
    assert count(parts, "companies") == len(exhibition.COMPANIES)


def test_settings_survive_the_database(parts: Parts, now: datetime) -> None:
    data = f"{HEAD}\n{ROWS.strip()}\n".encode("cp932")
    batch = import_list.read(parts, data=data, file_name="list.csv", user_id=None, now=now)
    settle(parts, batch, now, kind_field="temperature", kind_values={"": "badge_scan"})
    stored, _ = import_list.shown(parts, batch)
    assert isinstance(stored.settings["labels"], list)
    settings = import_list.settings_of(stored)
    assert isinstance(settings, Settings)
    assert settings.kind_values == {"": "badge_scan"}
    assert settings.mapping[4] == "email"


def test_a_list_of_refusals_ends_what_is_planned_and_its_undo_takes_part_again(
    parts: Parts, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        id = world.product(tx)
        world.scenario(tx, id)
    done = bring(parts, ROWS, now, product_id=id)
    enrol.people(parts, done.person_ids, now=now, product_id=id)
    plan.run(parts, now=now)
    data = b"mail\ntaro@hamana.example\n"
    batch = import_list.read(parts, data=data, file_name="stop.csv", user_id=None, now=now, kind="refusals")
    _, settings, _ = import_list.sample(parts, batch)
    import_list.preview(parts, batch, settings=settings, now=now)
    import_list.confirm(parts, batch, now=now, user_id=None)
    states = rows_of(parts, "select state, count(*) from deliveries group by state order by state")
    assert [tuple(row) for row in states] == [("planned", 1), ("suppressed", 1)]
    assert one(parts, "select count(*) from mail_slots") == 1
    assert one(parts, "select count(*) from enrollments where status = 'stopped'") == 1
    import_undo.run(parts, batch, now=now, user_id=None)
    assert one(parts, "select count(*) from enrollments where status = 'active'") == 2
