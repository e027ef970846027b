"""The built-in types of RFC 7950 section 9 with their restrictions.

Each type turns the text of an element into its canonical form or raises TypeViolation. Types are plain
data, so that a compiled schema can be stored.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lxml.etree import _Element

from openesc.yang.errors import TypeViolation
from openesc.yang.patterns import matcher

if TYPE_CHECKING:
    from openesc.yang.expressions import Expression

_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+)")
_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?")
_PREFIX = re.compile(r"([^\W\d][\w.\-]*):(?=[^\W\d])")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SHOWN = 80


class Type(Protocol):
    """What every type can do. `context_free` says that only the text decides, not its element."""

    @property
    def name(self) -> str: ...
    @property
    def context_free(self) -> bool: ...
    def canonical(self, text: str, element: _Element | None) -> str: ...
    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]: ...


class _ContextFree:
    """A type whose value does not depend on namespace declarations around it."""

    __slots__ = ()
    context_free = True

    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]:
        """Prefixes that the canonical text needs in scope: none."""
        return {}


def shown(text: str) -> str:
    """`text` quoted for an error message, cut when long."""
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[:_SHOWN]}..."'


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range or length statement: allowed intervals, and its own error texts if it has any."""

    intervals: tuple[tuple[int, int], ...]
    text: str
    message: str | None = None
    app_tag: str | None = None

    def check(self, number: int, text: str, what: str = "") -> None:
        """Raise TypeViolation unless `number`, which is `what` of the value `text`, lies in an interval."""
        for low, high in self.intervals:
            if low <= number <= high:
                return
        told = f"{what}{shown(text)} is not in {self.text}"
        raise TypeViolation(f"{self.message}: {shown(text)}" if self.message else told, self.app_tag)


@dataclass(frozen=True, slots=True)
class Pattern:
    regex: str
    invert: bool = False
    message: str | None = None
    app_tag: str | None = None

    def check(self, value: str) -> None:
        """Raise TypeViolation unless `value` matches (or does not, with invert-match)."""
        if matcher(self.regex)(value) is self.invert:
            verb = "matches the forbidden" if self.invert else "does not match the"
            told = f"{shown(value)} {verb} pattern {self.regex}"
            raise TypeViolation(f"{self.message}: {shown(value)}" if self.message else told, self.app_tag)


