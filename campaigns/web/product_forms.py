"""Forms of the product sections: what a browser sent, as plain values; {field or row: code} of what is no value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from campaigns.rules import hot_rules, matrix
from campaigns.rules.actions import Row
from campaigns.rules.contents import ROLES
from campaigns.rules.scenarios import CLASSES

Form = MultiDict[str, str]
VALUES_MAX = 40
BLANK_ROWS = 2


def section(name: str, form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The typed values of a section and the mistakes in them."""
    errors: dict[str, str] = {}
    return _READ[name](form, errors), errors


def _plain(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().replace(",", "")


def _whole(form: Form, field: str, errors: dict[str, str], *, default: int = 0) -> int:
    plain = _plain(form.get(field, ""))
    if not re.fullmatch(r"\d{1,13}", plain):
        errors[field] = "not_a_number" if plain else "missing"
        return default
    return int(plain)


def _several(form: Form, field: str) -> list[str]:
    """Ticked values and those typed beside them."""
    more = re.split(r"[、,\n]", unicodedata.normalize("NFC", form.get(f"{field}_more", "")))
    values = (value.strip()[:60] for value in (*form.getlist(field), *more))
    return list(dict.fromkeys(value for value in values if value))[:VALUES_MAX]


def _profile(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    asked = {
        "industries": _several(form, "industries"),
        "bands": _several(form, "bands"),
        "classes": [c for c in CLASSES if c in form.getlist("classes")],
        "roles": [role for role in ROLES if role and role in form.getlist("roles")],
    }
    return {
        "target_profile": {name: values for name, values in asked.items() if values},
        "price_band": " ".join(unicodedata.normalize("NFC", form.get("price_band", "")).split())[:300],
        "expected_amount_yen": _whole(form, "expected_amount_yen", errors),
    }


def _delivery(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    windows = []
    for place in range(4):
        ends = [form.get(f"window-{place}-{end}", "").strip() for end in ("from", "to")]
        if any(ends):
            minutes = [_minutes(end) for end in ends]
            if None in minutes:
                errors["windows"] = "odd"
            windows.append(minutes)
    return {
        "priority": _whole(form, "priority", errors),
        "tone_every": _whole(form, "tone_every", errors),
        "windows": windows,
    }


def _minutes(value: str) -> int | None:
    found = re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)(?::00)?", value)
    return int(found[1]) * 60 + int(found[2]) if found else None


def _hot(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    shared = hot_rules.differing(_kinds(form, "k", errors), hot_rules.SHIPPED)
    stored: dict[str, Any] = {"kinds": shared} if shared else {}
    base = hot_rules.criteria(stored)
    variants = []
    for place in range(hot_rules.VARIANTS_MAX):
        if f"v{place}-industries" not in form or form.get(f"v{place}-drop"):
            continue
        industries = [one.strip() for one in re.split(r"[、,]", form.get(f"v{place}-industries", ""))]
        kinds = hot_rules.differing(_kinds(form, f"v{place}", errors), base)
        if any(industries) or kinds:
            variants.append({"industries": [one for one in industries if one], "kinds": kinds})
    if variants:
        stored["variants"] = variants
    return {
        "gate": _whole(form, "gate", errors) / 100,
        "hot_rules": stored,
        "band_edges": _numbers(form, "band_edges", errors),
        "prior_rates": [round(rate / 100, 4) for rate in _numbers(form, "prior_rates", errors)],
    }


def _kinds(form: Form, prefix: str, errors: dict[str, str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for kind in hot_rules.EDITABLE:
        said: dict[str, float] = {}
        for part in ("points", "depth", "days"):
            plain = _plain(form.get(f"{prefix}-{kind}-{part}", ""))
            # Empty days switch a trigger off; in an industry's table an empty box follows the shared one.
            if part == "days" and not plain and prefix == "k":
                plain = "0"
            if not plain:
                continue
            if not re.fullmatch(r"\d{1,4}(\.\d{1,2})?" if part == "points" else r"\d{1,4}", plain):
                errors[f"{prefix}-{kind}"] = "not_a_number"
                continue
            said[part] = float(plain) if part == "points" else int(plain)
        found[kind.value] = said
    return found


def _numbers(form: Form, field: str, errors: dict[str, str]) -> list[float]:
    parts = [_plain(part) for part in re.split(r"[、\s]+", form.get(field, "").strip().replace(",", " "))]
    if len(parts) != 5 or not all(re.fullmatch(r"\d{1,3}(\.\d{1,4})?", part) for part in parts):
        errors[field] = "not_rising"
        return [0.0] * 5
    return [float(part) for part in parts]


def _matrix(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    return {"action_matrix": matrix.stored(matrix_rows(form, errors))}


def matrix_rows(form: Form, errors: dict[str, str]) -> list[Row]:
    """Rows that have an action and are not struck out, by cell as the page shows them."""
    rows: list[Row] = []
    for place in range(matrix.ROWS_MAX + BLANK_ROWS):
        cause, kind = form.get(f"cause-{place}", ""), form.get(f"kind-{place}", "")
        if not kind or form.get(f"drop-{place}"):
            continue
        line = f"row-{len(rows) + 1}"
        due, priority = _plain(form.get(f"due-{place}", "")), _plain(form.get(f"priority-{place}", ""))
        if not (re.fullmatch(r"\d{1,3}", due) and re.fullmatch(r"\d{1,2}", priority)):
            errors[line] = "not_a_number"
            due, priority = "0", "1"
        try:
            row = matrix.made(
                cause,
                kind,
                int(due),
                int(priority),
                classes=[c for c in matrix.CLASSES if c in form.getlist(f"classes-{place}")],
                bands=_typed(form, f"bands-{place}"),
                industries=_typed(form, f"industries-{place}"),
                has_material=bool(form.get(f"material-{place}")),
            )
        except ValueError:
            errors[line] = "unknown"
            continue
        rows.append(row)
    return rows


def _typed(form: Mapping[str, str], field: str) -> list[str]:
    return [one.strip()[:60] for one in re.split(r"[、,]", form.get(field, "")) if one.strip()]


def _cycle(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    return {"purchase_cycle_days": _whole(form, "purchase_cycle_days", errors)}


def _sender(form: Form, errors: dict[str, str]) -> dict[str, Any]:
    return {"sender_profile_id": form.get("sender_profile_id", type=int)}


_READ: Mapping[str, Callable[[Form, dict[str, str]], dict[str, Any]]] = {
    "profile": _profile,
    "delivery": _delivery,
    "hot": _hot,
    "matrix": _matrix,
    "cycle": _cycle,
    "sender": _sender,
}
