"""The sheet of a fax: A4 upright, at most two pages, black on white, so that one bit is enough to read it.

Cover line with to, from, pages and date; title and text; points; what they may send back, and the words that stop
further faxes with the number to tick and return. Source: spec 6.4, S2-07, LAW 4.4. What goes with a mail has neither
cover nor reply.

SheetError.code: too_long (n: pages), unprintable (said: the letters that the font lacks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from campaigns.rules.faxes import PAGES_MOST, printed
from campaigns.services import pdf
from campaigns.services.pdf import Laid


class SheetError(ValueError):
    def __init__(self, code: str, *, n: int = 0, said: str = "") -> None:
        super().__init__(code)
        self.code, self.n, self.said = code, n, said


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is the same for every number. points: one a line. return_number: digits, where refusals go."""

    title: str
    body: str
    points: tuple[str, ...]
    sender: str
    address: str
    inquiry: str
    return_number: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: Any) -> Sheet:
        return cls(**{**told, "points": tuple(told["points"])})


@dataclass(frozen=True, slots=True)
class To:
    """The receiver's cover line. people: joined already (山田様・佐藤様)."""

    company: str
    department: str
    people: str
    number: str


SAMPLE = To("株式会社見本製作所", "生産技術部", "見本 太郎様", "0312345678")


def odd(to: To) -> str:
    """The letters of a receiver that the font lacks."""
    return pdf.missing(f"{to.company} {to.department} {to.people}")


def draw(sheet: Sheet, to: To | None, *, on: date) -> Laid:
    """The finished sheet; to: None for what goes with a mail. Raises SheetError: what is not readable, or does not fit,
    is not sent.
    """
    ours = pdf.missing(" ".join([sheet.title, sheet.body, *sheet.points, sheet.sender, sheet.address]))
    if said := ours + (odd(to) if to else ""):
        raise SheetError("unprintable", said=said)
    # How many sheets there are is printed on the first of them, so it is laid out to be counted, then once more.
    pages = pdf.lay_out(_story(sheet, to, on=on, pages=1), name=sheet.title).pages
    if pages > PAGES_MOST:
        raise SheetError("too_long", n=pages)
    return pdf.lay_out(
        _story(sheet, to, on=on, pages=pages),
        name=sheet.title,
        foot=" ".join(part for part in (sheet.sender, sheet.inquiry) if part),
        author=sheet.sender,
    )


def _story(sheet: Sheet, to: To | None, *, on: date, pages: int) -> Sequence[pdf.Flowable]:
    story = _cover(sheet, to, on=on, pages=pages) if to else []
    story += [pdf.title(sheet.title, size=17), pdf.paragraph(sheet.body, size=12, after=6)]
    if sheet.points:
        story += [pdf.subtitle("要点", size=13), *pdf.bullets(sheet.points, size=12)]
    if to:
        story.append(pdf.together([pdf.space(4), *_reply(sheet, to)]))
    return story


def _cover(sheet: Sheet, to: To, *, on: date, pages: int) -> list[pdf.Flowable]:
    whom = "\n".join(part for part in (to.company, to.department, to.people) if part)
    us = "\n".join(part for part in (sheet.sender, sheet.address, sheet.inquiry) if part)
    return [
        pdf.title("FAX送付状", size=22),
        pdf.rule(thick=2),
        pdf.table(
            [
                ["宛先", whom, "発信元", us],
                [
                    "FAX",
                    printed(to.number),
                    "日付・枚数",
                    f"{on.year}年{on.month}月{on.day}日　{pages}枚（本紙を含む）",
                ],
            ],
            widths_mm=[16, 68, 22, 68],
            head=False,
            size=11,
        ),
        pdf.space(6),
    ]


def _reply(sheet: Sheet, to: To) -> list[pdf.Flowable]:
    """What they tick and send back. It stays whole, or the number would stand on another page than the box."""
    back = printed(sheet.return_number) if sheet.return_number else ""
    where = f"ご返信FAX {back}" if back else "ご返信は下記の連絡先までお願いいたします。"
    rows = [
        ["□ 詳しい資料を希望します", "□ 電話での説明を希望します"],
        ["□ 訪問を希望します", "□ メールでの案内を希望します"],
    ]
    stop = "□ 今後のFAXは不要"
    stop += (
        f"（チェックして {back} へご返送ください。以後この番号へはお送りしません）"
        if back
        else "（ご連絡をいただければ、以後お送りしません）"
    )
    return [
        pdf.rule(thick=1.5),
        pdf.subtitle(where, size=14),
        pdf.table(rows, widths_mm=[87, 87], head=False, size=12),
        pdf.space(2),
        pdf.table(
            [["会社名", to.company, "お名前", ""], ["電話", "", "メール", ""]],
            widths_mm=[18, 69, 18, 69],
            head=False,
            size=11,
        ),
        pdf.space(2),
        pdf.paragraph(stop, size=12, bold=True),
    ]
