"""Who may do what, by group and tenants; what is refused, and that nothing changed."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest
from lxml import etree
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError, TransportError
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import ESC, deployment, group, model, network, of_tenant, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.rawclient import RawClient

PASSWORD = "pass word-1"
USERS = {
    "boss": ("admin", ()),
    "op-all": ("operator", ()),
    "op-blue": ("operator", ("blue",)),
    "view-all": ("read-only", ()),
    "view-blue": ("read-only", ("blue",)),
    "boss-blue": ("admin", ("blue",)),
}
VM = group("g1", kpi=False)
ACTION = (
    f'<serviceAction xmlns="{ESC}"><actionType>STOP</actionType><tenantName>blue</tenantName>'
    "<depName>b1</depName></serviceAction>"
)


@pytest.fixture(scope="module")
def populated(shared_house: House) -> House:
    """Users made on the command line while the server runs, and a deployment in each of two tenants."""
    for name, (user_group, tenants) in USERS.items():
        words = ["user", "add", name, "--group", user_group, "--password-stdin"]
        words += [word for tenant in tenants for word in ("--tenant", tenant)]
        done = shared_house.openesc(*words, stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
    session, watching = shared_house.session(), Subscriber(shared_house.session())
    session.edit(deployment("b1", VM, tenant="blue"))
    session.edit(deployment("r1", VM, tenant="red"))
    session.edit(model(f"<networks>{network('common', '10.30.0.0')}</networks>"))
    for _ in range(2):
        watching.until("SERVICE_ALIVE")
    watching.until("CREATE_SUBNET") if "CREATE_SUBNET" not in types(watching.events) else None
    shared_house.leave()
    return shared_house


@pytest.fixture
def house(populated: House, house: House) -> House:
    return house


def login(house: House, name: str) -> Session:
    return house.session(name, PASSWORD)


def tenants_seen(session: Session) -> tuple[set[str], set[str]]:
    """The deployments a user sees in configuration and in opdata."""
    config = session.get_config("/esc_datamodel/tenants")
    state = session.get("/esc_datamodel/opdata")
    return {one.findtext(f"{{{ESC}}}name") or "" for one in config.iter(f"{{{ESC}}}deployment")}, set(
        texts(state, "deployment_name")
    )


def denied(session: Session, document: str) -> RPCError:
    error = session.refused(document)
    assert error.tag == "access-denied", error.xml
    return error


class TestLogin:
    def test_a_wrong_password(self, house: House) -> None:
        with pytest.raises(AuthenticationError):
            house.session("boss", "wrong")

    def test_nobody(self, house: House) -> None:
        with pytest.raises(AuthenticationError):
            house.session("nobody", PASSWORD)

    def test_a_deleted_user(self, house: House) -> None:
        """Loses the sessions that are open, others keep theirs."""
        words = ("user", "add", "brief", "--group", "admin", "--password-stdin")
        assert house.openesc(*words, stdin="x-y-z-1\n").returncode == 0
        brief, boss = house.session("brief", "x-y-z-1"), login(house, "boss")
        brief.get("/esc_datamodel/opdata/status")
        assert house.openesc("user", "delete", "brief").returncode == 0
        with pytest.raises(TransportError):
            brief.get("/esc_datamodel/opdata/status")
        boss.get("/esc_datamodel/opdata/status")
        with pytest.raises(AuthenticationError):
            house.session("brief", "x-y-z-1")

    async def test_a_key(self, house: House, tmp_path: Path) -> None:
        """Given on the command line while the server runs; no other key, and no password, lets its owner in."""
        keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("own", "other")}
        keys["own"].write_public_key(tmp_path / "id.pub")
        assert house.openesc("user", "add", "keyed", "--group", "read-only").returncode == 0
        assert house.openesc("user", "key", "keyed", str(tmp_path / "id.pub")).returncode == 0
        port = house.server.netconf_port
        async with await RawClient.connect("127.0.0.1", port, "keyed", key=keys["own"]) as client:
            assert b"<status>OPER_UP</status>" in await client.rpc(
                '<get><filter type="xpath" select="/esc_datamodel/opdata/status"/></get>'
            )
        for wrong in ({"key": keys["other"]}, {"password": PASSWORD}, {"password": ""}):
            with pytest.raises(asyncssh.PermissionDenied):
                await RawClient.connect("127.0.0.1", port, "keyed", **wrong)
        (row,) = [row for row in house.ask("user", "list") if row["name"] == "keyed"]
        assert (row["password"], row["keys"]) == (False, 1)

    def test_listed_without_secrets(self, house: House) -> None:
        done = house.openesc("user", "list", "-f", "json")
        assert {"boss", "op-blue", "esc-nc-admin"} <= {row["name"] for row in house.ask("user", "list")}
        assert PASSWORD not in done.stdout and "argon2" not in done.stdout


class TestReads:
    @pytest.mark.parametrize("name", ["boss", "op-all", "view-all"])
    def test_all_tenants(self, house: House, name: str) -> None:
        config, state = tenants_seen(login(house, name))
        assert {"b1", "r1"} <= config and {"b1", "r1"} <= state

    @pytest.mark.parametrize("name", ["op-blue", "view-blue", "boss-blue"])
    def test_one_tenant(self, house: House, name: str) -> None:
        """Other tenants are not there: by name, by wildcard, in opdata, in configuration; what is shared is."""
        session = login(house, name)
        config, state = tenants_seen(session)
        assert config == {"b1"} and state == {"b1"}
        assert session.deployment("r1", "red") is None and session.config("r1", "red") is None
        everything = etree.tostring(session.get("/esc_datamodel")) + etree.tostring(session.get("//*"))
        assert b"red" not in everything.replace(b"shared", b"")
        assert "common" in texts(session.get("/esc_datamodel/opdata/networks"), "name")

    @pytest.mark.parametrize(
        "name, shown",
        [("boss", True), ("op-all", False), ("view-all", False), ("op-blue", False), ("boss-blue", False)],
    )
    def test_secrets(self, house: House, name: str, shown: bool) -> None:
        """The cloud's password: for admins alone, in get and get-config."""
        session, secret = login(house, name), house.server.cloud_facts["password"]
        for data in (session.get("/esc_system_config"), session.get_config("/esc_system_config")):
            text = etree.tostring(data).decode()
            assert (secret in text) == shown
            assert ("****" in text) != shown


