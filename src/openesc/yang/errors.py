"""What can be wrong with YANG data, in the words of RFC 6241 appendix A and RFC 7950 section 15."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

YANG_NS = "urn:ietf:params:xml:ns:yang:1"

_NOTHING: Mapping[str, str] = MappingProxyType({})


class SchemaError(Exception):
    """The YANG modules cannot be compiled. `errors` lists one line per fault, with file and line."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("the YANG modules are not usable:\n" + "\n".join(self.errors))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errors,)


class MalformedXml(Exception):
    """Bytes that are not the XML this server takes: ill-formed, with a DOCTYPE, or too deep."""


class YangError(Exception):
    """One fault of one document, carrying what an rpc-error needs (RFC 6241 section 4.3).

    `error_path` is an instance identifier with keys; `namespaces` binds the prefixes used in it.
    `error_info` maps the names of error-info elements (bad-element, bad-attribute, missing-choice,
    non-unique) to their text; non-unique holds several paths separated by line feeds.
    """

    def __init__(
        self,
        error_tag: str,
        error_message: str,
        *,
        error_path: str | None = None,
        error_app_tag: str | None = None,
        error_type: str = "application",
        error_info: Mapping[str, str] = _NOTHING,
        namespaces: Mapping[str, str] = _NOTHING,
    ) -> None:
        super().__init__(error_message)
        self.error_type = error_type
        self.error_tag = error_tag
        self.error_app_tag = error_app_tag
        self.error_path = error_path
        self.error_message = error_message
        self.error_info = dict(error_info)
        self.namespaces = dict(namespaces)

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions are pickled by their positional arguments alone: give all (a worker raises them)."""
        return _restored, (type(self), self.error_tag, self.error_message, self.__dict__)

    def __str__(self) -> str:
        return f"{self.error_path or '-'}: {self.error_tag}: {self.error_message}"

    def __repr__(self) -> str:
        return f"YangError({self})"


class TargetError(YangError):
    """The document may be right, and what it edits is not as its operation demands: ``create`` of what is there,
    ``delete`` of what is not (RFC 6241 section 7.2).
    """


def _restored(kind: type[YangError], tag: str, message: str, state: dict[str, Any]) -> YangError:
    error = kind(tag, message)
    error.__dict__.update(state)
    return error


class YangErrors(Exception):
    """All faults of one document, in document order."""

    def __init__(self, errors: Iterable[YangError]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(str(error) for error in self.errors))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errors,)


class TypeViolation(Exception):
    """A value outside its type. `app_tag` and `message` may come from the restriction itself."""

    def __init__(self, message: str, app_tag: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.app_tag = app_tag
