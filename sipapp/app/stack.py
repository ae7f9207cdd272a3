"""The parts of the stack that deciding about a request takes."""

from __future__ import annotations

__all__ = ["Stack"]

from dataclasses import dataclass

from sipapp.app.config.values import ProxySettings
from sipapp.app.responsibility import Responsibility
from sipapp.core.proxy import Proxy
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.layer import TransportLayer


@dataclass(frozen=True, slots=True)
class Stack:
    """What `Reception` and `Call` work with.

    Attributes:
        ours: what the server is responsible for.
        settings: the ``[proxy]`` table.
        wheel: runs the clocks of calls.
        patience: seconds that an application may wait between its verbs.
    """

    transport: TransportLayer
    transactions: TransactionLayer
    proxy: Proxy
    ours: Responsibility
    settings: ProxySettings
    wheel: TimerWheel
    patience: float
