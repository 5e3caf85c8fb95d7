"""A WebSocket server on port 9200 that says everything back."""

import asyncio
import logging

from websockets.asyncio.server import serve

logging.disable()


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    async with serve(echo, "0.0.0.0", 9200, max_size=2**26, ping_interval=None):
        print("up", flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
