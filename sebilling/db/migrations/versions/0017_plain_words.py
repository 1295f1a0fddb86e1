"""plain words: block and restore, blackout dates, generations; one function says who is overdue"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("service_access", "want", new_column_name="desired_generation")
    op.alter_column("service_access", "have", new_column_name="observed_generation")
    op.execute("ALTER TABLE service_access RENAME CONSTRAINT service_access_have_check TO service_access_observed_generation_check")
    op.alter_column("isolation_hold", "would_cut", new_column_name="would_block")
    op.alter_column("billing_settings", "mass_cut_percent", new_column_name="mass_block_percent")
    op.execute(
        "ALTER TABLE billing_settings"
        " RENAME CONSTRAINT billing_settings_mass_cut_percent_check TO billing_settings_mass_block_percent_check"
    )
    op.rename_table("no_cut_day", "blackout_date")
    op.execute("ALTER INDEX no_cut_day_pkey RENAME TO blackout_date_pkey")
    run_sql_file(op.get_bind(), "isolation.sql", revision)
