"""Makes ``twistd sipapp`` known. Twisted reads every file here, so this one imports no sipapp."""

from twisted.application.service import ServiceMaker

sipapp = ServiceMaker(  # type: ignore[no-untyped-call]
    "sipapp", "sipapp.tap", "A SIP application server.", "sipapp"
)
