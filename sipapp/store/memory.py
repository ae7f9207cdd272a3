"""Bindings in memory and nowhere else: for tests, demonstrations and phones that refresh often."""

from __future__ import annotations

__all__ = ["MemoryLocationStore"]


from twisted.internet.defer import Deferred, fail, succeed

from sipapp.core.location import Bindings, Change
from sipapp.store.table import Table


class MemoryLocationStore(Table):
    """A :class:`sipapp.core.location.LocationStore` that forgets everything at the end.

    Every Deferred has fired when it is returned. Of its limits, ``updates`` and ``budget`` have
    no meaning here, as nothing ever waits.
    """

    def update(self, aor: str, change: Change) -> Deferred[Bindings]:
        """Change the bindings of one address-of-record at once."""
        try:
            bindings = self._ordered(aor, change(self.lookup(aor)))
        except Exception as error:  # whatever the change raises is its caller's to see
            return fail(error)
        self._put(aor, bindings)
        return succeed(bindings)
