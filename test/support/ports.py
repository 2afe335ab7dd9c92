"""Ports of the loopback interface that are free now, each given out once."""

import socket
import threading

_given = set()
_lock = threading.Lock()
_TRIES = 1000


def _is_free(port, addresses, kind):
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port(addresses=("127.0.0.1",), kind=socket.SOCK_STREAM):
    """A port that is free at all of these addresses."""
    with _lock:
        for _ in range(_TRIES):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            if port not in _given and _is_free(port, addresses, kind):
                _given.add(port)
                return port
    raise RuntimeError("no free port")
