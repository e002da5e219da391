"""events with a deadline and an owner; broadcasts that wait for a second person, found by their own index;
touches by their mail; mails of a row that did not go for good"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Their results lack what the page shows now; a simulation is made anew in seconds.
    op.execute('delete from simulations')
    op.add_column('events', sa.Column('apply_by', sa.Date(), nullable=True))
    op.add_column('events', sa.Column('owner_user_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_events_owner_user_id'), 'events', 'users', ['owner_user_id'], ['id'])
    op.add_column('step_counts', sa.Column('unsent', sa.Integer(), server_default='0', nullable=False))
    # They count otherwise now, and are counted anew within minutes.
    op.execute('delete from step_counts')
    op.create_index(
        'ix_broadcasts_asked', 'broadcasts', ['asked_by'], unique=False,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index(
        'ix_touchpoints_delivery_id', 'touchpoints', ['delivery_id'], unique=False,
        postgresql_where=sa.text('delivery_id is not null'),
    )
