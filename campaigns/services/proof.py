"""Proof: read one variant of a mail as the receiver's side would, before it is published or shown.

What depends on the author's source alone is asked of the press (`mailer.press`); what depends on the house
is added here: links that cannot be wrapped, the size with footer and wrapped links, fields that are empty
for many of the audience.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from campaigns.parts import Parts
from campaigns.rules import merge_fields, placeholders, tone_lint
from campaigns.rules.merge_fields import Bond, Recipient
from campaigns.rules.tone_lint import Loud
from campaigns.services import render
from campaigns.storage.contents import Variant
from campaigns.storage.outgoing import Outgoing
from campaigns.storage.reach import Gaps
from mailer import compose, press
from mailer.compose import Level, Part, Problem
from mailer.errors import TemplateError
from mailer.inline import Published
from mailer.layout import Layout
from mailer.press import Job, Pressed
from mailer.stencil import Stencil
from tracking_pixel import BadTarget
from tracking_pixel.links import Links

_BASE = Path(__file__).resolve().parents[2] / "templates" / "mail" / "base.html"
_LEGAL_FORMS = ("株式会社", "有限会社", "合同会社", "㈱", "㈲", "(株)", "（株）")
# A delivery of a grown installation: its tokens are as long as they will ever be.
_LATE = 2**31
# As long as values get: a mail must not grow past its limit for the recipient with the longest of all.
_LONG = "長" * 200


@dataclass(frozen=True, slots=True)
class Proof:
    """published None: an error stands against it. size: octets of the HTML as it would leave, 0 unknown.

    loud: words that sell too loudly, by their place.
    """

    published: Published | None
    problems: tuple[Problem, ...]
    loud: tuple[Loud, ...]
    size: int


def read(parts: Parts, variant: Variant, row: Outgoing, gaps: Gaps) -> Proof:
    """Everything there is to say about the words of a variant. row: whose mail is measured."""
    profile = row.profile
    layout = layout_of(profile.legal_name if profile else "", row.product_name)
    pressed = _press(variant, layout, own=parts.settings.base_url)
    problems, size = list(pressed.problems), 0
    published = pressed.published
    if published is not None:
        try:
            size = _size(parts, replace(row, lang=variant.lang), published)
        except BadTarget as error:
            problems.append(Problem(Part.HTML, 0, "link_invalid", {"url": str(error)}))
            published = None
        except TemplateError as error:
            problems.append(Problem(Part.HTML, error.line, "syntax", {"detail": error.message[:200]}))
            published = None
        problems = [p for p in problems if p.message_code != "html_large"]
        if size > compose.HTML_SIZE_WARN:
            problems.append(Problem(Part.HTML, 0, "html_large", {"size": str(size)}, Level.WARNING))
        problems += _gaps(pressed, gaps)
    problems += _placeholders(variant)
    loud = tone_lint.findings(
        {"subject": variant.subject, "preheader": variant.preheader, "body": variant.html}
    )
    order = list(Part)
    found = sorted(problems, key=lambda p: (list(Level).index(p.level), order.index(p.part), p.line))
    return Proof(published, tuple(found), loud, size)


def _placeholders(variant: Variant) -> Sequence[Problem]:
    """Marks of a starter that nobody has filled in; the mail is shown with them, but not sent."""
    texts = {part.value: getattr(variant, part.value) for part in Part}
    return [
        Problem(Part(one.part), one.line, "placeholder", {"words": one.words})
        for one in placeholders.left(texts)
    ]


def freeze(variant: Variant, layout: Layout) -> tuple[Published | None, list[Problem]]:
    """A variant made ready to be sent many times, or None, with what its source alone tells."""
    pressed = _press(variant, layout, own="")
    return pressed.published, list(pressed.problems)


def _press(variant: Variant, layout: Layout, *, own: str) -> Pressed:
    """What the press says; what it has said of these very words before is kept, since a mail takes it 30 ms."""
    try:
        return _kept(variant, layout, own)
    except _NotPressed as error:
        return error.pressed


class _NotPressed(Exception):
    """An error stands against the mail. It is not kept: the press may have been short of time."""

    def __init__(self, pressed: Pressed) -> None:
        super().__init__()
        self.pressed = pressed


@lru_cache(maxsize=256)
def _kept(variant: Variant, layout: Layout, own: str) -> Pressed:
    pressed = _ask(variant, layout, own=own)
    if pressed.published is None:
        raise _NotPressed(pressed)
    return pressed


def _ask(variant: Variant, layout: Layout, *, own: str) -> Pressed:
    samples = [
        sample_fields(variant.lang),
        sample_fields(variant.lang, is_empty=True),
        dict.fromkeys(merge_fields.NAMES, _LONG),
    ]
    return press.run(
        Job(
            subject=variant.subject,
            preheader=variant.preheader,
            html=variant.html,
            text=variant.text,
            samples=samples,
            format=variant.format,
            layout=replace(layout, language=variant.lang),
            own=own,
            url_fields=merge_fields.ADDRESSES,
        )
    )


def _size(parts: Parts, row: Outgoing, published: Published) -> int:
    """Octets of the HTML with footer, pixel and wrapped links."""
    links = Links(parts.signer, parts.settings.base_url, sites=parts.settings.origins())
    *urls, trap = links.click_urls(_LATE, links.rests((link.no, link.url) for link in published.links))
    made = render.texts(
        row,
        Stencil(published),
        urls=urls,
        unsubscribe_url=links.unsubscribe_url(_LATE),
        rsvp_url=links.rsvp_url(_LATE),
        pixel=links.open_url(_LATE).encode(),
        trap=trap,
        zone=parts.settings.tz,
    )
    return len(made.html)


def _gaps(pressed: Pressed, gaps: Gaps) -> Sequence[Problem]:
    """Fields that leave a hole, or a stand-in, in the mails of some: name, how many, of how many."""
    japanese = {alias: name for name, alias in merge_fields.ALIASES.items()}
    found: list[Problem] = []
    for name, line in sorted(pressed.unguarded.items(), key=lambda pair: pair[1]):
        count = gaps.by_field.get(japanese.get(name, name), 0)
        if not count:
            continue
        is_stood_in = japanese.get(name, name) in ("氏名", "姓")
        found.append(
            Problem(
                Part.HTML,
                line,
                "field_stand_in" if is_stood_in else "field_empty",
                {"name": name, "count": str(count), "all": str(gaps.everybody)},
                Level.NOTICE if is_stood_in else Level.WARNING,
            )
        )
    return found


def sample_fields(lang: str, *, is_empty: bool = False) -> Mapping[str, str]:
    """Values that stand for a recipient; is_empty: for the one about whom nothing is known."""
    somebody = Recipient(
        company="株式会社見本製作所",
        department="生産技術部",
        title="課長",
        family="見本",
        full_name="見本 太郎",
    )
    return merge_fields.build(
        Recipient() if is_empty else somebody,
        None if is_empty else Bond("card_exchange", "見本展"),
        sender="" if is_empty else "見本商事 差出 花子",
        product="" if is_empty else "見本商材",
        lang=lang,
        stop_page="https://ikusei.example/u/sample",  # never empty: everybody has one
        rsvp="https://ikusei.example/rsvp/sample",
    )


def layout_of(legal_name: str, tagline: str) -> Layout:
    """The engine's frame around an author's body."""
    company = legal_name
    for form in _LEGAL_FORMS:
        company = company.replace(form, "")
    return Layout(source=_base(), company=company.strip(), tagline=tagline)


@lru_cache(maxsize=1)
def _base() -> str:
    return _BASE.read_text(encoding="utf-8")
