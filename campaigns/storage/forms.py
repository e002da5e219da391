"""Forms: the forms themselves, their published versions, and how often they were looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from campaigns.rules import forms as rule
from campaigns.rules.forms import Design
from campaigns.storage import tables as t

_f, _v = t.forms.c, t.form_versions.c


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of entries: binds at once, whichever version was shown. closes_on: the last day."""

    name: str
    product_id: int | None = None
    event_id: int | None = None
    owner_user_id: int | None = None
    file_id: int | None = None
    tags: tuple[str, ...] = ()
    tells_owner: bool = False
    closes_on: date | None = None
    capacity: int | None = None
    has_waiting_list: bool = False


HANDLING = tuple(field.name for field in fields(Handling))


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is edited. state: draft, open, closed. published_no: 0 before the first time."""

    id: int
    public_key: str
    state: str
    design: Design
    published_no: int
    handling: Handling
    version: int

    @property
    def kind(self) -> rule.Kind:
        return self.design.kind


@dataclass(frozen=True, slots=True)
class Version:
    """What was published. snapshot: language -> the page as it was shown."""

    id: int
    form_id: int
    no: int
    design: Design
    published_at: datetime
    snapshot: Mapping[str, str]


_COLUMNS = (
    _f.id,
    _f.public_key,
    _f.state,
    _f.design,
    _f.published_no,
    _f.version,
    *(_f[n] for n in HANDLING),
)


def _form(row: Any) -> Form | None:
    if row is None:
        return None
    handling = {name: row._mapping[name] for name in HANDLING}
    handling["tags"] = tuple(handling["tags"])
    return Form(
        id=row.id,
        public_key=row.public_key,
        state=row.state,
        design=rule.from_json(row.design),
        published_no=row.published_no,
        handling=Handling(**handling),
        version=row.version,
    )


def get(tx: Connection, form_id: int, *, for_update: bool = False) -> Form | None:
    query = select(*_COLUMNS).where(_f.id == form_id)
    return _form(tx.execute(query.with_for_update() if for_update else query).one_or_none())


def by_key(tx: Connection, public_key: str) -> Form | None:
    """The form of an address."""
    return _form(tx.execute(select(*_COLUMNS).where(_f.public_key == public_key)).one_or_none())


def of_event(tx: Connection, event_id: int) -> Form | None:
    """The open form by which people sign up for an event; of several the newest. Index ix_forms_event_id."""
    found = select(*_COLUMNS).where(_f.event_id == event_id, _f.state == "open").order_by(_f.id.desc())
    return _form(tx.execute(found.limit(1)).one_or_none())


def first_open(tx: Connection, kind: str) -> str | None:
    """The address of the oldest open form of a kind."""
    found = select(_f.public_key).where(t.forms.c.kind == kind, _f.state == "open").order_by(_f.id).limit(1)
    return tx.execute(found).scalar()


def add(
    tx: Connection, public_key: str, design: Design, handling: Handling, *, user_id: int | None, now: datetime
) -> int:
    made = insert(t.forms).values(
        public_key=public_key,
        kind=design.kind.value,
        design=rule.as_json(design),
        created_by=user_id,
        created_at=now,
        **_handled(handling),
    )
    return int(tx.execute(made.returning(_f.id)).scalar_one())


def save(tx: Connection, form_id: int, values: Mapping[str, object], *, version: int) -> bool:
    """Change columns of a form; False when somebody else saved first."""
    done = tx.execute(
        update(t.forms)
        .where(_f.id == form_id, _f.version == version)
        .values(**values, version=_f.version + 1)
    )
    return done.rowcount == 1


def is_untouched(tx: Connection, form_id: int) -> bool:
    """Whether nothing has ever come in by a form. Index ix_form_entries_form_id_state_at."""
    found = tx.execute(
        text("select exists (select 1 from form_entries where form_id = :id)"), {"id": form_id}
    )
    return not found.scalar()


def remove(tx: Connection, form_id: int) -> None:
    """A form with its versions and figures. Its row is held by the caller, so that no entry comes meanwhile."""
    for table, column in (("form_days", "form_id"), ("form_versions", "form_id"), ("forms", "id")):
        tx.execute(text(f"delete from {table} where {column} = :id"), {"id": form_id})  # noqa: S608 - constants


def columns(design: Design | None, handling: Handling | None) -> dict[str, object]:
    """What `save` writes of these."""
    drawn = {"design": rule.as_json(design)} if design else {}
    return drawn | (_handled(handling) if handling else {})


def _handled(handling: Handling) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(handling, name) for name in HANDLING}
    values["tags"] = list(handling.tags)
    return values


def publish(
    tx: Connection, form: Form, snapshot: Mapping[str, str], *, user_id: int | None, now: datetime
) -> int:
    """A new version of the form as it is; returns its number. The row of the form is held by the caller."""
    no = form.published_no + 1
    tx.execute(
        insert(t.form_versions).values(
            form_id=form.id,
            no=no,
            design=rule.as_json(form.design),
            snapshot=dict(snapshot),
            published_by=user_id,
            published_at=now,
        )
    )
    opened = update(t.forms).where(_f.id == form.id).values(published_no=no, state="open")
    tx.execute(opened.values(version=_f.version + 1))
    return no


_VERSION = (_v.id, _v.form_id, _v.no, _v.design, _v.published_at, _v.snapshot)


def _version(row: Any) -> Version | None:
    if row is None:
        return None
    return Version(row.id, row.form_id, row.no, rule.from_json(row.design), row.published_at, row.snapshot)


def version(tx: Connection, version_id: int) -> Version | None:
    return _version(tx.execute(select(*_VERSION).where(_v.id == version_id)).one_or_none())


def numbered(tx: Connection, form_id: int, no: int) -> Version | None:
    return _version(tx.execute(select(*_VERSION).where(_v.form_id == form_id, _v.no == no)).one_or_none())


def versions(tx: Connection, form_id: int) -> tuple[Version, ...]:
    """Newest first; a form has dozens at the most."""
    rows = tx.execute(select(*_VERSION).where(_v.form_id == form_id).order_by(_v.no.desc()))
    return tuple(found for row in rows if (found := _version(row)))


@dataclass(frozen=True, slots=True)
class Line:
    """A form in the list, with its figures of all time. sent: kept entries, those set aside left out."""

    id: int
    public_key: str
    kind: str
    name: str
    state: str
    product: str
    colour_no: int
    event: str
    closes_on: date | None
    capacity: int | None
    views: int
    sent: int
    confirmed: int
    waiting: int
    aside: int
    last_at: datetime | None


# Both sides are read once and grouped; form_entries by its index (form_id, state, at).
LISTING = """
select f.id, f.public_key, f.kind, f.name, f.state, coalesce(p.name, '') as product,
       coalesce(p.colour_no, 1) as colour_no, coalesce(ev.name, '') as event, f.closes_on, f.capacity,
       coalesce(d.views, 0) as views, coalesce(e.sent, 0) as sent, coalesce(e.confirmed, 0) as confirmed,
       coalesce(e.waiting, 0) as waiting, coalesce(e.aside, 0) as aside, e.last_at
  from forms f
  left join products p on p.id = f.product_id
  left join events ev on ev.id = f.event_id
  left join (select form_id, sum(views) as views from form_days group by form_id) d on d.form_id = f.id
  left join (select form_id, count(*) filter (where state in ('done', 'waiting', 'pending', 'expired')) as sent,
                    count(*) filter (where state in ('done', 'waiting')) as confirmed,
                    count(*) filter (where state in ('waiting', 'pending')) as waiting,
                    count(*) filter (where state = 'aside') as aside, max(at) as last_at
               from form_entries group by form_id) e on e.form_id = f.id
 order by f.state = 'closed', coalesce(e.last_at, f.created_at) desc, f.id desc
