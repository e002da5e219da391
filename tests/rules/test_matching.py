"""Keys of companies, people, mailboxes and telephones."""

import pytest

from campaigns.rules import matching
from campaigns.rules.matching import Form, Position


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("株式会社浜名テクノ", "㈱浜名テクノ"),
        ("㍿浜名テクノ", "株式会社　浜名テクノ"),
        ("カ)ハマナテクノ", "株式会社ハマナテクノ"),
        ("ＡＢＣ商事株式会社", "ABC商事(株)"),
        ("エー・ビー・シー㈱", "エービーシー株式会社"),
        ("キヤノン精密株式会社", "キャノン精密株式会社"),
        ("髙島部品株式会社", "高島部品株式会社"),
        ("株式會社大澤商店", "株式会社大沢商店"),
        ("Alpha Denki Co., Ltd.", "ALPHA DENKI CO.,LTD."),
        ("浜名テクノ株式会社 御中", "浜名テクノ㈱"),
        ("(一社)日本育成協会", "一般社団法人日本育成協会"),
        ("サーバ－ワークス㈱", "サーバーワークス株式会社"),
        ("浜名テクノ㈱　名古屋営業所", "浜名テクノ株式会社 大阪支店"),
        ("Ａ＆Ｂ株式会社", "A&B株式会社"),
        ("さくら㈱", "サクラ株式会社"),
    ],
)
def test_spellings_of_one_company_have_one_key(a: str, b: str) -> None:
    assert matching.company_key(a).identity == matching.company_key(b).identity
    assert matching.company_key(a).core


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("株式会社浜名テクノ", "有限会社浜名テクノ"),
        ("浜名テクノ株式会社", "浜名テクノサービス株式会社"),
        ("エービーシー株式会社", "ABC株式会社"),
        ("サーバ株式会社", "サーバー株式会社"),
        ("A&B株式会社", "AB株式会社"),
        ("斎藤鉄工株式会社", "斉藤鉄工株式会社"),
    ],
)
def test_different_companies_keep_different_keys(a: str, b: str) -> None:
    assert matching.company_key(a).identity != matching.company_key(b).identity


def test_legal_form_and_its_place_are_remembered() -> None:
    assert matching.company_key("株式会社浜名").position is Position.HEAD
    assert matching.company_key("浜名(有)") == matching.CompanyKey("浜名", Form.YK, Position.TAIL)
    assert matching.company_key("浜名").form is Form.NONE
    assert matching.company_key("浜名㈱ 掛川工場").site == "掛川工場"


def test_a_name_that_is_only_a_legal_form_is_not_cut_to_nothing() -> None:
    assert matching.company_key("株式会社").core == "株式会社"
    assert matching.company_key("　").core == ""


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("山田　太郎", "山田太郎様"),
        ("渡邊浩", "渡辺 浩"),
        ("𠮷田誠", "吉田誠"),
        ("山﨑亮", "山崎亮"),
        ("中嶋進", "中島進"),
        ("マイケル・スミス", "マイケル スミス"),
        ("Yamada Taro", "YAMADA TARO"),
    ],
)
def test_spellings_of_one_name_have_one_key(a: str, b: str) -> None:
    assert matching.name_key(a) == matching.name_key(b)


def test_two_saitos_stay_two() -> None:
    assert matching.name_key("斎藤浩") != matching.name_key("斉藤浩")
    assert matching.name_key("山田太郎") != matching.name_key("山田太朗")


@pytest.mark.parametrize(
    ("a", "b", "conflict"),
    [
        ("山田太郎", "山田太郎", False),
        ("山田", "山田太郎", False),
        ("", "山田太郎", False),
        ("山田太郎", "鈴木花子", True),
        ("山田太郎", "山田花子", True),
    ],
)
def test_a_bare_family_name_agrees_with_the_whole_name(a: str, b: str, conflict: bool) -> None:
    assert matching.names_conflict(a, b) is conflict
    assert matching.names_conflict(b, a) is conflict


def test_a_mailbox_key_ignores_width_case_and_blanks_but_not_dots() -> None:
    assert matching.email_key(" Ｔaro.Yamada@Hamana.example ") == "taro.yamada@hamana.example"
    assert matching.email_key("taroyamada@hamana.example") != matching.email_key("taro.yamada@hamana.example")


@pytest.mark.parametrize(
    ("shown", "key"),
    [
        ("03-1234-5678", "0312345678"),
        ("０３（１２３４）５６７８", "0312345678"),
        ("+81 3 1234 5678", "0312345678"),
        ("+81(0)3-1234-5678", "0312345678"),
        ("053-000-0000 内線12", "0530000000"),
    ],
)
def test_telephone_keys_are_national_digits(shown: str, key: str) -> None:
    assert matching.phone_key(shown) == key


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("7000012050002", True),
        ("7010001008844", True),
        ("7000012050003", False),
        ("0000012050002", False),
        ("700001205000", False),
        ("７000012050002", False),
    ],
)
def test_corporate_numbers_are_checked_by_their_digit(number: str, valid: bool) -> None:
    assert matching.is_hojin_no(number) is valid