class TestEdits:
    @pytest.mark.parametrize("name", ["view-all", "view-blue"])
    def test_readers_edit_nothing(self, house: House, name: str) -> None:
        session = login(house, name)
        denied(session, deployment("b2", VM, tenant="blue"))
        denied(session, undeploy("b1", "blue"))
        denied(session, of_tenant("blue"))
        assert house.session().config("b2", "blue") is None and house.session().config("b1", "blue") is not None

    def test_an_operator_of_a_tenant(self, house: House, subscriber: Subscriber) -> None:
        session = login(house, "op-blue")
        session.edit(deployment("b3", VM, tenant="blue"))
        subscriber.until("SERVICE_ALIVE", depname="b3")
        error = denied(session, deployment("r2", VM, tenant="red"))
        assert "op-blue" in error.message and "red" in error.message
        denied(session, undeploy("r1", "red"))
        denied(session, model(f"<networks>{network('sneaky', '10.31.0.0')}</networks>"))
        denied(
            session,
            model("<flavors><flavor><name>sneaky</name><vcpus>1</vcpus><memory_mb>1</memory_mb></flavor></flavors>"),
        )
        denied(session, model('<tenants><tenant nc:operation="delete"><name>red</name></tenant></tenants>'))
        session.edit(undeploy("b3", "blue"))
        subscriber.until("SERVICE_UNDEPLOYED", depname="b3")
        subscriber.quiet()
        admin = house.session()
        assert admin.config("r1", "red") is not None and admin.config("r2", "red") is None
        assert "sneaky" not in house.names("networks") + house.names("flavors")

    def test_a_locator_does_not_lead_out_of_the_tenant(self, house: House) -> None:
        """The connector's rights reach any project; those of a user with tenants do not."""
        session = login(house, "op-blue")
        elsewhere = deployment(
            "escaped", VM, tenant="blue", before="<locator><vim_project>admin</vim_project></locator>"
        )
        error = denied(session, elsewhere)
        assert error.message is not None and "project admin" in error.message
        assert house.session().config("escaped", "blue") is None
        assert house.of_deployment("escaped")["servers"] == []

    def test_two_tenants_in_one_document(self, house: House) -> None:
        """All or nothing."""
        tenants = "".join(
            f"<tenant><name>{name}</name><deployments><deployment><name>mixed</name>{VM}</deployment></deployments></tenant>"
            for name in ("blue", "red")
        )
        denied(login(house, "op-blue"), model(f"<tenants>{tenants}</tenants>"))
        assert house.session().config("mixed", "blue") is None

    @pytest.mark.parametrize("name", ["op-all", "boss-blue", "op-blue"])
    def test_credentials_belong_to_admins(self, house: House, name: str) -> None:
        connector = (
            f'<esc_system_config xmlns="{ESC}"><vim_connectors><vim_connector><id>mine</id><type>OPENSTACK</type>'
            "</vim_connector></vim_connectors></esc_system_config>"
        )
        denied(login(house, name), connector)

    def test_actions(self, house: House) -> None:
        """Read-only users run no ESC action; operators reach it."""
        with pytest.raises(RPCError) as caught:
            login(house, "view-all").client.dispatch(etree.fromstring(ACTION))
        assert caught.value.tag == "access-denied"
        with pytest.raises(RPCError) as caught:
            login(house, "op-all").client.dispatch(etree.fromstring(ACTION.replace(">b1<", ">absent<")))
        assert caught.value.tag != "access-denied"

    def test_actions_on_another_tenant(self, house: House) -> None:
        """A user limited to a tenant reaches no other: neither by the deployment nor by a VM's name."""
        session, red = login(house, "op-blue"), ACTION.replace(">blue<", ">red<").replace(">b1<", ">r1<")
        (name,) = texts(house.session().deployment("r1", "red"), "vm_name")
        on_vm = f'<vmAction xmlns="{ESC}"><actionType>STOP</actionType><vmName>{name}</vmName></vmAction>'
        for action in (red, on_vm):
            with pytest.raises(RPCError):
                session.client.dispatch(etree.fromstring(action))
        assert "SERVICE_ACTIVE_STATE" in texts(house.session().deployment("r1", "red"), "state")

    def test_kill_session(self, house: House) -> None:
        victim = login(house, "view-all")
        for name in ("view-all", "op-all"):
            with pytest.raises(RPCError) as caught:
                login(house, name).client.kill_session(victim.client.session_id)
            assert caught.value.tag == "access-denied"
        login(house, "boss").client.kill_session(victim.client.session_id)


