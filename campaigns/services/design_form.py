"""Design a form: made from a kind, edited, published as a version that never changes, closed and opened again.

What is wrong comes back as Invalid {place: code}; a stale save raises Stale with the form as it stands.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import form_texts
from campaigns.rules import forms as rule
from campaigns.rules.forms import Design, Kind
from campaigns.services.author import Gone, Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage import audit, events, files, forms, products, users
from campaigns.storage.files import File
from campaigns.storage.forms import Figures, Form, Handling, Line, Version

KEY = re.compile(r"[a-z2-9]{10}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
PERIOD_DAYS = 90


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form may be tied to: products and events as (id, name), users, files."""

    products: Sequence[tuple[int, str]]
    events: Sequence[tuple[int, str]]
    owners: Sequence[tuple[int, str]]
    files: Sequence[File]


def listing(parts: Parts) -> tuple[Line, ...]:
    with parts.engine.connect() as tx:
        return forms.listing(tx)


def choices(parts: Parts) -> Choices:
    with parts.engine.connect() as tx:
        return Choices(
            products=products.names(tx),
            events=[(line.id, line.plan.name) for line in events.listing(tx)],
            owners=[(user.id, user.name) for user in users.every(tx) if user.is_active],
            files=files.recent(tx),
        )


def find(parts: Parts, form_id: int) -> Form:
    """Raises Gone."""
    with parts.engine.connect() as tx:
        return _get(tx, form_id)


def create(parts: Parts, kind: Kind, handling: Handling, *, user_id: int | None, now: datetime) -> int:
    """A new form with what its kind usually asks. Raises Invalid."""
    _check(handling)
    key = "".join(secrets.choice(_LETTERS) for _ in range(10))
    with parts.engine.begin() as tx:
        form_id = forms.add(tx, key, form_texts.start(kind), handling, user_id=user_id, now=now)
        audit.note(tx, noun="form", noun_id=form_id, action="add", user_id=user_id, now=now)
    return form_id


def save(
    parts: Parts,
    form_id: int,
    *,
    design: Design | None = None,
    handling: Handling | None = None,
    version: int,
    user_id: int | None,
    now: datetime,
) -> None:
    """Save what is seen, or how entries are handled. A published version is not touched by it.

    A design may be saved with gaps; publishing asks for them. Raises Invalid, Stale, Gone.
    """
    if handling is not None:
        _check(handling)
    with parts.engine.begin() as tx:
        old = _get(tx, form_id)
        if design is not None and design.kind is not old.kind:
            raise Invalid({"kind": "unknown"})
        if not forms.save(tx, form_id, forms.columns(design, handling), version=version):
            raise Stale(old)
        changes: dict[str, tuple[object, object]] = {}
        if handling is not None:
            was, is_now = asdict(old.handling), asdict(handling)
            changes = {name: (was[name], is_now[name]) for name in is_now}
        audit.note(tx, noun="form", noun_id=form_id, action="save", user_id=user_id, now=now, changes=changes)


