"""What a VM waits for in the cloud, and the flavor it was taken back from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vms",
        sa.Column("vim_status", sa.String(length=32), nullable=True, comment="VERIFY_RESIZE while it waits for it"),
    )
    op.add_column(
        "vms",
        sa.Column(
            "declined_flavor",
            sa.String(length=256),
            nullable=True,
            comment="a resize to it was reverted: not again",
        ),
    )
