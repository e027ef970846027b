"""The id of the request that queued an operation, and its operations by transaction."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "operation_callbacks",
        sa.Column("request_id", sa.String(length=128), nullable=True, comment="X-Request-Id"),
    )
    op.create_index("operation_callbacks_by_transaction", "operation_callbacks", ["transaction_id"], unique=False)