def publish(
    parts: Parts,
    form_id: int,
    snapshot: Mapping[str, str],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> int:
    """Freeze the form as it is now and open it; returns the version's number.

    snapshot: language -> the page as visitors see it, the proof of what they agreed to. It must be of the form's
    own version, else Stale. Raises Invalid with what must be mended first.
    """
    with parts.engine.begin() as tx:
        form = _get(tx, form_id, for_update=True)
        if form.version != version:
            raise Stale(form)
        wrong = rule.check(form.design)
        if wrong:
            raise Invalid(wrong)
        no = forms.publish(tx, form, snapshot, user_id=user_id, now=now)
        audit.note(
            tx,
            noun="form",
            noun_id=form_id,
            action="publish",
            user_id=user_id,
            now=now,
            changes={"no": (form.published_no, no)},
        )
    return no


def set_state(parts: Parts, form_id: int, state: str, *, user_id: int | None, now: datetime) -> None:
    """Close a form, or open one again that was published. Raises Gone, Invalid."""
    if state not in ("open", "closed"):
        raise Invalid({"state": "unknown"})
    with parts.engine.begin() as tx:
        form = _get(tx, form_id, for_update=True)
        if not form.published_no:
            raise Invalid({"state": "not_published"})
        forms.save(tx, form_id, {"state": state}, version=form.version)
        audit.note(
            tx,
            noun="form",
            noun_id=form_id,
            action=state,
            user_id=user_id,
            now=now,
            changes={"state": (form.state, state)},
        )


def delete(parts: Parts, form_id: int, *, user_id: int | None, now: datetime) -> None:
    """Take away a form by which nothing ever came in; its address is not found from then on. Raises Gone, Invalid.

    A form with entries stays, closed: its versions are the proof of what people agreed to.
    """
    with parts.engine.begin() as tx:
        form = _get(tx, form_id, for_update=True)
        if not forms.is_untouched(tx, form_id):
            raise Invalid({"form": "has_entries"})
        forms.remove(tx, form_id)
        changes = {"name": (form.handling.name, None)}
        audit.note(
            tx, noun="form", noun_id=form_id, action="delete", user_id=user_id, now=now, changes=changes
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """A form's page: figures of the last 90 days and of all time, and what was published.

    may_delete: nothing has ever come in by it.
    """

    form: Form
    lately: Figures
    ever: Figures
    versions: tuple[Version, ...]
    has_changes: bool
    may_delete: bool
    names: Mapping[str, str]


def overview(parts: Parts, form_id: int, *, now: datetime) -> Overview:
    """Raises Gone."""
    zone = parts.settings.tz
    since = now.astimezone(zone).date() - timedelta(days=PERIOD_DAYS - 1)
    with parts.engine.connect() as tx:
        form = _get(tx, form_id)
        began = datetime.combine(since, time(), tzinfo=zone)
        lately = forms.figures(tx, form_id, since=since, since_at=began)
        first = datetime(2000, 1, 1, tzinfo=zone)
        ever = forms.figures(tx, form_id, since=first.date(), since_at=first)
        found = forms.versions(tx, form_id)
        names = _names(tx, form)
        may_delete = forms.is_untouched(tx, form_id)
    has_changes = not found or found[0].design != form.design
    return Overview(form, lately, ever, found, has_changes, may_delete, names)


def published(parts: Parts, form_id: int, no: int) -> Version:
    """A version with its pages. Raises Gone."""
    with parts.engine.connect() as tx:
        found = forms.numbered(tx, form_id, no)
    if found is None:
        raise Gone
    return found


def lacks_material(form: Form) -> bool:
    """A request for material that has no file to give: whoever asks gets nothing unless somebody sends it by hand."""
    return form.kind is Kind.DOC_REQUEST and form.handling.file_id is None


def lacks_event(form: Form) -> bool:
    """A seminar's form without its event: nobody gets an entry pass, and the event counts no guests."""
    return form.kind is Kind.SEMINAR_APPLY and form.handling.event_id is None


def url(parts: Parts, form: Form) -> str:
    """Where visitors find it."""
    return f"{parts.settings.base_url}/form/{form.public_key}"


def public_path(parts: Parts, kind: Kind) -> str:
    """The path of an open form of this kind, the oldest; '' when there is none."""
    with parts.engine.connect() as tx:
        key = forms.first_open(tx, kind.value)
    return f"/form/{key}" if key else ""


def _names(tx: Connection, form: Form) -> dict[str, str]:
    """What the form is tied to, by name."""
    handling = form.handling
    product = products.find(tx, handling.product_id) if handling.product_id else None
    event = events.get(tx, handling.event_id) if handling.event_id else None
    owner = next((u for u in users.every(tx) if u.id == handling.owner_user_id), None)
    file = next((f for f in files.recent(tx, limit=500) if f.id == handling.file_id), None)
    return {
        "product": product.name if product else "",
        "event": event.plan.name if event else "",
        "owner": owner.name if owner else "",
        "file": file.name if file else "",
    }


def _check(handling: Handling) -> None:
    wrong = {}
    if not handling.name.strip():
        wrong["name"] = "missing"
    if handling.capacity is not None and not 1 <= handling.capacity <= 100_000:
        wrong["capacity"] = "out_of_range"
    if wrong:
        raise Invalid(wrong)


def _get(tx: Connection, form_id: int, *, for_update: bool = False) -> Form:
    found = forms.get(tx, form_id, for_update=for_update)
    if found is None:
        raise Gone
    return found
