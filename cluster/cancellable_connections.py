"""Connections that do not swallow a cancellation, and that break with a connection error on every event loop.

The client library sends with ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that arrives when
the send has just ended: a quarter of those aimed at a busy task in our measurements. The task then goes on as
if nothing had been said, so that loops are not ended and time limits do not limit. Python 3.12 mended
``wait_for``; until then sending is done here with ``asyncio.timeout``, which never had the fault.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _CancellableSending(AbstractConnection):
    """Sends as the library does, but for the time limit."""

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002  the library's signature
    ) -> None:
        """Write ``command``; a connection on which that did not succeed is closed.

        Raises:
            redis.exceptions.TimeoutError: not written within ``socket_timeout``.
            redis.exceptions.ConnectionError: the connection broke.
        """
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        if isinstance(command, str):
            command = command.encode()
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([command] if isinstance(command, bytes) else command)
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout writing to socket") from None
        except (OSError, RuntimeError) as error:
            # uvloop, on which Serve's replicas run, calls writing to a line that the other side has closed a
            # RuntimeError; asyncio lets it pass and notices at the next read.
            await self.disconnect(nowait=True)
            raise RedisConnectionError(f"Error while writing to socket: {error}") from error
        except BaseException:
            # Half a command may have been sent: nothing else can follow on this connection.
            await self.disconnect(nowait=True)
            raise


class _Tcp(_CancellableSending, Connection):
    pass


class _Tls(_CancellableSending, SSLConnection):
    pass


class _Unix(_CancellableSending, UnixDomainSocketConnection):
    pass


CONNECTION_CLASSES: dict[str, type[AbstractConnection]] = {"redis": _Tcp, "rediss": _Tls, "unix": _Unix}
"""By scheme of the address."""
