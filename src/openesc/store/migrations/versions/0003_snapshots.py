"""Snapshots of VMs: they outlive the deployment they were made of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=36), nullable=False, comment="ours; the cloud's is image_id"),
        sa.Column("name", sa.String(length=255), nullable=False, comment="as asked for; need not be unique"),
        sa.Column("status", sa.String(length=16), nullable=False, comment="creating, available, deleting or error"),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("vm_name", sa.String(length=255), nullable=False, comment="generated name of the VM it was made of"),
        sa.Column("vm_group", sa.String(length=256), nullable=False),
        sa.Column("deployment", sa.String(length=256), nullable=False),
        sa.Column("deployment_id", sa.String(length=41), nullable=False, comment="may be gone"),
        sa.Column("tenant", sa.String(length=256), nullable=False),
        sa.Column("vim_id", sa.String(length=256), nullable=True),
        sa.Column("project", sa.String(length=256), nullable=False, comment="name of the project in the VIM"),
        sa.Column("server_id", sa.String(length=36), nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=True, comment="known once the cloud has answered"),
        sa.Column("volume_snapshots", sa.JSON(), nullable=False, comment="id, volume_id and boot of each"),
        sa.Column("source", sa.JSON(), nullable=False, comment="what events say of the VM, as it was"),
        sa.Column("document", sa.Text(), nullable=True, comment="the XML that came with the request"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("snapshots_by_name", "snapshots", ["name"], unique=False)
    op.create_index("snapshots_by_vm", "snapshots", ["tenant", "vm_name"], unique=False)
