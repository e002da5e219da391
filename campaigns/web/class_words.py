"""What the classes of companies are called; a house may have words of its own for C1 and C2 (spec 2.6)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app, g, has_app_context
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.storage import classes

_MEANINGS = {
    "A": _l("A（上位の取引先）"),
    "B": _l("B（Aに続く取引先）"),
    "C1": _l("C1（インサイドセールス）"),
    "C2": _l("C2（フィールドセールス）"),
    "D": _l("D（過去に取引）"),
    "E": _l("E（名刺交換のみ）"),
    "-": _l("未分類"),
}


def name(code: str) -> str:
    """A class beside a company's name."""
    if code == "-":
        return str(_("未分類"))
    own = _own().get(code)
    return str(_("管理区分 %(c)s（%(own)s）", c=code, own=own) if own else _("管理区分 %(c)s", c=code))


def meaning(code: str) -> str:
    """A class where it is chosen."""
    own = _own().get(code)
    return str(_("%(c)s（%(own)s）", c=code, own=own) if own else _MEANINGS[code])


def _own() -> Mapping[str, str]:
    """The house's own words, read once a request and only where a class is named."""
    if not has_app_context():
        return {}
    if "class_labels" not in g:
        parts: Parts = current_app.extensions["ikusei"]
        with parts.engine.connect() as tx:
            found = classes.rules(tx)
        g.class_labels = {"C1": found.label_c1, "C2": found.label_c2}
    labels: Mapping[str, str] = g.class_labels
    return labels


MEANINGS = {code: LazyString(meaning, code) for code in _MEANINGS}
NAMES = {code: LazyString(name, code) for code in _MEANINGS}
