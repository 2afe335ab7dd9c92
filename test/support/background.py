"""One event loop in a thread of its own, for the peers that tests play (sinks, DNS)."""

import asyncio
import threading

_loop = None
_lock = threading.Lock()


def loop():
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, daemon=True, name="peers").start()
    return _loop


def run(coroutine, seconds=30):
    """Runs the coroutine on the loop and returns its result."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop()).result(seconds)
