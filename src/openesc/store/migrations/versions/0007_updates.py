"""Updates in place: what an interface was made by, whether it is attached, and what a VM is monitored by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "interfaces", sa.Column("asked", sa.JSON(), nullable=True, comment="the configured leaves it was made by")
    )
    op.add_column(
        "interfaces",
        sa.Column(
            "attached", sa.Boolean(), nullable=False, server_default=sa.true(), comment="its server has the port"
        ),
    )
    op.add_column(
        "vms",
        sa.Column(
            "monitor",
            sa.String(length=64),
            nullable=True,
            comment="mark of the kpi_data and rules by which it became alive",
        ),
    )
