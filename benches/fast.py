"""Servers for benches, as fast as Python has them: HTTP on port 9400 answers with as many bytes as the path says, and WebSocket on
port 9401 says everything back. "up" on standard output once both listen."""

import asyncio
import logging

from websockets.asyncio.server import serve

logging.disable()
PIECE = bytes(1 << 18)


class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
        self.room = asyncio.Event()
        self.room.set()

    def pause_writing(self):
        self.room.clear()

    def resume_writing(self):
        self.room.set()

    def data_received(self, data):
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            size = int(self.rest.split(b" ", 2)[1][1:])
            self.rest = self.rest[end + 4:]
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            if size <= len(PIECE):
                self.transport.write(head + PIECE[:size])
            else:
                self.transport.write(head)
                self.sending = asyncio.create_task(self.send(size))

    async def send(self, size):
        while size:
            await self.room.wait()
            self.transport.write(PIECE[:size])
            size -= min(size, len(PIECE))


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    await asyncio.get_running_loop().create_server(Answers, "0.0.0.0", 9400, backlog=128)
    async with serve(echo, "0.0.0.0", 9401, compression=None, ping_interval=None):
        print("up", flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
