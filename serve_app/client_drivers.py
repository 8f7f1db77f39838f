"""Carry out the steps of ``client_sending``, with threads or with tasks. Nothing is decided here."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from httpx import USE_CLIENT_DEFAULT
from tenacity import AsyncRetrying, Retrying
from tenacity.nap import sleep_using_event

from cluster.settings import CLIENT_KEY_VARIABLE
from serve_app.client_calls import Call
from serve_app.client_errors import error_of, retry_policy
from serve_app.client_sending import Together, Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx

    from serve_app.client_sending import Flow, Outcome, Step

T = TypeVar("T")

CHUNK_BYTES = 1 << 20


class _Stopped(Exception):
    """Another of the flows that ran together has ended all of them."""


def connection(url: str, *, api_key: str | None, timeout_seconds: float) -> dict[str, Any]:
    """Arguments of either client of httpx; without ``api_key`` with the one of ``DECALOGO_API_KEY``, if any."""
    key = api_key or os.environ.get(CLIENT_KEY_VARIABLE, "")
    return {
        "base_url": url,
        "timeout": timeout_seconds,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "trust_env": False,
    }


class ThreadDriver:
    """Carries out steps with a blocking client. Safe for threads."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def run(self, flow: Flow[T], *, stop: threading.Event | None = None) -> T:
        """Carry out a flow; ``stop`` ends waits and uploads early."""
        try:
            step = next(flow)
            while True:
                try:
                    result = self._do(step, stop=stop or threading.Event())
                except BaseException as error:  # noqa: BLE001  the flow decides what becomes of it
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    @contextmanager
    def streamed(self, call: Call[None], *, timeout_seconds: float | None = None) -> Iterator[httpx.Response]:
        """An answer that is read as it comes; without a time of its own the client's counts.

        Raises:
            ApiError: the service refused.
        """
        policy = retry_policy(patience_seconds=call.patience_seconds, first=call.first)
        answer = Retrying(**policy)(self._begin, call, timeout_seconds)
        try:
            yield answer
        finally:
            answer.close()

    def _begin(self, call: Call[None], timeout_seconds: float | None) -> httpx.Response:
        request = self.http.build_request(**call.request, timeout=timeout_seconds or USE_CLIENT_DEFAULT)
        answer = self.http.send(request, stream=True)
        if not answer.is_error:
            return answer
        try:
            answer.read()
        finally:
            answer.close()
        raise error_of(answer)

    def _do(self, step: Step, *, stop: threading.Event) -> Any:
        match step:
            case Call():
                policy = retry_policy(
                    patience_seconds=step.patience_seconds, first=step.first, waiting=step.waiting, stop=stop
                )
                return Retrying(**policy, sleep=sleep_using_event(stop))(self._once, step, stop)
            case Work(function):
                return function()
            case Together():
                return self._together(step)

    def _once(self, call: Call[T], stop: threading.Event) -> T:
        body: dict[str, Any] = {} if call.file is None else {"content": _pieces(call.file.path, stop=stop)}
        answer = self.http.request(**call.request, **body)
        if answer.is_error:
            raise error_of(answer)
        return call.read(answer)

    def _together(self, step: Together) -> None:
        # Of its own: the flow around it still has something to say to the service after a refusal.
        stop = threading.Event()
        pool = ThreadPoolExecutor(step.at_once, thread_name_prefix="decalogo-client")
        try:
            futures = [pool.submit(self.run, flow, stop=stop) for flow in step.flows]
            for future in as_completed(futures):
                step.told(future.result())
        except BaseException as error:
            stop.set()
            # Who pressed Ctrl-C does not wait for answers.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        finally:
            pool.shutdown(wait=False)


class TaskDriver:
    """Carries out steps with tasks of one event loop."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def run(self, flow: Flow[T]) -> T:
        """Carry out a flow."""
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._do(step)
                except BaseException as error:  # noqa: BLE001  the flow decides what becomes of it
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    @asynccontextmanager
    async def streamed(
        self, call: Call[None], *, timeout_seconds: float | None = None
    ) -> AsyncIterator[httpx.Response]:
        """An answer that is read as it comes; without a time of its own the client's counts.

        Raises:
            ApiError: the service refused.
        """
        policy = retry_policy(patience_seconds=call.patience_seconds, first=call.first)
        answer: httpx.Response = await AsyncRetrying(**policy)(self._begin, call, timeout_seconds)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _begin(self, call: Call[None], timeout_seconds: float | None) -> httpx.Response:
        request = self.http.build_request(**call.request, timeout=timeout_seconds or USE_CLIENT_DEFAULT)
        answer = await self.http.send(request, stream=True)
        if not answer.is_error:
            return answer
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        raise error_of(answer)

    async def _do(self, step: Step) -> Any:
        match step:
            case Call():
                policy = retry_policy(
                    patience_seconds=step.patience_seconds, first=step.first, waiting=step.waiting
                )
                return await AsyncRetrying(**policy)(self._once, step)
            case Work(function):
                return await asyncio.to_thread(function)
            case Together():
                return await self._together(step)

    async def _once(self, call: Call[T]) -> T:
        body: dict[str, Any] = {} if call.file is None else {"content": _async_pieces(call.file.path)}
        answer = await self.http.request(**call.request, **body)
        if answer.is_error:
            raise error_of(answer)
        return call.read(answer)

    async def _together(self, step: Together) -> None:
        places = asyncio.Semaphore(step.at_once)

        async def one(flow: Flow[Outcome]) -> Outcome:
            async with places:
                return await self.run(flow)

        tasks = [asyncio.create_task(one(flow)) for flow in step.flows]
        try:
            for task in asyncio.as_completed(tasks):
                step.told(await task)
        finally:
            for left in tasks:
                left.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _pieces(path: Path, *, stop: threading.Event) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if stop.is_set():
                raise _Stopped
            yield chunk


async def _async_pieces(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
