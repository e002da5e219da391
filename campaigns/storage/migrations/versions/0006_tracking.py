"""web visits, forms, running sums, rank health, tags of touchpoints"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import campaigns.storage.tables

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = campaigns.storage.tables.Instant(timezone=True)
    # --- touchpoints
    op.add_column(
        'touchpoints', sa.Column('tags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    # That of (person_id, at) serves as well; the two others hold only what they are asked for.
    op.drop_index('ix_touchpoints_person_id', table_name='touchpoints')
    for name in ('event_id', 'import_batch_id'):
        op.drop_index(f'ix_touchpoints_{name}', table_name='touchpoints')
        op.create_index(
            f'ix_touchpoints_{name}', 'touchpoints', [name], unique=False,
            postgresql_where=sa.text(f'{name} is not null'),
        )
    op.create_table('touch_reversals',
    sa.Column('touch_id', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('at', instant, nullable=False),
    sa.ForeignKeyConstraint(
        ['touch_id'], ['touchpoints.id'], name=op.f('fk_touch_reversals_touch_id'), ondelete='CASCADE'
    ),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_touch_reversals_user_id')),
    sa.PrimaryKeyConstraint('touch_id', name=op.f('pk_touch_reversals'))
    )
    op.create_table('api_tokens',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('hint', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('scopes', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('used_at', instant, nullable=True),
    sa.Column('revoked_by', sa.BigInteger(), nullable=True),
    sa.Column('revoked_at', instant, nullable=True),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_api_tokens_created_by')),
    sa.ForeignKeyConstraint(['revoked_by'], ['users.id'], name=op.f('fk_api_tokens_revoked_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_tokens_token_hash'))
    )
    for name in ('actor_id', 'company_id', 'delivery_id', 'origin_person_id', 'product_id'):
        op.drop_constraint(f'fk_touchpoints_{name}', 'touchpoints', type_='foreignkey')
    op.add_column('simulations', sa.Column('told_at', instant, nullable=True))
    # --- events
    op.execute('alter table tracking_events set (fillfactor = 55)')
    op.create_table('set_aside_events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', instant, nullable=False),
    sa.Column('reason', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('raw', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_set_aside_events'))
    )
    op.create_index('ix_set_aside_events_at', 'set_aside_events', ['at'], unique=False)
    op.create_table('verdict_claims',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('delivery_ids', sa.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('until', instant, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_verdict_claims'))
    )
    op.add_column('touchpoints', sa.Column('judged_at', instant, nullable=True))
    op.add_column(
        'step_counts', sa.Column('reacted_all', sa.Integer(), server_default=sa.text('0'), nullable=False)
    )
    # --- web visits
    op.add_column('tracking_events', sa.Column('visitor', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index(
        'ix_tracking_events_visitor', 'tracking_events', ['visitor', 'at'], unique=False,
        postgresql_where=sa.text("visitor <> ''"),
    )
    op.create_index(
        'ix_tracking_events_led', 'tracking_events', ['at'], unique=False,
        postgresql_where=sa.text("kind = 'view' and delivery_id is not null"),
    )
    op.create_table('visitor_ties',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('visitor', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('how', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('source', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('at', instant, nullable=False),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_visitor_ties_origin_person_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_visitor_ties_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visitor_ties')),
    sa.UniqueConstraint('visitor', 'source', name=op.f('uq_visitor_ties_visitor_source'))
    )
    op.create_index(op.f('ix_visitor_ties_person_id'), 'visitor_ties', ['person_id'], unique=False)
    op.create_index('ix_visitor_ties_visitor_at', 'visitor_ties', ['visitor', 'at'], unique=False)
    op.create_table('page_rules',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('site', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('pattern', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('is_key', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_page_rules_created_by')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_page_rules_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_page_rules')),
    sa.UniqueConstraint('site', 'pattern', name=op.f('uq_page_rules_site_pattern'))
    )
    op.create_table('sites',
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('mode', sa.Text(), server_default=sa.text("'notice'"), nullable=False),
    sa.Column('changed_by', sa.BigInteger(), nullable=True),
    sa.Column('changed_at', instant, nullable=False),
    sa.CheckConstraint("mode in ('notice', 'ask')", name=op.f('ck_sites_mode')),
    sa.ForeignKeyConstraint(['changed_by'], ['users.id'], name=op.f('fk_sites_changed_by')),
    sa.PrimaryKeyConstraint('origin', name=op.f('pk_sites'))
    )
    op.create_table('consent_texts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('ja', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('en', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('ask_ja', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('ask_en', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_consent_texts_created_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent_texts'))
    )
    op.create_table('visit_floods',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('n', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('day', 'site', name=op.f('pk_visit_floods'))
    )

    # --- forms
    op.create_table('forms',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('public_key', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'draft'"), nullable=False),
    sa.Column('design', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('published_no', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=True),
    sa.Column('event_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_user_id', sa.BigInteger(), nullable=True),
    sa.Column('file_id', sa.BigInteger(), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('tells_owner', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('closes_on', sa.Date(), nullable=True),
    sa.Column('capacity', sa.Integer(), nullable=True),
    sa.Column('has_waiting_list', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', instant, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_forms_created_by')),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_forms_event_id')),
    sa.ForeignKeyConstraint(['file_id'], ['files.id'], name=op.f('fk_forms_file_id')),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_forms_owner_user_id')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_forms_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_forms')),
    sa.UniqueConstraint('public_key', name=op.f('uq_forms_public_key'))
    )
    op.create_index(op.f('ix_forms_event_id'), 'forms', ['event_id'], unique=False)
    op.create_index(op.f('ix_forms_product_id'), 'forms', ['product_id'], unique=False)
    op.create_table('form_versions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('form_id', sa.BigInteger(), nullable=False),
    sa.Column('no', sa.Integer(), nullable=False),
    sa.Column('design', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('snapshot', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('published_by', sa.BigInteger(), nullable=True),
    sa.Column('published_at', instant, nullable=False),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_form_versions_form_id')),
    sa.ForeignKeyConstraint(['published_by'], ['users.id'], name=op.f('fk_form_versions_published_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_form_versions')),
    sa.UniqueConstraint('form_id', 'no', name=op.f('uq_form_versions_form_id_no'))
    )
    op.create_table('form_entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('entry_key', sa.Text(), nullable=False),
    sa.Column('form_id', sa.BigInteger(), nullable=False),
    sa.Column('version_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('lang', sa.Text(), server_default=sa.text("'ja'"), nullable=False),
    sa.Column('answers', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('differences', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('reasons', postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('origin_person_id', sa.BigInteger(), nullable=True),
    sa.Column('consent_id', sa.BigInteger(), nullable=True),
    sa.Column('consents', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('awaits', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=True),
    sa.Column('visitor', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('ua', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('net', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('at', instant, nullable=False),
    sa.Column('confirmed_at', instant, nullable=True),
    sa.Column('decided_by', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['consent_id'], ['consents.id'], name=op.f('fk_form_entries_consent_id')),
    sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name=op.f('fk_form_entries_decided_by')),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_form_entries_form_id')),
    sa.ForeignKeyConstraint(['origin_person_id'], ['people.id'], name=op.f('fk_form_entries_origin_person_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_form_entries_person_id')),
    sa.ForeignKeyConstraint(['version_id'], ['form_versions.id'], name=op.f('fk_form_entries_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_form_entries')),
    sa.UniqueConstraint('entry_key', name=op.f('uq_form_entries_entry_key'))
    )
    op.create_index('ix_form_entries_form_id_state_at', 'form_entries', ['form_id', 'state', 'at'], unique=False)
    op.create_index(op.f('ix_form_entries_person_id'), 'form_entries', ['person_id'], unique=False)
    op.create_index(
        'ix_form_entries_unconfirmed', 'form_entries', ['at'], unique=False,
        postgresql_where=sa.text("awaits <> '' and confirmed_at is null"),
    )
    op.create_index(op.f('ix_form_entries_version_id'), 'form_entries', ['version_id'], unique=False)
    op.create_table('form_days',
    sa.Column('form_id', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('views', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('starts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('refused', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_form_days_form_id')),
    sa.PrimaryKeyConstraint('form_id', 'day', name=op.f('pk_form_days'))
    )

    # --- running sums
    op.create_table(
        'lead_sums',
        sa.Column('lead_id', sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Float(), server_default=sa.text('0'), nullable=False)
            for name in ('mail', 'web', 'form', 'event', 'talk')
        ),
        *(sa.Column(f'depth{n}_at', instant, nullable=True) for n in range(1, 6)),
        sa.Column('first_at', instant, nullable=True),
        sa.Column('next_at', instant, nullable=True),
        sa.Column('asked', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ['lead_id'], ['product_leads.id'], name=op.f('fk_lead_sums_lead_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('lead_id', name=op.f('pk_lead_sums')),
    )
    # Room in each page, so that a touch moves a row within it and no index is written.
    op.execute('alter table lead_sums set (fillfactor = 70)')
    op.execute('alter table product_leads set (fillfactor = 85)')
    op.add_column(
        'product_leads', sa.Column('is_stale', sa.Boolean(), server_default=sa.text('false'), nullable=False)
    )
    op.add_column(
        'rank_changes',
        sa.Column(
            'why', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    for column in (
        sa.Column('state', sa.Text(), server_default=sa.text("'accepted'"), nullable=False),
        sa.Column(
            'rules', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column('decided_by', sa.BigInteger(), nullable=True),
        sa.Column('decided_at', instant, nullable=True),
    ):
        op.add_column('calibrations', column)
    op.create_foreign_key(op.f('fk_calibrations_decided_by'), 'calibrations', 'users', ['decided_by'], ['id'])

    # --- rank health and surges
    op.create_table(
        'rank_days',
        sa.Column('product_id', sa.BigInteger(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('rank', sa.Text(), nullable=False),
        sa.Column('leads', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_rank_days_product_id')),
        sa.PrimaryKeyConstraint('product_id', 'day', 'rank', name=op.f('pk_rank_days')),
    )
    op.create_table(
        'rank_moves',
        sa.Column('product_id', sa.BigInteger(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('old', sa.Text(), nullable=False),
        sa.Column('new', sa.Text(), nullable=False),
        sa.Column('leads', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_rank_moves_product_id')),
        sa.PrimaryKeyConstraint('product_id', 'day', 'old', 'new', name=op.f('pk_rank_moves')),
    )
    op.create_table(
        'surges',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column('product_id', sa.BigInteger(), nullable=False),
        sa.Column('company_id', sa.BigInteger(), nullable=True),
        sa.Column('lead_id', sa.BigInteger(), nullable=False),
        sa.Column('at', instant, nullable=False),
        sa.Column('reason', sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column('people', sa.Integer(), server_default=sa.text('1'), nullable=False),
        sa.Column('score', sa.Float(), server_default=sa.text('0'), nullable=False),
        sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_surges_product_id')),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_surges_company_id')),
        sa.ForeignKeyConstraint(['lead_id'], ['product_leads.id'], name=op.f('fk_surges_lead_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_surges')),
    )
    op.create_index(op.f('ix_surges_lead_id'), 'surges', ['lead_id'])
    op.create_index(
        'uq_surges_company', 'surges', ['company_id', 'product_id'], unique=True,
        postgresql_where=sa.text('company_id is not null'),
    )
    op.create_index(
        'uq_surges_lead', 'surges', ['lead_id'], unique=True,
        postgresql_where=sa.text('company_id is null'),
    )
    op.create_index('ix_rank_changes_at', 'rank_changes', ['at'])
    op.create_index(
        'ix_touchpoints_company_signals', 'touchpoints', ['company_id', 'at'],
        postgresql_where=sa.text('depth >= 2 and validity > 0 and company_id is not null'),
    )

    # --- reports
    op.create_index('ix_people_created_at', 'people', ['created_at'], unique=False)

    # --- end
    assert instant
