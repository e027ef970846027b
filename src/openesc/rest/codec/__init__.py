"""One codec between what YANG describes and the wire: XML and JSON in, XML and JSON out.

In: either form becomes the same element, which YANG then judges with the same words. Out: JSON's types and arrays
are those of the schema (RFC 7951).
"""

from openesc.rest.codec.jsonform import element_of, json_text, json_value, parse_json
from openesc.rest.codec.xmlform import BASE, DECLARATION, Fields, Value, adopted, in_namespace, xml_text

__all__ = [
    "BASE",
    "DECLARATION",
    "Fields",
    "Value",
    "adopted",
    "element_of",
    "in_namespace",
    "json_text",
    "json_value",
    "parse_json",
    "xml_text",
]
