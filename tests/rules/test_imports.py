"""From bytes to drafts to people: encodings, headers, dirty cells, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules import cells, columns, drafts, imports, texts
from campaigns.rules.drafts import Draft
from campaigns.rules.imports import Facts, Known, Result, Settings
from campaigns.rules.texts import ListError
from campaigns.sample import exhibition

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
LIST = "会社名,氏名,メールアドレス\n㈱髙峰鉄工,山﨑 進,susumu@takamine.example\n"


def read(text: str, *, delimiter: str = ",", **changed: object) -> list[drafts.Read]:
    lines = list(texts.read(text, delimiter))
    found = columns.layout(lines)
    values: dict[str, object] = {
        "columns": {name: place for place, name in enumerate(found.mapping) if name},
        "labels": found.labels,
        "zone": TOKYO,
        "now": NOW,
        "year": 2026,
    }
    context = drafts.Context(**(values | changed))  # type: ignore[arg-type]
    return [drafts.draft(x.cells, context) for x in lines if x.no >= found.body_line and not x.is_blank]


def one(header: str, row: str, **changed: object) -> drafts.Read:
    return read(f"{header}\n{row}\n", **changed)[0]


def codes(found: drafts.Read) -> list[str]:
    return [reason.code for reason in found.reasons]


# --- bytes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp932", "cp932"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_are_told_apart_and_keep_every_character(encoding: str, guessed: str) -> None:
    data = LIST.encode(encoding)
    assert texts.guess_encoding(data) == guessed
    assert texts.decode(data, guessed) == LIST


def test_euc_jp_is_not_taken_for_half_width_kana() -> None:
    text = "会社名,氏名\n浜名工業,山田 太郎\n"
    data = text.encode("euc_jp")
    assert texts.guess_encoding(data) == "euc_jp"
    assert texts.decode(data, "euc_jp") == text


def test_a_short_cp932_list_with_half_width_kana_stays_cp932() -> None:
    text = "会社名,ﾌﾘｶﾞﾅ\n浜名工業,ﾔﾏﾀﾞ ﾀﾛｳ\n"
    assert texts.decode(text.encode("cp932"), texts.guess_encoding(text.encode("cp932"))) == text


def decoded(data: bytes) -> str:
    texts.check_size(data)
    return texts.decode(data, texts.guess_encoding(data))


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "empty", 0),
        (b" \r\n\r\n", "empty", 0),
        (b"%PDF-1.7 ...", "binary", 0),
        (b"a,b\nc\x00d,e\n\x00", "binary", 2),
        (b"name\nok\n\xff\xfe\xfd\x81\n", "unknown_encoding", 3),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(data: bytes, code: str, line: int) -> None:
    with pytest.raises(ListError) as caught:
        decoded(data)
    assert (caught.value.code, caught.value.line) == (code, line)


def test_fifty_megabytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(ListError) as caught:
        texts.check_size(b"a" * (50 * 1024 * 1024))
    assert caught.value.code == "too_big"
    assert caught.value.values == {"megabytes": 50.0, "limit": 30}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('氏名,mail\n山田,a@b.example\n"鈴木,c@d.example\n', "wrong_quotes", 3),
        ('氏名,mail\n"山田"太郎,a@b.example\n', "wrong_quotes", 2),
        ("氏名\n" + "," * 9_999 + "\n", "too_many_columns", 2),
    ],
)
def test_a_broken_table_names_the_line(text: str, code: str, line: int) -> None:
    with pytest.raises(ListError) as caught:
        list(texts.read(text, ","))
    assert (caught.value.code, caught.value.line) == (code, line)


def test_too_many_rows_are_refused_not_cut() -> None:
    with pytest.raises(ListError) as caught:
        list(texts.read("a\n" * 11, ",", limit=10))
    assert caught.value.code == "too_many_rows"


def test_line_numbers_count_line_breaks_inside_cells() -> None:
    lines = list(texts.read('氏名,メモ\n山田,"二行の\nメモ"\n鈴木,\u2028\n', ","))
    assert [line.no for line in lines] == [1, 2, 4]


# --- columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_by_the_names_they_give(delimiter: str) -> None:
    text = LIST.replace(",", delimiter)
    assert columns.guess_delimiter(text) == delimiter


def test_the_header_is_found_under_a_preamble() -> None:
    text = (
        "検索条件: 会社名に,株式会社を含む\n\n※ 2件,,\n会社名,部署,氏名,E-mail\n浜名,総務,山田,a@b.example\n"
    )
    found = columns.layout(list(texts.read(text, ",")))
    assert (found.header_line, found.body_line) == (4, 5)
    assert found.mapping == ("company", "department", "name", "email")


def test_two_header_lines_of_merged_cells_become_one() -> None:
    text = "会社名,氏名,,連絡先,\n,姓,名,電話,メール\n浜名,山田,太郎,03-0000-0000,a@b.example\n"
    found = columns.layout(list(texts.read(text, ",")))
    assert found.mapping == ("company", "family", "given", "tel", "email")
    assert found.body_line == 3


def test_headers_are_compared_without_width_brackets_and_marks() -> None:
    for label in ("氏名（必須）", "氏　名", "※氏名", "\ufeff氏名", "ＮＡＭＥ", "氏名[必須]"):
        assert columns.field_of(label) == "name", label
    assert columns.field_of("氏名［姓］") == "family"
    assert columns.field_of("好きな色") == ""


def test_a_second_mail_column_is_the_second_mailbox_and_other_doubles_are_left_out() -> None:
    assert columns.guess(("mail", "e-mail", "メール", "電話", "TEL")) == ("email", "email2", "", "tel", "")


def test_a_bare_list_of_addresses_needs_no_header() -> None:
    found = columns.layout(list(texts.read("a@b.example\nc@d.example\n", ",")))
    assert found.header_line == 0
    assert (found.body_line, found.mapping) == (1, ("email",))


# --- cells ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["なし", "-", "－", "無", "不明", "N/A", " 　", "Ｎ／Ａ"])
def test_words_for_nothing_are_nothing(word: str) -> None:
    assert cells.bare(word) == ""


def test_excel_guards_are_opened_and_formulas_are_not() -> None:
    assert cells.bare('="0312345678"') == "0312345678"
    assert cells.bare('=("0312345678")') == "0312345678"
    assert cells.bare("+81 3 1234 5678") == "+81 3 1234 5678"
    for formula in (
        "=1+1",
        '=HYPERLINK("http://bad.example/")',
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "-cmd|'x'!A1",
    ):
        with pytest.raises(cells.CellError, match="formula"):
            cells.bare(formula)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("Taro@Hamana.example", ["Taro@Hamana.example"]),
        ("ｔａｒｏ＠ｈａｍａｎａ．ｅｘａｍｐｌｅ", ["taro@hamana.example"]),
        ("mailto:taro@hamana.example", ["taro@hamana.example"]),
        ("taro@hamana.example.", ["taro@hamana.example"]),
        ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
        ("a@b.example、c@d.example\nA@b.example", ["a@b.example", "c@d.example"]),
        ("山田 太郎 <taro@hamana.example>", ["taro@hamana.example"]),
    ],
)
def test_mail_cells_are_mended_and_split(cell: str, found: list[str]) -> None:
    assert [mail.email for mail in cells.mails(cell)] == found


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("taro.hamana.example", "mail_no_at"),
        ("taro@hamana", "mail_no_domain"),
        ("ta ro@", "mail_no_at"),
        ("太郎@hamana.example", "mail_odd"),
        ("taro@ha_mana.example", "mail_odd"),
        ("ta..ro@hamana.example", "mail_dots"),
        ("a@b.example\r\nBcc: x", "mail_no_at"),
    ],
)
def test_a_mail_address_that_cannot_be_one_says_why(cell: str, code: str) -> None:
    with pytest.raises(cells.CellError) as caught:
        cells.mails(cell)
    assert caught.value.code == code


def test_old_carrier_addresses_are_kept_and_marked() -> None:
    (mail,) = cells.mails("taro..y.@docomo.ne.jp")
    assert mail.rfc_invalid


@pytest.mark.parametrize(
    ("cell", "shown", "warning"),
    [
        ("03-1234-5678", "03-1234-5678", ""),
        ("０３－１２３４－５６７８", "03-1234-5678", ""),
        ("312345678", "0312345678", "phone_zero"),
        ("312345678.0", "0312345678", "phone_zero"),
        ("9012345678", "09012345678", "phone_zero"),
        ("03-1234-5678（内線 12）", "03-1234-5678 内線12", ""),
        ("TEL:03-1234-5678", "03-1234-5678", ""),
        ("+1 212 555 0100", "+1 212 555 0100", ""),
        ("1234", "1234", "phone_odd"),
    ],
)
def test_telephone_cells(cell: str, shown: str, warning: str) -> None:
    found = cells.phone(cell)
    assert (found.shown, found.warning) == (shown, warning)


def test_a_number_in_powers_of_ten_has_lost_its_digits() -> None:
    with pytest.raises(cells.CellError, match="phone_exponent"):
        cells.phone("9.01E+10")


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024/5/1", date(2024, 5, 1)),
        ("2024.5.1", date(2024, 5, 1)),
        ("2024年05月01日", date(2024, 5, 1)),
        ("20240501", date(2024, 5, 1)),
        ("R6.5.1", date(2024, 5, 1)),
        ("令和6年5月1日", date(2024, 5, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("Ｈ31.4.30", date(2019, 4, 30)),
        ("45413", date(2024, 5, 1)),
        ("5月1日", date(2026, 5, 1)),
        ("2024-05-01 09:30:00", date(2024, 5, 1)),
        ("2024/5/1(水)", date(2024, 5, 1)),
    ],
)
def test_days_in_every_spelling(cell: str, day: date) -> None:
    assert cells.moment(cell, year=2026)[0] == day


def test_a_time_of_day_is_kept() -> None:
    assert cells.moment("2026/11/12 9:05", year=2026)[1] == (9, 5, 0)
    assert cells.moment("45413.5", year=2026)[1] == (12, 0, 0)


@pytest.mark.parametrize(
    ("cell", "day", "clock"),
    [
        ("2026-11-24T14:00:00+09:00", date(2026, 11, 24), (14, 0, 0)),
        ("2026-11-24T20:30:00.000Z", date(2026, 11, 25), (5, 30, 0)),
        ("20261124 0930", date(2026, 11, 24), (9, 30, 0)),
        ("2026-W48-2", date(2026, 11, 24), None),
    ],
)
def test_what_programs_write_keeps_its_time_of_day(
    cell: str, day: date, clock: tuple[int, int, int] | None
) -> None:
    assert cells.moment(cell, year=2026) == (day, clock)


@pytest.mark.parametrize(
    "cell", ["2026/13/02", "2026/2/30", "来週", "99999999", "2026/11/12 25:00", "1", "00010101", "99991231"]
)
def test_a_day_that_does_not_exist_is_an_error(cell: str) -> None:
    with pytest.raises(cells.CellError, match="date_odd"):
        cells.moment(cell, year=2026)


@pytest.mark.parametrize(("word", "meaning"), [("可", True), ("○", True), ("はい", True), ("拒否", False), ("×", False), ("", None), ("検討中", None)])  # fmt: skip
def test_opt_words_and_blank_is_not_yes(word: str, meaning: bool | None) -> None:
    assert cells.opt(word) is meaning


# --- rows ----------------------------------------------------------------------------------------------

HEAD = "会社名,氏名,メール"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("浜名,山田,taro@hamana", "mail_no_domain"),
        (",村瀬 亜紀,", "company_missing"),
        ("浜名工業,,", "name_missing"),
        ("合計,,300", "total_row"),
        ("会社名,氏名,メール", "header_again"),
        ("浜名,山田,a@b.example,余り", "too_many_cells"),
        ('浜名,"=HYPERLINK(""http://bad.example/"")",a@b.example', "formula"),
    ],
)
def test_a_row_that_cannot_come_in_says_why(row: str, code: str) -> None:
    found = one(HEAD, row)
    assert found.draft is None
    assert code in codes(found)


def test_a_mailbox_alone_is_enough() -> None:
    found = one(HEAD, ",,info@hamana.example")
    assert found.draft is not None
    assert codes(found) == ["no_company"]


def test_names_are_split_by_blanks_and_lose_their_honorific() -> None:
    found = one(HEAD, "浜名,山田　太郎 様,a@b.example").draft
    assert found is not None
    assert (found.family, found.given, found.full_name) == ("山田", "太郎", "山田 太郎")
    unsplit = one(HEAD, "浜名,山田太郎,a@b.example")
    assert unsplit.draft is not None
    assert (unsplit.draft.full_name, unsplit.draft.family) == ("山田太郎", "")
    assert codes(unsplit) == ["name_unsplit"]


@pytest.mark.parametrize(
    ("column", "word", "stops"),
    [
        ("メール配信可否", "拒否", True),
        ("メール配信可否", "可", False),
        ("メール配信可否", "", False),
        ("配信停止", "停止", True),
        ("配信停止", "○", True),
        ("配信停止", "2026/5/1", True),
        ("配信停止", "0", False),
        ("配信停止", "なし", False),
        ("配信停止", "", False),
    ],
)
def test_a_no_in_either_column_is_a_refusal(column: str, word: str, stops: bool) -> None:
    found = one(f"{HEAD},{column}", f"浜名,山田,a@b.example,{word}").draft
    assert found is not None
    assert found.asks_stop is stops


def test_a_card_of_a_day_is_a_touch_at_its_noon_and_never_later_than_now() -> None:
    found = one(f"{HEAD},名刺交換日", "浜名,山田,a@b.example,2026/11/12").draft
    assert found is not None
    assert found.at == "2026-11-12T03:00:00+00:00"
    today = one(f"{HEAD},名刺交換日", "浜名,山田,a@b.example,2026/11/24")
    assert today.draft is not None
    assert (today.draft.at, codes(today)) == (NOW.isoformat(), [])
    future = one(f"{HEAD},名刺交換日", "浜名,山田,a@b.example,2027/11/24")
    assert codes(future) == ["date_future"]


def test_eight_marks_become_remarks() -> None:
    found = one(f"{HEAD},再データ化中の名刺,'?'を含んだデータ", "浜名,山田,a@b.example,○,○")
    assert codes(found) == ["flag_reworking", "flag_unreadable"]
    assert found.draft is not None


def test_a_draft_survives_its_waiting_place() -> None:
    found = one(HEAD, "浜名,山田,a@b.example;c@d.example").draft
    assert found is not None
    assert drafts.from_json(drafts.as_json(found)) == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("A", "booth_talk_prospect"),
        ("Ｂ", "booth_talk"),
        ("C", "card_exchange"),
        ("", "badge_scan"),
        ("説明員対応", "booth_talk"),
        ("名刺のみ", "card_exchange"),
        ("有望", "booth_talk_prospect"),
    ],
)
def test_words_of_a_talk_column_suggest_a_touch(value: str, kind: str) -> None:
    assert drafts.guess_kind(value) == kind
    assert drafts.guess_kind("不思議") is None


# --- who is who ------------------------------------------------------------------------------------------

CARDS = Settings(kind="card_exchange", basis="card_written", purpose_published=True)


def person(name: str, *mails: str, company: str = "浜名工業", **changed: object) -> Draft:
    read_row = one("会社名,氏名,メール", f"{company},{name},{';'.join(mails)}").draft
    assert read_row is not None
    values = {n: getattr(read_row, n) for n in drafts.NAMES} | changed
    return Draft(**values)  # type: ignore[arg-type]


def entries(
    people: Sequence[Draft], facts: Facts | None = None, settings: Settings = CARDS
) -> list[imports.Entry]:
    return imports.entries(enumerate(people, start=1), facts or Facts(), settings)


def test_the_same_card_twice_is_one_person() -> None:
    (found,) = entries(
        [person("山田 太郎", "Taro@b.example"), person("山田太郎", "taro@B.example", tel="03-0000-0000")]
    )
    assert (found.lines, found.result, found.draft.tel) == ((1, 2), Result.NEW, "03-0000-0000")


def test_another_name_at_the_same_mailbox_is_a_second_person_for_review() -> None:
    first, second = entries([person("山田 太郎", "info@b.example"), person("鈴木 花子", "info@b.example")])
    assert (first.result, second.result, second.twin_lines) == (Result.NEW, Result.REVIEW, (1,))


def test_a_bare_family_name_between_two_of_that_name_is_for_review() -> None:
    found = entries(
        [
            person("山田 太郎", "info@b.example"),
            person("山田 花子", "info@b.example"),
            person("山田", "info@b.example"),
        ]
    )
    assert [entry.result for entry in found] == [Result.NEW, Result.REVIEW, Result.REVIEW]


def test_a_known_person_is_updated_and_a_conflicting_name_is_not() -> None:
    facts = Facts(people=[Known(7, "山田太郎", frozenset({"info@b.example"}))])
    same, other = entries(
        [person("山田 太郎", "info@b.example"), person("鈴木 花子", "info@b.example")], facts
    )
    assert (same.result, same.person_id) == (Result.UPDATE, 7)
    assert (other.result, other.person_id, other.twins) == (Result.REVIEW, None, (7,))


def test_without_a_mailbox_name_and_company_decide() -> None:
    facts = Facts(people=[Known(7, "山田太郎", frozenset({"?"}), "浜名工業")])
    (known,) = entries([person("山田 太郎")], facts)
    (elsewhere,) = entries([person("山田 太郎", company="別工業")], facts)
    (with_mail,) = entries([person("山田 太郎", "new@b.example")], facts)
    assert known.person_id == 7
    assert elsewhere.person_id is None
    assert with_mail.person_id is None, "another mailbox at hand: a wrong merge is worse than a double"


def test_two_rows_of_one_known_person_become_one() -> None:
    facts = Facts(people=[Known(7, "山田太郎", frozenset({"a@b.example", "c@b.example"}))])
    (found,) = entries([person("山田 太郎", "a@b.example"), person("山田 太郎", "c@b.example")], facts)
    assert (found.person_id, found.lines) == (7, (1, 2))


def test_a_refused_mailbox_stays_refused_and_gets_no_opt_in() -> None:
    key = "a@b.example"
    facts = Facts(refused=frozenset({key}), barred=frozenset({key}))
    (found,) = entries([person("山田 太郎", key, opt="yes", opt_words="可")], facts)
    assert (found.result, found.consent) == (Result.REFUSED, None)


def test_a_no_in_any_double_row_wins() -> None:
    (found,) = entries(
        [person("山田 太郎", "a@b.example"), person("山田 太郎", "a@b.example", asks_stop=True)]
    )
    assert found.result is Result.REFUSED


def test_a_badge_scan_is_no_ground_for_mail_without_the_organisers_terms() -> None:
    scans = Settings(kind="badge_scan", basis="card_written", purpose_published=True)
    (bare,) = entries([person("山田 太郎", "a@b.example")], settings=scans)
    assert (bare.result, bare.consent) == (Result.NO_CONSENT, None)
    terms = Settings(
        kind="badge_scan", basis="none", organiser_terms=True, wording="出展社からの案内に同意する"
    )
    (found,) = entries([person("山田 太郎", "a@b.example")], settings=terms)
    assert found.consent == imports.Consent("opt_in", "organiser_terms", "出展社からの案内に同意する")


def test_a_card_beside_a_scan_is_a_ground() -> None:
    (found,) = entries(
        [person("山田 太郎", "a@b.example", kind="badge_scan", at="2026-11-12T01:00:00+00:00"),
         person("山田 太郎", "a@b.example", kind="card_exchange", at="2026-11-12T02:00:00+00:00")]
    )  # fmt: skip
    assert found.consent is not None
    assert [touch.kind for touch in found.touches] == ["badge_scan", "card_exchange"]


def test_two_touches_at_one_instant_are_the_deeper_one() -> None:
    (found,) = entries(
        [
            person("山田 太郎", "a@b.example", kind=kind)
            for kind in ("badge_scan", "booth_talk", "card_exchange")
        ]
    )
    assert [touch.kind for touch in found.touches] == ["booth_talk"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"basis": ""}, "basis_missing"),
        ({"kind": ""}, "kind_missing"),
        ({"purpose_published": False}, "purpose_missing"),
        ({"organiser_terms": True}, "wording_missing"),
        ({"third_party": True, "giver": "主催者"}, "giver_missing"),
        ({"third_party": True, "giver": "主催者", "given_on": "昨日"}, "giver_missing"),
        ({"mapping": ("company",)}, "columns_missing"),
    ],
)
def test_what_must_be_answered_before_anything_is_written(changed: dict[str, object], code: str) -> None:
    whole = Settings.from_json(CARDS.as_json() | {"mapping": ["company", "name", "email"]})
    assert imports.problems(whole, kind="people") == []
    broken = Settings.from_json(whole.as_json() | changed)
    assert [reason.code for reason in imports.problems(broken, kind="people")] == [code]


def test_a_list_of_refusals_counts_known_unknown_double_and_refused_already() -> None:
    rows = [
        (n, Draft(mails=((key, key, False),)))
        for n, key in enumerate(["a@x.example", "b@x.example", "a@x.example", "c@x.example"], 2)
    ]
    facts = Facts(mailboxes=frozenset({"a@x.example"}), refused=frozenset({"c@x.example"}))
    found = [one.result for one in imports.refusals(rows, facts)]
    assert found == [Result.UPDATE, Result.NEW, Result.DUPLICATE, Result.REFUSED]


# --- the sample ------------------------------------------------------------------------------------------


def test_the_sample_list_is_as_dirty_as_a_real_one_and_as_readable() -> None:
    data = exhibition.csv(seed=1)
    assert data == exhibition.csv(seed=1)
    assert data != exhibition.csv(seed=2)
    assert texts.guess_encoding(data) == "cp932"
    text = texts.decode(data, "cp932")
    assert all(mark in text for mark in ("㈱", "髙", "０", "合計"))
    found = read(text)
    assert len(found) == exhibition.ROWS + 1, "300 cards and the sum"
    kept = [(n, one.draft) for n, one in enumerate(found) if one.draft]
    people = imports.entries(kept, Facts(), CARDS)
    assert 250 <= len(people) < len(kept) < 300
    errors = {code for one in found if one.draft is None for code in codes(one)}
    assert {"mail_no_domain", "phone_exponent", "date_odd", "total_row", "formula"} <= errors
    domains = {key.partition("@")[2] for entry in people for key in entry.draft.keys}
    assert all(domain.endswith((".example", ".example.jp")) for domain in domains)
