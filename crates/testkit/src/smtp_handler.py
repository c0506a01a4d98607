"""What the mail server of a test does with mails: keeps them, read by Python's own parser.

An address that begins with `refused` is unknown for good, one with `later` is put off, until the file
`open` is in the folder.
"""

import email
import email.policy
import itertools
import json
import os


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)

    @classmethod
    def from_cli(cls, parser, folder):
        return cls(folder)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if not os.path.exists(os.path.join(self.folder, "open")):
            if address.startswith("refused"):
                return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
            if address.startswith("later"):
                return f"450 4.2.0 <{address}>: Recipient address rejected: Greylisted"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: mail.get_body((kind,)).get_content()
        kept = {
            "envelope_from": envelope.mail_from,
            "envelope_to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "text": part("plain"),
            "html": part("html"),
            "defects": [str(defect) for each in mail.walk() for defect in each.defects],
        }
        name = os.path.join(self.folder, f"{next(self.numbers):06}")
        with open(name + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(name + ".part", name + ".json")
        return "250 2.0.0 kept"
