"""Kills a server again and again while clients send, and accounts for what they were promised.

The ledger stands outside the server: a client notes a Message-ID when the 250 after the content has
come, and the sink counts what arrives. What was acknowledged must arrive; twice only where the
server says itself that it could not know (an event `unknown`).
"""

import random
import socket
import threading

from . import messages
from .smtp import Client, Closed, stuffed


class Clients:
    """Threads that send until stop(), through whatever happens to the server."""

    def __init__(self, port, recipient, threads=8):
        self.port, self.recipient = port, recipient
        self.acknowledged = set()
        self.in_flight = 0  # Transactions whose content is being sent.
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_all, args=(name,), daemon=True)
                         for name in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send_all(self, name):
        number = 0
        while not self._stopping.is_set():
            try:
                with Client(self.port, seconds=10) as client:
                    client.ehlo()
                    while not self._stopping.is_set():
                        number += 1
                        self._send(client, f"crash-{name}", number)
            except (OSError, Closed, AssertionError, ValueError, socket.timeout):
                self._stopping.wait(0.01)  # Between two tries to connect.

    def _send(self, client, prefix, number):
        message_id, content = messages.numbered(prefix, number, random.randrange(100, 6000))
        client.envelope("ann@client.test", self.recipient)
        if client.command("DATA").code != 354:
            return
        octets = stuffed(content)
        with self._lock:
            self.in_flight += 1
        try:
            client.send(octets[: len(octets) // 2])
            client.send(octets[len(octets) // 2 :])
            if client.reply().code == 250:
                with self._lock:
                    self.acknowledged.add(message_id)
        finally:
            with self._lock:
                self.in_flight -= 1


def account(acknowledged, counts, unknown):
    """What is wrong, in words; empty: nothing. `counts`: how often each Message-ID arrived."""
    lost = acknowledged - set(counts)
    doubled = [message_id for message_id, times in counts.items() if times > 1]
    wrong = []
    if lost:
        wrong.append(f"{len(lost)} of {len(acknowledged)} acknowledged messages are lost")
    if len(doubled) > unknown:
        wrong.append(f"{len(doubled)} messages arrived twice, but only {unknown} are unknown")
    return wrong
