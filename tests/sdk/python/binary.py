"""Connect in binary protobuf, by connectrpc's client and the SDK's generated messages: one case per argument.

The SDK itself speaks JSON. A case asserts by itself; afterwards "ok CASE" is printed.
"""

import os
import sys

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from e2b import Sandbox
from e2b.envd.filesystem import filesystem_pb as fs
from e2b.envd.filesystem.filesystem_connect import FilesystemClientSync
from e2b.envd.process import process_pb as ps
from e2b.envd.process.process_connect import ProcessClientSync
from protobuf import Oneof


class Clients:
    def __init__(self, sandbox):
        url = os.environ["E2B_SANDBOX_URL"]
        self.headers = {
            "E2b-Sandbox-Id": sandbox.sandbox_id,
            "E2b-Sandbox-Port": "49983",
            "X-Access-Token": sandbox._envd_access_token,
        }
        self.process = ProcessClientSync(url)
        self.files = FilesystemClientSync(url)


def failure(work):
    try:
        value = work()
    except ConnectError as error:
        return error.code, error.message
    raise AssertionError(f"returned {value!r}")


def files(sandbox):
    clients = Clients(sandbox)
    files, headers = clients.files, clients.headers
    made = files.make_dir(fs.MakeDirRequest(path="made/here"), headers=headers).entry
    assert (made.path, made.type) == ("/home/user/made/here", fs.FileType.DIRECTORY), made
    sandbox.files.write("made/file", "12345", metadata={"k": "v"})
    stat = files.stat(fs.StatRequest(path="made/file"), headers=headers).entry
    assert (stat.size, stat.mode, stat.permissions) == (5, 0o644, "-rw-r--r--"), stat
    assert dict(stat.metadata) == {"k": "v"} and stat.owner == "user", stat
    expected = sandbox.files.get_info("made/file").modified_time
    assert abs((stat.modified_time.to_datetime() - expected).total_seconds()) < 0.001, stat
    listed = files.list_dir(fs.ListDirRequest(path="made", depth=2), headers=headers).entries
    assert [one.name for one in listed] == ["file", "here"], listed
    moved = files.move(fs.MoveRequest(source="made/file", destination="moved"), headers=headers)
    assert moved.entry.path == "/home/user/moved"
    files.remove(fs.RemoveRequest(path="made"), headers=headers)
    code, message = failure(lambda: files.stat(fs.StatRequest(path="made"), headers=headers))
    assert code == Code.NOT_FOUND and "does not exist" in message, (code, message)
    watcher = files.create_watcher(
        fs.CreateWatcherRequest(path="/tmp", recursive=True, include_entry=True), headers=headers
    )
    sandbox.files.write("/tmp/new", "")
    events = files.get_watcher_events(
        fs.GetWatcherEventsRequest(watcher_id=watcher.watcher_id), headers=headers
    ).events
    assert events[0].name == "new" and events[0].type == fs.EventType.CREATE, events
    assert events[0].entry.path == "/tmp/new", events
    files.remove_watcher(fs.RemoveWatcherRequest(watcher_id=watcher.watcher_id), headers=headers)


def processes(sandbox):
    clients = Clients(sandbox)
    process, headers = clients.process, clients.headers
    config = ps.ProcessConfig(cmd="/bin/bash", args=["-c", "cat; echo $A >&2; exit 7"], envs={"A": "b"})
    stream = process.start(ps.StartRequest(process=config, tag="t", stdin=True), headers=headers)
    events = iter(stream)
    pid = next(events).event.event.value.pid
    selector = ps.ProcessSelector(selector=Oneof("tag", "t"))
    listed = process.list(ps.ListRequest(), headers=headers).processes
    assert [(one.pid, one.tag, dict(one.config.envs)) for one in listed] == [(pid, "t", {"A": "b"})], listed
    data = ps.ProcessInput(input=Oneof("stdin", bytes(range(256))))
    process.send_input(ps.SendInputRequest(process=selector, input=data), headers=headers)
    process.close_stdin(ps.CloseStdinRequest(process=selector), headers=headers)
    out, err, end = b"", b"", None
    for message in events:
        kind, value = message.event.event.field, message.event.event.value
        if kind == "data":
            out += value.output.value if value.output.field == "stdout" else b""
            err += value.output.value if value.output.field == "stderr" else b""
        elif kind == "end":
            end = value
    assert (out, err) == (bytes(range(256)), b"b\n"), (out, err)
    assert (end.exit_code, end.exited, end.status) == (7, True, "exit status 7"), end
    late = process.connect(ps.ConnectRequest(process=selector), headers=headers)
    assert [message.event.event.field for message in late] == ["start", "end"]
    code, _ = failure(lambda: process.send_signal(
        ps.SendSignalRequest(process=selector, signal=ps.Signal.SIGKILL), headers=headers
    ))
    assert code == Code.NOT_FOUND, code


CASES = [files, processes]

case = {case.__name__: case for case in CASES}[sys.argv[1]]
sandbox = Sandbox.create(timeout=7200)
try:
    case(sandbox)
finally:
    sandbox.kill()
print("ok", sys.argv[1])
