"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(length=41), nullable=False, comment="ESC's depid"),
        sa.Column("tenant", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("vim_id", sa.String(length=256), nullable=True),
        sa.Column("project", sa.String(length=256), nullable=False, comment="name of the project in the VIM"),
        sa.Column("project_id", sa.String(length=64), nullable=True, comment="known once the tenant is there"),
        sa.Column(
            "wanted",
            sa.LargeBinary(),
            nullable=False,
            comment="canonical XML of the newest accepted document",
        ),
        sa.Column("alive_at", sa.BigInteger(), nullable=True, comment="when it first became active; NULL: never"),
        sa.Column("failure", sa.Text(), nullable=True, comment="why it is in SERVICE_ERROR_STATE"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deployments_by_name", "deployments", ["tenant", "name"], unique=False)
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False, comment="the event's time"),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=256), nullable=True),
        sa.Column("deployment_id", sa.String(length=41), nullable=True),
        sa.Column("operation_id", sa.String(length=36), nullable=True),
        sa.Column(
            "fields",
            sa.JSON(),
            nullable=False,
            comment="the event as openesc.events.escevent.EscEvent writes it",
        ),
        sa.PrimaryKeyConstraint("position"),
        comment="Append only; retention removes from the old end.",
    )
    op.create_index("events_by_deployment", "events", ["deployment_id", "position"], unique=False)
    op.create_table(
        "interfaces",
        sa.Column("vm_id", sa.String(length=36), nullable=False),
        sa.Column("nicid", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=False),
        sa.Column("ip_address", sa.String(length=45), nullable=False),
        sa.Column("mac_address", sa.String(length=17), nullable=False),
        sa.Column("netmask", sa.String(length=45), nullable=True),
        sa.Column("gateway", sa.String(length=45), nullable=True),
        sa.PrimaryKeyConstraint("vm_id", "nicid"),
    )
    op.create_table(
        "leftovers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("vim_id", sa.String(length=256), nullable=True),
        sa.Column("project", sa.String(length=256), nullable=False),
        sa.Column("tenant", sa.String(length=256), nullable=True),
        sa.Column("deployment", sa.String(length=256), nullable=True),
        sa.Column("deployment_id", sa.String(length=41), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False, comment="left on purpose"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("leftovers_by_object", "leftovers", ["kind", "external_id"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="Single facts: the fence, the newest clock position, the log block's position.",
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="the order of acceptance"),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=600), nullable=False, comment="what it is about, for people"),
        sa.Column("tenant", sa.String(length=256), nullable=True),
        sa.Column("deployment_id", sa.String(length=41), nullable=True),
        sa.Column("vm_id", sa.String(length=36), nullable=True),
        sa.Column("claims", sa.JSON(), nullable=False, comment="lock keys with their mode"),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Text(), nullable=True, comment="why it is to stop; NULL: it is not"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the flow that began it"),
        sa.Column("crashes", sa.Integer(), nullable=False, comment="replays that ended in an unexpected exception"),
        sa.Column("deaths", sa.Integer(), nullable=False, comment="process deaths in a row without progress"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.String(length=256), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("position"),
    )
    op.create_index("operations_by_deployment", "operations", ["deployment_id", "state"], unique=False)
    op.create_index("operations_by_state", "operations", ["state", "position"], unique=False)
    op.create_table(
        "resources",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="tenant, network, subnet, image, flavor"),
        sa.Column("key", sa.String(length=1024), nullable=False, comment="kind and names, as the unit's key"),
        sa.Column("name", sa.String(length=256), nullable=False, comment="as configured"),
        sa.Column("tenant", sa.String(length=256), nullable=True, comment="NULL: shared"),
        sa.Column(
            "deployment_id",
            sa.String(length=41),
            nullable=True,
            comment="set where it lives and dies with a deployment",
        ),
        sa.Column("parent", sa.String(length=1024), nullable=True, comment="the key of a subnet's network"),
        sa.Column("cloud_name", sa.String(length=512), nullable=False),
        sa.Column(
            "external_id",
            sa.String(length=64),
            nullable=True,
            comment="the cloud's id, known once it is there",
        ),
        sa.Column("owned", sa.Boolean(), nullable=False, comment="ours to delete; adopted ones are not"),
        sa.Column("facts", sa.JSON(), nullable=False, comment="what opdata shows of it"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("resources_by_deployment", "resources", ["deployment_id"], unique=False)
    op.create_index("resources_by_kind", "resources", ["kind", "tenant", "name"], unique=False)
    op.create_index("resources_by_parent", "resources", ["parent"], unique=False)
    op.create_table(
        "steps",
        sa.Column("operation_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False, comment="intent, done or failed"),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("intent_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("operation_id", "path"),
        comment="The journal.",
    )
    op.create_table(
        "units",
        sa.Column(
            "key",
            sa.String(length=1024),
            nullable=False,
            comment="kind and instance keys, see openesc.datastore.units",
        ),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "document",
            sa.LargeBinary(),
            nullable=False,
            comment="canonical XML; encrypted where the kind holds secrets",
        ),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="The running configuration, one row a unit.",
    )
    op.create_table(
        "user_keys",
        sa.Column("user", sa.String(length=256), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="OpenSSH public key line"),
        sa.PrimaryKeyConstraint("user", "fingerprint"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("grp", sa.String(length=16), nullable=False, comment="admin, operator or read-only"),
        sa.Column("tenants", sa.JSON(), nullable=True, comment="NULL: all"),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "vms",
        sa.Column("id", sa.String(length=36), nullable=False, comment="ours; the cloud's is server_id"),
        sa.Column("deployment_id", sa.String(length=41), nullable=False),
        sa.Column("vm_group", sa.String(length=256), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="index within the group, the number in the name"),
        sa.Column(
            "name",
            sa.String(length=255),
            nullable=False,
            comment="generated, deterministic: it finds the server",
        ),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("server_id", sa.String(length=36), nullable=True),
        sa.Column("host_id", sa.String(length=64), nullable=True),
        sa.Column("hostname", sa.String(length=255), nullable=True),
        sa.Column("image", sa.String(length=256), nullable=True),
        sa.Column("flavor", sa.String(length=256), nullable=True),
        sa.Column("announced", sa.Boolean(), nullable=False, comment="VM_DEPLOYED was sent"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("vms_by_deployment", "vms", ["deployment_id", "vm_group", "ordinal"], unique=False)
