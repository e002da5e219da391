"""Values of a product in words: as a section reads them, as its form holds them, as a copy would replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules import hot_rules, matrix
from campaigns.rules.hot_rules import Criteria
from campaigns.rules.inheritance import Held
from campaigns.rules.schedule import WINDOWS
from campaigns.services import catalogue
from campaigns.services.inherit import Holder
from campaigns.web import product_forms as forms
from campaigns.web import product_words, scenario_words, words


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as its section reads it. source: whose value; without: what it would be if it were inherited."""

    field: str
    label: str
    text: str
    source: str
    without: str
    is_own: bool
    is_overridden: bool
    value: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What a copy would replace, or what taking one back would."""

    label: str
    before: str
    after: str


def shown(parts: Parts, holder: Holder) -> dict[str, list[Shown]]:
    """Every section's fields."""
    names = _senders(parts)
    return {
        section: [_shown(field, holder, names) for field in fields]
        for section, fields in product_words.FIELDS.items()
    }


def _shown(field: str, holder: Holder, senders: Mapping[int, str]) -> Shown:
    held: Held = holder.fields[field]
    without = _(
        "%(value)s（%(source)s）",
        value=in_words(field, held.without, senders),
        source=product_words.from_where(held.without_source, holder),
    )
    return Shown(
        field=field,
        label=str(product_words.LABELS[field]),
        text=in_words(field, held.value, senders),
        source=_source(held, holder),
        without=str(without),
        is_own=held.is_own,
        is_overridden=held.is_own and held.value != held.without,
        value=held.value,
    )


def _source(held: Held, holder: Holder) -> str:
    if held.is_own and holder.level != "product":
        return str(_("ここで決めた値"))
    return product_words.from_where(held.source, holder)


def _senders(parts: Parts) -> dict[int, str]:
    return {sender.id: sender.name for sender in catalogue.choices(parts).senders}


def of_field(field: str) -> str:
    return next((name for name, fields in product_words.FIELDS.items() if field in fields), "")


def in_words(field: str, value: Any, senders: Mapping[int, str]) -> str:
    """A value in one line."""
    if field == "target_profile":
        return profile(value)
    if field == "expected_amount_yen":
        return words.yen(value)
    if field == "windows":
        return str(_("・")).join(f"{clock(start)}–{clock(end)}" for start, end in value or WINDOWS)
    if field == "tone_every":
        return str(_("%(n)s通に1通まで", n=value))
    if field == "gate":
        return words.percent(value)
    if field == "hot_rules":
        return _hot_words(value)
    if field == "band_edges":
        return " / ".join(f"{edge:g}" for edge in value)
    if field == "prior_rates":
        return " / ".join(f"{rate * 100:g}%" for rate in value)
    if field == "action_matrix":
        return str(_("%(n)s行", n=len(matrix.rows(value))) if value else _("出荷時の表"))
    if field == "purchase_cycle_days":
        return str(_("%(n)s日間", n=words.number(value)))
    if field == "sender_profile_id":
        return senders.get(value) or str(_("未設定：送信できません"))
    return str(value or "–")


def profile(value: Mapping[str, Sequence[str]]) -> str:
    """食品機械・100-299・管理区分 C1・決裁者; one line."""
    parts = [*value.get("industries", ()), *value.get("bands", ())]
    parts += [str(scenario_words.CLASSES[one]) for one in value.get("classes", ())]
    parts += [str(scenario_words.ROLES.get(one, one)) for one in value.get("roles", ())]
    return str(_("・")).join(parts) or str(_("限定しない"))


def _hot_words(value: Mapping[str, Any]) -> str:
    triggers = hot_rules.criteria(value).triggers
    hot = str(_("・")).join(
        str(_("%(what)s%(n)s日", what=words.word(words.KINDS, kind), n=span.days))
        for kind, span in triggers.items()
    )
    variants = value.get("variants", ())
    return hot + (str(_("（業種ごとの基準 %(n)s）", n=len(variants))) if variants else "")


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def plain(parts: Parts, holder: Holder, section: str) -> dict[str, str]:
    """A section's values in force, each in one line."""
    return plain_values(parts, {field: holder.value(field) for field in product_words.FIELDS[section]})


def plain_values(parts: Parts, values: Mapping[str, Any]) -> dict[str, str]:
    names = _senders(parts)
    return {field: in_words(field, value, names) for field, value in values.items()}


def changes(parts: Parts, holder: Holder, source: Holder, chosen: Iterable[str]) -> tuple[Change, ...]:
    """What copying these sections would replace; equal values are left out."""
    names = _senders(parts)
    fields = [field for section in chosen for field in product_words.FIELDS[section]]
    return tuple(
        Change(
            str(product_words.LABELS[field]),
            in_words(field, holder.value(field), names),
            _after(field, holder.value(field), source.value(field), names),
        )
        for field in fields
        if holder.value(field) != source.value(field)
    )


