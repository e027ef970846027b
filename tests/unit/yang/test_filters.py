"""Subtree filters (RFC 6241 section 6), XPath filters (section 8.9) and their bounds."""

from __future__ import annotations

import pytest
from lxml import etree

from openesc.yang import (
    Schema,
    YangError,
    apply_edit,
    filter_bounds,
    parse_xml,
    subtree_filter,
    xpath_filter,
)

NODES = (
    "<node><id>n1</id><weight>1</weight><address>x</address></node>"
    '<node><id>n2</id><weight>1</weight><tag>t</tag><more:color xmlns:more="urn:lab-more">red</more:color></node>'
)
NETWORK = f'<network xmlns="urn:lab"><limit>9</limit>{NODES}<link><a>n1</a><b>n2</b><via>x</via></link></network>'
LIMIT = '<limit xmlns="urn:lab-more"><of>n1</of></limit>'


@pytest.fixture(scope="module")
def roots(lab: Schema) -> list[etree._Element]:
    made = [apply_edit(lab, None, parse_xml(text.encode())) for text in (NETWORK, LIMIT)]
    return [root for root in made if root is not None]


def shown(trees: list[etree._Element]) -> str:
    """The trees without the namespace declaration of lab."""
    text = "".join(etree.tostring(tree, encoding="unicode") for tree in trees)
    return text.replace(' xmlns="urn:lab"', "")


def network(inner: str) -> str:
    return f"<network>{inner}</network>" if inner else "<network/>"


N1, N2 = (
    NODES.split("</node>")[0] + "</node>",
    "<node>"
    + NODES.split("<node>")[2].replace(
        '<more:color xmlns:more="urn:lab-more">red</more:color>', '<color xmlns="urn:lab-more">red</color>'
    ),
)
LINK = "<link><a>n1</a><b>n2</b><via>x</via></link>"
L = 'xmlns="urn:lab"'

SUBTREES = {
    "nothing (6.4.2)": ("", ""),
    "everything of a root (6.4.3)": (f"<network {L}/>", network("<limit>9</limit>" + N1 + N2 + LINK)),
    "containment and selection (6.4.4)": (f"<network {L}><limit/></network>", network("<limit>9</limit>")),
    "selection adds keys (6.4.5)": (
        f"<network {L}><node><weight/></node></network>",
        network("<node><id>n1</id><weight>1</weight></node><node><id>n2</id><weight>1</weight></node>"),
    ),
    "content match (6.4.6)": (f"<network {L}><node><id> n1 </id></node></network>", network(N1)),
    "content match and selection (6.4.7)": (
        f"<network {L}><node><id>n2</id><weight/></node></network>",
        network("<node><id>n2</id><weight>1</weight></node>"),
    ),
    "content match of a leaf that is no key": (
        f"<network {L}><node><address>x</address><weight/></node></network>",
        network("<node><id>n1</id><weight>1</weight><address>x</address></node>"),
    ),
    "all content must match": (f"<network {L}><node><id>n1</id><weight>7</weight></node></network>", ""),
    "two entries": (
        f"<network {L}><node><id>n1</id><id/></node><node><id>n2</id><tag/></node></network>",
        network("<node><id>n1</id></node><node><id>n2</id><tag>t</tag></node>"),
    ),
    "two parts of one entry are one": (
        f"<network {L}><node><id>n2</id><tag/></node><node><id>n2</id><weight/></node></network>",
        network("<node><id>n2</id><weight>1</weight><tag>t</tag></node>"),
    ),
    "no namespace matches any": (
        "<network><node><color/></node></network>",
        network('<node><id>n2</id><color xmlns="urn:lab-more">red</color></node>'),
    ),
    "another namespace": ('<network xmlns="urn:lab-more"/>', ""),
    "several roots": (
        f'<limit xmlns="urn:lab-more"/><network {L}><limit/></network>',
        network("<limit>9</limit>") + LIMIT,
    ),
    "content match of a container's sibling": (
        f"<network {L}><limit>9</limit><link><via/></link></network>",
        network("<limit>9</limit>" + LINK),
    ),
    "no match": (f"<network {L}><total/></network>", ""),
    "attribute match": (f"<network {L}><node color='red'/></network>", ""),
}


