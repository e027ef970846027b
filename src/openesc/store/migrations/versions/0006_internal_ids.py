"""The ids that clients of REST choose for what they make."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "internal_ids",
        sa.Column(
            "kind", sa.String(length=16), nullable=False, comment="tenant, network, subnet, image, flavor, volume"
        ),
        sa.Column("scope", sa.String(length=600), nullable=False, comment="the tenant (and network); empty: shared"),
        sa.Column("id", sa.String(length=72), nullable=False, comment="as the client chose it"),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("kind", "scope", "id"),
    )