def _after(field: str, old: Any, new: Any, names: Mapping[int, str]) -> str:
    text = in_words(field, new, names)
    same = text == in_words(field, old, names)
    return str(_("%(text)s（中身が違います）", text=text)) if same else text


# --- what the forms hold ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindLine:
    """A touch in the form of the hot criteria: what stands in its three boxes, and the shipped values.

    follows: what an empty box means.
    """

    kind: str
    name: str
    group: str
    points: str
    depth: str
    days: str
    shipped: str
    follows: Mapping[str, str]
    is_online: bool


@dataclass(frozen=True, slots=True)
class Variant:
    prefix: str
    industries: str
    lines: tuple[KindLine, ...]


def form_of(section: str, values: Mapping[str, Any], typed: MultiDict[str, str] | None) -> Mapping[str, Any]:
    """What a section's boxes show: the values, or exactly what was typed."""
    if typed is not None and section not in ("matrix", "hot", "profile"):
        return typed
    if section == "hot":
        return _hot_form(values, typed)
    if section == "matrix":
        stored = product_words.matrix_rows(values["action_matrix"])
        return {"rows": forms.matrix_rows(typed, {}) if typed is not None else stored}
    if section == "delivery":
        windows = {
            f"window-{place}-{end}": clock(minutes)
            for place, window in enumerate(values["windows"] or WINDOWS)
            for end, minutes in zip(("from", "to"), window, strict=True)
        }
        return {"priority": values["priority"], "tone_every": values["tone_every"], **windows}
    if section == "profile":
        shown = {**{"industries": [], "bands": [], "classes": [], "roles": []}, **values["target_profile"]}
        other = typed if typed is not None else values
        return {
            **shown,
            "price_band": other["price_band"],
            "expected_amount_yen": other["expected_amount_yen"],
        }
    return values


def _hot_form(values: Mapping[str, Any], typed: MultiDict[str, str] | None) -> Mapping[str, Any]:
    stored = values["hot_rules"]
    base = hot_rules.criteria(stored)
    variants = [
        Variant(f"v{n}", "、".join(one["industries"]), _lines(f"v{n}", criteria, base, typed))
        for n, (one, (_names, criteria)) in enumerate(
            zip(stored.get("variants", ()), hot_rules.variants(stored), strict=True)
        )
    ]
    if len(variants) < hot_rules.VARIANTS_MAX:
        n = len(variants)
        variants.append(Variant(f"v{n}", "", _lines(f"v{n}", base, base, None)))
    simple = {
        "gate": round(values["gate"] * 100),
        "band_edges": "、".join(f"{edge:g}" for edge in values["band_edges"]),
        "prior_rates": "、".join(f"{rate * 100:g}" for rate in values["prior_rates"]),
    }
    if typed is not None:
        simple = {name: typed.get(name, "") for name in simple}
    return {**simple, "lines": _lines("k", base, hot_rules.SHIPPED, typed), "variants": variants}


def _lines(
    prefix: str, criteria: Criteria, base: Criteria, typed: MultiDict[str, str] | None
) -> tuple[KindLine, ...]:
    return tuple(_line(prefix, kind, criteria, base, typed) for kind in hot_rules.EDITABLE)


def _line(
    prefix: str, kind: Any, criteria: Criteria, base: Criteria, typed: MultiDict[str, str] | None
) -> KindLine:
    row, usual = criteria.table[kind], base.table[kind]
    days = criteria.triggers.get(kind, timedelta()).days
    usual_days = base.triggers.get(kind, timedelta()).days
    boxes = {"points": f"{row.points:g}", "depth": str(row.depth), "days": str(days) if days else ""}
    follows = {"points": f"{usual.points:g}", "depth": str(usual.depth), "days": str(usual_days or "–")}
    if prefix != "k":
        boxes = {name: "" if text in (follows[name], "") else text for name, text in boxes.items()}
        if usual_days and not days:
            boxes["days"] = "0"
    if typed is not None:
        boxes = {name: typed.get(f"{prefix}-{kind}-{name}", text) for name, text in boxes.items()}
    return KindLine(
        kind=kind.value,
        name=words.word(words.KINDS, kind),
        group=row.group.value,
        **boxes,
        shipped=f"{usual.points:g} / {usual.depth}" + (f" / {usual_days}" if usual_days else ""),
        follows=follows if prefix != "k" else {"days": "–"},
        is_online=row.group in hot_rules.ONLINE_GROUPS,
    )
