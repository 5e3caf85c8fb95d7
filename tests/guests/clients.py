"""Real clients in a guest, over HTTP and HTTPS, to the pretended internet of tests/it/internet.rs: clients.py HOST SECRET [CA].

SECRET is what the service must see as `X-Secret` ("-": none), though nothing here sends it; CA the only root that is trusted, without it
those of the sandbox. Prints "ok" and its name for each client.
"""

import asyncio
import os
import subprocess
import sys

host, secret, *ca = sys.argv[1:]
if ca:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO"):
        os.environ[name] = ca[0]

import httpx
import requests
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

expected = [] if secret == "-" else [secret]


def check(answer, version="HTTP/1.1"):
    assert answer.status_code == 200, (answer.status_code, answer.text)
    told = answer.json()
    assert (told["host"], told["secret"], told["version"]) == (host, expected, version), told
    return told


for scheme in ("http", "https"):
    with requests.Session() as session:
        for body in (None, b"x" * 100_000):
            told = check(session.post(f"{scheme}://{host}/a", data=body, headers={"x-secret": "mine"} if expected else {}))
            assert told["body"] == len(body or b""), told
print("ok requests")


async def in_parallel():
    async with httpx.AsyncClient() as client:
        urls = [f"{scheme}://{host}/{number}" for scheme in ("http", "https") for number in range(5)]
        for answer in await asyncio.gather(*(client.get(url, timeout=600) for url in urls)):
            check(answer)


for scheme in ("http", "https"):
    check(httpx.get(f"{scheme}://{host}/b", timeout=600))
asyncio.run(in_parallel())
print("ok httpx")


async def echo(url):
    async with connect_async(url, compression=None, open_timeout=600) as socket:
        await socket.send("later \u2603")
        assert await socket.recv() == "later \u2603"


for scheme in ("ws", "wss"):
    with connect(f"{scheme}://{host}/", compression=None, open_timeout=600) as socket:
        for message in ("hello \u2603", b"\0\xff"):
            socket.send(message)
            assert socket.recv() == message
    asyncio.run(echo(f"{scheme}://{host}/"))
print("ok websockets")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-cache-dir", "--target", "/tmp/installed",
    "-i", f"https://{host}/simple/", "tiny")
assert run(sys.executable, "-c", "import sys; sys.path.insert(0, '/tmp/installed'); import tiny; print(tiny.SAYS)") == "tiny\n"
print("ok pip")

assert "refs/heads/main" in run("git", "ls-remote", f"https://{host}/tiny.git")
run("git", "clone", "-q", f"https://{host}/tiny.git", "/tmp/clone")
assert run("git", "-C", "/tmp/clone", "log", "--format=%s") == "second\nfirst\n"
assert open("/tmp/clone/file").read() == "two\n"
print("ok git")
