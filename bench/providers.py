"""A provider of texts and a mail server that take everything at once, in a process of their own.

    python -m bench.providers

Says on which ports they listen (JSON) and takes messages until its standard input closes. To each line it is sent it
answers how many it took, when the first and the last came, and when each password link did (monotonic seconds).
"""

import asyncio
import json
import os
import resource
import sys
import time

from aiosmtpd.smtp import SMTP, Envelope, Session

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"id": "ok"}'
LINK = b"/agent/mot-de-passe/"


class Taken:
    """What came, and when."""

    def __init__(self) -> None:
        self.sms: list[float] = []
        self.mails: list[float] = []
        self.links: dict[str, float] = {}

    async def text(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept-alive HTTP connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.sms.append(time.monotonic())
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """One mail."""
        now = time.monotonic()
        self.mails.append(now)
        if LINK in bytes(envelope.content or b""):
            self.links[envelope.rcpt_tos[0]] = now
        return "250 OK"

    def figures(self) -> dict[str, object]:
        """What is asked for in the end."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        both = sorted(self.sms + self.mails)
        return {
            "sms": len(self.sms),
            "mails": len(self.mails),
            "first": both[0] if both else 0,
            "last": both[-1] if both else 0,
            "links": self.links,
            "cpu": round(used.ru_utime + used.ru_stime, 3),
        }


async def main() -> None:
    """Listen on two ports of this machine, out of the way of what is measured: providers are elsewhere."""
    os.nice(10)
    taken, loop = Taken(), asyncio.get_running_loop()
    texts = await asyncio.start_server(taken.text, "127.0.0.1", 0)
    mails = await loop.create_server(lambda: SMTP(taken, hostname="localhost"), "127.0.0.1", 0)
    ports = {"sms": texts.sockets[0].getsockname()[1], "mail": mails.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        del line
        print(json.dumps(taken.figures()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
