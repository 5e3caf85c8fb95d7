"""The files of a sandbox through the synchronous SDK: one case per argument, each in a sandbox of its own.

A case asserts by itself; afterwards "ok CASE" is printed. tests/it/filesystem.py's Rust side runs them all.
"""

import gzip
import io
import sys
import time
import urllib.error
import urllib.request

from e2b import (
    AuthenticationException,
    FileNotFoundException,
    FilesystemEventType,
    FileType,
    InvalidArgumentException,
    NotEnoughSpaceException,
    Sandbox,
    SandboxException,
)
from e2b.sandbox.filesystem.filesystem import WriteEntry


def raises(kind, work):
    try:
        value = work()
    except kind as error:
        return str(error)
    raise AssertionError(f"returned {value!r} instead of {kind.__name__}")


def write_and_read(sandbox):
    files = sandbox.files
    info = files.write("notes/a.txt", "hällo")
    assert (info.path, info.name, info.type) == ("/home/user/notes/a.txt", "a.txt", FileType.FILE), info
    assert files.read("notes/a.txt") == "hällo"
    assert files.read("~/notes/a.txt") == "hällo"
    assert bytes(files.read("/home/user/notes/a.txt", format="bytes")) == "hällo".encode()
    assert b"".join(files.read("notes/a.txt", format="stream")) == "hällo".encode()
    files.write("notes/a.txt", b"")
    assert files.read("notes/a.txt") == ""
    files.write("/tmp/of-root", "x", user="root")
    assert files.get_info("/tmp/of-root").owner == "root"
    files.write("stream.bin", io.BytesIO(b"z" * 300_000))
    assert files.get_info("stream.bin").size == 300_000
    raises(FileNotFoundException, lambda: files.read("none"))
    raises(InvalidArgumentException, lambda: files.read("/tmp"))
    raises(InvalidArgumentException, lambda: files.write("/tmp", "x"))
    raises(AuthenticationException, lambda: files.read("/tmp/of-root", user="nobody-knows"))


def many_files(sandbox):
    entries = [WriteEntry(path=f"many/{i}.txt", data=f"{i}") for i in range(20)]
    written = sandbox.files.write_files(entries)
    assert [one.path for one in written] == [f"/home/user/many/{i}.txt" for i in range(20)]
    assert sandbox.files.read("many/19.txt") == "19"
    assert sandbox.files.write_files([]) == []


def compressed(sandbox):
    data = "compress me " * 10_000
    sandbox.files.write("packed.txt", data, gzip=True)
    assert sandbox.files.get_info("packed.txt").size == len(data)
    assert sandbox.files.read("packed.txt", gzip=True) == data
    assert sandbox.files.read("packed.txt") == data


def metadata(sandbox):
    files = sandbox.files
    written = files.write("m.txt", "1", metadata={"Author": "me", "purpose": "a test"})
    expected = {"author": "me", "purpose": "a test"}
    assert written.metadata == expected, written
    assert files.get_info("m.txt").metadata == expected
    assert [one.metadata for one in files.list(".") if one.name == "m.txt"] == [expected]
    assert files.rename("m.txt", "n.txt").metadata == expected
    both = files.write_files(
        [WriteEntry(path="1", data="1"), WriteEntry(path="2", data="2")], metadata={"k": "v"}
    )
    assert [one.metadata for one in both] == [{"k": "v"}] * 2, both
    # An overwrite replaces all of it.
    assert files.write("n.txt", "2").metadata is None
    assert files.get_info("n.txt").metadata is None
    script = "import os; os.setxattr('n.txt', 'user.e2b.mine', b'1'); os.setxattr('n.txt', 'user.other', b'2')"
    sandbox.commands.run(f'python3 -c "{script}"')
    assert files.get_info("n.txt").metadata == {"mine": "1"}
    raises(InvalidArgumentException, lambda: files.write("m.txt", "1", metadata={"k": "v" * 5000}))


def entries(sandbox):
    files = sandbox.files
    before = time.time()
    files.write("dir/file", "12345")
    sandbox.commands.run("chmod 640 dir/file; ln -s file dir/link; ln -s nowhere dir/broken; mkdir dir/sub")
    found = {one.name: one for one in files.list("dir")}
    assert sorted(found) == ["broken", "file", "link", "sub"], found
    file = found["file"]
    assert (file.type, file.size, file.mode, file.permissions) == (FileType.FILE, 5, 0o640, "-rw-r-----")
    assert (file.owner, file.group, file.symlink_target) == ("user", "user", None)
    assert abs(file.modified_time.timestamp() - before) < 600, file.modified_time
    assert found["sub"].permissions == "drwxr-xr-x" and found["sub"].type == FileType.DIR
    link = found["link"]
    assert (link.type, link.permissions) == (FileType.FILE, "Lrwxrwxrwx"), link
    assert link.symlink_target == "/home/user/dir/file", link
    assert files.get_info("dir").type == FileType.DIR
    files.write("dir/sub/deep/leaf", "")
    paths = lambda depth: [one.path[len("/home/user/"):] for one in files.list("dir", depth=depth)]
    assert "dir/sub/deep" in paths(2) and "dir/sub/deep/leaf" not in paths(2), paths(2)
    assert "dir/sub/deep/leaf" in paths(3)
    raises(InvalidArgumentException, lambda: files.list("dir", depth=0))
    raises(FileNotFoundException, lambda: files.list("none"))
    raises(InvalidArgumentException, lambda: files.list("dir/file"))
    raises(FileNotFoundException, lambda: files.get_info("none"))


