"""Generated names: whatever a client calls its deployment and groups, the cloud can bear it and we find it again."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from openesc.lifecycle.steps import names

NAME = re.compile(r"(.*)_(\d+)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.DOTALL)
given_names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=256)
ordinals = st.integers(0, 9999)


@given(given_names, given_names, ordinals)
def test_a_vm_name_has_the_form_of_esc(deployment: str, group: str, ordinal: int) -> None:
    """``<deployment>_<group>_<index>_<uuid>``, cut to 16 and 6 characters, without blanks and slashes."""
    name = names.vm_name(deployment, group, ordinal)
    found = NAME.fullmatch(name)
    assert found is not None and found[2] == str(ordinal)
    assert len(found[1]) <= 16 + 1 + 6
    assert not re.search(r"[\s/]", name)
    assert len(name) <= 16 + 1 + 6 + 1 + 4 + 1 + 36, "Nova takes 255"


@given(given_names, given_names, ordinals)
def test_no_two_are_the_same(deployment: str, group: str, ordinal: int) -> None:
    assert names.vm_name(deployment, group, ordinal) != names.vm_name(deployment, group, ordinal)


@given(st.from_regex(r"[A-Za-z0-9-]{1,16}", fullmatch=True), st.from_regex(r"[A-Za-z0-9-]{1,6}", fullmatch=True))
def test_short_plain_names_stay_whole(deployment: str, group: str) -> None:
    assert names.vm_name(deployment, group, 0).startswith(f"{deployment}_{group}_0_")


@given(given_names, given_names, given_names, ordinals)
def test_a_name_of_the_client_takes_the_place_of_the_first_two(
    deployment: str, group: str, prefix: str, ordinal: int
) -> None:
    name = names.vm_name(deployment, group, ordinal, prefix)
    assert name.startswith(re.sub(r"[\s/]+", "-", prefix)[: names.PREFIX_LIMIT] + f"_{ordinal}_")
    assert len(names.port_name(name, 127)) <= 255, "Nova and Neutron take no more"


@given(st.uuids(), st.uuids())
def test_a_tag_fits_and_tells_apart(one: object, other: object) -> None:
    """Neutron takes 60 characters without commas."""
    for tag in (names.deployment_tag, names.vm_tag):
        assert len(tag(str(one))) <= names.TAG_LIMIT and "," not in tag(str(one))
        assert (tag(str(one)) == tag(str(other))) == (one == other)
    assert names.deployment_tag(str(one)) != names.vm_tag(str(one))


@given(given_names, st.integers(0, 127), st.integers(0, 127))
def test_what_a_vm_holds_is_named_after_it(vm: str, one: int, other: int) -> None:
    assert (names.port_name(vm, one) == names.port_name(vm, other)) == (one == other)
    assert names.volume_name(vm, "disk").startswith(vm)