@pytest.mark.parametrize("text, expected", SUBTREES.values(), ids=SUBTREES.keys())
def test_subtree_filter(lab: Schema, roots: list[etree._Element], text: str, expected: str) -> None:
    filter_element = parse_xml(f"<filter>{text}</filter>".encode())

    assert shown(subtree_filter(lab, roots, filter_element)) == expected


NSMAP = {"l": "urn:lab", "m": "urn:lab-more"}

XPATHS = {
    "/network/limit": network("<limit>9</limit>"),
    "network/limit": network("<limit>9</limit>"),
    "/l:network/l:limit": network("<limit>9</limit>"),
    "/lab:network/lab:limit": network("<limit>9</limit>"),
    '/network/node[id="n1"]': network(N1),
    "/network/node[id='n1']/weight": network("<node><id>n1</id><weight>1</weight></node>"),
    "/network/link[a='n1'][b='n2']/via": network(LINK),
    "//color": network('<node><id>n2</id><color xmlns="urn:lab-more">red</color></node>'),
    "//m:color": network('<node><id>n2</id><color xmlns="urn:lab-more">red</color></node>'),
    "//l:color": "",
    "//limit": network("<limit>9</limit>") + LIMIT,
    "/network/node[2]": network(N2),
    "/network/node[last()]/id": network("<node><id>n2</id></node>"),
    "/network/node[weight > 0 and contains(id, '1')]": network(N1),
    "/network/node/weight | /network/limit": network(
        "<limit>9</limit><node><id>n1</id><weight>1</weight></node><node><id>n2</id><weight>1</weight></node>"
    ),
    "/network/node/weight | /network/node[id='n1']": network(N1 + "<node><id>n2</id><weight>1</weight></node>"),
    "/network/node/id/text()": network("<node><id>n1</id></node><node><id>n2</id></node>"),
    "/network/node/id/..": network(N1 + N2),
    "/network/node[id=../link/a]/id": network("<node><id>n1</id></node>"),
    "/": network("<limit>9</limit>" + N1 + N2 + LINK) + LIMIT,
    "/nothing": "",
    "/network/node[id='n9']": "",
}


@pytest.mark.parametrize("expression", XPATHS)
def test_xpath_filter(lab: Schema, roots: list[etree._Element], expression: str) -> None:
    assert shown(xpath_filter(lab, roots, expression, NSMAP)) == XPATHS[expression]


@pytest.mark.parametrize("expression", XPATHS)
def test_what_a_filter_finds_lies_within_its_bounds(lab: Schema, roots: list[etree._Element], expression: str) -> None:
    """Loading only the bounds gives the same result: here by removing what they do not cover."""
    bounds = filter_bounds(lab, expression, NSMAP)
    if bounds is None:
        return
    loaded = []
    for root in roots:
        document = parse_xml(etree.tostring(root))
        kept = [element for bound in bounds for element in _covered(document, bound)]
        for entry in document.iter("{urn:lab}node", "{urn:lab}link", "{urn:lab}limit"):
            related = {*entry.iter(), *entry.iterancestors()}
            if not related & set(kept) and entry is not document:
                document.remove(entry)
        loaded.append(document)

    assert shown(xpath_filter(lab, loaded, expression, NSMAP)) == XPATHS[expression]


def _covered(document: etree._Element, bound: list[tuple[str, dict[str, str]]]) -> list[etree._Element]:
    (name, _), *rest = bound
    level = [document] if document.tag == name else []
    for step, keys in rest:
        level = [
            child
            for element in level
            for child in element.findall(step)
            if all(child.findtext(key) == value for key, value in keys.items())
        ]
    return level


@pytest.mark.parametrize(
    "expression, why",
    [
        ("//node[", "expected a name, found the end"),
        ("count(/network/node)", "does not select nodes"),
        ("x:network", "the prefix x is not bound to a namespace"),
        ("/network/node[frobnicate()]", "nregistered function"),
        ("(" * 3000 + "a" + ")" * 3000, "nested too deep"),
        ("a" * 20000, "longer than 16384 characters"),
    ],
)
def test_an_invalid_expression_is_named(lab: Schema, roots: list[etree._Element], expression: str, why: str) -> None:
    with pytest.raises(YangError) as caught:
        xpath_filter(lab, roots, expression)

    assert caught.value.error_tag == "invalid-value"
    assert why in caught.value.error_message and expression[:20] in caught.value.error_message


