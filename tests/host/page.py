"""A page on port 9500 that asks the same port over WebSocket and shows what it hears. It is not loaded before that has happened: a
picture in it comes once a message has been answered. "up" on standard output once it listens."""

import asyncio
import logging

from websockets.asyncio.server import serve

logging.disable()
PAGE = """<!doctype html><meta charset="utf-8"><title>isolet</title>
<style>body { font: 40px sans-serif; margin: 60px; background: #fff } #heard { color: #083; border: 6px solid #083; padding: 30px }</style>
<h1>A page from a sandbox</h1><p id="heard">nothing</p><img src="/later.svg" width="120" height="120">
<script>
const socket = new WebSocket(`ws://${location.host}/`);
socket.onopen = () => socket.send("over WebSocket \\u2603");
socket.onmessage = event => { document.getElementById("heard").textContent = "heard " + event.data; socket.send("seen"); };
</script>"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><circle cx="1" cy="1" r="1" fill="#083"/></svg>'


async def main():
    seen = asyncio.Event()

    async def echo(socket):
        async for message in socket:
            if message == "seen":
                seen.set()
            else:
                await socket.send(message)

    async def page(connection, request):
        if "Upgrade" in request.headers:
            return None
        kind, text = "text/html", PAGE
        if request.path == "/later.svg":
            await seen.wait()
            kind, text = "image/svg+xml", PICTURE
        answer = connection.respond(200, text)
        del answer.headers["Content-Type"]
        answer.headers["Content-Type"] = kind
        return answer

    async with serve(echo, "0.0.0.0", 9500, process_request=page, open_timeout=None):
        print("up", flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
