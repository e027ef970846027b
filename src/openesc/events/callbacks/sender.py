"""One POST to a receiver: to the pinned address, without redirects, proxies or cookies, bounded in time and size."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from openesc import __version__
from openesc.events.callbacks.target import Target

CONNECT_SECONDS = 5.0
MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read, so that its connection can be used again."""


class Sender:
    """The connections to one receiver. `timeout`: seconds for one callback, from the connection to the answer."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            verify=_tls(),
            trust_env=False,  # no proxy, no netrc
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30),
            headers={"User-Agent": f"openesc/{__version__}"},
        )

    async def post(self, target: Target, headers: Mapping[str, str], body: str) -> str | None:
        """Returns None when the receiver has it (2xx), else why it has not."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(target, headers, body)
        except (TimeoutError, httpx.TimeoutException):
            return f"no answer within {self._timeout:g} s"
        except Exception as error:  # noqa: BLE001  # whatever it is, this try has failed and others follow
            return f"{type(error).__name__}: {error}"

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, target: Target, headers: Mapping[str, str], body: str) -> str | None:
        """One address after the other until one takes the connection."""
        *others, last = target.addresses
        for address in others:
            try:
                return await self._post_to(address, target, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(last, target, headers, body)

    async def _post_to(self, address: str, target: Target, headers: Mapping[str, str], body: str) -> str | None:
        parts = urlsplit(target.url)
        request = self._client.build_request(
            "POST",
            httpx.URL(target.url).copy_with(host=address),
            headers={**headers, "Host": parts.netloc},
            content=body.encode(),
            extensions={"sni_hostname": parts.hostname or ""},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _drain(response)
        finally:
            await response.aclose()
        return None if response.is_success else _refusal(response)


async def _drain(response: httpx.Response) -> None:
    read = 0
    async for part in response.aiter_raw():
        read += len(part)
        if read > MAX_ANSWER:
            return


def _refusal(response: httpx.Response) -> str:
    text = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    return f"{text}: redirects are not followed" if response.is_redirect else text


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the system's certificates takes its time."""
    return ssl.create_default_context()