class TestEvents:
    def test_live_and_replayed(self, house: House) -> None:
        """A subscriber limited to a tenant gets that tenant's events, and shared ones, live and replayed alike."""
        blue = Subscriber(login(house, "view-blue"), "2020-01-01T00:00:00Z")
        replayed = blue.replay()
        assert {event.tenant for event in replayed} == {"blue", "SystemAdminTenantId"}
        every = Subscriber(login(house, "view-all"), "2020-01-01T00:00:00Z").replay()
        assert {"blue", "red"} <= {event.tenant for event in every}
        admin = house.session()
        watching = Subscriber(house.session())
        admin.edit(deployment("r9", VM, tenant="red"))
        watching.until("SERVICE_ALIVE", depname="r9")
        admin.edit(deployment("b9", VM, tenant="blue"))
        came = blue.until("SERVICE_ALIVE", depname="b9")
        assert {event.depname for event in came} == {"b9"}
        admin.edit(undeploy("r9", "red"))
        admin.edit(undeploy("b9", "blue"))
        assert {event.depname for event in blue.until("SERVICE_UNDEPLOYED", depname="b9")} == {"b9"}


TREE = "/esc_datamodel/tenants/tenant[name='admin']/deployments/deployment[name='bad']"
CIRCLE = ["g1", "g2", "g3"]


def _waits(group_name: str, needed: str) -> str:
    return (
        f"<startup><target_vm_group_ref>{group_name}</target_vm_group_ref>"
        f"<depends_on><vm_group_ref>{needed}</vm_group_ref></depends_on></startup>"
    )


