"""Steps that many flows share: a call is set up, torn down, or looked into."""

from __future__ import annotations

__all__ = ["bind", "branch", "call_and_hang_up", "established", "hang_up", "ring", "said"]

from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP, Dialog
from sipapp.message.message import Request, Response


def bind(lab: Lab, phone: Phone, *contacts: str) -> None:
    """Register contacts of a phone's user that are not the phone; the scene is empty afterwards."""
    request = phone.build("REGISTER", f"sip:{lab.domain}", to=phone.aor)
    request.set_header("Contact", ", ".join(contacts).encode())
    phone.send(request)
    lab.advance()
    phone.take_response(200)
    lab.scene()


def ring(lab: Lab, caller: Phone, callee: Phone, user: str = "") -> tuple[Request, Request]:
    """Call until the callee rings; give the INVITE as sent and as it arrived."""
    invite = caller.invite(user or callee.user)
    lab.advance()
    arrived = callee.take_request("INVITE")
    callee.respond(arrived, 180)
    lab.advance()
    return invite, arrived


def established(lab: Lab, caller: Phone, callee: Phone) -> tuple[Dialog, Dialog]:
    """Set a call up; give the dialog of each side. Inboxes and scene are empty afterwards."""
    invite, arrived = ring(lab, caller, callee)
    answer = callee.respond(arrived, 200, body=SDP)
    lab.advance()
    dialog = caller.acknowledge(invite, caller.take_response(200))
    lab.advance()
    callee.take_request("ACK")
    caller.inbox.clear()
    lab.scene()
    return dialog, callee.callee_dialog(arrived, answer)


def hang_up(lab: Lab, who: Phone, dialog: Dialog, other: Phone) -> Request:
    """End a call; give the BYE as it arrived."""
    who.in_dialog(dialog, "BYE")
    lab.advance()
    bye = other.take_request("BYE")
    other.respond(bye, 200)
    lab.advance()
    who.take_response(200)
    return bye


def call_and_hang_up(lab: Lab, caller: Phone, callee: Phone, *, caller_ends: bool) -> None:
    """Set a call up and end it; the BYE crosses the server and arrives without a route."""
    callers, callees = established(lab, caller, callee)
    if caller_ends:
        first, dialog, last = caller, callers, callee
    else:
        first, dialog, last = callee, callees, caller
    assert hang_up(lab, first, dialog, last).routes == []
    assert said(lab.scene()) == [
        f"{first.user} -> server BYE",
        f"server -> {last.user} BYE",
        f"{last.user} -> server 200 BYE",
        f"server -> {first.user} 200 BYE",
    ]


def branch(message: Request | Response) -> str:
    """The branch of the topmost Via."""
    found = message.top_via.branch
    assert found is not None
    return found


def said(scene: list[str]) -> list[str]:
    """A scene without connections: who said what, over whatever transport."""
    lines = [line.removeprefix("TCP ") for line in scene]
    return [line for line in lines if not line.endswith(("SYN", "FIN", "RST"))]
