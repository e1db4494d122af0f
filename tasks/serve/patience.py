"""Uvicorn's HTTP protocol with an end to its patience: who does not send a request's head in time is hung up on."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def patient_protocol(timeout_s: float) -> type[asyncio.Protocol]:
    """The protocol's class; a connection may take `timeout_s` from its first byte, or its opening, to the end of a
    request's head. Bodies are timed where they are read, and idle connections by uvicorn."""

    class PatientProtocol(H11Protocol):
        _hang_up: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_here()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._head_is_here()
            elif self._hang_up is None and self.conn.our_state is h11.IDLE:
                self._wait_for_head()

        def _wait_for_head(self) -> None:
            self._hang_up = self.loop.call_later(timeout_s, self.transport.close)

        def _head_is_here(self) -> None:
            if self._hang_up is not None:
                self._hang_up.cancel()
                self._hang_up = None

    return PatientProtocol
