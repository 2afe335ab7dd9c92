"""Delivery status notifications, taken apart [RFC3464]."""

import email
import email.policy


class Report:
    def __init__(self, content):
        self.content = content
        self.message = email.message_from_bytes(content)
        assert self.message.get_content_type() == "multipart/report", content
        assert self.message.get_param("report-type") == "delivery-status"
        parts = self.message.get_payload()
        self.human = parts[0].get_payload(decode=True).decode("utf-8", "replace")
        assert parts[1].get_content_type() in ("message/delivery-status",
                                               "message/global-delivery-status")
        blocks = parts[1].get_payload()
        self.per_message, self.recipients = blocks[0], blocks[1:]
        self.original = parts[2] if len(parts) > 2 else None

    def __repr__(self):
        return self.content.decode("utf-8", "replace")

    def fields(self, *names):
        """One tuple for each recipient."""
        return [tuple(block[name] for name in names) for block in self.recipients]

    @property
    def has_whole_original(self):
        return self.original.get_content_type() in ("message/rfc822", "message/global")


def reports(maildir, count=1, seconds=20):
    """The reports in a mailbox that holds nothing else."""
    return [Report(content) for content in maildir.wait(count, seconds)]
