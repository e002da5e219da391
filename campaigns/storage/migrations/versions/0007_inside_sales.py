"""inside sales: actions, desk, fax, visits, hand-off, opportunities, catalogue, classes, events"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import campaigns.storage.tables

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = campaigns.storage.tables.Instant(timezone=True)
    # --- users, tasks: who does what (territory, capacity, escalation)
    column: sa.Column[Any]
    for column in (
        sa.Column(
            'territory', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column('tasks_per_day', sa.Integer(), server_default=sa.text('20'), nullable=False),
        sa.Column('away_until', sa.Date(), nullable=True),
    ):
        op.add_column('users', column)
    for column in (
        sa.Column('created_by', sa.BigInteger(), nullable=True),
        sa.Column('reminded_at', instant, nullable=True),
        sa.Column('escalated_at', instant, nullable=True),
    ):
        op.add_column('tasks', column)
    op.create_foreign_key(op.f('fk_tasks_created_by'), 'tasks', 'users', ['created_by'], ['id'])
    op.create_index(
        'ix_tasks_open_assignee_id', 'tasks', ['assignee_id', 'due_at'], unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        'ix_tasks_free', 'tasks', ['promised_at', 'priority', 'due_at', 'id'], unique=False,
        postgresql_where=sa.text("state = 'open' and assignee_id is null"),
    )
    op.create_index('ix_tasks_done_at', 'tasks', ['done_at'], unique=False)
    op.add_column(
        'house', sa.Column('escalate_after_days', sa.Integer(), server_default=sa.text('2'), nullable=False)
    )
    # --- desk: locks, targets, results that wait 60 s
    op.add_column('users', sa.Column('calls_per_day', sa.Integer(), nullable=True))
    op.add_column('users', sa.Column('call_mail', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    for column in (
        sa.Column('named_month', sa.Date(), nullable=True),
        sa.Column('settles_at', instant, nullable=True),
        sa.Column('source_key', sa.Text(), server_default=sa.text("''"), nullable=False),
    ):
        op.add_column('call_attempts', column)
    op.create_index('ix_call_attempts_at', 'call_attempts', ['at'], unique=False)
    op.create_index(
        'ix_call_attempts_settles_at', 'call_attempts', ['settles_at'], unique=False,
        postgresql_where=sa.text('settles_at is not null'),
    )
    op.create_index(
        'uq_call_attempts_waiting', 'call_attempts', ['task_id'], unique=True,
        postgresql_where=sa.text('settles_at is not null'),
    )
    op.create_index(
        'uq_call_attempts_source_key', 'call_attempts', ['source_key'], unique=True,
        postgresql_where=sa.text("source_key <> ''"),
    )
    op.create_index(
        'ix_tasks_calls', 'tasks', ['id'], unique=False,
        postgresql_where=sa.text("kind = 'call' and state = 'open'"),
    )
    op.create_table('call_locks',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('task_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('token', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('taken_at', instant, nullable=False),
    sa.Column('until', instant, nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_call_locks_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_call_locks_user_id')),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_call_locks'))
    )
    op.create_index('ix_call_locks_task_id', 'call_locks', ['task_id'], unique=False)
    op.create_table('call_lines',
    sa.Column('task_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('assignee_id', sa.BigInteger(), nullable=True),
    sa.Column('rank', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('lane', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('p_win', sa.Float(), nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('fit', sa.Float(), nullable=False),
    sa.Column('tries', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('signal_at', instant, nullable=True),
    sa.Column('last_at', instant, nullable=True),
    sa.Column('not_before', instant, nullable=True),
    sa.Column('promised_at', instant, nullable=True),
    sa.Column('inquiry_at', instant, nullable=True),
    sa.Column('is_with_sales', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('is_barred', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('weight', sa.Float(), nullable=False),
    sa.Column('freshness', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_call_lines_task_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_call_lines'))
    )
    op.create_index(op.f('ix_call_lines_person_id'), 'call_lines', ['person_id'], unique=False)
    op.create_index('ix_call_lines_weight', 'call_lines', ['lane', sa.text('weight desc'), 'task_id'], unique=False)
    op.create_index('ix_call_lines_freshness', 'call_lines', ['lane', sa.text('freshness desc'), 'task_id'], unique=False)
    op.create_table('call_hours',
    sa.Column('hour', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('class', sa.Text(), nullable=False),
    sa.Column('calls', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('connected', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('hour', 'class', name=op.f('pk_call_hours'))
    )
    # The calls so far; the zone of an installation is not known here, and nearly all are in Japan.
    op.execute(
        "insert into call_hours (hour, class, calls, connected)"
        " select extract(hour from a.at at time zone 'Asia/Tokyo'), coalesce(c.class, '-'), count(*),"
        " count(*) filter (where a.result not in ('no_answer', 'absent', 'wrong', 'dnc'))"
        " from call_attempts a left join affiliations f on f.person_id = a.person_id and f.is_current"
        " left join companies c on c.id = f.company_id group by 1, 2"
    )
    # What stood before a result was kept for taking it back; a result that waits needs none of it.
    op.execute(
        "delete from audit_values v using audit_log g where g.id = v.audit_id and g.noun = 'call' and v.field = 'before'"
    )
    # --- fax
    op.create_table('fax_documents',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('title', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('body', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('points', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('sender_profile_id', sa.BigInteger(), nullable=True),
    sa.Column('is_retired', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_fax_documents_created_by')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_fax_documents_product_id')),
    sa.ForeignKeyConstraint(['sender_profile_id'], ['sender_profiles.id'], name=op.f('fk_fax_documents_sender_profile_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fax_documents'))
    )
    op.create_table('fax_batches',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('document_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('way', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('sheet', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('left_out', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('stopped_at', instant, nullable=True),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_fax_batches_created_by')),
    sa.ForeignKeyConstraint(['document_id'], ['fax_documents.id'], name=op.f('fk_fax_batches_document_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_fax_batches_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fax_batches'))
    )
    op.create_table('fax_items',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('batch_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=True),
    sa.Column('result', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('result_at', instant, nullable=True),
    sa.Column('pages', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('retry_of', sa.BigInteger(), nullable=True),
    sa.Column('handed_at', instant, nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.CheckConstraint("state in ('waiting', 'handed', 'stopped')", name=op.f('ck_fax_items_state')),
    sa.ForeignKeyConstraint(['batch_id'], ['fax_batches.id'], name=op.f('fk_fax_items_batch_id')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_fax_items_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_fax_items_product_id')),
    sa.ForeignKeyConstraint(['retry_of'], ['fax_items.id'], name=op.f('fk_fax_items_retry_of')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fax_items')),
    sa.UniqueConstraint('batch_id', 'number', name=op.f('uq_fax_items_batch_id_number')),
    sa.UniqueConstraint('delivery_id', name=op.f('uq_fax_items_delivery_id'))
    )
    op.create_index('ix_fax_items_company_id_product_id', 'fax_items', ['company_id', 'product_id', 'created_at'], unique=False)
    op.create_index('ix_fax_items_number', 'fax_items', ['number', 'created_at'], unique=False)
    op.create_index('ix_fax_items_waiting', 'fax_items', ['id'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('fax_item_people',
    sa.Column('item_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('task_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['item_id'], ['fax_items.id'], name=op.f('fk_fax_item_people_item_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_fax_item_people_origin_person_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_fax_item_people_person_id')),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_fax_item_people_task_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('item_id', 'person_id', name=op.f('pk_fax_item_people'))
    )
    op.create_index(op.f('ix_fax_item_people_person_id'), 'fax_item_people', ['person_id'], unique=False)
    op.create_index(op.f('ix_fax_item_people_task_id'), 'fax_item_people', ['task_id'], unique=False)
    op.create_table('fax_refusals',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('evidence', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_fax_refusals_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fax_refusals')),
    sa.UniqueConstraint('number', name=op.f('uq_fax_refusals_number'))
    )
    for column in (
        sa.Column('file_name', sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column('file_type', sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column('file', sa.LargeBinary(), nullable=True),
        sa.Column('from_address', sa.Text(), server_default=sa.text("''"), nullable=False),
    ):
        op.add_column('delivery_bodies', column)
    op.add_column('house', sa.Column('fax', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
    # --- visits: appointments, introductions, calendar feed
    op.create_table('appointments',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('task_id', sa.BigInteger(), nullable=True),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('lead_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_user_id', sa.BigInteger(), nullable=True),
    sa.Column('starts_at', instant, nullable=False),
    sa.Column('ends_at', instant, nullable=False),
    sa.Column('place', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('note', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'planned'"), nullable=False),
    sa.Column('uid', sa.Text(), nullable=False),
    sa.Column('sequence', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('result', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('report', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('reported_by', sa.BigInteger(), nullable=True),
    sa.Column('reported_at', instant, nullable=True),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("state in ('planned', 'held', 'cancelled')", name=op.f('ck_appointments_state')),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_appointments_order')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_appointments_company_id')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_appointments_created_by')),
    sa.ForeignKeyConstraint(['lead_id'], ['product_leads.id'], name=op.f('fk_appointments_lead_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_appointments_origin_person_id')),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_appointments_owner_user_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_appointments_person_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_appointments_product_id')),
    sa.ForeignKeyConstraint(['reported_by'], ['users.id'], name=op.f('fk_appointments_reported_by')),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_appointments_task_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_appointments')),
    sa.UniqueConstraint('uid', name=op.f('uq_appointments_uid'))
    )
    op.create_index(op.f('ix_appointments_company_id'), 'appointments', ['company_id'], unique=False)
    op.create_index(op.f('ix_appointments_lead_id'), 'appointments', ['lead_id'], unique=False)
    op.create_index(op.f('ix_appointments_person_id'), 'appointments', ['person_id'], unique=False)
    op.create_index('ix_appointments_planned', 'appointments', ['starts_at'], unique=False, postgresql_where=sa.text("state = 'planned'"))
    op.create_index('ix_appointments_starts_at', 'appointments', ['starts_at'], unique=False)
    op.create_index(op.f('ix_appointments_task_id'), 'appointments', ['task_id'], unique=False)
    op.create_index('uq_appointments_task', 'appointments', ['task_id'], unique=True, postgresql_where=sa.text("state = 'planned'"))
    op.create_table('appointment_guests',
    sa.Column('appointment_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('is_invited', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointments.id'], name=op.f('fk_appointment_guests_appointment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_appointment_guests_origin_person_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_appointment_guests_person_id')),
    sa.PrimaryKeyConstraint('appointment_id', 'person_id', name=op.f('pk_appointment_guests'))
    )
    op.create_index(op.f('ix_appointment_guests_person_id'), 'appointment_guests', ['person_id'], unique=False)
    op.create_table('appointment_staff',
    sa.Column('appointment_id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointments.id'], name=op.f('fk_appointment_staff_appointment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_appointment_staff_user_id')),
    sa.PrimaryKeyConstraint('appointment_id', 'user_id', name=op.f('pk_appointment_staff'))
    )
    op.create_index(op.f('ix_appointment_staff_user_id'), 'appointment_staff', ['user_id'], unique=False)
    op.create_table('introductions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('from_person_id', sa.BigInteger(), nullable=False),
    sa.Column('to_person_id', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('note', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.CheckConstraint('from_person_id <> to_person_id', name=op.f('ck_introductions_two')),
    sa.ForeignKeyConstraint(['from_person_id'], ['people.id'], name=op.f('fk_introductions_from_person_id')),
    sa.ForeignKeyConstraint(['to_person_id'], ['people.id'], name=op.f('fk_introductions_to_person_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_introductions_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_introductions')),
    sa.UniqueConstraint('from_person_id', 'to_person_id', name=op.f('uq_introductions_from_person_id_to_person_id'))
    )
    op.create_index(op.f('ix_introductions_from_person_id'), 'introductions', ['from_person_id'], unique=False)
    op.create_index(op.f('ix_introductions_to_person_id'), 'introductions', ['to_person_id'], unique=False)
    op.add_column('users', sa.Column('calendar_no', sa.Integer(), server_default=sa.text('0'), nullable=False))
    # --- hand-off: reps, due dates, opportunities
    op.add_column('hand_offs', sa.Column('rep_user_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_hand_offs_rep_user_id'), 'hand_offs', 'users', ['rep_user_id'], ['id'])
    for name in ('due_at', 'told_at', 'reminded_at', 'escalated_at', 'accepted_at'):
        op.add_column('hand_offs', sa.Column(name, instant, nullable=True))
    op.add_column('hand_offs', sa.Column('returned_code', sa.Text(), server_default=sa.text("''"), nullable=False))
    # A call's result that took an offer back is a code; what a rep wrote is words.
    op.execute(
        "update hand_offs set returned_code = case when returned_reason in ('refused', 'wrong', 'left', 'dnc')"
        " then returned_reason else 'other' end,"
        " returned_reason = case when returned_reason in ('refused', 'wrong', 'left', 'dnc')"
        " then '' else returned_reason end where state = 'returned'"
    )
    # Three business days, without holidays: those who wait have waited, and the list shows it.
    op.execute(
        "update hand_offs set due_at = created_at + interval '5 days' where state = 'offered'"
    )
    op.create_index(
        'ix_hand_offs_due_at', 'hand_offs', ['due_at'], unique=False,
        postgresql_where=sa.text("state = 'offered'"),
    )
    for name in ('shallow_recycles', 'recycle_depth'):
        op.add_column('product_leads', sa.Column(name, sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.create_table('opportunities',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('lead_id', sa.BigInteger(), nullable=True),
    sa.Column('hand_off_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_user_id', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('amount_yen', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('stage', sa.Text(), server_default=sa.text("'hearing'"), nullable=False),
    sa.Column('forecast', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('expected_on', sa.Date(), nullable=True),
    sa.Column('rival_risk', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('result', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('lost_to', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('contract_ends_on', sa.Date(), nullable=True),
    sa.Column('reason', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('closed_at', instant, nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint('forecast between 0 and 100', name=op.f('ck_opportunities_forecast')),
    sa.CheckConstraint('amount_yen >= 0', name=op.f('ck_opportunities_amount_yen')),
    sa.CheckConstraint("(result = '') = (closed_at is null)", name=op.f('ck_opportunities_closed')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_opportunities_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_opportunities_product_id')),
    sa.ForeignKeyConstraint(['lead_id'], ['product_leads.id'], name=op.f('fk_opportunities_lead_id')),
    sa.ForeignKeyConstraint(['hand_off_id'], ['hand_offs.id'], name=op.f('fk_opportunities_hand_off_id')),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_opportunities_owner_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opportunities')),
    sa.UniqueConstraint('hand_off_id', name=op.f('uq_opportunities_hand_off_id'))
    )
    for name in ('company_id', 'lead_id'):
        op.create_index(op.f(f'ix_opportunities_{name}'), 'opportunities', [name], unique=False)
    op.create_index(
        'ix_opportunities_open', 'opportunities', ['expected_on', 'id'], unique=False,
        postgresql_where=sa.text("result = ''"),
    )
    op.create_index(
        'ix_opportunities_closed_at', 'opportunities', ['closed_at'], unique=False,
        postgresql_where=sa.text("result <> ''"),
    )
    # --- classes
    op.create_table('class_reviews',
    sa.Column('month', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('opened_at', instant, nullable=False),
    sa.Column('differing', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('accepted', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('kept', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('closed_at', instant, nullable=True),
    sa.Column('closed_by', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['closed_by'], ['users.id'], name=op.f('fk_class_reviews_closed_by')),
    sa.PrimaryKeyConstraint('month', name=op.f('pk_class_reviews'))
    )
    op.add_column('companies', sa.Column('suggested_class', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column('companies', sa.Column('kept_month', sa.Integer(), nullable=True))
    op.create_index(
        'ix_companies_suggested', 'companies', ['name'], unique=False,
        postgresql_where=sa.text("suggested_class <> ''"),
    )
    op.create_index('ix_companies_class', 'companies', ['class', 'id'], unique=False)
    for name, default in (('class_basis', 'profit'), ('class_label_c1', ''), ('class_label_c2', '')):
        op.add_column('house', sa.Column(name, sa.Text(), server_default=sa.text(f"'{default}'"), nullable=False))
    for name, cut in (('class_cut_a', '0.8'), ('class_cut_b', '0.95')):
        op.add_column('house', sa.Column(name, sa.Float(), server_default=sa.text(cut), nullable=False))
    # --- catalogue: fields, ASICA, diary, comments
    op.create_table('catalogues',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_user_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_mode', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('profile', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('expected_month', sa.Integer(), nullable=True),
    sa.Column('certainty', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('budget_min_yen', sa.BigInteger(), nullable=True),
    sa.Column('budget_max_yen', sa.BigInteger(), nullable=True),
    sa.Column('decider_id', sa.BigInteger(), nullable=True),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('culture', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('competitors', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('rival_risk', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('equipment', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('ringi_state', sa.Text(), server_default=sa.text("'none'"), nullable=False),
    sa.Column('ringi_on', sa.Date(), nullable=True),
    sa.Column('ringi_route', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('marks', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('is_draft', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('touched_at', instant, nullable=False),
    sa.Column('created_at', instant, nullable=False),
    sa.CheckConstraint('budget_min_yen <= budget_max_yen', name=op.f('ck_catalogues_budget')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_catalogues_company_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['contact_id'], ['people.id'], name=op.f('fk_catalogues_contact_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['decider_id'], ['people.id'], name=op.f('fk_catalogues_decider_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_catalogues_owner_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogues')),
    sa.UniqueConstraint('company_id', name=op.f('uq_catalogues_company_id'))
    )
    op.create_index(op.f('ix_catalogues_contact_id'), 'catalogues', ['contact_id'], unique=False)
    op.create_index(op.f('ix_catalogues_decider_id'), 'catalogues', ['decider_id'], unique=False)
    op.create_index('ix_catalogues_expected_month', 'catalogues', ['expected_month'], unique=False, postgresql_where=sa.text('expected_month is not null'))
    op.create_index('ix_catalogues_owner_user_id', 'catalogues', ['owner_user_id', 'touched_at'], unique=False)
    op.create_index('ix_catalogues_touched_at', 'catalogues', ['touched_at', 'id'], unique=False)
    op.create_table('catalogue_extras',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('catalogue_id', sa.BigInteger(), nullable=False),
    sa.Column('label', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('value', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('edited_by', sa.BigInteger(), nullable=True),
    sa.Column('edited_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['catalogue_id'], ['catalogues.id'], name=op.f('fk_catalogue_extras_catalogue_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['edited_by'], ['users.id'], name=op.f('fk_catalogue_extras_edited_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogue_extras'))
    )
    op.create_index(op.f('ix_catalogue_extras_catalogue_id'), 'catalogue_extras', ['catalogue_id'], unique=False)
    op.create_table('ringi_log',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('catalogue_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('ringi_on', sa.Date(), nullable=True),
    sa.Column('route', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.ForeignKeyConstraint(['catalogue_id'], ['catalogues.id'], name=op.f('fk_ringi_log_catalogue_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_ringi_log_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ringi_log'))
    )
    op.create_index(op.f('ix_ringi_log_catalogue_id'), 'ringi_log', ['catalogue_id'], unique=False)
    op.create_table('catalogue_owners',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('catalogue_id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('mode', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('by_user_id', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.Column('answered_at', instant, nullable=True),
    sa.ForeignKeyConstraint(['by_user_id'], ['users.id'], name=op.f('fk_catalogue_owners_by_user_id')),
    sa.ForeignKeyConstraint(['catalogue_id'], ['catalogues.id'], name=op.f('fk_catalogue_owners_catalogue_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_catalogue_owners_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogue_owners'))
    )
    op.create_index(op.f('ix_catalogue_owners_catalogue_id'), 'catalogue_owners', ['catalogue_id'], unique=False)
    op.create_index('uq_catalogue_owners_asked', 'catalogue_owners', ['catalogue_id'], unique=True, postgresql_where=sa.text("state = 'asked'"))
    op.create_table('asica_sheets',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('catalogue_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('stage', sa.Text(), server_default=sa.text("'assignment'"), nullable=False),
    sa.Column('stage_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['catalogue_id'], ['catalogues.id'], name=op.f('fk_asica_sheets_catalogue_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_asica_sheets_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_asica_sheets')),
    sa.UniqueConstraint('catalogue_id', 'product_id', name=op.f('uq_asica_sheets_catalogue_id_product_id'))
    )
    op.create_index(op.f('ix_asica_sheets_product_id'), 'asica_sheets', ['product_id'], unique=False)
    op.create_table('asica_entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('sheet_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('stage', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('prompt', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('text', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('moved_from', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('is_forced', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.ForeignKeyConstraint(['sheet_id'], ['asica_sheets.id'], name=op.f('fk_asica_entries_sheet_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_asica_entries_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_asica_entries'))
    )
    op.create_index(op.f('ix_asica_entries_sheet_id'), 'asica_entries', ['sheet_id'], unique=False)
    op.create_table('diary_entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('entry_key', sa.Text(), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('met', postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('text', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('at', instant, nullable=False),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('task_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_diary_entries_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_diary_entries_product_id')),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_diary_entries_task_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_diary_entries_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_diary_entries')),
    sa.UniqueConstraint('entry_key', name=op.f('uq_diary_entries_entry_key'))
    )
    op.create_index('ix_diary_entries_at', 'diary_entries', ['at'], unique=False)
    op.create_index('ix_diary_entries_company_id_at', 'diary_entries', ['company_id', 'at'], unique=False)
    op.create_index(op.f('ix_diary_entries_task_id'), 'diary_entries', ['task_id'], unique=False)
    op.create_index('ix_diary_entries_user_id_at', 'diary_entries', ['user_id', 'at'], unique=False)
    op.create_table('comments',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('on_kind', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('on_id', sa.BigInteger(), nullable=False),
    sa.Column('text', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('mentions', postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('at', instant, nullable=False),
    sa.Column('task_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_comments_company_id')),
    sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name=op.f('fk_comments_task_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_comments_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comments'))
    )
    op.create_index('ix_comments_company_id_at', 'comments', ['company_id', 'at'], unique=False)
    op.create_index('ix_comments_on_kind_on_id', 'comments', ['on_kind', 'on_id'], unique=False)
    op.create_index(op.f('ix_comments_task_id'), 'comments', ['task_id'], unique=False)
    op.add_column('house', sa.Column('stale_days', sa.Integer(), server_default=sa.text('14'), nullable=False))
    # Who was talked to at a booth, or visited, has a catalogue; what a company page said of its culture stands there.
    op.execute(
        "insert into catalogues (company_id, owner_user_id, culture, touched_at, created_at)"
        " select co.id, co.owner_user_id, co.culture, coalesce(q.at, now()), now() from companies co"
        " left join (select company_id, max(at) as at from touchpoints where validity > 0"
        " and kind in ('booth_talk', 'booth_talk_prospect', 'visit') group by 1) q on q.company_id = co.id"
        " where q.at is not null or co.culture <> ''"
    )
    op.execute(
        "insert into asica_sheets (catalogue_id, product_id, stage_at)"
        " select k.id, t.product_id, min(t.at) from catalogues k join touchpoints t on t.company_id = k.company_id"
        " join products pr on pr.id = t.product_id where t.validity > 0"
        " and t.kind in ('booth_talk', 'booth_talk_prospect', 'visit') group by 1, 2"
    )
    op.drop_column('companies', 'culture')
    op.create_index(
        'ix_touchpoints_entered_at', 'touchpoints', ['at'], unique=False,
        postgresql_where=sa.text("actor_id is not null and import_batch_id is null and channel = 'offline'"),
    )
    # --- ranks: when a person was last called or faxed, without all of their touches
    op.create_index(
        'ix_touchpoints_contacts', 'touchpoints', ['person_id', 'at'],
        postgresql_where=sa.text("kind in ('call_connected', 'call_interest', 'fax_sent')"),
    )

    # --- events: cost, recurrence, invitations, answers
    op.create_table('event_series',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("'private_show'"), nullable=False),
    sa.Column('rule', sa.Text(), server_default=sa.text("'weekday'"), nullable=False),
    sa.Column('nth', sa.Integer(), server_default=sa.text('2'), nullable=False),
    sa.Column('weekday', sa.Integer(), server_default=sa.text('2'), nullable=False),
    sa.Column('day', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('venue', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('owner_user_id', sa.BigInteger(), nullable=True),
    sa.Column('costs', postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=True),
    sa.Column('has_waiting_list', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('apply_days', sa.Integer(), nullable=True),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('content_id', sa.BigInteger(), nullable=True),
    sa.Column('classes', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{C1,D,E,-}'"), nullable=False),
    sa.Column('audience', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('met_event_id', sa.BigInteger(), nullable=True),
    sa.Column('invite_days', sa.Integer(), server_default=sa.text('21'), nullable=False),
    sa.Column('stopped_at', instant, nullable=True),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_event_series_owner_user_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_event_series_product_id')),
    sa.ForeignKeyConstraint(['content_id'], ['contents.id'], name=op.f('fk_event_series_content_id')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_event_series_created_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_series'))
    )
    for column in (
        sa.Column('costs', postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column('capacity', sa.Integer(), nullable=True),
        sa.Column('has_waiting_list', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('follow_up', sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column('series_id', sa.BigInteger(), nullable=True),
        sa.Column('series_month', sa.Integer(), nullable=True),
        sa.Column('closed_at', instant, nullable=True),
        sa.Column('closed_by', sa.BigInteger(), nullable=True),
    ):
        op.add_column('events', column)
    op.create_foreign_key(op.f('fk_events_series_id'), 'events', 'event_series', ['series_id'], ['id'])
    op.create_foreign_key(op.f('fk_events_closed_by'), 'events', 'users', ['closed_by'], ['id'])
    op.create_unique_constraint(op.f('uq_events_series_id_series_month'), 'events', ['series_id', 'series_month'])
    # One sum was kept of what an event cost; it becomes its first line.
    op.execute(
        "update events set costs = jsonb_build_array(jsonb_build_object('label', '施策費用', 'yen', cost_yen))"
        " where cost_yen > 0"
    )
    op.create_table('event_mailings',
    sa.Column('scenario_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('purpose', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.ForeignKeyConstraint(['scenario_id'], ['scenarios.id'], name=op.f('fk_event_mailings_scenario_id')),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_event_mailings_event_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_event_mailings_product_id')),
    sa.PrimaryKeyConstraint('scenario_id', name=op.f('pk_event_mailings'))
    )
    op.create_index(op.f('ix_event_mailings_event_id'), 'event_mailings', ['event_id'], unique=False)
    op.create_index(
        'uq_event_mailings_thanks', 'event_mailings', ['event_id', 'product_id'], unique=True,
        postgresql_where=sa.text("purpose = 'thanks'"),
    )
    op.create_table('event_answers',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('answer', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('is_waiting', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=True),
    sa.Column('answered_by', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.CheckConstraint("answer in ('yes', 'maybe', 'no')", name=op.f('ck_event_answers_answer')),
    sa.CheckConstraint("not is_waiting or answer = 'yes'", name=op.f('ck_event_answers_waiting')),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_event_answers_event_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_event_answers_person_id')),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_event_answers_origin_person_id')),
    sa.ForeignKeyConstraint(['answered_by'], ['users.id'], name=op.f('fk_event_answers_answered_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_answers')),
    sa.UniqueConstraint('event_id', 'person_id', name=op.f('uq_event_answers_event_id_person_id'))
    )
    op.create_index(op.f('ix_event_answers_person_id'), 'event_answers', ['person_id'], unique=False)
    for column in (
        sa.Column('year_target_yen', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
        sa.Column('year_starts', sa.Integer(), server_default=sa.text('4'), nullable=False),
    ):
        op.add_column('house', column)
    op.create_check_constraint(op.f('ck_house_year_starts'), 'house', 'year_starts between 1 and 12')
