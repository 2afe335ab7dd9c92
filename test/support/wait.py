"""Waiting for conditions: tests never sleep for luck."""

import os
import time

from . import binary


def slowness():
    """Builds with sanitizers are several times slower; all deadlines are multiplied by this."""
    return 5 if binary.is_sanitized() else 1


def wait_until(condition, what, seconds=20.0, poll=0.01):
    """Returns the first true value of condition(); fails with `what` (text or function) if there is
    none within `seconds`."""
    end = time.monotonic() + seconds * slowness()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {seconds} s: {text}")
        time.sleep(poll)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
