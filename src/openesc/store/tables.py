"""Every table of the store. Times are positions: UTC milliseconds (see `openesc.store.clock`)."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    comment="Single facts: the fence, the newest clock position, the log block's position.",
)

units = Table(
    "units",
    metadata,
    Column("key", String(1024), primary_key=True, comment="kind and instance keys, see openesc.datastore.units"),
    Column("kind", String(32), nullable=False),
    Column(
        "document",
        LargeBinary,
        nullable=False,
        comment="canonical XML; encrypted where the kind holds secrets",
    ),
    Column("changed_at", BigInteger, nullable=False),
    comment="The running configuration, one row a unit.",
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(41), primary_key=True, comment="ESC's depid"),
    Column("tenant", String(256), nullable=False),
    Column("name", String(256), nullable=False),
    Column("state", String(40), nullable=False),
    Column("vim_id", String(256)),
    Column("project", String(256), nullable=False, comment="name of the project in the VIM"),
    Column("project_id", String(64), comment="known once the tenant is there"),
    Column("wanted", LargeBinary, nullable=False, comment="canonical XML of the newest accepted document"),
    Column("alive_at", BigInteger, comment="when it first became active; NULL: never"),
    Column("failure", Text, comment="why it is in SERVICE_ERROR_STATE"),
    Column("created_at", BigInteger, nullable=False),
    Index("deployments_by_name", "tenant", "name"),
)

vms = Table(
    "vms",
    metadata,
    Column("id", String(36), primary_key=True, comment="ours; the cloud's is server_id"),
    Column("deployment_id", String(41), nullable=False),
    Column("vm_group", String(256), nullable=False),
    Column("ordinal", Integer, nullable=False, comment="index within the group, the number in the name"),
    Column(
        "name",
        String(255),
        nullable=False,
        unique=True,
        comment="generated, deterministic: it finds the server",
    ),
    Column("state", String(40), nullable=False),
    Column("server_id", String(36)),
    Column("host_id", String(64)),
    Column("hostname", String(255)),
    Column("image", String(256)),
    Column("flavor", String(256)),
    Column("announced", Boolean, nullable=False, default=False, comment="VM_DEPLOYED was sent"),
    Column("failure", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("vim_status", String(32), comment="VERIFY_RESIZE while it waits for it"),
    Column("declined_flavor", String(256), comment="a resize to it was reverted: not again"),
    Column("monitor", String(64), comment="mark of the kpi_data and rules by which it became alive"),
    Index("vms_by_deployment", "deployment_id", "vm_group", "ordinal"),
)

interfaces = Table(
    "interfaces",
    metadata,
    Column("vm_id", String(36), primary_key=True),
    Column("nicid", Integer, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("port_id", String(36), nullable=False),
    Column("network_id", String(36), nullable=False),
    Column("subnet_id", String(36), nullable=False),
    Column("ip_address", String(45), nullable=False),
    Column("mac_address", String(17), nullable=False),
    Column("netmask", String(45)),
    Column("gateway", String(45)),
    Column("asked", JSON, comment="the configured leaves it was made by"),
    Column("attached", Boolean, nullable=False, default=True, comment="its server has the port"),
)

resources = Table(
    "resources",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False, comment="tenant, network, subnet, image, flavor"),
    Column("key", String(1024), nullable=False, unique=True, comment="kind and names, as the unit's key"),
    Column("name", String(256), nullable=False, comment="as configured"),
    Column("tenant", String(256), comment="NULL: shared"),
    Column("deployment_id", String(41), comment="set where it lives and dies with a deployment"),
    Column("parent", String(1024), comment="the key of a subnet's network"),
    Column("cloud_name", String(512), nullable=False),
    Column("external_id", String(64), comment="the cloud's id, known once it is there"),
    Column("owned", Boolean, nullable=False, comment="ours to delete; adopted ones are not"),
    Column("facts", JSON, nullable=False, comment="what opdata shows of it"),
    Column("failure", Text),
    Column("created_at", BigInteger, nullable=False),
    Index("resources_by_kind", "kind", "tenant", "name"),
    Index("resources_by_deployment", "deployment_id"),
    Index("resources_by_parent", "parent"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True, comment="the order of acceptance"),
    Column("kind", String(40), nullable=False),
    Column("subject", String(600), nullable=False, comment="what it is about, for people"),
    Column("tenant", String(256)),
    Column("deployment_id", String(41)),
    Column("vm_id", String(36)),
    Column("claims", JSON, nullable=False, comment="lock keys with their mode"),
    Column("arguments", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(80)),
    Column("fence", Integer, nullable=False, default=0),
    Column("cancel", Text, comment="why it is to stop; NULL: it is not"),
    Column("version", Integer, nullable=False, comment="of the flow that began it"),
    Column("crashes", Integer, nullable=False, default=0, comment="replays that ended in an unexpected exception"),
    Column("deaths", Integer, nullable=False, default=0, comment="process deaths in a row without progress"),
    Column("failure", Text),
    Column("requested_by", String(256)),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("operations_by_state", "state", "position"),
    Index("operations_by_deployment", "deployment_id", "state"),
)

steps = Table(
    "steps",
    metadata,
    Column("operation_id", String(36), primary_key=True),
    Column("path", String(512), primary_key=True),
    Column("state", String(8), nullable=False, comment="intent, done or failed"),
    Column("result", JSON, nullable=False),
    Column("intent_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    comment="The journal.",
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False, comment="the event's time"),
    Column("type", String(40), nullable=False),
    Column("tenant", String(256)),
    Column("deployment_id", String(41)),
    Column("operation_id", String(36)),
    Column("fields", JSON, nullable=False, comment="the event as openesc.events.escevent.EscEvent writes it"),
    Index("events_by_deployment", "deployment_id", "position"),
    comment="Append only; retention removes from the old end.",
)

leftovers = Table(
    "leftovers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("external_id", String(64), nullable=False),
    Column("name", String(512), nullable=False),
    Column("vim_id", String(256)),
    Column("project", String(256), nullable=False),
    Column("tenant", String(256)),
    Column("deployment", String(256)),
    Column("deployment_id", String(41)),
    Column("reason", Text, nullable=False),
    Column("kept", Boolean, nullable=False, default=False, comment="left on purpose"),
    Column("created_at", BigInteger, nullable=False),
    Index("leftovers_by_object", "kind", "external_id"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(36), primary_key=True, comment="ours; the cloud's is image_id"),
    Column("name", String(255), nullable=False, comment="as asked for; need not be unique"),
    Column("status", String(16), nullable=False, comment="creating, available, deleting or error"),
    Column("status_message", Text, nullable=False),
    Column("vm_name", String(255), nullable=False, comment="generated name of the VM it was made of"),
    Column("vm_group", String(256), nullable=False),
    Column("deployment", String(256), nullable=False),
    Column("deployment_id", String(41), nullable=False, comment="may be gone"),
    Column("tenant", String(256), nullable=False),
    Column("vim_id", String(256)),
    Column("project", String(256), nullable=False, comment="name of the project in the VIM"),
    Column("server_id", String(36), nullable=False),
    Column("image_id", String(36), comment="known once the cloud has answered"),
    Column("volume_snapshots", JSON, nullable=False, comment="id, volume_id and boot of each"),
    Column("source", JSON, nullable=False, comment="what events say of the VM, as it was"),
    Column("document", Text, comment="the XML that came with the request"),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("snapshots_by_name", "name"),
    Index("snapshots_by_vm", "tenant", "vm_name"),
)

operation_callbacks = Table(
    "operation_callbacks",
    metadata,
    Column("operation_id", String(36), primary_key=True),
    Column("target", JSON(none_as_null=True), comment="url and pinned addresses; the final result goes there"),
    Column("events_target", JSON(none_as_null=True), comment="its other events go there"),
    Column("transaction_id", String(255), nullable=False),
    Column("request_id", String(128), comment="X-Request-Id"),
    Column("registered_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, comment="the final result was handed to the outbox"),
    Index("operation_callbacks_open", "closed_at"),
    Index("operation_callbacks_by_transaction", "transaction_id"),
    comment="The header Callback of a request.",
)

deployment_callbacks = Table(
    "deployment_callbacks",
    metadata,
    Column("deployment_id", String(41), primary_key=True),
    Column("target", JSON, nullable=False, comment="url and pinned addresses"),
    Column("registered_at", BigInteger, nullable=False),
    comment="The header Callback-ESC-Events; ends after SERVICE_UNDEPLOYED.",
)

callback_deliveries = Table(
    "callback_deliveries",
    metadata,
    Column("id", String(36), primary_key=True, comment="the same at every try"),
    Column("position", BigInteger, nullable=False, comment="the event's"),
    Column("lane", String(2200), nullable=False, comment="receiver and deployment: one after the other"),
    Column("origin", String(300), nullable=False, comment="the receiver's scheme, host and port"),
    Column("target", JSON, nullable=False, comment="url and pinned addresses"),
    Column("header", String(20), nullable=False, comment="that asked for it"),
    Column("event_type", String(40), nullable=False),
    Column("tenant", String(256)),
    Column("deployment_id", String(41)),
    Column("operation_id", String(36)),
    Column("transaction_id", String(255), nullable=False),
    Column("status_code", Integer, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("content_type", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(9), nullable=False, comment="waiting, delivered or dead"),
    Column("tries", Integer, nullable=False),
    Column("began_at", BigInteger, nullable=False, comment="its time to be delivered runs from here"),
    Column("due_at", BigInteger, comment="NULL: it waits for the one before it in its lane, or is settled"),
    Column("failure", Text, comment="of the last try"),
    Column("settled_at", BigInteger),
    Index("callback_deliveries_by_lane", "lane", "state", "position"),
    Index("callback_deliveries_due", "due_at", "origin", sqlite_where=text("due_at IS NOT NULL")),
    Index("callback_deliveries_by_origin", "origin", "due_at", sqlite_where=text("due_at IS NOT NULL")),
    Index("callback_deliveries_by_position", "position"),
    Index("callback_deliveries_by_state", "state", "position"),
    comment="The outbox of REST callbacks; retention removes settled ones with their events.",
)

internal_ids = Table(
    "internal_ids",
    metadata,
    Column("kind", String(16), primary_key=True, comment="tenant, network, subnet, image, flavor, volume"),
    Column("scope", String(600), primary_key=True, comment="the tenant (and network); empty: shared"),
    Column("id", String(72), primary_key=True, comment="as the client chose it"),
    Column("name", String(256), nullable=False),
    comment="What clients of REST call what they made.",
)

users = Table(
    "users",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("grp", String(16), nullable=False, comment="admin, operator or read-only"),
    Column("tenants", JSON, comment="NULL: all"),
    Column("password_hash", Text),
    Column("created_at", BigInteger, nullable=False),
)

user_keys = Table(
    "user_keys",
    metadata,
    Column("user", String(256), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("key", Text, nullable=False, comment="OpenSSH public key line"),
)
