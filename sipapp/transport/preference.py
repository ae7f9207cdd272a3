"""In which order the records of DNS are tried."""

from __future__ import annotations

__all__ = ["by_address", "by_weight"]

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, IPv6Network, ip_address
from itertools import groupby

from sipapp.transport.dns import Srv

# RFC 6724 2.1, the default policy table: longest prefix first, with its precedence.
_POLICY = [
    (IPv6Network("::1/128"), 50),
    (IPv6Network("::ffff:0:0/96"), 35),
    (IPv6Network("::/96"), 1),
    (IPv6Network("2001::/32"), 5),
    (IPv6Network("2002::/16"), 30),
    (IPv6Network("3ffe::/16"), 1),
    (IPv6Network("fec0::/10"), 1),
    (IPv6Network("fc00::/7"), 3),
    (IPv6Network("::/0"), 40),
]


def by_weight(records: Iterable[Srv], uniform: Callable[[], float] | None) -> list[Srv]:
    """Order SRV records: by priority, and by weighted chance among equals.

    RFC: 2782 (the algorithm under "Weight"), 3263 4.4.

    Args:
        uniform: gives numbers from 0 up to 1; None orders equals by weight and name instead, for a
            stateless element must choose the same server for every retransmission.
    """
    records = sorted(records, key=lambda record: (record.priority, -record.weight, record.target))
    if uniform is None:
        return records
    ordered: list[Srv] = []
    for _, equals in groupby(records, key=lambda record: record.priority):
        # Those of weight 0 in front, so that they have a small chance and not none.
        left = sorted(equals, key=lambda record: record.weight > 0)
        while left:
            ordered.append(_draw(left, uniform))
    return ordered


def _draw(left: list[Srv], uniform: Callable[[], float]) -> Srv:
    wanted = int(uniform() * (sum(record.weight for record in left) + 1))
    running = 0
    for at, record in enumerate(left):
        running += record.weight
        if running >= wanted:
            return left.pop(at)
    return left.pop()  # uniform gave 1


def by_address(addresses: Iterable[str]) -> list[str]:
    """Order the addresses of one name, of both families.

    RFC: 7984 4, 6724 6 as far as it needs no knowledge of our own addresses: rule 6 (precedence of
    the policy table), rule 8 (smaller scope), rule 10 (else as DNS gave them).
    """
    return sorted(addresses, key=_rank)


def _rank(text: str) -> tuple[int, int]:
    address = ip_address(text)
    wide = address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")
    precedence = next(value for prefix, value in _POLICY if wide in prefix)
    return -precedence, 0 if address.is_loopback or address.is_link_local else 1
