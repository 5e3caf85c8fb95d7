"""The life of a sandbox through the synchronous SDK: one case per argument, each in a sandbox of its own.

A case asserts by itself; afterwards "ok CASE" is printed. tests/it/surface.rs runs them all.
"""

import datetime
import sys
import threading
import time

from e2b import (
    CommandExitException,
    NotFoundException,
    PtySize,
    Sandbox,
    SandboxException,
    SandboxQuery,
    SandboxState,
    Template,
    TimeoutException,
)


def raises(kind, work):
    try:
        value = work()
    except kind as error:
        return error
    raise AssertionError(f"returned {value!r} instead of {kind.__name__}")


def info(sandbox):
    info = sandbox.get_info()
    assert info.sandbox_id == sandbox.sandbox_id and info.template_id == "base", info
    assert info.metadata == {"owner": "lifecycle", "with space": "a&b=c d"}, info
    assert info.state == SandboxState.RUNNING, info
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs((now - info.started_at).total_seconds()) < 900, info
    left = (info.end_at - now).total_seconds()
    assert 6000 < left <= 7200, left
    assert info.cpu_count >= 1 and info.memory_mb == 512, info
    assert tuple(map(int, info.envd_version.split("."))) >= (0, 6, 13), info
    assert info.allow_internet_access is True, info
    assert Sandbox.get_info(sandbox.sandbox_id).sandbox_id == sandbox.sandbox_id


def timeouts(sandbox):
    left = lambda: (
        sandbox.get_info().end_at - datetime.datetime.now(datetime.timezone.utc)
    ).total_seconds()
    sandbox.set_timeout(1000)
    assert 100 < left() <= 1000
    # Connecting only ever prolongs.
    Sandbox.connect(sandbox.sandbox_id, timeout=10)
    assert 100 < left() <= 1000
    Sandbox.connect(sandbox.sandbox_id, timeout=10_000)
    assert 9000 < left() <= 10_000
    Sandbox.set_timeout(sandbox.sandbox_id, 2000)
    assert 1100 < left() <= 2000
    raises(SandboxException, lambda: sandbox.set_timeout(10**7))


def listing(sandbox):
    others = [Sandbox.create(metadata={"group": "listing"}, timeout=7200) for _ in range(5)]
    try:
        query = SandboxQuery(metadata={"group": "listing"}, state=[SandboxState.RUNNING])
        pages = Sandbox.list(query=query, limit=2)
        found, sizes = [], []
        while pages.has_next:
            page = pages.next_items()
            sizes.append(len(page))
            found += [one.sandbox_id for one in page]
        assert sizes == [2, 2, 1], sizes
        assert found == [one.sandbox_id for one in reversed(others)], "newest first"
        odd = SandboxQuery(metadata={"with space": "a&b=c d"})
        assert [one.sandbox_id for one in Sandbox.list(query=odd).next_items()].count(sandbox.sandbox_id) == 1
        paused = SandboxQuery(state=[SandboxState.PAUSED])
        assert Sandbox.list(query=paused).next_items() == []
    finally:
        assert all(other.kill() for other in others)


def variables(sandbox):
    script = "echo $GREETING $E2B_SANDBOX $E2B_SANDBOX_ID $E2B_TEMPLATE_ID"
    expected = f"hi there true {sandbox.sandbox_id} base\n"
    assert sandbox.commands.run(script).stdout == expected
    assert sandbox.commands.run(script, user="root").stdout == expected
    assert sandbox.commands.run(script, envs={"GREETING": "other"}).stdout.startswith("other true")


