"""The redirect server: tells callers where to go instead of going there."""

from __future__ import annotations

__all__ = ["Redirect"]

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.app.settings import read_settings
from sipapp.message.uri import SipUri, Uri


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[app.redirect]``.

    Attributes:
        table: user parts, and the URIs that they moved to.
        prefix: a call to it and a user is answered with the contacts of that user.
    """

    table: Mapping[str, tuple[Uri, ...]] = field(default_factory=dict)
    prefix: str = ""


class Redirect(Application):
    """Answers 302 from a table, or from the bindings of users called with a prefix.

    ``[app.redirect]`` may hold ``table``, user parts and the URIs they moved to, and
    ``prefix``: a call to ``PREFIX`` + user is answered with the contacts that user
    registered, the highest q first. Other calls are passed on.
    """

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        self.settings = read_settings(Settings, section, "app.redirect")

    async def call(self, call: ICall) -> None:
        """Answer 302, 404 for an empty-handed prefix, or pass on."""
        uri = call.request.uri
        user = (uri.plain_user or "") if isinstance(uri, SipUri) else ""
        moved = self.settings.table.get(user, ())
        prefix = self.settings.prefix
        prefixed = bool(prefix) and user.startswith(prefix)
        if not (moved or prefixed) or not self.sip.is_ours(call.request):
            await call.pass_on()
        elif moved:
            await call.respond(302, to=[str(each) for each in moved])
        elif isinstance(uri, SipUri) and uri.user:
            called = SipUri(uri.scheme, uri.user[len(prefix) :], None, uri.host)
            contacts = [(each.contact, each.preference / 1000) for each in self.sip.locate(called)]
            await call.respond(302 if contacts else 404, to=contacts)
