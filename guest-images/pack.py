#!/usr/bin/env python3
"""Packs built programs and file trees as content-addressed blobs and writes image.toml.

pack.py program NAME       out/NAME.wasm        -> blobs/SHA256.wasm.zst
pack.py tree               rootfs, rootfs.list  -> blobs/SHA256.tar.zst
pack.py image              NAME/program of the base programs -> base/image.toml

The name of a blob is the SHA-256 of its uncompressed content. Same input, same output:
entries sorted, times fixed, owners numeric. Needs the zstd program.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BLOBS = HERE / "blobs"
OUT = Path(os.environ.get("OUT", "/out"))
BASE = ["dash", "bash", "coreutils", "grep", "sed"]
MTIME = 1735689600  # 2025-01-01 00:00 UTC


def store(data, suffix):
    digest = hashlib.sha256(data).hexdigest()
    path = BLOBS / f"{digest}.{suffix}.zst"
    if not path.exists():
        BLOBS.mkdir(exist_ok=True)
        packed = subprocess.run(["zstd", "-q", "-19", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
        path.write_bytes(packed)
    return digest


def tree():
    """The tar of rootfs/ as rootfs.list completes it."""
    entries = {}

    def add(path, kind, mode, uid=0, gid=0, content=b"", target=""):
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
        info.mtime, info.size, info.linkname = MTIME, len(content), target
        entries[path] = (info, content)

    root = HERE / "rootfs"
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_dir():
            add(name, tarfile.DIRTYPE, 0o755)
        else:
            add(name, tarfile.REGTYPE, 0o644, content=path.read_bytes())
    for line in (HERE / "rootfs.list").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#" or line.startswith("#"):
            continue
        if words[0] == "l":
            add(words[2], tarfile.SYMTYPE, 0o777, target=words[1])
        elif words[0] == "d":
            add(words[4], tarfile.DIRTYPE, int(words[1], 8), int(words[2]), int(words[3]))
        else:
            add(words[4], tarfile.REGTYPE, int(words[1], 8), int(words[2]), int(words[3]), entries[words[4]][1])
    for path in list(entries):
        for parent in Path(path).parents:
            if parent.as_posix() not in entries and parent.as_posix() != ".":
                add(parent.as_posix(), tarfile.DIRTYPE, 0o755)

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(entries):
            info, content = entries[path]
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def program(name):
    """Stores a program and notes its digest next to its recipe."""
    digest = store((OUT / f"{name}.wasm").read_bytes(), "wasm")
    (HERE / name / "blob").write_text(digest + "\n")
    names = OUT / f"{name}.names"
    if names.exists():
        own = Path(dict(read_program(name))["path"]).name
        links = sorted({n for n in names.read_text().split() if n != own})
        (HERE / name / "links").write_text("".join(f"/usr/bin/{n}\n" for n in links))


def read_program(name):
    for line in (HERE / name / "program").read_text().splitlines():
        key, _, value = line.partition(" ")
        yield key, value


def image():
    lines = ["# Written by pack.py.", "abi = 1", 'name = "base"', "", "[[tree]]"]
    lines.append(f'blob = "{store(tree(), "tar")}"')
    for name in BASE:
        blob = HERE / name / "blob"
        if not blob.exists():
            continue
        facts = dict(read_program(name))
        links = facts.get("links", "").split()
        if (HERE / name / "links").exists():
            links += (HERE / name / "links").read_text().split()
        lines += ["", "[[program]]", f'path = "{facts["path"]}"', f'blob = "{blob.read_text().strip()}"']
        lines.append(f'version = "{facts["version"]}"')
        if links:
            inner = "".join(f'    "{link}",\n' for link in links)
            lines.append(f"links = [\n{inner}]")
    (HERE / "base").mkdir(exist_ok=True)
    (HERE / "base" / "image.toml").write_text("\n".join(lines) + "\n")


def sweep():
    """Removes blobs no image or program names."""
    named = "".join(p.read_text() for p in HERE.glob("*/image.toml")) + "".join(p.read_text() for p in HERE.glob("*/blob"))
    for path in BLOBS.iterdir():
        if path.name.split(".")[0] not in named:
            path.unlink()


def main(argv):
    if len(argv) == 3 and argv[1] == "program":
        program(argv[2])
    elif argv[1:] == ["image"]:
        image()
    elif argv[1:] == ["sweep"]:
        sweep()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