"""


def listing(tx: Connection) -> tuple[Line, ...]:
    """Every form; the ones in use first."""
    return tuple(Line(**row._mapping) for row in tx.execute(text(LISTING)))


@dataclass(frozen=True, slots=True)
class Figures:
    """How a form fares. sent: entries kept; confirmed: of them, those that count; refused: not even kept."""

    views: int = 0
    starts: int = 0
    sent: int = 0
    confirmed: int = 0
    done: int = 0
    waiting: int = 0
    pending: int = 0
    expired: int = 0
    aside: int = 0
    dropped: int = 0
    refused: int = 0


FIGURES = """
select coalesce((select sum(views) from form_days where form_id = :id and day >= :since), 0) as views,
       coalesce((select sum(starts) from form_days where form_id = :id and day >= :since), 0) as starts,
       coalesce((select sum(refused) from form_days where form_id = :id and day >= :since), 0) as refused,
       count(*) filter (where state in ('done', 'waiting', 'pending', 'expired')) as sent,
       count(*) filter (where state in ('done', 'waiting')) as confirmed,
       count(*) filter (where state = 'done') as done, count(*) filter (where state = 'waiting') as waiting,
       count(*) filter (where state = 'pending') as pending, count(*) filter (where state = 'expired') as expired,
       count(*) filter (where state = 'aside') as aside, count(*) filter (where state = 'dropped') as dropped
  from form_entries where form_id = :id and at >= :since_at
"""


def figures(tx: Connection, form_id: int, *, since: date, since_at: datetime) -> Figures:
    """since: a day of the installation's zone, since_at: its beginning."""
    row = tx.execute(text(FIGURES), {"id": form_id, "since": since, "since_at": since_at}).one()
    return Figures(**row._mapping)


def count(tx: Connection, rows: Sequence[tuple[int, date, str, int]]) -> None:
    """Add figures: (form, day, views | starts | refused, how many). Forms that are gone are left out."""
    values = {
        "forms": [row[0] for row in rows],
        "days": [row[1] for row in rows],
        "what": [row[2] for row in rows],
        "n": [row[3] for row in rows],
    }
    tx.execute(
        text(
            "insert into form_days (form_id, day, views, starts, refused)"
            " select q.form, q.day, sum(q.n) filter (where q.what = 'views'),"
            "        sum(q.n) filter (where q.what = 'starts'), sum(q.n) filter (where q.what = 'refused')"
            "   from (select q.form, q.day, w.what, case when w.what = q.what then q.n else 0 end as n"
            "           from unnest(cast(:forms as bigint[]), cast(:days as date[]), cast(:what as text[]),"
            "                cast(:n as int[])) as q(form, day, what, n)"
            "          cross join (values ('views'), ('starts'), ('refused')) as w(what)) q"
            "   join forms f on f.id = q.form group by q.form, q.day"
            " on conflict (form_id, day) do update set views = form_days.views + excluded.views,"
            "    starts = form_days.starts + excluded.starts, refused = form_days.refused + excluded.refused"
        ),
        values,
    )
