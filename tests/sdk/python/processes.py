"""Commands and terminals through the asynchronous SDK: one case per argument, each in a sandbox of its own.

A case asserts by itself; afterwards "ok CASE" is printed. tests/it/surface.rs runs them all.
"""

import asyncio
import os
import sys

from e2b import (
    AsyncSandbox,
    AuthenticationException,
    CommandExitException,
    InvalidArgumentException,
    NotFoundException,
    PtySize,
    TimeoutException,
)


async def raises(kind, work):
    try:
        value = await work
    except kind as error:
        return str(error)
    raise AssertionError(f"returned {value!r} instead of {kind.__name__}")


async def users(sandbox):
    who = lambda user: sandbox.commands.run("id -un; pwd; echo $HOME", user=user)
    assert (await who("root")).stdout == "root\n/root\n/root\n"
    assert (await who("user")).stdout == "user\n/home/user\n/home/user\n"
    await sandbox.commands.run("echo 'me:x:1234:1000::/tmp:/bin/sh' >> /etc/passwd", user="root")
    assert (await who("me")).stdout == "me\n/tmp\n/tmp\n"
    error = await raises(AuthenticationException, who("nobody-knows"))
    assert "invalid username: 'nobody-knows'" in error, error
    error = await raises(InvalidArgumentException, sandbox.commands.run("pwd", cwd="/no/where"))
    assert "cwd '/no/where' does not exist" in error, error
    await raises(InvalidArgumentException, sandbox.commands.run("pwd", cwd="/etc/passwd"))
    assert (await sandbox.commands.run("mkdir -p a; cd a; pwd", cwd="/tmp")).stdout == "/tmp/a\n"


async def hundred_at_once(sandbox):
    script = "read -r line < /tmp/{0}.fifo; echo {0} $line"
    await sandbox.commands.run("for i in {0..99}; do mkfifo /tmp/$i.fifo; done", timeout=600)
    runs = [
        await sandbox.commands.run(script.format(i), background=True, timeout=0) for i in range(100)
    ]
    assert len(await sandbox.commands.list()) == 100
    await sandbox.commands.run("for i in {0..99}; do echo go > /tmp/$i.fifo; done", timeout=600)
    results = await asyncio.gather(*(run.wait() for run in runs))
    assert [result.stdout for result in results] == [f"{i} go\n" for i in range(100)]
    assert await sandbox.commands.list() == []


async def connecting(sandbox):
    started = await sandbox.commands.run("read -r line; echo got $line; exit 3", background=True, stdin=True)
    other = await AsyncSandbox.connect(sandbox.sandbox_id)
    command = await other.commands.connect(started.pid)
    await started.disconnect()
    await other.commands.send_stdin(started.pid, "it\n")
    try:
        await command.wait()
        raise AssertionError("exit 3 was success")
    except CommandExitException as error:
        assert (error.exit_code, error.stdout) == (3, "got it\n"), error
    # Its end is kept for a while.
    late = await other.commands.connect(started.pid)
    try:
        await late.wait()
        raise AssertionError("exit 3 was success")
    except CommandExitException as error:
        assert error.exit_code == 3
    await raises(NotFoundException, other.commands.connect(99999))
    assert await other.commands.kill(99999) is False


async def deadlines(sandbox):
    await raises(TimeoutException, sandbox.commands.run("sleep 1000", timeout=0.5))
    # The client's clock and the sandbox's: whichever strikes first, the process goes.
    bound = asyncio.get_running_loop().time() + 600
    while left := await sandbox.commands.list():
        assert asyncio.get_running_loop().time() < bound, left
    endless = await sandbox.commands.run("sleep 1000", background=True, timeout=0)
    assert await endless.kill() is True
    try:
        await endless.wait()
        raise AssertionError("a killed command was success")
    except CommandExitException as error:
        assert error.exit_code == -1 and "killed" in error.error, error


async def streams(sandbox):
    out, err = [], []
    result = await sandbox.commands.run(
        "for i in 1 2 3; do echo o$i; echo e$i >&2; done", on_stdout=out.append, on_stderr=err.append
    )
    assert "".join(out) == result.stdout == "o1\no2\no3\n"
    assert "".join(err) == result.stderr == "e1\ne2\ne3\n"
    big = await sandbox.commands.run("head -c 30000000 /dev/zero | tr '\\0' x", timeout=600)
    assert len(big.stdout) == 30_000_000


async def terminals(sandbox):
    seen, ready = bytearray(), asyncio.Event()

    def data(piece):
        seen.extend(piece)
        ready.set()

    async def until(text):
        while text not in seen:
            ready.clear()
            await asyncio.wait_for(ready.wait(), 600)

    terminal = await sandbox.pty.create(PtySize(rows=24, cols=80), on_data=data, envs={"MINE": "here"})
    await sandbox.pty.send_stdin(terminal.pid, b"stty size; echo $MINE-$TERM\n")
    await until(b"24 80\r\n")
    await until(b"here-xterm-256color\r\n")
    await sandbox.pty.resize(terminal.pid, PtySize(rows=40, cols=123))
    await sandbox.pty.send_stdin(terminal.pid, b"stty size\n")
    await until(b"40 123\r\n")
    await sandbox.pty.send_stdin(terminal.pid, b"echo loop''ing; while :; do :; done\n")
    await until(b"looping\r\n")
    await sandbox.pty.send_stdin(terminal.pid, b"\x03")
    await sandbox.pty.send_stdin(terminal.pid, b"echo a''live\n")
    await until(b"alive\r\n")
    assert await sandbox.pty.kill(terminal.pid) is True
    assert await sandbox.pty.kill(terminal.pid) is False


async def watching(sandbox):
    seen, ready = [], asyncio.Event()

    def event(one):
        seen.append((one.type.value, one.name))
        ready.set()

    handle = await sandbox.files.watch_dir("/tmp", event, recursive=True, timeout=0)
    await sandbox.files.write("/tmp/d/f", "1")
    while ("write", "d/f") not in seen:
        ready.clear()
        await asyncio.wait_for(ready.wait(), 600)
    await handle.stop()


CASES = [users, hundred_at_once, connecting, deadlines, streams, terminals, watching]


async def main(case):
    sandbox = await AsyncSandbox.create(timeout=7200)
    try:
        await case(sandbox)
    finally:
        await sandbox.kill()
    print("ok", case.__name__)


asyncio.run(main({case.__name__: case for case in CASES}[sys.argv[1]]))
# The HTTP client of SDK 2.45 (pyqwest 0.10) may crash while the interpreter ends: its threads outlive it.
sys.stdout.flush()
os._exit(0)
