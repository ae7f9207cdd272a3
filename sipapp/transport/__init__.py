"""Bytes on sockets: flows, listeners, connections and the way to the next hop."""
