"""edit-config and filters on configuration (RFC 6241 sections 6, 7.2 and 8)."""

from __future__ import annotations

import pytest
from tests.conformance.peer import BASE, RUNNING, Peer, error, error_info, error_tag, is_ok, q
from tests.conformance.samples import Sample


async def test_rfc6241_7_2_merge_creates_and_is_idempotent(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.plain))
    assert is_ok(await peer.edit(sample.plain))
    assert (await peer.running()).count(sample.marker) == 1


async def test_rfc6241_7_2_create_of_what_exists_is_data_exists(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.with_operation("create")))
    assert error_tag(await peer.edit(sample.with_operation("create"))) == "data-exists"


async def test_rfc6241_7_2_delete_of_what_is_missing_is_data_missing(peer: Peer, sample: Sample) -> None:
    assert error_tag(await peer.edit(sample.with_operation("delete"))) == "data-missing"


async def test_rfc6241_7_2_delete_takes_away(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.plain))
    assert is_ok(await peer.edit(sample.with_operation("delete")))
    assert sample.marker not in await peer.running()


async def test_rfc6241_7_2_remove_of_what_is_missing_is_ok(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.with_operation("remove")))


async def test_rfc6241_7_2_replace_creates(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.with_operation("replace")))
    assert sample.marker in await peer.running()


async def test_rfc6241_7_2_an_empty_edit_is_ok(peer: Peer) -> None:
    peer.need(":writable-running")
    assert is_ok(await peer.edit(""))


async def test_rfc6241_7_2_target_is_mandatory(peer: Peer) -> None:
    peer.need(":writable-running")
    reply = await peer.ask("<edit-config><config/></edit-config>")
    assert error_tag(reply) == "missing-element"


async def test_rfc6241_7_2_config_is_mandatory(peer: Peer) -> None:
    peer.need(":writable-running")
    assert error_tag(await peer.ask(f"<edit-config>{RUNNING}</edit-config>")) == "missing-element"


@pytest.mark.parametrize("parameter", ["default-operation", "error-option"])
async def test_rfc6241_7_2_values_of_parameters_are_checked(peer: Peer, parameter: str) -> None:
    peer.need(":writable-running")
    reply = await peer.edit("", f"<{parameter}>no-such-value</{parameter}>")
    assert error_tag(reply) in ("invalid-value", "bad-element")


async def test_rfc6241_7_2_an_unknown_operation_attribute_is_refused(peer: Peer, sample: Sample) -> None:
    reply = await peer.edit(sample.with_operation("obliterate"))
    assert error_tag(reply) in ("bad-attribute", "invalid-value")
    assert sample.marker not in await peer.running()


async def test_rfc6241_7_2_unknown_data_is_refused(peer: Peer) -> None:
    peer.need(":writable-running")
    reply = await peer.edit('<nothing xmlns="urn:example:no-such-module"/>')
    assert error_tag(reply) in ("unknown-element", "unknown-namespace")


async def test_rfc6241_7_2_an_invalid_value_is_refused_with_its_path(peer: Peer, sample: Sample) -> None:
    reply = await peer.edit(sample.broken)
    assert error_tag(reply) in ("invalid-value", "bad-element")
    assert error(reply).findtext(q("error-type")) in ("application", "protocol")
    path = error(reply).find(q("error-path"))
    if path is not None:
        steps = [step.partition("[")[0] for step in (path.text or "").split("/") if step]
        assert steps[-1].rpartition(":")[2] == sample.invalid_leaf
        assert all(step.partition(":")[0] in path.nsmap for step in steps if ":" in step)
    assert sample.marker not in await peer.running()


async def test_rfc6241_8_5_rollback_on_error_leaves_nothing(peer: Peer, sample: Sample) -> None:
    peer.need(":rollback-on-error")
    wrong = '<nothing xmlns="urn:example:no-such-module"/>'
    reply = await peer.edit(sample.plain + wrong, "<error-option>rollback-on-error</error-option>")
    assert error_tag(reply)
    assert sample.marker not in await peer.running()


async def test_rfc6241_7_5_another_sessions_lock_keeps_edits_out(peer: Peer, other: Peer, sample: Sample) -> None:
    assert is_ok(await other.ask(f"<lock>{RUNNING}</lock>"))
    reply = await peer.edit(sample.plain)
    assert error_tag(reply) in ("in-use", "lock-denied")
    assert error_info(reply, "session-id") in (None, str(other.session_id))
    assert is_ok(await other.ask(f"<unlock>{RUNNING}</unlock>"))
    assert is_ok(await peer.edit(sample.plain))


async def test_rfc6241_6_2_a_subtree_filter_selects(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.plain))
    found = await peer.running(f'<filter type="subtree">{sample.subtree}</filter>')
    assert found.count(sample.marker) == 1
    missing = sample.subtree.replace(sample.marker, "conformance-2")
    assert sample.marker not in await peer.running(f'<filter type="subtree">{missing}</filter>')


async def test_rfc6241_6_2_subtree_is_the_default_type(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.plain))
    assert sample.marker in await peer.running(f"<filter>{sample.subtree}</filter>")


async def test_rfc6241_8_9_an_xpath_filter_selects(peer: Peer, sample: Sample) -> None:
    peer.need(":xpath")
    assert is_ok(await peer.edit(sample.plain))
    select = sample.xpath.replace('"', "&quot;")
    assert sample.marker in await peer.running(f'<filter type="xpath" select="{select}"/>')
    missing = select.replace(sample.marker, "conformance-2")
    assert sample.marker not in await peer.running(f'<filter type="xpath" select="{missing}"/>')


async def test_rfc6241_7_7_get_shows_configuration(peer: Peer, sample: Sample) -> None:
    assert is_ok(await peer.edit(sample.plain))
    reply = await peer.ask(f"<get><filter>{sample.subtree}</filter></get>")
    assert sample.marker in "".join(str(text) for text in reply.itertext())


async def test_rfc6241_7_2_operation_attribute_may_have_any_prefix(peer: Peer, sample: Sample) -> None:
    document = sample.with_operation("create").replace("nc:", "zz:").replace("xmlns:nc=", "xmlns:zz=")
    assert BASE in document
    assert is_ok(await peer.edit(document))
