"""Tenants, networks and subnets, images and flavors: made, told, shown, used and taken away."""

from __future__ import annotations

import pytest
from tests.integration.main_job.house import House, Session, one, texts
from tests.integration.main_job.payloads import ESC, deployment, group, model, network, of_tenant, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types

DELETE = ' nc:operation="delete"'


def the(subscriber: Subscriber, kind: str) -> Event:
    """The next event, which must be of this kind."""
    (event,) = subscriber.until(kind)
    return event


class TestTenants:
    def test_made_and_deleted(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        admin.edit(of_tenant("made"))
        event = the(subscriber, "CREATE_TENANT")
        assert event.short == ("CREATE_TENANT", "SUCCESS", "Tenant successfully created")
        assert (event.status_code, event.tenant) == ("200", "made")
        assert "made" in house.names("projects")
        data = admin.get("/esc_datamodel/opdata/tenants/tenant[name='made']")
        assert one(data, "tenant_id") == event.tenant_id
        admin.edit(model(f"<tenants><tenant{DELETE}><name>made</name></tenant></tenants>"))
        event = the(subscriber, "DELETE_TENANT")
        assert event.short == ("DELETE_TENANT", "SUCCESS", "Tenant successfully deleted")
        assert "made" not in house.names("projects")
        assert texts(admin.get("/esc_datamodel/opdata/tenants/tenant[name='made']"), "name") == []

    def test_create_tenant_of_the_command_line(self, house: House, subscriber: Subscriber) -> None:
        done = house.esc_nc_cli("create-tenant", "by-command")
        assert done.returncode == 0 and "<ok/>" in done.stdout
        assert the(subscriber, "CREATE_TENANT").tenant == "by-command"

    def test_an_adopted_project_is_never_deleted(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """``admin`` was there before us."""
        admin.edit(of_tenant("admin"))
        subscriber.until("CREATE_TENANT", tenant="admin")
        admin.edit(model(f"<tenants><tenant{DELETE}><name>admin</name></tenant></tenants>"))
        assert the(subscriber, "DELETE_TENANT").short == ("DELETE_TENANT", "SUCCESS", "Tenant successfully deleted")
        assert "admin" in house.names("projects")

    def test_unmanaged_and_absent(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """managed_resource false: only an existing project is used."""
        admin.edit(of_tenant("foreign", "<managed_resource>false</managed_resource>"))
        event = the(subscriber, "CREATE_TENANT")
        assert event.status == "FAILURE" and event.status_code == "500"
        assert "foreign" in str(event.status_message)
        assert "foreign" not in house.names("projects")
        admin.edit(model(f"<tenants><tenant{DELETE}><name>foreign</name></tenant></tenants>"))

    def test_undeploy_with_its_tenant(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """The tenant deleted with what is in it: first the deployment goes, then the project."""
        admin.edit(deployment("inhabited", group(), tenant="whole"))
        subscriber.until("SERVICE_ALIVE", depname="inhabited")
        admin.edit(model(f"<tenants><tenant{DELETE}><name>whole</name></tenant></tenants>"))
        came = subscriber.until("DELETE_TENANT", tenant="whole")
        assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED", "DELETE_TENANT"]
        assert {event.status for event in came} == {"SUCCESS"}
        assert "whole" not in house.names("projects")


class TestNetworks:
    @pytest.mark.parametrize("tenant", [None, "netted"])
    def test_with_subnet(self, house: House, admin: Session, subscriber: Subscriber, tenant: str | None) -> None:
        """Shared ones are named after SystemAdminTenantId, a tenant's after the tenant."""
        name = "mgmt-net" if tenant is None else "own-net"
        owner = tenant or "SystemAdminTenantId"
        admin.edit(self._document(tenant, network(name, "10.20.0.0")))
        came = subscriber.until("CREATE_SUBNET")
        assert types(came) == (["CREATE_TENANT"] if tenant else []) + ["CREATE_NETWORK", "CREATE_SUBNET"]
        made, subnet = came[-2:]
        assert made.short == ("CREATE_NETWORK", "SUCCESS", "Network creation completed successfully")
        assert made.network == subnet.network == f"{owner}{name}"
        assert made.tenant == subnet.tenant == owner
        assert (made.depname, made.depid) == (None, None)
        data = admin.get(
            "/esc_datamodel/opdata/networks"
            if tenant is None
            else f"/esc_datamodel/opdata/tenants/tenant[name='{tenant}']/networks"
        )
        assert subnet.status_message == f"Subnet creation completed successfully, subnet ID: [{one(data, 'subnetid')}]"
        assert one(data, "cidr") == "10.20.0.0/24" and one(data, "dhcp") == "true"
        assert one(data, "shared") == ("true" if tenant is None else "false")
        admin.edit(self._document(tenant, f"<network{DELETE}><name>{name}</name></network>"))
        came = subscriber.until("DELETE_NETWORK")
        assert [event.short for event in came] == [
            ("DELETE_SUBNET", "SUCCESS", "OpenStack Driver: Subnet successfully deleted"),
            ("DELETE_NETWORK", "SUCCESS", "OpenStack Driver: Network successfully deleted"),
        ]
        assert name not in house.names("networks")
        subscriber.quiet()

    def _document(self, tenant: str | None, content: str) -> str:
        networks = f"<networks>{content}</networks>"
        return model(networks) if tenant is None else of_tenant(tenant, networks)

    def test_the_subnet_later(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """As the developer guide has it: first the network, then its subnet; a VM on it."""
        admin.edit(model("<networks><network><name>later-net</name></network></networks>"))
        the(subscriber, "CREATE_NETWORK")
        admin.edit(model(f"<networks>{network('later-net', '10.21.0.0')}</networks>"))
        the(subscriber, "CREATE_SUBNET")
        admin.edit(deployment("on-shared", group(networks=("later-net",)), tenant="guest"))
        came = subscriber.until("SERVICE_ALIVE", depname="on-shared")
        assert came[-1].status == "SUCCESS", came[-1].status_message
        assert texts(admin.deployment("on-shared", "guest"), "ip_address")[0].startswith("10.21.0.")
        admin.edit(undeploy("on-shared", "guest"))
        subscriber.until("SERVICE_UNDEPLOYED")

    def test_refused(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """CREATE_NETWORK FAILURE with the cloud's words; sent again it is made."""
        document = model("<networks><network><name>later-made</name></network></networks>")
        with house.fault("network.create", {"type": "quota", "resource": "network"}):
            admin.edit(document)
            event = the(subscriber, "CREATE_NETWORK")
        assert (event.status, event.status_code) == ("FAILURE", "500")
        assert "Quota exceeded for resources: ['network']." in str(event.status_message)
        admin.edit(document)
        assert the(subscriber, "CREATE_NETWORK").status == "SUCCESS"

    def test_a_subnet_that_was_never_made(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """Its deletion is told, although the cloud has nothing to delete; of a network or tenant nothing is told."""
        admin.edit(model("<networks><network><name>bare</name></network></networks>"))
        the(subscriber, "CREATE_NETWORK")
        refusal = {"type": "http", "status": 400, "text": "Invalid input for operation: no pool."}
        with house.fault("subnet.create", refusal):
            admin.edit(model(f"<networks>{network('bare', '10.24.0.0')}</networks>"))
            assert the(subscriber, "CREATE_SUBNET").status == "FAILURE"
        state = "/esc_datamodel/opdata/networks/network[name='bare']"
        assert texts(admin.get(state), "cidr") == []
        gone = f"<subnet{DELETE}><name>bare-subnet</name></subnet>"
        admin.edit(model(f"<networks><network><name>bare</name>{gone}</network></networks>"))
        event = the(subscriber, "DELETE_SUBNET")
        assert event.short == ("DELETE_SUBNET", "SUCCESS", "OpenStack Driver: Subnet successfully deleted")
        assert event.subnet == "SystemAdminTenantIdbarebare-subnet"
        with house.fault("*.create", refusal, count=None):
            admin.edit(model("<networks><network><name>unmade</name></network></networks>"))
            the(subscriber, "CREATE_NETWORK")
            admin.edit(of_tenant("unmade"))
            the(subscriber, "CREATE_TENANT")
        admin.edit(model(f"<networks><network{DELETE}><name>unmade</name></network></networks>"))
        admin.edit(model(f"<tenants><tenant{DELETE}><name>unmade</name></tenant></tenants>"))
        subscriber.quiet()

    def test_in_use(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """A network that cannot be deleted is a leftover; its configuration is gone."""
        admin.edit(model(f"<networks>{network('busy', '10.22.0.0')}</networks>"))
        subscriber.until("CREATE_SUBNET")
        refusal = {
            "type": "http",
            "status": 409,
            "text": "There are one or more ports still in use",
            "kind": "NetworkInUse",
        }
        with house.fault("*.delete", refusal, name="busy*", count=None):
            admin.edit(model(f"<networks><network{DELETE}><name>busy</name></network></networks>"))
            failed = subscriber.until("DELETE_NETWORK")[-1]
        assert failed.status == "FAILURE" and "still in use" in str(failed.status_message)
        rows = [row for row in house.told("leftover.list") if row["name"].startswith("busy")]
        assert [row["kind"] for row in rows] == ["subnet", "network"]
        results = house.told("leftover.clean", ids=[row["id"] for row in rows])
        assert {result["result"] for result in results} == {"removed"}
        assert "busy" not in house.names("networks")


class TestImages:
    def _image(self, source: str, name: str = "web-image", more: str = "") -> str:
        leaves = "<disk_format>qcow2</disk_format><container_format>bare</container_format>"
        return model(f"<images><image><name>{name}</name><src>{source}</src>{leaves}{more}</image></images>")

    def _gone(self, name: str) -> str:
        return model(f"<images><image{DELETE}><name>{name}</name></image></images>")

    def test_from_a_web_server(self, house: House, admin: Session, subscriber: Subscriber, images: str) -> None:
        admin.edit(self._image(f"{images}/cirros.qcow2"))
        event = the(subscriber, "CREATE_IMAGE")
        assert event.short == ("CREATE_IMAGE", "SUCCESS", "Image creation completed successfully.")
        assert event.image == "web-image" and event.depname is None
        data = admin.get("/esc_datamodel/opdata/images/image[name='web-image']")
        assert one(data, "image_id") and one(data, "public") == "true"
        admin.edit(deployment("imaged", group(image="web-image")))
        assert subscriber.until("SERVICE_ALIVE", depname="imaged")[-1].status == "SUCCESS"
        admin.edit(undeploy("imaged"))
        subscriber.until("SERVICE_UNDEPLOYED")
        admin.edit(self._gone("web-image"))
        assert the(subscriber, "DELETE_IMAGE").short == (
            "DELETE_IMAGE",
            "SUCCESS",
            "Image deletion completed successfully.",
        )
        assert "web-image" not in house.names("images")
        assert texts(admin.get("/esc_datamodel/opdata/images"), "name") == []

    def test_where_it_may_not_be_for_everybody(
        self, house: House, admin: Session, subscriber: Subscriber, images: str
    ) -> None:
        """It is made for the connector's own project, and said to be so."""
        refusal = {"type": "http", "status": 403, "text": "You are not authorized to complete publicize_image action."}
        with house.fault("image.create", refusal, count=1):
            admin.edit(self._image(f"{images}/cirros.qcow2", "own-image"))
            assert the(subscriber, "CREATE_IMAGE").status == "SUCCESS"
        data = admin.get("/esc_datamodel/opdata/images/image[name='own-image']")
        assert one(data, "image_id") and one(data, "public") == "false"
        admin.edit(self._gone("own-image"))
        assert the(subscriber, "DELETE_IMAGE").status == "SUCCESS"
        assert "own-image" not in house.names("images")

    def test_a_source_that_is_not_there(
        self, house: House, admin: Session, subscriber: Subscriber, images: str
    ) -> None:
        """The failure names the source; nothing half made is left; sent again with a good one it works."""
        admin.edit(self._image(f"{images}/absent.qcow2", "fixed"))
        event = the(subscriber, "CREATE_IMAGE")
        assert (event.status, event.status_code, event.image) == ("FAILURE", "500", "fixed")
        assert "absent.qcow2" in str(event.status_message)
        assert "fixed" not in house.names("images")
        admin.edit(self._image(f"{images}/cirros.qcow2", "fixed"))
        assert the(subscriber, "CREATE_IMAGE").status == "SUCCESS"

    def test_an_existing_one_is_adopted(
        self, house: House, admin: Session, subscriber: Subscriber, images: str
    ) -> None:
        admin.edit(self._image(f"{images}/cirros.qcow2", "SolTest-Cirros-Image"))
        assert the(subscriber, "CREATE_IMAGE").status == "SUCCESS"
        admin.edit(self._gone("SolTest-Cirros-Image"))
        assert the(subscriber, "DELETE_IMAGE").status == "SUCCESS"
        assert "SolTest-Cirros-Image" in house.names("images")


class TestFlavors:
    def _flavor(self, name: str) -> str:
        leaves = "<vcpus>1</vcpus><memory_mb>512</memory_mb><root_disk_mb>1024</root_disk_mb>"
        return model(f"<flavors><flavor><name>{name}</name>{leaves}</flavor></flavors>")

    def test_made_used_and_deleted(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        admin.edit(self._flavor("tiny"))
        event = the(subscriber, "CREATE_FLAVOR")
        assert event.short == ("CREATE_FLAVOR", "SUCCESS", "Flavor creation completed successfully.")
        assert event.flavor == "tiny"
        data = admin.get("/esc_datamodel/opdata/flavors/flavor[name='tiny']")
        assert one(data, "flavor_id")
        admin.edit(deployment("flavored", group(flavor="tiny"), tenant="flavor-tenant"))
        assert subscriber.until("SERVICE_ALIVE", depname="flavored")[-1].status == "SUCCESS"
        admin.edit(undeploy("flavored", "flavor-tenant"))
        subscriber.until("SERVICE_UNDEPLOYED")
        admin.edit(model(f"<flavors><flavor{DELETE}><name>tiny</name></flavor></flavors>"))
        event = the(subscriber, "DELETE_FLAVOR")
        assert event.short == ("DELETE_FLAVOR", "SUCCESS", "Flavor deletion completed successfully.")
        assert "tiny" not in house.names("flavors")

    def test_refused(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        with house.fault("flavor.create", {"type": "http", "status": 403, "text": "Policy doesn't allow it"}):
            admin.edit(self._flavor("denied"))
            event = the(subscriber, "CREATE_FLAVOR")
        assert (event.status, event.status_code, event.flavor) == ("FAILURE", "500", "denied")
        assert "Policy doesn't allow it" in str(event.status_message)
        assert texts(admin.get("/esc_datamodel/opdata/flavors/flavor[name='denied']"), "name") == []

    def test_all_in_one_document(self, house: House, admin: Session, subscriber: Subscriber, images: str) -> None:
        """Image, flavor, network and the deployment that uses them: what is needed is made first."""
        content = (
            f"<images><image><name>all-image</name><src>{images}/cirros.qcow2</src><disk_format>qcow2</disk_format>"
            "<container_format>bare</container_format></image></images>"
            "<flavors><flavor><name>all-flavor</name><vcpus>1</vcpus><memory_mb>256</memory_mb></flavor></flavors>"
            f"<networks>{network('all-net', '10.23.0.0')}</networks>"
        )
        wanted = deployment(
            "all", group(image="all-image", flavor="all-flavor", networks=("all-net",)), tenant="all-tenant"
        )
        inner = wanted[wanted.index("<tenants>") : wanted.index("</esc_datamodel>")]
        admin.edit(model(content + inner))
        came = subscriber.until("SERVICE_ALIVE", depname="all")
        assert {event.status for event in came} == {"SUCCESS"}, [str(event) for event in came]
        made = types(came)
        assert set(made) == {
            *("CREATE_IMAGE", "CREATE_FLAVOR", "CREATE_NETWORK", "CREATE_SUBNET", "CREATE_TENANT"),
            *("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"),
        }
        first_vm = made.index("VM_DEPLOYED")
        assert max(made.index(kind) for kind in ("CREATE_IMAGE", "CREATE_FLAVOR", "CREATE_SUBNET")) < first_vm
        assert admin.get("/esc_datamodel/opdata").find(f".//{{{ESC}}}image_id") is not None
