"""verdicts that wait, and networks of scanners"""

import sqlalchemy as sa
from alembic import op

import campaigns.storage.tables

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = campaigns.storage.tables.Instant(timezone=True)
    for name in ('has_input', 'refuses'):
        op.add_column('tracking_events', sa.Column(name, sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.execute("update tracking_events set has_input = true where active_s > 0")
    op.create_index(
        'ix_tracking_events_net', 'tracking_events', ['net', 'at'], unique=False,
        postgresql_where=sa.text("kind = 'click' and net <> ''"),
    )
    op.create_index(
        'ix_tracking_events_views', 'tracking_events', ['at'], unique=False,
        postgresql_where=sa.text("kind = 'view'"),
    )
    op.create_table('verdicts_due',
    sa.Column('delivery_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('first_at', instant, nullable=False),
    sa.Column('due_at', instant, nullable=False),
    sa.PrimaryKeyConstraint('delivery_id', name=op.f('pk_verdicts_due'))
    )
    op.create_index('ix_verdicts_due_due_at', 'verdicts_due', ['due_at'], unique=False)
    op.create_table('scanner_networks',
    sa.Column('net', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('domain', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('visits', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('people', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('machines_until', instant, nullable=True),
    sa.Column('people_until', instant, nullable=True),
    sa.PrimaryKeyConstraint('net', 'domain', name=op.f('pk_scanner_networks'))
    )
