"""E2B's web server example in Python, async; after it, what must be true."""

import asyncio
import re

import httpx
from e2b_code_interpreter import AsyncSandbox


async def main():
    sandbox = await AsyncSandbox.create()
    process = await sandbox.commands.run("python -m http.server 3000", background=True)
    host = sandbox.get_host(3000)
    async with httpx.AsyncClient() as client:
        response = await client.get(f"https://{host}")

        assert response.status_code == 200, response.text
        names = re.findall(r'<a href="([^"]+)">', response.text)
        assert names == [".bash_logout", ".bashrc", ".profile"], response.text

        assert await process.kill() is True
        closed = await client.get(f"https://{host}")
        assert closed.status_code == 502, closed.text
        assert closed.json()["message"] == "The sandbox is running but port is not open", closed.text

    assert await sandbox.is_running() is True
    assert await sandbox.kill() is True
    assert await sandbox.is_running() is False
    assert await sandbox.kill() is False
    print("listing ok")


asyncio.run(main())
