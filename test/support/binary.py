"""The program under test."""

import functools
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def posthaste():
    path = pathlib.Path(os.environ.get("POSTHASTE", "build/release/posthaste"))
    path = path if path.is_absolute() else ROOT / path
    assert os.access(path, os.X_OK), f"no program at {path}: build it, or set POSTHASTE"
    return str(path)


@functools.cache
def is_sanitized():
    octets = pathlib.Path(posthaste()).read_bytes()
    return any(mark in octets for mark in (b"__asan_init", b"__tsan_init"))
