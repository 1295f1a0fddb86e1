"""accounts: sign-ins per device, refresh tokens, two-step sign-in, script accounts, limits of attempts"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_user", sa.Column("service", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("app_user", sa.Column("one_time_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("app_user", sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
    op.add_column("app_user", sa.Column("totp_pending", sa.LargeBinary(), nullable=True))
    op.add_column("app_user", sa.Column("totp_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(
        op.f("app_user_service_check"), "app_user", "NOT service OR (role <> 'ADMIN' AND password_hash = '' AND totp_secret IS NULL)"
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('TOKEN', 'REFRESHABLE', 'COOKIE', 'SERVICE')", name=op.f("sign_in_kind_check")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("sign_in_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_in_pkey")),
    )
    op.create_index(op.f("sign_in_user_id_idx"), "sign_in", ["user_id"], unique=False)
    _sign_ins_that_are()
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sign_in_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sign_in_id"], ["sign_in.id"], name=op.f("refresh_token_sign_in_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_token_pkey")),
    )
    op.create_index(op.f("refresh_token_sign_in_id_idx"), "refresh_token", ["sign_in_id"], unique=False)
    op.create_table(
        "known_device",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("known_device_user_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("known_device_pkey")),
    )
    op.create_index(op.f("known_device_user_id_idx"), "known_device", ["user_id"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("recovery_code_user_id_fkey")),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("recovery_code_pkey")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("empty_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("sign_in_attempt_pkey")),
    )
    op.create_index(op.f("sign_in_attempt_empty_at_idx"), "sign_in_attempt", ["empty_at"], unique=False)
    _views()


def _sign_ins_that_are() -> None:
    """Each living token becomes a sign-in with one token; nobody is signed out by the migration."""
    op.execute("ALTER TABLE sign_in ADD COLUMN of_token bytea")
    op.execute(
        """
        INSERT INTO sign_in (user_id, kind, device, address, created_at, expires_at, of_token)
        SELECT user_id, 'TOKEN', '', '', created_at, expires_at, token_hash FROM access_token WHERE revoked_at IS NULL
        """
    )
    op.execute("DELETE FROM access_token WHERE revoked_at IS NOT NULL")
    op.drop_index("access_token_user_id_idx", "access_token")
    for name in ("user_id", "revoked_at"):
        op.drop_column("access_token", name)
    op.alter_column("access_token", "created_at", new_column_name="used_at")
    op.add_column("access_token", sa.Column("sign_in_id", sa.BigInteger(), nullable=True))
    op.execute("UPDATE access_token SET sign_in_id = sign_in.id FROM sign_in WHERE of_token = token_hash")
    op.alter_column("access_token", "sign_in_id", nullable=False)
    op.drop_column("sign_in", "of_token")
    op.create_foreign_key(op.f("access_token_sign_in_id_fkey"), "access_token", "sign_in", ["sign_in_id"], ["id"], ondelete="CASCADE")
    op.create_index(op.f("access_token_sign_in_id_idx"), "access_token", ["sign_in_id"], unique=False)


def _views() -> None:
    """Accounts and scripts' tokens as they may be shown: without hashes and secrets."""
    op.execute(
        """
        CREATE VIEW account AS
        SELECT id, username, name, role, active, created_at, one_time_until IS NOT NULL AS must_change_password,
               totp_secret IS NOT NULL AS two_step,
               (SELECT max(used_at) FROM access_token JOIN sign_in ON sign_in.id = sign_in_id WHERE user_id = app_user.id) AS last_used_at
          FROM app_user WHERE NOT service
        """
    )
    op.execute(
        """
        CREATE VIEW service_account AS
        SELECT app_user.id, app_user.name, role, active AND sign_in.revoked_at IS NULL AS active, sign_in.created_at, sign_in.expires_at,
               (SELECT max(used_at) FROM access_token WHERE sign_in_id = sign_in.id) AS last_used_at
          FROM app_user
          JOIN LATERAL (SELECT * FROM sign_in WHERE user_id = app_user.id ORDER BY id DESC LIMIT 1) sign_in ON true
         WHERE service
        """
    )
