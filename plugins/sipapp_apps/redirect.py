"""The redirect server: tells callers where to go instead of going there."""

from __future__ import annotations

__all__ = ["Redirect"]

from collections.abc import Mapping

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.errors import ConfigError, MessageError, Problem
from sipapp.message.uri import SipUri, parse_uri


class Redirect(Application):
    """Answers 302 from a table, or from the bindings of users called with a prefix.

    ``[app.redirect]`` may hold ``table``, user parts and the URIs they moved to, and
    ``prefix``: a call to ``PREFIX`` + user is answered with the contacts that user
    registered, the highest q first. Other calls are passed on.
    """

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        self.table, self.prefix = _settings(section)

    async def call(self, call: ICall) -> None:
        """Answer 302, 404 for an empty-handed prefix, or pass on."""
        uri = call.request.uri
        user = (uri.plain_user or "") if isinstance(uri, SipUri) else ""
        moved = self.table.get(user, ())
        prefixed = bool(self.prefix) and user.startswith(self.prefix)
        if not (moved or prefixed) or not self.sip.is_ours(call.request):
            await call.pass_on()
        elif moved:
            await call.respond(302, to=moved)
        elif isinstance(uri, SipUri) and uri.user:
            called = SipUri(uri.scheme, uri.user[len(self.prefix) :], None, uri.host)
            contacts = [(each.contact, each.preference / 1000) for each in self.sip.locate(called)]
            await call.respond(302 if contacts else 404, to=contacts)


def _settings(section: Mapping[str, object]) -> tuple[dict[str, list[str]], str]:
    """Read the section, or say everything that is wrong with it."""
    problems: list[Problem] = []
    prefix = section.get("prefix", "")
    if not isinstance(prefix, str):
        problems.append(Problem("app.redirect.prefix", "is not text", 'write it as "r."'))
        prefix = ""
    table: dict[str, list[str]] = {}
    rows = section.get("table", {})
    if not isinstance(rows, Mapping):
        problems.append(
            Problem("app.redirect.table", "is not a table", 'write user = "sip:somewhere@else"')
        )
        rows = {}
    for user, target in rows.items():
        uris = [target] if isinstance(target, str) else target
        if isinstance(uris, list) and uris and all(_is_uri(uri) for uri in uris):
            table[user] = uris
        else:
            where = f"app.redirect.table.{user}"
            problems.append(Problem(where, "is no URI or list of URIs", 'write "sip:user@host"'))
    for unknown in sorted(set(section) - {"prefix", "table"}):
        problems.append(
            Problem(f"app.redirect.{unknown}", "is no key of redirect", "use prefix or table")
        )
    if problems:
        raise ConfigError(problems)
    return table, prefix


def _is_uri(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(parse_uri(text.encode()))
    except MessageError:
        return False
