"""Touches that carry themes, for the interests of a company."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.interests import Read
from campaigns.rules.touchpoints import Kind, Touch

# Index ix_touchpoints_company_id. A company has hundreds of touches, rarely thousands.
OF_COMPANY = """
select id, person_id, kind, at, validity, active_s, tags from touchpoints
 where company_id = :company and at >= :since and validity > 0 and tags <> '{}'
 order by at desc limit :most
"""


def of_company(tx: Connection, company_id: int, *, since: datetime, most: int = 2000) -> list[Read]:
    """What the people of a company read and asked for, whoever worked there then."""
    known = {kind.value: kind for kind in Kind}
    rows = tx.execute(text(OF_COMPANY), {"company": company_id, "since": since, "most": most})
    return [
        Read(
            Touch(kind=known[row.kind], at=row.at, validity=row.validity, active_s=row.active_s, id=row.id),
            tuple(row.tags),
            row.person_id,
        )
        for row in rows
        if row.kind in known
    ]
