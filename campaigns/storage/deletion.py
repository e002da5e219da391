"""What hangs on a scenario, a product or a content, and taking one away on which nothing hangs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Tie:
    """What keeps a thing. code: see below; n: how many; scenarios: (id, name) of some of them."""

    code: str
    n: int = 1
    scenarios: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is to go. rows: of a scenario's draft. ties: what keeps it."""

    noun: str
    id: int
    name: str
    rows: int = 0
    ties: tuple[Tie, ...] = ()


SCENARIO = """
select s.name, s.published_no, (select count(*) from enrollments e where e.scenario_id = s.id) as people,
       (select count(*) from steps st join scenario_versions v on v.id = st.version_id where v.scenario_id = s.id) as rows
  from scenarios s where s.id = :id and s.kind = 'scenario' for update of s
"""


def scenario(tx: Connection, id: int) -> Thing | None:
    """Ties: published, people. Its row is held until the transaction ends."""
    row = tx.execute(text(SCENARIO), {"id": id}).one_or_none()
    if row is None:
        return None
    ties = [Tie("published")] if row.published_no else []
    ties += [Tie("people", row.people)] if row.people else []
    return Thing("scenario", id, row.name, row.rows, tuple(ties))


PRODUCT = """
select p.name,
       (select count(*) from scenarios where product_id = p.id) as scenarios,
       (select count(*) from contents where product_id = p.id) as contents,
       (select count(*) from product_leads where product_id = p.id) as leads,
       (select count(*) from import_batches where settings->'product_id' = to_jsonb(p.id)) as imports,
       (select count(*) from forms where product_id = p.id) as forms
  from products p where p.id = :id for update of p
"""
# What a product leaves beside the things a person made for it. No index leads from a product to its mails: looked
# for at last, and only where no scenario and no lead is there, which is nearly never.
RECORDS = """
select exists (select 1 from touchpoints where product_id = :id)
    or exists (select 1 from suppressions where product_id = :id)
    or exists (select 1 from consents where product_id = :id)
    or exists (select 1 from tasks where product_id = :id)
    or exists (select 1 from alerts where product_id = :id)
    or exists (select 1 from hand_offs where product_id = :id)
    or exists (select 1 from opportunities where product_id = :id)
    or exists (select 1 from event_series where product_id = :id)
    or exists (select 1 from deliveries where product_id = :id)
"""


def product(tx: Connection, id: int) -> Thing | None:
    """Ties: scenarios, contents, leads, imports, forms, records."""
    row = tx.execute(text(PRODUCT), {"id": id}).one_or_none()
    if row is None:
        return None
    names = ("scenarios", "contents", "leads", "imports", "forms")
    ties = [Tie(name, row._mapping[name]) for name in names if row._mapping[name]]
    if not ties and tx.execute(text(RECORDS), {"id": id}).scalar_one():
        ties = [Tie("records")]
    return Thing("product", id, row.name, ties=tuple(ties))


CONTENT = """
select c.title,
       exists (select 1 from published_mails where content_id = c.id) as mailed,
       exists (select 1 from design_history where rows @> jsonb_build_array(jsonb_build_object('content_id', c.id)))
         as undone
  from contents c where c.id = :id for update of c
"""
TOLD = """
select distinct s.id, s.name
  from steps st join scenario_versions v on v.id = st.version_id join scenarios s on s.id = v.scenario_id
 where st.content_id = :id order by s.id
"""


def content(tx: Connection, id: int) -> Thing | None:
    """Ties: told (by rows of any version), mailed, undone (an undo would bring it back)."""
    row = tx.execute(text(CONTENT), {"id": id}).one_or_none()
    if row is None:
        return None
    told = tuple((int(one.id), str(one.name)) for one in tx.execute(text(TOLD), {"id": id}))
    ties = [Tie("told", len(told), told)] if told else []
    ties += [Tie("mailed")] if row.mailed else []
    ties += [Tie("undone")] if row.undone and not told else []
    return Thing("content", id, row.title, ties=tuple(ties))


# Children first.
DELETES = {
    "scenario": (
        "delete from design_history where scenario_id = :id",
        "delete from step_counts where scenario_id = :id",
        "delete from simulations where scenario_id = :id",
        "delete from steps where version_id in (select id from scenario_versions where scenario_id = :id)",
        "delete from scenario_versions where scenario_id = :id",
        "delete from scenarios where id = :id",
    ),
    "product": (
        "delete from calibrations where product_id = :id",
        "delete from sales_team_states where product_id = :id",
        "delete from calendar_counts where product_id = :id",
        "delete from rank_days where product_id = :id",
        "delete from rank_moves where product_id = :id",
        "delete from page_rules where product_id = :id",
        "delete from products where id = :id",
    ),
    "content": (
        "delete from content_variants where content_id = :id",
        "delete from contents where id = :id",
    ),
}


def delete(tx: Connection, thing: Thing) -> None:
    """Take it away with what is its own alone. The database refuses where somebody tied to it meanwhile."""
    for statement in DELETES[thing.noun]:
        tx.execute(text(statement), {"id": thing.id})
