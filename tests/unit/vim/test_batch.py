"""Many questions at once are one request, and no answer is older than its question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from openesc.vim.batch import LARGEST, Batch
from openesc.vim.errors import VimError, VimUnreachable


class Asked:
    """Answers with the questions in capitals, once it may."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.begun = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, questions: Sequence[str]) -> Mapping[str, str]:
        self.requests.append(list(questions))
        self.begun.set()
        await self.may.wait()
        if self.error is not None:
            raise self.error
        return {one: one.upper() for one in questions if one != "unknown"}


@pytest.fixture
async def asked() -> Asked:
    return Asked()


async def test_what_is_asked_at_once_is_one_request(asked: Asked) -> None:
    batch = Batch(asked.fetch, "")
    answers = await asyncio.gather(*(batch.ask(one) for one in ("a", "b", "unknown", "a")))
    assert answers == ["A", "B", "", "A"]
    assert asked.requests == [["a", "b", "unknown"]]


async def test_who_comes_while_one_is_under_way_waits_for_the_next(asked: Asked) -> None:
    batch = Batch(asked.fetch, "")
    asked.may.clear()
    first = asyncio.create_task(batch.ask("a"))
    await asked.begun.wait()
    later = [asyncio.create_task(batch.ask(one)) for one in ("a", "b")]
    await asyncio.sleep(0)
    asked.may.set()
    assert await asyncio.gather(first, *later) == ["A", "A", "B"]
    assert asked.requests == [["a"], ["a", "b"]]


async def test_no_request_is_too_long(asked: Asked) -> None:
    batch = Batch(asked.fetch, "")
    await asyncio.gather(*(batch.ask(str(number)) for number in range(2 * LARGEST + 1)))
    assert [len(request) for request in asked.requests] == [LARGEST, LARGEST, 1]


async def test_a_failure_is_told_to_each_on_its_own(asked: Asked) -> None:
    batch = Batch(asked.fetch, "")
    asked.error = VimUnreachable("no answer", status=503, request_id="req-1")
    one, two = await asyncio.gather(batch.ask("a"), batch.ask("b"), return_exceptions=True)
    assert isinstance(one, VimUnreachable) and isinstance(two, VimError) and one is not two
    assert (str(two), two.status) == ("no answer (req-1)", 503)
    asked.error = None
    assert await batch.ask("a") == "A"


async def test_what_nobody_waits_for_any_more_is_not_asked(asked: Asked) -> None:
    batch = Batch(asked.fetch, "")
    asked.may.clear()
    first = asyncio.create_task(batch.ask("a"))
    await asked.begun.wait()
    gone, last = (asyncio.create_task(batch.ask(one)) for one in ("b", "c"))
    await asyncio.sleep(0)
    gone.cancel()
    asked.may.set()
    assert list(await asyncio.gather(first, last)) == ["A", "C"]
    assert asked.requests == [["a"], ["c"]]