INVALID = {
    "unknown element": (deployment("bad", "<flavour>x</flavour>", VM), "unknown-element", "flavour"),
    "missing mandatory": (
        deployment("bad", VM.replace("<bootup_time>60</bootup_time>", "")),
        "data-missing",
        "bootup_time",
    ),
    "bad value": (deployment("bad", VM.replace("<bootup_time>60<", "<bootup_time>soon<")), "invalid-value", "soon"),
    "absent to delete": (undeploy("bad"), "data-missing", "bad"),
    "nicid sequence": (
        deployment("bad", VM.replace("<nicid>0</nicid>", "<nicid>1</nicid>")),
        None,
        "NICID Sequence Error !",
    ),
    "circular": (
        deployment(
            "bad",
            group("g1"),
            before="<policies><startup><target_vm_group_ref>g1</target_vm_group_ref><depends_on><vm_group_ref>g1</vm_group_ref>"
            "</depends_on></startup></policies>",
        ),
        None,
        "Circular group dependency !",
    ),
    "circle of three": (
        deployment(
            "bad",
            *map(group, CIRCLE),
            before=f"<policies>{''.join(map(_waits, CIRCLE, CIRCLE[1:] + CIRCLE[:1]))}</policies>",
        ),
        None,
        "Circular group dependency ! g1 -> g2 -> g3 -> g1",
    ),
    "min above max": (deployment("bad", VM.replace("<min_active>1<", "<min_active>2<")), None, "min_active"),
    "no such group": (
        deployment(
            "bad",
            group("g1"),
            before="<policies><startup><target_vm_group_ref>g7</target_vm_group_ref><depends_on><vm_group_ref>g1</vm_group_ref>"
            "</depends_on></startup></policies>",
        ),
        None,
        "g7",
    ),
    "no such collector": (
        deployment("bad", group("g1").replace("ICMPPing", "NoSuchCollector")),
        None,
        "NoSuchCollector",
    ),
}


class TestInvalid:
    """A wrong request is an rpc-error that names the place, and changes nothing."""

    @pytest.mark.parametrize("case", INVALID)
    def test_it(self, house: House, admin: Session, subscriber: Subscriber, case: str) -> None:
        document, tag, words = INVALID[case]
        before = etree.tostring(admin.get_config("/esc_datamodel"))
        error = admin.refused(document)
        assert error.severity == "error" and error.type in ("application", "protocol")
        if tag is not None:
            assert error.tag == tag
        assert words in f"{error.message} {error.path} {error.info}"
        if case != "unknown element":
            assert "deployment[" in (error.path or "") and "bad" in (error.path or ""), error.path
        assert error.message
        assert etree.tostring(admin.get_config("/esc_datamodel")) == before
        assert admin.deployment("bad") is None
        subscriber.quiet(0.1)

    def test_all_errors_of_a_document_at_once(self, admin: Session) -> None:
        wrong = VM.replace("<bootup_time>60</bootup_time>", "").replace(
            "<recovery_wait_time>0<", "<recovery_wait_time>x<"
        )
        error = admin.refused(deployment("bad", wrong))
        messages = [one.message for one in error.errlist or [error]]
        assert len(messages) == 2, messages

    @pytest.mark.parametrize(
        "action",
        [
            ACTION,
            f'<vmAction xmlns="{ESC}"><actionType>STOP</actionType><vmName>x</vmName></vmAction>',
            f'<recoveryVmAction xmlns="{ESC}"><actionType>DO</actionType><vmName>x</vmName></recoveryVmAction>',
        ],
    )
    def test_an_action_inside_edit_config(self, admin: Session, action: str) -> None:
        """As older manuals print it: the error says how to send it."""
        error = admin.refused(action)
        name = etree.QName(etree.fromstring(action)).localname
        assert name in error.message and "rpc" in error.message.lower()
        assert error.tag in ("operation-not-supported", "operation-failed", "bad-element", "unknown-element")

    def test_rollback_on_error(self, admin: Session) -> None:
        """A document with one good and one bad deployment changes nothing."""
        good = f"<deployment><name>good</name>{VM}</deployment>"
        bad = f"<deployment><name>bad</name>{VM.replace('<bootup_time>60</bootup_time>', '')}</deployment>"
        admin.refused(of_tenant("admin", f"<deployments>{good}{bad}</deployments>"))
        assert admin.config("good") is None and admin.deployment("good") is None
