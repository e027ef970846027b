"""REST callbacks: who wants to be called, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation_callbacks",
        sa.Column("operation_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.JSON(), nullable=True, comment="url and pinned addresses; the final result goes there"),
        sa.Column("events_target", sa.JSON(), nullable=True, comment="its other events go there"),
        sa.Column("transaction_id", sa.String(length=255), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True, comment="the final result was handed to the outbox"),
        sa.PrimaryKeyConstraint("operation_id"),
    )
    op.create_index("operation_callbacks_open", "operation_callbacks", ["closed_at"], unique=False)
    op.create_table(
        "deployment_callbacks",
        sa.Column("deployment_id", sa.String(length=41), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False, comment="url and pinned addresses"),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id"),
    )
    _deliveries()


def _deliveries() -> None:
    table = "callback_deliveries"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=36), nullable=False, comment="the same at every try"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="the event's"),
        sa.Column("lane", sa.String(length=2200), nullable=False, comment="receiver and deployment"),
        sa.Column("origin", sa.String(length=300), nullable=False, comment="the receiver's scheme, host and port"),
        sa.Column("target", sa.JSON(), nullable=False, comment="url and pinned addresses"),
        sa.Column("header", sa.String(length=20), nullable=False, comment="that asked for it"),
        sa.Column("event_type", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=256), nullable=True),
        sa.Column("deployment_id", sa.String(length=41), nullable=True),
        sa.Column("operation_id", sa.String(length=36), nullable=True),
        sa.Column("transaction_id", sa.String(length=255), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False, comment="waiting, delivered or dead"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False, comment="its time to be delivered runs from here"),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="NULL: not its turn, or settled"),
        sa.Column("failure", sa.Text(), nullable=True, comment="of the last try"),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("callback_deliveries_by_lane", table, ["lane", "state", "position"], unique=False)
    live = sa.text("due_at IS NOT NULL")
    op.create_index("callback_deliveries_due", table, ["due_at", "origin"], unique=False, sqlite_where=live)
    op.create_index("callback_deliveries_by_origin", table, ["origin", "due_at"], unique=False, sqlite_where=live)
    op.create_index("callback_deliveries_by_position", table, ["position"], unique=False)
    op.create_index("callback_deliveries_by_state", table, ["state", "position"], unique=False)
