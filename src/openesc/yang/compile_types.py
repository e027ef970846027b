"""From pyang's type statements to the types of types.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openesc.yang.expressions import Expression
from openesc.yang.types import (
    INTEGER_BITS,
    BinaryType,
    BitsType,
    BooleanType,
    Bounds,
    DecimalType,
    EmptyType,
    EnumerationType,
    IdentityrefType,
    InstanceIdentifierType,
    IntegerType,
    LeafrefType,
    Pattern,
    StringType,
    Type,
    UnionType,
    scale_decimal,
)

Statement = Any

_LENGTH_LIMITS = (0, 2**64 - 1)


def identity_table(modules: Sequence[Statement]) -> dict[str, frozenset[str]]:
    """For every identity the identities it is derived from, itself excluded, as Clark names."""
    bases: dict[str, set[str]] = {}
    for module in modules:
        for identity in module.i_identities.values():
            found = bases.setdefault(clark(identity), set())
            found.update(clark(base.i_identity) for base in identity.search("base"))
    return {name: frozenset(_closure(name, bases)) for name in bases}


def _closure(name: str, bases: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for base in bases[name]:
        found |= {base} | _closure(base, bases)
    return found


def namespace_of(statement: Statement) -> str:
    """The namespace of the module that `statement` belongs to in the data tree."""
    return namespace_of_module(statement.i_module)


def namespace_of_module(module: Statement) -> str:
    """The namespace of a module, or of the module that a submodule belongs to."""
    if module.keyword == "submodule":
        module = module.i_ctx.get_module(module.i_including_modulename)
    return str(module.search_one("namespace").arg)


def clark(statement: Statement) -> str:
    """The Clark name of a node or identity."""
    return f"{{{namespace_of(statement)}}}{statement.arg}"


class TypeCompiler:
    """Compiles type statements. `bind_path` turns a leafref's path statement into an expression."""

    def __init__(self, prefixes: Mapping[str, str], identities: Mapping[str, frozenset[str]]) -> None:
        self._prefixes = prefixes
        self._identities = identities
        self._makers: dict[str, Callable[[list[Statement]], Type]] = {
            "string": self._string,
            "binary": lambda chain: BinaryType(_bounds(chain, "length", int, _LENGTH_LIMITS)),
            "boolean": lambda chain: BooleanType(),
            "empty": lambda chain: EmptyType(),
            "decimal64": self._decimal,
            "enumeration": lambda chain: EnumerationType(_numbered(chain, "enum", "value")),
            "bits": lambda chain: BitsType(_numbered(chain, "bit", "position")),
            "identityref": self._identityref,
            "instance-identifier": lambda chain: InstanceIdentifierType(_requires_instance(chain)),
            **dict.fromkeys(INTEGER_BITS, self._integer),
        }

    def compile(self, statement: Statement, bind_path: Callable[[Statement], Expression]) -> Type:
        """The type of a type statement."""
        chain = _chain(statement)
        base = chain[0].arg.rpartition(":")[2]
        if base == "leafref":
            path = next(found for link in reversed(chain) if (found := link.search_one("path")))
            return LeafrefType(bind_path(path), _requires_instance(chain))
        if base == "union":
            members = next(found for link in reversed(chain) if (found := link.search("type")))
            return UnionType(tuple(self.compile(member, bind_path) for member in members))
        return self._makers[base](chain)

    def _string(self, chain: list[Statement]) -> Type:
        patterns = [_pattern(found) for link in chain for found in link.search("pattern")]
        return StringType(_bounds(chain, "length", int, _LENGTH_LIMITS), tuple(patterns))

    def _integer(self, chain: list[Statement]) -> Type:
        name = chain[0].arg
        limits = INTEGER_BITS[name]
        natural = Bounds((limits,), f"the range of {name}, {limits[0]}..{limits[1]}")
        return IntegerType(name, (natural, *_bounds(chain, "range", lambda text: int(text, 0), limits)))

    def _decimal(self, chain: list[Statement]) -> Type:
        digits = int(next(found for link in chain if (found := link.search_one("fraction-digits"))).arg)
        limits = INTEGER_BITS["int64"]
        natural = Bounds((limits,), "the range of decimal64")

        def scale(text: str) -> int:
            scaled = scale_decimal(text, digits)
            assert scaled is not None  # pyang has checked the range
            return scaled

        return DecimalType(digits, (natural, *_bounds(chain, "range", scale, limits)))

    def _identityref(self, chain: list[Statement]) -> Type:
        bases = next(found for link in chain if (found := link.search("base")))
        wanted = {clark(base.i_identity) for base in bases}
        allowed = frozenset(name for name, above in self._identities.items() if wanted <= above)
        return IdentityrefType(allowed, dict(self._prefixes), tuple(sorted(wanted)))


def _chain(statement: Statement) -> list[Statement]:
    """The type statements from the built-in type down to `statement`, through all typedefs."""
    chain = [statement]
    while (typedef := getattr(chain[-1], "i_typedef", None)) is not None:
        chain.append(typedef.search_one("type"))
    return chain[::-1]


def _requires_instance(chain: list[Statement]) -> bool:
    found = [stated.arg for link in chain if (stated := link.search_one("require-instance"))]
    return not found or found[-1] == "true"


def _bounds(
    chain: list[Statement], keyword: str, number: Callable[[str], int], limits: tuple[int, int]
) -> tuple[Bounds, ...]:
    """The range or length statements of a chain, outermost restriction last."""
    found: list[Bounds] = []
    for statement in (stated for link in chain if (stated := link.search_one(keyword))):
        low, high = (found[-1].intervals[0][0], found[-1].intervals[-1][1]) if found else limits
        intervals = tuple(_interval(part, number, low, high) for part in statement.arg.split("|"))
        name = f"the {keyword} {' '.join(statement.arg.split())}"
        found.append(Bounds(intervals, name, *_own_error(statement)))
    return tuple(found)


def _interval(text: str, number: Callable[[str], int], low: int, high: int) -> tuple[int, int]:
    first, dots, last = (part.strip() for part in text.partition(".."))
    named = {"min": low, "max": high}

    def value(part: str) -> int:
        return named[part] if part in named else number(part)

    return value(first), value(last if dots else first)


def _pattern(statement: Statement) -> Pattern:
    modifier = statement.search_one("modifier")
    return Pattern(statement.arg, modifier is not None, *_own_error(statement))


def _own_error(statement: Statement) -> tuple[str | None, str | None]:
    message, app_tag = statement.search_one("error-message"), statement.search_one("error-app-tag")
    return message and message.arg, app_tag and app_tag.arg


def _numbered(chain: list[Statement], keyword: str, number_keyword: str) -> dict[str, int]:
    """Names of enums or bits with their numbers; a restricted type keeps the numbers of its base."""
    numbers: dict[str, int] = {}
    for stated in (found for link in chain if (found := link.search(keyword))):
        known, numbers, following = numbers, {}, 0
        for statement in stated:
            explicit = statement.search_one(number_keyword)
            number = int(explicit.arg) if explicit else known.get(statement.arg, following)
            numbers[statement.arg] = number
            following = max(number + 1, following)
    return numbers
