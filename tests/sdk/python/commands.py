"""commands.run in Python: one case per argument, each in a sandbox of its own.

A case asserts by itself; afterwards "ok CASE" is printed. tests/it/commands.rs runs them all.
"""

import sys
import threading
import time

from e2b import CommandExitException, FileNotFoundException, TimeoutException
from e2b_code_interpreter import Sandbox


def exit_code(sandbox):
    try:
        sandbox.commands.run("echo out; echo err >&2; exit 7")
        raise AssertionError("exit 7 was success")
    except CommandExitException as error:
        assert error.exit_code == 7, error
        assert (error.stdout, error.stderr) == ("out\n", "err\n"), error


def settings(sandbox):
    result = sandbox.commands.run(
        'echo "$GREETING"; pwd; id -un; id -u',
        envs={"GREETING": "it's $HOME; `id`"},
        cwd="/tmp",
        user="root",
    )
    assert result.stdout == "it's $HOME; `id`\n/tmp\nroot\n0\n", result
    plain = sandbox.commands.run('echo "$HOME"; pwd; id -un')
    assert plain.stdout == "/home/user\n/home/user\nuser\n", plain


def timeout(sandbox):
    try:
        sandbox.commands.run("sleep 1000", timeout=0.5)
        raise AssertionError("no timeout")
    except TimeoutException:
        pass
    assert sandbox.commands.run("echo alive").stdout == "alive\n"


def timeout_of_a_spinning_command(sandbox):
    try:
        sandbox.commands.run("while :; do :; done", timeout=0.5)
        raise AssertionError("no timeout")
    except TimeoutException:
        pass
    assert sandbox.commands.run("echo alive").stdout == "alive\n"


def streaming(sandbox):
    """The second line can only be printed after the first was seen here: it needs our answer."""
    command = sandbox.commands.run(
        'echo first; read -r line; echo "second $line"', background=True, stdin=True
    )
    seen = threading.Event()
    result = []

    def watch():
        result.append(command.wait(on_stdout=lambda data: "first" in data and seen.set()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert seen.wait(600), "the first line was not seen while the command ran"
    sandbox.commands.send_stdin(command.pid, "answer\n")
    watcher.join(600)
    assert result and result[0].stdout == "first\nsecond answer\n", result


def stdin_to_its_end(sandbox):
    command = sandbox.commands.run("sort", background=True, stdin=True)
    sandbox.commands.send_stdin(command.pid, "pear\napple\n")
    sandbox.commands.close_stdin(command.pid)
    assert command.wait().stdout == "apple\npear\n"


def streamed_input(sandbox):
    """StreamInput, which only the Python SDK uses: many pieces in one request."""
    command = sandbox.commands.run("wc -l", background=True, stdin=True)
    sandbox.commands.stream_input(command.pid, (f"line {i}\n" for i in range(1000)))
    sandbox.commands.close_stdin(command.pid)
    assert command.wait().stdout.strip() == "1000"


def kill(sandbox):
    command = sandbox.commands.run("sleep 1000", background=True)
    assert any(process.pid == command.pid for process in sandbox.commands.list())
    assert command.kill() is True
    try:
        command.wait()
        raise AssertionError("a killed command was success")
    except CommandExitException as error:
        assert error.exit_code == -1, error
    assert sandbox.commands.kill(command.pid) is False


def files(sandbox):
    data = bytes(range(256)) * 1000
    sandbox.files.write("/home/user/made/deep/file.bin", data)
    assert bytes(sandbox.files.read("/home/user/made/deep/file.bin", format="bytes")) == data
    try:
        sandbox.files.read("/home/user/none")
        raise AssertionError("read a file that is not there")
    except FileNotFoundException:
        pass


def two_thousand_in_a_row(sandbox):
    start = time.monotonic()
    for i in range(2000):
        result = sandbox.commands.run(f"echo {i}")
        assert result.stdout == f"{i}\n" and result.stderr == "", (i, result)
    took = time.monotonic() - start
    print(f"2,000 commands in {took:.1f} s, {took / 2:.2f} ms each")
    left = sandbox.commands.list()
    assert left == [], f"{len(left)} processes are left over"


def two_sandboxes_do_not_meet(sandbox):
    with Sandbox.create() as other:
        sandbox.files.write("/tmp/mine", "mine")
        assert other.commands.run("ls /tmp").stdout == ""
        sandbox.commands.run("sleep 1000", background=True)
        assert "sleep" not in other.commands.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
        assert other.commands.list() == []


CASES = [
    exit_code,
    settings,
    timeout,
    timeout_of_a_spinning_command,
    streaming,
    stdin_to_its_end,
    streamed_input,
    kill,
    files,
    two_thousand_in_a_row,
    two_sandboxes_do_not_meet,
]

case = {case.__name__: case for case in CASES}[sys.argv[1]]
sandbox = Sandbox.create(timeout=7200)
try:
    case(sandbox)
finally:
    sandbox.kill()
print("ok", sys.argv[1])