def test_filters_leave_the_roots_alone(lab: Schema, roots: list[etree._Element]) -> None:
    before = [etree.tostring(root) for root in roots]

    xpath_filter(lab, roots, "//id")
    subtree_filter(lab, roots, parse_xml(b"<filter><network><node><id/></node></network></filter>"))

    assert [etree.tostring(root) for root in roots] == before


def test_a_root_inside_a_larger_document_is_filtered_as_if_alone(lab: Schema) -> None:
    document = parse_xml(f"<data>{NETWORK}</data>".encode())

    assert shown(xpath_filter(lab, [document[0]], "/network/limit")) == network("<limit>9</limit>")


def bounds(lab: Schema, filter: str) -> object:
    """Bounds with local names, to read them more easily."""
    found = filter_bounds(lab, parse_xml(filter.encode()) if filter.startswith("<") else filter)
    if found is None:
        return None
    return [
        [(name.split("}")[1], {key.split("}")[1]: value for key, value in keys.items()}) for name, keys in bound]
        for bound in found
    ]


BOUNDS = {
    "/network/node[id='n1']/weight": [[("network", {}), ("node", {"id": "n1"}), ("weight", {})]],
    '/network/link[b="y" and "x"=./a]': [[("network", {}), ("link", {"a": "x", "b": "y"})]],
    "/network/node[id='n1'][1]": [[("network", {}), ("node", {"id": "n1"})]],
    "/network/node[1][id='n1']": [[("network", {}), ("node", {})]],
    "/network/node[id='n1' or weight=1]": [[("network", {}), ("node", {})]],
    "/network/node[weight='1']": [[("network", {}), ("node", {})]],
    "/network/node[not(id='n1')]": [[("network", {}), ("node", {})]],
    "//tag": [[("network", {}), ("node", {}), ("tag", {})]],
    "//node[id='n1']//class": [[("network", {}), ("node", {"id": "n1"}), ("qos", {}), ("class", {})]],
    "/network/limit | /network/node[id='n1']": [
        [("network", {}), ("limit", {})],
        [("network", {}), ("node", {"id": "n1"})],
    ],
    "/network/node | /network/node[id='n1']": [[("network", {}), ("node", {})]],
    "/network/node[count(/network/link) > 1]": None,
    "/network/node[../limit = 1]": None,
    "/network/node/..": None,
    "/nowhere": [],
    "<filter/>": [],
    "<filter><network/></filter>": [[("network", {})]],
    "<filter><network xmlns='urn:lab'><node><id>n1</id></node></network></filter>": [
        [("network", {}), ("node", {"id": "n1"})]
    ],
    "<filter><network><node><id>n1</id><qos><class/></qos></node><limit/></network></filter>": [[("network", {})]],
    "<filter><network><node><id>n1</id><qos><class/></qos></node></network></filter>": [
        [("network", {}), ("node", {"id": "n1"}), ("qos", {})]
    ],
    "<filter><network><node><weight>1</weight></node></network></filter>": [[("network", {}), ("node", {})]],
    "<filter><nowhere/></filter>": [],
}


@pytest.mark.parametrize("filter", BOUNDS)
def test_bounds(lab: Schema, filter: str) -> None:
    assert bounds(lab, filter) == BOUNDS[filter]


def test_notifications_are_filtered_alike(lab: Schema) -> None:
    event = parse_xml(b'<happened xmlns="urn:lab"><what>boom</what><node>n1</node></happened>')
    wanted = parse_xml(b"<filter><happened><what>boom</what><node/></happened></filter>")
    other = parse_xml(b"<filter><happened><what>bang</what></happened></filter>")

    assert shown(subtree_filter(lab, [event], wanted)) == "<happened><what>boom</what><node>n1</node></happened>"
    assert subtree_filter(lab, [event], other) == []
    assert shown(xpath_filter(lab, [event], "/happened[node='n1']/what")) == "<happened><what>boom</what></happened>"
