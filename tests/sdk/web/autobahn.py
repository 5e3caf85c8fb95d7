"""The Autobahn test suite's fuzzing client against a server through the router: autobahn.py URL HOST CASES [EXCEPT].

URL is the router's (ws://127.0.0.1:8080); HOST the name of the guest's port, which need not resolve. CASES and EXCEPT are lists of
case ids or globs with commas between. Prints how many cases passed, and each that did not.
"""

import asyncio
import sys

from kosoku import FailureError, run_fuzzingclient

url, host, cases, *rest = sys.argv[1:]
excluded = rest[0].split(",") if rest else None


async def relay(reader, writer, target):
    """Carries bytes to the router; the handshake's Host becomes the guest's."""
    up_reader, up_writer = await asyncio.open_connection(*target)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    lines = [b"Host: " + host.encode() if line.lower().startswith(b"host:") else line for line in lines]
    up_writer.write(b"\r\n".join(lines))

    async def pump(source, sink):
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()
        except (OSError, asyncio.CancelledError):
            sink.close()

    await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
    writer.close()
    up_writer.close()


async def main():
    name, port = url.removeprefix("ws://").rsplit(":", 1)
    target = (name, int(port))
    server = await asyncio.start_server(lambda r, w: relay(r, w, target), "127.0.0.1", 0)
    front = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    try:
        results = await run_fuzzingclient(front, cases.split(","), excluded, concurrency=4)
        failed = []
    except FailureError as error:
        results = error.results
        failed = [one for one in results if not one.passed]
    for one in failed:
        print(f"{one.case_id}: {one.behavior.value}, closing {one.behavior_close.value}: {one.result}")
    print(f"{len(results) - len(failed)} of {len(results)} passed")
    return bool(failed) or not results


sys.exit(asyncio.run(main()))