@dataclass(frozen=True, slots=True)
class StringType(_ContextFree):
    lengths: tuple[Bounds, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    name: str = "string"

    def canonical(self, text: str, element: _Element | None) -> str:
        for length in self.lengths:
            length.check(len(text), text, f"the length {len(text)} of ")
        for pattern in self.patterns:
            pattern.check(text)
        return text


@dataclass(frozen=True, slots=True)
class BinaryType(_ContextFree):
    lengths: tuple[Bounds, ...] = ()
    name: str = "binary"

    def canonical(self, text: str, element: _Element | None) -> str:
        try:
            value = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise TypeViolation(f"{shown(text)} is not base64: {error}") from error
        for length in self.lengths:
            length.check(len(value), text, f"the length {len(value)} of ")
        return base64.b64encode(value).decode("ascii")


@dataclass(frozen=True, slots=True)
class IntegerType(_ContextFree):
    name: str
    ranges: tuple[Bounds, ...]

    def canonical(self, text: str, element: _Element | None) -> str:
        stripped = text.strip()
        if not _INTEGER.fullmatch(stripped):
            raise TypeViolation(f"{shown(text)} is not {self.name}")
        number = _integer(stripped)
        for allowed in self.ranges:
            allowed.check(number, text)
        return str(number)


def _integer(text: str) -> int:
    """RFC 7950 section 9.2.1: decimal, hexadecimal with 0x, octal with a leading zero."""
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
    try:
        return int(text, 8) if octal else int(text, 0)
    except ValueError as error:
        raise TypeViolation(f"{shown(text)} is not an integer") from error


@dataclass(frozen=True, slots=True)
class DecimalType(_ContextFree):
    """decimal64. The bounds are in units of the last fraction digit."""

    fraction_digits: int
    ranges: tuple[Bounds, ...]
    name: str = "decimal64"

    def canonical(self, text: str, element: _Element | None) -> str:
        scaled = scale_decimal(text.strip(), self.fraction_digits)
        if scaled is None:
            raise TypeViolation(f"{shown(text)} is not decimal64 with {self.fraction_digits} fraction digits")
        for allowed in self.ranges:
            allowed.check(scaled, text)
        digits = str(abs(scaled)).rjust(self.fraction_digits + 1, "0")
        whole, fraction = digits[: -self.fraction_digits], digits[-self.fraction_digits :]
        return f"{'-' if scaled < 0 else ''}{whole}.{fraction.rstrip('0') or '0'}"


def scale_decimal(text: str, fraction_digits: int) -> int | None:
    """`text` in units of 10 to the minus `fraction_digits`; None if it is no such number."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction = match.groups("")
    if len(fraction.rstrip("0")) > fraction_digits:
        return None
    return int(sign + whole + fraction[:fraction_digits].ljust(fraction_digits, "0"))


@dataclass(frozen=True, slots=True)
class BooleanType(_ContextFree):
    name: str = "boolean"

    def canonical(self, text: str, element: _Element | None) -> str:
        value = text.strip()
        if value not in ("true", "false"):
            raise TypeViolation(f"{shown(text)} is not a boolean (true or false)")
        return value


@dataclass(frozen=True, slots=True)
class EmptyType(_ContextFree):
    name: str = "empty"

    def canonical(self, text: str, element: _Element | None) -> str:
        if text.strip():
            raise TypeViolation(f"{shown(text)} where an empty element is wanted")
        return ""


@dataclass(frozen=True, slots=True)
class EnumerationType(_ContextFree):
    values: dict[str, int]
    name: str = "enumeration"

    def canonical(self, text: str, element: _Element | None) -> str:
        value = text.strip()
        if value not in self.values:
            raise TypeViolation(f"{shown(text)} is not one of {_listed(self.values)}")
        return value


@dataclass(frozen=True, slots=True)
class BitsType(_ContextFree):
    positions: dict[str, int]
    name: str = "bits"

    def canonical(self, text: str, element: _Element | None) -> str:
        bits = text.split()
        for bit in bits:
            if bit not in self.positions:
                raise TypeViolation(f"{shown(bit)} is not one of the bits {_listed(self.positions)}")
        if len(set(bits)) != len(bits):
            raise TypeViolation(f"{shown(text)} names a bit twice")
        return " ".join(sorted(bits, key=self.positions.__getitem__))


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")


@dataclass(frozen=True, slots=True)
class IdentityrefType:
    """`identities` are the Clark names derived from all bases; `prefixes` name their namespaces."""

    identities: frozenset[str]
    prefixes: dict[str, str]
    bases: tuple[str, ...] = ()
    name: str = "identityref"
    context_free = False

    def canonical(self, text: str, element: _Element | None) -> str:
        identity = resolve_qname(text.strip(), element)
        if identity not in self.identities:
            bases = ", ".join(base.partition("}")[2] for base in self.bases)
            raise TypeViolation(f"{shown(text)} is not an identity derived from {bases}")
        namespace, _, local = identity[1:].partition("}")
        if element is not None and element.tag.startswith(f"{{{namespace}}}"):
            return local  # the leaf's own namespace is the default one in canonical documents
        return f"{self.prefixes[namespace]}:{local}"

    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]:
        """The identity's prefix, when it has one."""
        prefix, colon, _ = canonical.partition(":")
        return {p: n for n, p in self.prefixes.items() if p == prefix} if colon else {}


def resolve_qname(text: str, element: _Element | None) -> str | None:
    """The Clark name of a prefixed name in the scope of `element`; None if the prefix is not bound."""
    prefix, colon, local = text.partition(":")
    if element is None:
        return None
    namespace = element.nsmap.get(prefix if colon else None)
    return None if namespace is None else f"{{{namespace}}}{local if colon else prefix}"


@dataclass(frozen=True, slots=True)
class InstanceIdentifierType:
    require_instance: bool = True
    name: str = "instance-identifier"
    context_free = False

    def canonical(self, text: str, element: _Element | None) -> str:
        value = text.strip()
        if not value.startswith("/"):
            raise TypeViolation(f"{shown(text)} is not an instance identifier: it must begin with a slash")
        known = {} if element is None else element.nsmap
        for prefix in _PREFIX.findall(_QUOTED.sub("", value)):
            if prefix not in known:
                raise TypeViolation(f"the prefix {prefix} in {shown(text)} is not bound to a namespace")
        return value

    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]:
        """The prefixes used in the path, as bound around `element`."""
        known = {} if element is None else element.nsmap
        return {p: known[p] for p in _PREFIX.findall(_QUOTED.sub("", canonical)) if p in known}


@dataclass(slots=True, eq=False)
class LeafrefType:
    """`target` is the type of the leaf referred to; it is set once the whole tree is known."""

    path: Expression
    require_instance: bool
    target: Type = field(default_factory=StringType)
    name: str = "leafref"

    @property
    def context_free(self) -> bool:
        return self.target.context_free

    def canonical(self, text: str, element: _Element | None) -> str:
        return self.target.canonical(text, element)

    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]:
        """What the target's type needs."""
        return self.target.bindings(canonical, element)


@dataclass(slots=True, eq=False)
class UnionType:
    """The first member that takes the text decides (RFC 7950 section 9.12)."""

    members: tuple[Type, ...]
    name: str = "union"

    @property
    def context_free(self) -> bool:
        return all(member.context_free for member in self.members)

    def member(self, text: str, element: _Element | None) -> tuple[Type, str]:
        """The member that takes `text`, and the canonical text. Raises TypeViolation, giving all reasons."""
        reasons: list[TypeViolation] = []
        for member in self.members:
            try:
                return member, member.canonical(text, element)
            except TypeViolation as violation:
                reasons.append(violation)
        told = "; ".join(dict.fromkeys(reason.message for reason in reasons))
        app_tags = [reason.app_tag for reason in reasons if reason.app_tag]
        raise TypeViolation(told, app_tags[0] if app_tags else None)

    def canonical(self, text: str, element: _Element | None) -> str:
        return self.member(text, element)[1]

    def bindings(self, canonical: str, element: _Element | None) -> dict[str, str]:
        """What the member that takes the text needs."""
        return self.member(canonical, element)[0].bindings(canonical, element)


def leafrefs(type_: Type | None) -> list[LeafrefType]:
    """The leafref in `type_`, or the leafrefs among the members of a union."""
    match type_:
        case LeafrefType():
            return [type_]
        case UnionType(members=members):
            return [ref for member in members for ref in leafrefs(member)]
        case _:
            return []


INTEGER_BITS: dict[str, tuple[int, int]] = {
    f"{sign}int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if not sign else (0, 2**bits - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}

Canonical = Callable[[str, "_Element | None"], str]
