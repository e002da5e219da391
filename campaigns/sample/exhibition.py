"""A list as it comes back from an exhibition: business cards exported by Eight, 300 rows, cp932.

Everybody and every company is invented, every domain is reserved for examples. The list has what real ones
have: a preamble, ㈱ and 髙, full and half width, the same card twice, two people at one mailbox, a sum at
the end, and a few rows that cannot be read. The same seed gives the same bytes.
"""

from __future__ import annotations

import csv as writer
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

FILE_NAME = "mirai2026_名刺.csv"
EVENT_NAME = "ミライ工場展2026"
FIRST_DAY = date(2026, 11, 11)  # a Wednesday; the show lasts three days
DAYS = 3
ROWS = 300

HEADER = (
    "会社名", "部署名", "役職", "氏名", "e-mail", "郵便番号", "住所", "TEL会社", "TEL部門", "TEL直通", "Fax",
    "携帯電話", "URL", "名刺交換日", "Eightでつながっている人", "再データ化中の名刺", "'?'を含んだデータ",
)  # fmt: skip

# Written name with the legal form's place ({f}), domain label, prefecture and town, area code.
COMPANIES: tuple[tuple[str, str, str, str], ...] = (
    ("{f}浜名テクノ工業", "hamana-techno", "静岡県浜松市中央区", "053"),
    ("東雲精密{f}", "shinonome-seimitsu", "東京都大田区", "03"),
    ("{f}白鷺部品工業", "shirasagi-parts", "兵庫県姫路市", "079"),
    ("髙峰鉄工{f}", "takamine-tekko", "大阪府東大阪市", "06"),
    ("{f}みちのく樹脂", "michinoku-resin", "宮城県仙台市宮城野区", "022"),
    ("三河プレス工業{f}", "mikawa-press", "愛知県豊田市", "0565"),
    ("{f}北陸オプト", "hokuriku-opto", "石川県金沢市", "076"),
    ("青葉電装{f}", "aoba-denso", "神奈川県相模原市緑区", "042"),
    ("{f}讃岐メタル", "sanuki-metal", "香川県坂出市", "0877"),
    ("黒部アルミ加工{f}", "kurobe-alumi", "富山県黒部市", "0765"),
    ("{f}霧島セラミックス", "kirishima-ceramics", "鹿児島県霧島市", "0995"),
    ("多摩計測器{f}", "tama-keisoku", "東京都八王子市", "042"),
    ("{f}遠州ゴム製作所", "enshu-gomu", "静岡県磐田市", "0538"),
    ("琵琶湖フィルム{f}", "biwako-film", "滋賀県草津市", "077"),
    ("{f}上毛ダイカスト", "jomo-diecast", "群馬県太田市", "0276"),
    ("信州ミニチュアベアリング{f}", "shinshu-bearing", "長野県上田市", "0268"),
    ("{f}筑紫フーズ機械", "tsukushi-foods", "福岡県久留米市", "0942"),
    ("宮﨑バルブ{f}", "miyazaki-valve", "岡山県倉敷市", "086"),
    ("{f}越後刃物", "echigo-hamono", "新潟県三条市", "0256"),
    ("日高パッケージ{f}", "hidaka-package", "埼玉県川口市", "048"),
    ("{f}さくら医療器", "sakura-iryoki", "栃木県宇都宮市", "028"),
    ("阿武隈半導体{f}", "abukuma-semicon", "福島県郡山市", "024"),
    ("{f}長良川繊維", "nagaragawa-seni", "岐阜県大垣市", "0584"),
    ("明石シール工業{f}", "akashi-seal", "兵庫県明石市", "078"),
    ("{f}斎藤光学", "saito-kogaku", "東京都板橋区", "03"),
    ("安芸マシナリー{f}", "aki-machinery", "広島県呉市", "0823"),
    ("{f}キヨタ製菓機", "kiyota-seika", "北海道札幌市清田区", "011"),
    ("湘南ロボティクス{f}", "shonan-robotics", "神奈川県藤沢市", "0466"),
    ("{f}丹波ねじ", "tamba-neji", "京都府福知山市", "0773"),
    ("出雲精工{f}", "izumo-seiko", "島根県出雲市", "0853"),
    ("{f}渡邉電子", "watanabe-denshi", "山形県米沢市", "0238"),
    ("千歳エレテック{f}", "chitose-eletech", "北海道千歳市", "0123"),
    ("{f}ひたち野工業", "hitachino-kogyo", "茨城県牛久市", "029"),
    ("那須プラスチック{f}", "nasu-plastic", "栃木県大田原市", "0287"),
    ("{f}四万十パルプ", "shimanto-pulp", "高知県四万十市", "0880"),
    ("若狭めっき{f}", "wakasa-mekki", "福井県敦賀市", "0770"),
)
FAMILY: tuple[tuple[str, str], ...] = (
    ("佐藤", "sato"), ("鈴木", "suzuki"), ("髙橋", "takahashi"), ("田中", "tanaka"), ("伊藤", "ito"),
    ("渡邊", "watanabe"), ("山本", "yamamoto"), ("中村", "nakamura"), ("小林", "kobayashi"), ("加藤", "kato"),
    ("吉田", "yoshida"), ("山田", "yamada"), ("佐々木", "sasaki"), ("山﨑", "yamazaki"), ("松本", "matsumoto"),
    ("井上", "inoue"), ("木村", "kimura"), ("林", "hayashi"), ("清水", "shimizu"), ("齋藤", "saito"),
    ("三島", "mishima"), ("西園", "nishizono"), ("村瀬", "murase"), ("北条", "hojo"), ("柏木", "kashiwagi"),
    ("長谷川", "hasegawa"), ("大澤", "osawa"), ("岡部", "okabe"), ("濱田", "hamada"), ("久保田", "kubota"),
)  # fmt: skip
GIVEN: tuple[tuple[str, str], ...] = (
    ("隆", "takashi"), ("潔", "kiyoshi"), ("真紀", "maki"), ("亜紀", "aki"), ("剛", "tsuyoshi"),
    ("健一", "kenichi"), ("美咲", "misaki"), ("浩二", "koji"), ("直樹", "naoki"), ("由美子", "yumiko"),
    ("翔太", "shota"), ("彩", "aya"), ("誠", "makoto"), ("恵", "megumi"), ("大輔", "daisuke"),
    ("千尋", "chihiro"), ("和也", "kazuya"), ("陽子", "yoko"), ("修", "osamu"), ("麻衣", "mai"),
    ("俊介", "shunsuke"), ("香織", "kaori"), ("哲也", "tetsuya"), ("里奈", "rina"), ("進", "susumu"),
)  # fmt: skip
POSTS: tuple[tuple[str, str], ...] = (
    ("品質保証部", "課長"), ("生産技術部", "係長"), ("製造部", "部長"), ("購買課", "主任"), ("設備保全課", ""),
    ("技術開発部", "主任技師"), ("品質管理課", "課長代理"), ("経営企画室", "室長"), ("工場管理部", "次長"),
    ("", "代表取締役"), ("情報システム部", "担当"), ("第一製造課", "班長"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """One business card, as the cells of a row."""

    company: str
    department: str
    title: str
    name: str
    email: str
    zip: str
    address: str
    tel: str
    direct: str
    fax: str
    mobile: str
    url: str
    day: date | str
    reworking: str = ""
    unreadable: str = ""

    def cells(self) -> list[str]:
        day = self.day if isinstance(self.day, str) else self.day.strftime("%Y/%m/%d")
        return [
            self.company, self.department, self.title, self.name, self.email, self.zip, self.address, self.tel,
            "", self.direct, self.fax, self.mobile, self.url, day, "", self.reworking, self.unreadable,
        ]  # fmt: skip


def csv(*, seed: int = 1, first_day: date = FIRST_DAY) -> bytes:
    """The list as a file. first_day: of the show; the cards were exchanged on its three days."""
    rows = cards(seed=seed, first_day=first_day)
    out = io.StringIO()
    last = first_day + timedelta(days=DAYS)
    preamble = (
        f"{last:%m月%d日}18時05分 JST にEightで生成された名刺リストです。",
        f"合計 {len(rows)} 件",
        "* この名刺リストは、ダウンロードした時点の情報です。",
        "* 再データ化中の名刺は、一部の項目が空欄になっている場合があります。",
        "* '?'を含んだデータは、文字を読み取れなかった項目があることを示します。",
    )
    table = writer.writer(out, lineterminator="\r\n")
    for line in preamble:
        out.write(line + "\r\n")
    out.write("\r\n")
    table.writerow(HEADER)
    table.writerows(card.cells() for card in rows)
    table.writerow(["合計", "", "", str(len(rows)), *[""] * 13])
    return out.getvalue().encode("cp932")


def cards(*, seed: int = 1, first_day: date = FIRST_DAY) -> list[Card]:
    """The 300 rows, in the order of the file."""
    dice = random.Random(seed)  # noqa: S311 - a sample, not a secret
    plain = _people(dice, ROWS - 18, first_day)
    rows = [_dress(card, place, dice) for place, card in enumerate(plain)]
    rows = _spoil(rows)
    return _with_doubles(rows, dice)


def _people(dice: random.Random, count: int, first_day: date) -> list[Card]:
    names = [(f, g) for f in FAMILY for g in GIVEN]
    dice.shuffle(names)
    return [_card(dice, place, *names[place], first_day) for place in range(count)]


def _card(
    dice: random.Random, place: int, family: tuple[str, str], given: tuple[str, str], first_day: date
) -> Card:
    no = place % len(COMPANIES)
    name, label, town, area = COMPANIES[no]
    form = "有限会社" if no % 11 == 8 else "株式会社"
    domain = f"{label}.example" if no % 3 else f"{label}.example.jp"
    department, title = POSTS[dice.randrange(len(POSTS))]
    trunk = f"{area}-{'0' * (6 - len(area))}-{1000 + no:04d}"
    patterns = (f"{family[1]}.{given[1]}", f"{given[1][0]}.{family[1]}", f"{family[1]}{place + 101}")
    return Card(
        company=name.format(f=form),
        department=department,
        title=title,
        name=f"{family[0]} {given[0]}",
        email=f"{patterns[no % 3]}@{domain}",
        zip=f"{100 + no * 23}{1000 + no * 7}",
        address=f"{town}{no % 5 + 1}-{no % 9 + 1}-{no % 7 + 1}",
        tel=trunk,
        direct="" if dice.random() < 0.7 else trunk[:-4] + f"{5000 + place:04d}",
        fax=trunk[:-4] + f"{2000 + no:04d}" if no % 4 else "",
        mobile=f"090-0000-{place:04d}" if dice.random() < 0.4 else "",
        url=f"https://www.{domain}/",
        day=first_day + timedelta(days=dice.randrange(DAYS)),
    )


def _dress(card: Card, place: int, dice: random.Random) -> Card:
    """The same facts in the spellings that real cards have."""
    if place % 3 == 0:
        card = replace(card, company=card.company.replace("株式会社", "㈱").replace("有限会社", "㈲"))
    if place % 7 == 2:
        card = replace(card, company=card.company.replace("株式会社", "(株)"), tel=_wide(card.tel))
    if place % 13 == 5:
        card = replace(card, name=card.name.replace(" ", "\u3000"))
    if place % 17 == 3:
        card = replace(card, name=card.name.replace(" ", ""))
    if place % 29 == 11:
        card = replace(card, email=_wide(card.email))
    if place % 31 == 7:
        card = replace(card, name=card.name + " 様")
    if place % 37 == 9:
        card = replace(card, company=card.company + " 名古屋営業所")
    if place % 23 == 4:
        card = replace(card, email=dice.choice(("", "-", "なし")))
    if place % 41 == 6:
        card = replace(card, reworking="○")
    if place % 47 == 8:
        card = replace(card, unreadable="○", title="＊" + card.title)
    if place % 19 == 13:
        card = replace(card, tel=card.tel.replace("-", "").removeprefix("0"))
    return card


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


# What cannot be read, at fixed places of the list.
def _spoil(rows: Sequence[Card]) -> list[Card]:
    out = list(rows)
    out[9] = replace(out[9], email=out[9].email.split("@")[0] + "@hamakita")
    out[51] = replace(out[51], company="", email="")
    out[86] = replace(out[86], tel="9.01E+10")
    out[134] = replace(out[134], day="2026/13/02")
    out[177] = replace(out[177], email="tanaka.example.jp")
    out[203] = replace(out[203], name='=HYPERLINK("http://bad.example/","氏名")')
    out[222] = replace(out[222], email="okabe..mai@kurobe-alumi.example")
    box = f"info@{out[60].email.split('@')[-1] or 'shiranui.example'}"
    out[60], out[96] = (replace(out[n], email=box, company=out[60].company) for n in (60, 96))
    out[71] = replace(out[71], email=f"{out[71].email}；{out[71].email.replace('@', '.sub@')}")
    return out


def _with_doubles(rows: list[Card], dice: random.Random) -> list[Card]:
    """Eighteen people met twice: the second card a day later, spelled a little differently."""
    spoiled = {9, 51, 60, 71, 86, 96, 134, 177, 203, 222}
    places = [
        n for n in range(len(rows)) if n not in spoiled and "@" in rows[n].email and "＠" not in rows[n].email
    ]
    again = []
    for place in sorted(dice.sample(places, ROWS - len(rows))):
        card = rows[place]
        day = card.day + timedelta(days=1) if isinstance(card.day, date) else card.day
        again.append(
            (place, replace(card, name=card.name.replace("\u3000", " "), email=card.email.upper(), day=day))
        )
    for shift, (place, card) in enumerate(again):
        rows.insert(min(len(rows), place + shift + 25), card)
    return rows