def directories(sandbox):
    files = sandbox.files
    assert files.make_dir("a/b/c") is True
    assert files.make_dir("a/b/c") is False
    files.write("a/file", "x")
    raises(InvalidArgumentException, lambda: files.make_dir("a/file"))
    assert files.exists("a/b") and not files.exists("a/x")
    moved = files.rename("a/file", "new/place/file")
    assert moved.path == "/home/user/new/place/file" and not files.exists("a/file")
    raises(FileNotFoundException, lambda: files.rename("a/none", "b"))
    files.remove("a")
    assert not files.exists("a")
    files.remove("a")


def disk_full(sandbox):
    error = raises(NotEnoughSpaceException, lambda: sandbox.files.write("big", Zeros(2 << 30)))
    assert "not enough disk space available" in error, error
    sandbox.files.remove("big")
    sandbox.files.write("small", "fits again")


class Zeros(io.RawIOBase):
    """So many bytes that nobody holds at once."""

    def __init__(self, left):
        self.left = left

    def readable(self):
        return True

    def read(self, size=-1):
        count = min(self.left, size if size > 0 else 1 << 20)
        self.left -= count
        return bytes(count)


def fetch(url, data=None, **headers):
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def signed_urls(sandbox):
    sandbox.files.write("signed.txt", "by url")
    url = sandbox.download_url("signed.txt")
    assert fetch(url)[::2] == (200, b"by url")
    for_root = sandbox.download_url("/root/secret", user="root", use_signature_expiration=100)
    sandbox.files.write("/root/secret", "of root", user="root")
    assert fetch(for_root)[::2] == (200, b"of root")
    late = sandbox.download_url("signed.txt", use_signature_expiration=-100)
    status, _, body = fetch(late)
    assert status == 401 and b"signature is already expired" in body, body
    status, _, body = fetch(url.replace("signed.txt", "other.txt"))
    assert status == 401 and b"invalid signature" in body, body
    status, _, body = fetch(url.split("signature=")[0].rstrip("&?"))
    assert status == 401 and b"missing signature query parameter" in body, body
    upload = sandbox.upload_url("uploaded.txt", use_signature_expiration=100)
    octets = {"Content-Type": "application/octet-stream"}
    status, _, body = fetch(upload, b"put here", **octets)
    assert status == 200 and b"/home/user/uploaded.txt" in body, body
    assert sandbox.files.read("uploaded.txt") == "put here"
    packed = {**octets, "Content-Encoding": "gzip"}
    assert fetch(upload, gzip.compress(b"packed"), **packed)[0] == 200
    assert sandbox.files.read("uploaded.txt") == "packed"
    assert fetch(url, b"x", **octets)[0] == 401, "a URL for reading does not write"


def until(handle, wanted):
    """Events up to the wanted one; they come within the bound or not at all."""
    seen, deadline = [], time.monotonic() + 600
    while wanted not in [(event.type, event.name) for event in seen]:
        assert time.monotonic() < deadline, (wanted, seen)
        seen += handle.get_new_events()
    return seen


def watching(sandbox):
    files = sandbox.files
    files.make_dir("w/sub")
    flat = files.watch_dir("w")
    deep = files.watch_dir("w", recursive=True, include_entry=True)
    files.write("w/a.txt", "1")
    files.write("w/sub/b.txt", "22")
    files.rename("w/a.txt", "w/c.txt")
    files.remove("w/c.txt")
    kinds = FilesystemEventType
    seen = until(deep, (kinds.REMOVE, "c.txt"))
    told = [(event.type, event.name) for event in seen]
    for one in [
        (kinds.CREATE, "a.txt"),
        (kinds.WRITE, "a.txt"),
        (kinds.CREATE, "sub/b.txt"),
        (kinds.RENAME, "a.txt"),
        (kinds.CREATE, "c.txt"),
    ]:
        assert one in told, (one, told)
    entry = next(e.entry for e in seen if e.name == "sub/b.txt" and e.type == kinds.WRITE)
    assert entry.path == "/home/user/w/sub/b.txt" and entry.size == 2, entry
    assert all(event.entry is None for event in seen if event.type in (kinds.REMOVE, kinds.RENAME))
    shallow = until(flat, (kinds.REMOVE, "c.txt"))
    assert not any("b.txt" in event.name for event in shallow) and shallow[0].entry is None
    sandbox.commands.run("mkdir -p w/new/newer; touch w/new/newer/leaf; chmod 600 w/new/newer/leaf")
    until(deep, (kinds.CHMOD, "new/newer/leaf"))
    assert deep.get_new_events() == []
    deep.stop()
    raises(SandboxException, deep.get_new_events)
    raises(FileNotFoundException, lambda: files.watch_dir("none"))
    raises(InvalidArgumentException, lambda: files.watch_dir("w/sub/b.txt"))
    files.remove("w")
    until(flat, (kinds.REMOVE, "."))
    flat.stop()


CASES = [
    write_and_read,
    many_files,
    compressed,
    metadata,
    entries,
    directories,
    disk_full,
    signed_urls,
    watching,
]

case = {case.__name__: case for case in CASES}[sys.argv[1]]
sandbox = Sandbox.create(timeout=7200)
try:
    case(sandbox)
finally:
    sandbox.kill()
print("ok", sys.argv[1])
