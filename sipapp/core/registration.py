"""What a REGISTER asks for, read from the request, and what becomes of the bindings there are.

RFC: 3261 10.3 steps 6 and 7, with no store and no clock: values in, values out.
"""

from __future__ import annotations

__all__ = ["RegistrarLimits", "Wish", "read_path", "read_wishes", "remove_all", "update"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sipapp.core.location import Binding, Bindings
from sipapp.core.refusal import Refusal
from sipapp.errors import MessageError
from sipapp.message.fields import NameAddr
from sipapp.message.message import STAR, Request
from sipapp.message.params import Params
from sipapp.message.uri import Uri, parse_uri

MALFORMED_EXPIRES = 3600  # RFC 3261 10.2, 20.19
_LONGEST = 2**32 - 1
_OWN_PARAMS = ("expires", "q", "+sip.instance", "reg-id")


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """What the registrar grants (RFC 3261 10.3 step 7).

    Attributes:
        min_expires: seconds; less is answered 423, unless it is an hour or more.
        default_expires: seconds for a phone that names none.
        max_expires: seconds; more is cut to this.
        contacts: that one request may name; more is answered 403.
        contact_size: characters of one contact, and of one path; more is answered 403.
    """

    min_expires: int = 60
    default_expires: int = 3600
    max_expires: int = 7200
    contacts: int = 20
    contact_size: int = 2048


@dataclass(slots=True)
class Wish:
    """One Contact value of a REGISTER.

    Attributes:
        uri: the contact.
        text: the same as on the wire.
        seconds: granted; 0 removes the binding.
        q: in thousandths, or None.
        params: other parameters, each with its leading semicolon.
        instance: of RFC 5626, without quotes; empty without.
        reg_id: of RFC 5626; 0 without.
    """

    uri: Uri
    text: str
    seconds: int
    q: int | None = None
    params: str = ""
    instance: str = ""
    reg_id: int = 0


def read_wishes(request: Request, limits: RegistrarLimits) -> list[Wish] | Literal["*"]:
    """Read the Contact values, with the time each is granted, or ``STAR``; empty without Contact.

    Raises:
        MessageError: Contact is broken, or ``*`` comes with anything but ``Expires: 0``.
        Refusal: 423 or 403, by the limits.
    """
    if "Contact" not in request.headers:
        return []
    contacts = request.contacts
    expires = request.headers.get("Expires")
    seconds = None if expires is None else _seconds(expires.decode("latin-1"))
    if contacts == STAR:
        if seconds != 0:
            raise MessageError("Contact", "is * without Expires 0")
        return STAR
    if not contacts:
        raise MessageError("Contact", "is empty")
    if len(contacts) > limits.contacts:
        raise Refusal(403, "Too Many Contacts")
    default = limits.default_expires if seconds is None else seconds
    return [_wish(contact, default, limits) for contact in contacts]


def _wish(contact: NameAddr, seconds: int, limits: RegistrarLimits) -> Wish:
    """Read one Contact value; ``seconds`` is asked for when it has no expires of its own."""
    uri = contact.uri
    text = str(uri)
    params = contact.params
    extra = str(params)
    if len(text) + len(extra) > limits.contact_size:
        raise Refusal(403, "Contact Too Long")
    if not extra:
        return Wish(uri, text, _granted(seconds, limits))
    if params.has("expires"):
        seconds = _seconds(params.get("expires") or "")
    seconds = _granted(seconds, limits)
    if len(params) == params.has("expires"):
        return Wish(uri, text, seconds)
    instance = params.unquoted("+sip.instance") or ""
    rest = str(params.without(*_OWN_PARAMS))
    return Wish(uri, text, seconds, _thousandths(params), rest, instance, _reg_id(params))


def _granted(seconds: int, limits: RegistrarLimits) -> int:
    if 0 < seconds < 3600 and seconds < limits.min_expires:
        raise Refusal(423, extra=(("Min-Expires", b"%d" % limits.min_expires),))
    return min(seconds, limits.max_expires)


def _seconds(text: str) -> int:
    """Read a delta-seconds; RFC 3261 10.2 and 20.19 say what a malformed one counts as."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return MALFORMED_EXPIRES
    return int(text) if len(text.lstrip("0")) <= 10 else _LONGEST


def _thousandths(params: Params) -> int | None:
    """Read the q of a contact. RFC: 3261 25.1, qvalue: 0 to 1 with at most three decimals."""
    if not params.has("q"):
        return None
    whole, _, decimals = (params.get("q") or "").partition(".")
    if whole not in ("0", "1") or len(decimals) > 3 or not f"0{decimals}".isdecimal():
        raise MessageError("Contact", "has a bad q")
    q = int(whole) * 1000 + int(decimals.ljust(3, "0"))
    if q > 1000:
        raise MessageError("Contact", "has a bad q")
    return q


def _reg_id(params: Params) -> int:
    """Read the reg-id; a bad one counts as none. RFC: 5626 11.3: 1 to 2**31 - 1."""
    text = params.get("reg-id") or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return number if number < 2**31 else 0


def read_path(request: Request, limits: RegistrarLimits) -> tuple[str, ...]:
    """Read the Path values, each with its brackets and parameters, nearest hop first.

    RFC: 3327 5.3. Refusing is the policy it recommends: the phone learns that somebody on the
    way has added what it does not know.

    Raises:
        MessageError: a value is broken.
        Refusal: 420, when the phone does not say that it supports Path; 403, too long.
    """
    if "Path" not in request.headers:
        return ()
    if "path" not in request.option_tags("Supported") + request.option_tags("Require"):
        raise Refusal(420, extra=(("Unsupported", b"path"),))
    path = tuple(str(value) for value in request.name_addrs("Path"))
    if sum(map(len, path)) > limits.contact_size:
        raise Refusal(403, "Path Too Long")
    return path


def update(
    known: Bindings, wishes: Sequence[tuple[Wish, Binding]], call_id: str, cseq: int
) -> list[Binding]:
    """Carry out all wishes of one request, or none.

    RFC: 3261 10.3 step 7. A contact that a request names twice is taken once, as named last.

    Args:
        known: the bindings there are.
        wishes: each with the binding that it makes.
        call_id: of the request.
        cseq: of the request.
    Returns: the bindings there shall be, those of this request first.
    Raises:
        Refusal: 500, the request is older than a binding that it would change.
    """
    old = list(known)
    new: list[tuple[Wish, Binding]] = []
    for wish, binding in wishes:
        new = [pair for pair in new if not pair[0].uri.matches(wish.uri)]
        index = _find(old, wish)
        if index is not None:
            _demand_order(old.pop(index), call_id, cseq)
        new.append((wish, binding))
    return [binding for wish, binding in new if wish.seconds] + old


def remove_all(known: Bindings, call_id: str, cseq: int) -> list[Binding]:
    """Carry out ``Contact: *``. RFC: 3261 10.3 step 6.

    Raises:
        Refusal: 500, the request is older than one of the bindings.
    """
    for binding in known:
        _demand_order(binding, call_id, cseq)
    return []


def _demand_order(binding: Binding, call_id: str, cseq: int) -> None:
    """Refuse a request that was overtaken by the one that wrote ``binding``.

    Step 7 has the request fail with a 500 when one of its updates does; 12.2.2 answers a CSeq that
    is too low within a dialog in the same way.
    """
    if binding.call_id == call_id and cseq <= binding.cseq:
        raise Refusal(500, "CSeq Out Of Order")


def _find(bindings: list[Binding], wish: Wish) -> int | None:
    """Find the binding of a contact by RFC 3261 19.1.4; the same text is tried first."""
    for index, binding in enumerate(bindings):
        if binding.contact == wish.text:
            return index
    for index, binding in enumerate(bindings):
        if parse_uri(binding.contact.encode("latin-1")).matches(wish.uri):
            return index
    return None