def killed(sandbox):
    """A command that runs when its sandbox is killed ends with the words that the SDK has for it."""
    command = sandbox.commands.run("sleep 1000", background=True)
    watch = sandbox.files.watch_dir("/tmp")
    killer = threading.Thread(target=sandbox.kill)
    killer.start()
    error = raises(Exception, command.wait)
    killer.join()
    assert not isinstance(error, CommandExitException), error
    assert isinstance(error, (TimeoutException, SandboxException)), repr(error)
    assert "not found" in str(error) or "end of life" in str(error) or "not running" in str(error), error
    assert sandbox.is_running() is False
    assert sandbox.kill() is False
    raises(NotFoundException, sandbox.get_info)
    raises(NotFoundException, lambda: Sandbox.connect(sandbox.sandbox_id))
    raises(SandboxException, lambda: sandbox.set_timeout(5))
    raises(Exception, watch.get_new_events)
    raises(Exception, lambda: sandbox.commands.run("true"))
    raises(Exception, lambda: sandbox.files.read("/etc/passwd"))


def metrics(sandbox):
    deadline = time.monotonic() + 600
    while not (samples := sandbox.get_metrics()):
        assert time.monotonic() < deadline
    one = samples[0]
    assert one.cpu_count >= 1 and one.mem_total == 512 << 20 and one.disk_total > one.disk_used >= 0, one
    now = datetime.datetime.now()
    assert sandbox.get_metrics(start=now - datetime.timedelta(hours=1)) != []
    assert sandbox.get_metrics(end=now - datetime.timedelta(hours=1)) == []


def not_built(sandbox):
    """What this version has not says so in E2B's shape, and leaves the sandbox alone."""
    for work in [sandbox.pause, sandbox.create_snapshot]:
        error = raises(SandboxException, work)
        assert "501" in str(error) and "not in this version of isolet" in str(error), error
    assert sandbox.is_running()
    error = raises(SandboxException, lambda: Sandbox.create("no-such-template"))
    assert "no-such-template" in str(error), error
    assert Template.exists("base") is True and Template.exists("no-such-template") is False


def terminals(sandbox):
    """The synchronous Pty: create, send_stdin, resize, connect from another client, kill."""

    def until(terminal, text):
        seen = bytearray()

        def data(piece):
            seen.extend(piece)
            if text in seen:
                raise Seen

        try:
            terminal.wait(on_pty=data)
        except Seen:
            return
        raise AssertionError(f"{text} never came: {seen}")

    size = PtySize(rows=24, cols=80)
    terminal = sandbox.pty.create(size, envs={"MINE": "here"}, cwd="/tmp", timeout=120)
    sandbox.pty.send_stdin(terminal.pid, b"stty size; echo $MINE-$TERM; pwd\n")
    until(terminal, b"24 80\r\nhere-xterm-256color\r\n/tmp\r\n")
    sandbox.pty.resize(terminal.pid, PtySize(rows=40, cols=123))
    other = Sandbox.connect(sandbox.sandbox_id)
    again = other.pty.connect(terminal.pid, timeout=120)
    other.pty.send_stdin(terminal.pid, b"stty size\n")
    until(again, b"40 123\r\n")
    assert sandbox.pty.kill(terminal.pid) is True
    assert sandbox.pty.kill(terminal.pid) is False
    raises(NotFoundException, lambda: sandbox.pty.connect(99999))
    raises(SandboxException, lambda: sandbox.pty.resize(99999, size))
    raises(SandboxException, lambda: sandbox.pty.send_stdin(99999, b"x"))


class Seen(Exception):
    pass


def commands_connect(sandbox):
    started = sandbox.commands.run("read -r line; echo got $line; exit 3", background=True, stdin=True)
    command = Sandbox.connect(sandbox.sandbox_id).commands.connect(started.pid)
    started.disconnect()
    sandbox.commands.send_stdin(started.pid, "it\n")
    error = raises(CommandExitException, command.wait)
    assert (error.exit_code, error.stdout) == (3, "got it\n"), error
    raises(NotFoundException, lambda: sandbox.commands.connect(99999))


CASES = [info, timeouts, listing, variables, killed, metrics, not_built, terminals, commands_connect]

case = {case.__name__: case for case in CASES}[sys.argv[1]]
sandbox = Sandbox.create(
    timeout=7200,
    metadata={"owner": "lifecycle", "with space": "a&b=c d"},
    envs={"GREETING": "hi there"},
)
try:
    case(sandbox)
finally:
    sandbox.kill()
print("ok", sys.argv[1])
