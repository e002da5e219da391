"""Every table of Ikusei, once.

What must never change later stands here from the first migration:

- instants are `Instant` (aware UTC; a naive value is refused), days are DATE, months are
  `year * 12 + month - 1` in the installation's zone, money is integer yen;
- ids are BIGINT identities and are never reused, since signed links carry them for ever;
- personal data is marked: `info={"pii": "name" | "address" | "phone" | "text" | "net"}`; erasure, the
  data export and the log test walk these marks;
- rows about a person keep `origin_person_id`, so that a merge can be undone;
- rows that people edit carry `version`.

Constraints come before checks: the monthly cap, the origin of a mail and the claims are UNIQUE keys.
Source: design 3, 6; spec 2.1.
"""

from __future__ import annotations

from campaigns.storage.tables.appointments import (
    appointment_guests,
    appointment_staff,
    appointments,
    introductions,
)
from campaigns.storage.tables.classes import class_reviews
from campaigns.storage.tables.columns import Instant, metadata
from campaigns.storage.tables.content import (
    broadcasts,
    content_variants,
    contents,
    design_history,
    files,
    images,
    published_mails,
    scenario_versions,
    scenarios,
    simulations,
    step_counts,
    steps,
)
from campaigns.storage.tables.desk import call_hours, call_lines, call_locks
from campaigns.storage.tables.event_plans import event_answers, event_mailings, event_series
from campaigns.storage.tables.fax import (
    fax_batches,
    fax_documents,
    fax_item_people,
    fax_items,
    fax_refusals,
)
from campaigns.storage.tables.forms import form_days, form_entries, form_versions, forms
from campaigns.storage.tables.installation import (
    api_tokens,
    audit_log,
    audit_values,
    calendar_counts,
    clock,
    closed_days,
    export_log,
    house,
    stops,
    users,
    waiting_counts,
)
from campaigns.storage.tables.next_steps import (
    alerts,
    call_attempts,
    hand_offs,
    lead_sums,
    product_leads,
    rank_changes,
    tasks,
)
from campaigns.storage.tables.opportunities import opportunities
from campaigns.storage.tables.outbox import (
    claims,
    deliveries,
    delivery_bodies,
    enrollments,
    mail_days,
    mail_slots,
    pace,
    sender_days,
)
from campaigns.storage.tables.people import (
    addresses,
    affiliations,
    companies,
    events,
    import_batches,
    import_changes,
    import_rows,
    match_candidates,
    people,
    person_addresses,
)
from campaigns.storage.tables.permission import consents, suppressions
from campaigns.storage.tables.products import (
    calibrations,
    product_families,
    products,
    sales_team_states,
    sender_profiles,
)
from campaigns.storage.tables.rank_health import rank_days, rank_moves, surges
from campaigns.storage.tables.returned import (
    inbound_mails,
    returned_events,
    scanner_networks,
    set_aside_events,
    touch_reversals,
    touchpoints,
    tracking_events,
    verdict_claims,
    verdicts_due,
)
from campaigns.storage.tables.tracking import (
    asica_entries,
    asica_sheets,
    catalogue_extras,
    catalogue_owners,
    catalogues,
    comments,
    diary_entries,
    ringi_log,
)
from campaigns.storage.tables.visits import (
    consent_texts,
    page_rules,
    sites,
    visit_floods,
    visitor_ties,
)

__all__ = [
    "Instant",
    "addresses",
    "affiliations",
    "alerts",
    "api_tokens",
    "appointment_guests",
    "appointment_staff",
    "appointments",
    "asica_entries",
    "asica_sheets",
    "audit_log",
    "audit_values",
    "broadcasts",
    "calendar_counts",
    "calibrations",
    "call_attempts",
    "call_hours",
    "call_lines",
    "call_locks",
    "catalogue_extras",
    "catalogue_owners",
    "catalogues",
    "claims",
    "class_reviews",
    "clock",
    "closed_days",
    "comments",
    "companies",
    "consent_texts",
    "consents",
    "content_variants",
    "contents",
    "deliveries",
    "delivery_bodies",
    "design_history",
    "diary_entries",
    "enrollments",
    "event_answers",
    "event_mailings",
    "event_series",
    "events",
    "export_log",
    "fax_batches",
    "fax_documents",
    "fax_item_people",
    "fax_items",
    "fax_refusals",
    "files",
    "form_days",
    "form_entries",
    "form_versions",
    "forms",
    "hand_offs",
    "house",
    "images",
    "import_batches",
    "import_changes",
    "import_rows",
    "inbound_mails",
    "introductions",
    "lead_sums",
    "mail_days",
    "mail_slots",
    "match_candidates",
    "metadata",
    "opportunities",
    "pace",
    "page_rules",
    "people",
    "person_addresses",
    "product_families",
    "product_leads",
    "products",
    "published_mails",
    "rank_changes",
    "rank_days",
    "rank_moves",
    "returned_events",
    "ringi_log",
    "sales_team_states",
    "scanner_networks",
    "scenario_versions",
    "scenarios",
    "sender_days",
    "sender_profiles",
    "set_aside_events",
    "simulations",
    "sites",
    "step_counts",
    "steps",
    "stops",
    "suppressions",
    "surges",
    "tasks",
    "touch_reversals",
    "touchpoints",
    "tracking_events",
    "users",
    "verdict_claims",
    "verdicts_due",
    "visit_floods",
    "visitor_ties",
    "waiting_counts",
]
