"""second look at inside sales: pauses, hand-offs by hand, faxes that have gone, drafts, indexes of lists"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import campaigns.storage.tables

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = campaigns.storage.tables.Instant(timezone=True)
    # --- lists: the best of a rank without sorting all
    op.drop_index('ix_product_leads_product_id_rank', 'product_leads')
    op.create_index('ix_product_leads_product_id_rank', 'product_leads', ['product_id', 'rank', 'score', 'id'])
    op.create_index('ix_companies_name', 'companies', ['name', 'id'])
    # --- desk
    op.add_column("tasks", sa.Column("draft", postgresql.JSONB(), nullable=True))
    op.create_index(
        "ix_call_lines_mine",
        "call_lines",
        ["assignee_id"],
        postgresql_where=sa.text("not is_barred and not is_with_sales"),
    )
    op.add_column(
        "call_attempts",
        sa.Column("is_hour_known", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    # Calls from files stood at the minute of their import.
    op.execute("update call_attempts set is_hour_known = false where source_key <> ''")
    # --- hand-off
    op.add_column('hand_offs', sa.Column('by_user_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_hand_offs_by_user_id'), 'hand_offs', 'users', ['by_user_id'], ['id'])
    op.add_column('hand_offs', sa.Column('by_words', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column('product_leads', sa.Column('paused_until', instant, nullable=True))
    op.add_column(
        'product_leads', sa.Column('pause_reason', sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.create_index(
        'ix_product_leads_paused_until', 'product_leads', ['paused_until'],
        postgresql_where=sa.text('paused_until is not null'),
    )  # fmt: skip
    op.add_column('opportunities', sa.Column('deal_before', sa.Date(), nullable=True))
    # What was known before these orders is known no more: taking one back leaves the day as it stands.
    op.execute(
        "update opportunities o set deal_before = co.last_deal_on from companies co"
        " where co.id = o.company_id and o.result = 'won'"
    )
    # What a call's result took back before sales saw it is no whiff of theirs; what was only held leaves no row.
    op.execute(
        "delete from hand_offs where state = 'returned' and held_reason <> ''"
        " and returned_code in ('refused', 'wrong', 'left', 'dnc')"
    )
    op.execute(
        "update hand_offs set state = 'withdrawn' where state = 'returned'"
        " and returned_code in ('refused', 'wrong', 'left', 'dnc')"
    )
    op.execute(
        "delete from hand_offs h using product_leads l, people p where l.id = h.lead_id and p.id = l.person_id"
        " and h.state = 'held' and (l.rank <> 'hot' or p.excluded_reason <> '')"
    )
    # --- actions, fax, visits
    op.add_column('fax_items', sa.Column('stopped_for', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column('fax_items', sa.Column('sent_at', instant, nullable=True))
    op.execute("update fax_items set sent_at = result_at where result = 'ok'")
    op.create_index(
        'ix_fax_items_unsent', 'fax_items', ['delivery_id'], unique=False,
        postgresql_where=sa.text(
            "state = 'handed' and sent_at is null and result = '' and delivery_id is not null"
        ),
    )  # fmt: skip
    # --- catalogue, diary
    op.create_index('ix_asica_entries_user_id_at', 'asica_entries', ['user_id', 'at'], unique=False)
    op.create_index('ix_asica_entries_at', 'asica_entries', ['at'], unique=False)
