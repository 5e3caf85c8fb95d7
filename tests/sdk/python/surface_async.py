"""Sandboxes and files through the asynchronous SDK: one case per argument, each in a sandbox of its own.

A case asserts by itself; afterwards "ok CASE" is printed. tests/it/surface.rs runs them all. Commands and terminals of this SDK
are in processes.py.
"""

import asyncio
import datetime
import os
import sys

import httpx
from e2b import (
    AsyncSandbox,
    FileNotFoundException,
    FileType,
    InvalidArgumentException,
    NotFoundException,
    SandboxException,
    SandboxQuery,
    SandboxState,
)
from e2b.sandbox.filesystem.filesystem import WriteEntry


async def raises(kind, work):
    try:
        value = await work
    except kind as error:
        return str(error)
    raise AssertionError(f"returned {value!r} instead of {kind.__name__}")


async def info(sandbox):
    info = await sandbox.get_info()
    assert (info.sandbox_id, info.template_id) == (sandbox.sandbox_id, "base"), info
    assert info.metadata == {"owner": "async"} and info.state == SandboxState.RUNNING, info
    left = lambda info: (info.end_at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 6000 < left(info) <= 7200, info
    await sandbox.set_timeout(1000)
    assert 100 < left(await AsyncSandbox.get_info(sandbox.sandbox_id)) <= 1000
    await AsyncSandbox.connect(sandbox.sandbox_id, timeout=10_000)
    assert 9000 < left(await sandbox.get_info()) <= 10_000
    await raises(SandboxException, sandbox.set_timeout(10**7))
    await raises(NotFoundException, AsyncSandbox.get_info("i" * 20))
    await raises(NotFoundException, AsyncSandbox.connect("i" * 20))


async def listing(sandbox):
    create = lambda: AsyncSandbox.create(metadata={"group": "async listing"}, timeout=7200)
    others = [await create() for _ in range(3)]
    query = SandboxQuery(metadata={"group": "async listing"}, state=[SandboxState.RUNNING])
    pages, found = AsyncSandbox.list(query=query, limit=2), []
    while pages.has_next:
        found.append([one.sandbox_id for one in await pages.next_items()])
    ids = [one.sandbox_id for one in reversed(others)]
    assert found == [ids[:2], ids[2:]], found
    for other in others:
        assert await other.kill() is True
        assert await other.is_running() is False
    assert await AsyncSandbox.list(query=query).next_items() == []


async def metrics(sandbox):
    deadline = asyncio.get_running_loop().time() + 600
    while not (samples := await sandbox.get_metrics()):
        assert asyncio.get_running_loop().time() < deadline
    assert samples[0].mem_total == 512 << 20 and samples[0].cpu_count >= 1, samples[0]


async def not_built(sandbox):
    for work in [sandbox.pause, sandbox.create_snapshot]:
        error = await raises(SandboxException, work())
        assert "501" in error and "not in this version of isolet" in error, error


async def files(sandbox):
    files = sandbox.files
    written = await files.write("notes/a.txt", "hällo", metadata={"k": "v"})
    assert (written.path, written.metadata) == ("/home/user/notes/a.txt", {"k": "v"}), written
    assert await files.read("~/notes/a.txt") == "hällo"
    assert bytes(await files.read("notes/a.txt", format="bytes")) == "hällo".encode()
    stream = await files.read("notes/a.txt", format="stream")
    assert b"".join([piece async for piece in stream]) == "hällo".encode()
    long = "compress me " * 10_000
    await files.write("packed.txt", long, gzip=True)
    assert await files.read("packed.txt", gzip=True) == long
    both = await files.write_files([WriteEntry(path=f"many/{i}", data=f"{i}") for i in range(9)])
    assert [one.path for one in both] == [f"/home/user/many/{i}" for i in range(9)]
    await raises(FileNotFoundException, files.read("none"))
    await raises(InvalidArgumentException, files.write("/tmp", "x"))


async def entries(sandbox):
    files = sandbox.files
    assert await files.make_dir("a/b/c") is True
    assert await files.make_dir("a/b/c") is False
    await files.write("a/file", "12345")
    entry = await files.get_info("a/file")
    assert (entry.type, entry.size, entry.mode, entry.owner) == (FileType.FILE, 5, 0o644, "user"), entry
    assert sorted(one.name for one in await files.list("a")) == ["b", "file"]
    assert sorted(one.name for one in await files.list("a", depth=2)) == ["b", "c", "file"]
    assert await files.exists("a/b") is True and await files.exists("a/x") is False
    moved = await files.rename("a/file", "new/file")
    assert moved.path == "/home/user/new/file" and not await files.exists("a/file")
    await files.remove("a")
    assert not await files.exists("a")
    await raises(FileNotFoundException, files.list("none"))
    await raises(FileNotFoundException, files.get_info("none"))
    await raises(FileNotFoundException, files.rename("none", "b"))
    await raises(InvalidArgumentException, files.list("new", depth=0))
    await raises(InvalidArgumentException, files.make_dir("new/file"))


async def urls(sandbox):
    await sandbox.files.write("signed.txt", "by url")
    octets = {"Content-Type": "application/octet-stream"}
    async with httpx.AsyncClient() as client:
        assert (await client.get(sandbox.download_url("signed.txt"))).text == "by url"
        late = sandbox.download_url("signed.txt", use_signature_expiration=-100)
        assert (await client.get(late)).status_code == 401
        upload = sandbox.upload_url("up.txt", use_signature_expiration=100)
        assert (await client.post(upload, content=b"put", headers=octets)).status_code == 200
    assert await sandbox.files.read("up.txt") == "put"


async def pty_connect(sandbox):
    from e2b import PtySize

    seen, ready = bytearray(), asyncio.Event()

    def data(piece):
        seen.extend(piece)
        ready.set()

    terminal = await sandbox.pty.create(PtySize(rows=24, cols=80), on_data=lambda piece: None)
    other = await AsyncSandbox.connect(sandbox.sandbox_id)
    await other.pty.connect(terminal.pid, on_data=data)
    await other.pty.send_stdin(terminal.pid, b"echo a''live\n")
    while b"alive\r\n" not in seen:
        ready.clear()
        await asyncio.wait_for(ready.wait(), 600)
    assert await other.pty.kill(terminal.pid) is True
    await raises(NotFoundException, sandbox.pty.connect(99999, on_data=data))


CASES = [info, listing, metrics, not_built, files, entries, urls, pty_connect]


async def main(case):
    sandbox = await AsyncSandbox.create(timeout=7200, metadata={"owner": "async"})
    try:
        await case(sandbox)
    finally:
        await sandbox.kill()
    print("ok", case.__name__)


asyncio.run(main({case.__name__: case for case in CASES}[sys.argv[1]]))
# The HTTP client of SDK 2.45 (pyqwest 0.10) may crash while the interpreter ends: its threads outlive it.
sys.stdout.flush()
os._exit(0)
