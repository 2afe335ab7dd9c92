"""Reads Maildirs."""

import pathlib

from .wait import wait_until


class Maildir:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def messages(self):
        """The contents of `new`, in no order."""
        new = self.folder / "new"
        return [file.read_bytes() for file in sorted(new.iterdir())] if new.is_dir() else []

    def count(self):
        new = self.folder / "new"
        return sum(1 for _ in new.iterdir()) if new.is_dir() else 0

    def wait(self, count=1, seconds=20):
        wait_until(lambda: self.count() >= count,
                   lambda: f"{self.count()} of {count} messages in {self.folder}", seconds)
        return self.messages()
