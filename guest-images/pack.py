#!/usr/bin/env python3
"""Packs built programs and file trees as content-addressed blobs and writes image.toml.

pack.py program NAME   out/PROGRAM.wasm for each program of NAME/program -> blobs/SHA256.wasm.zst, noted in NAME/blob
                       out/NAME.tree/, if the recipe made it              -> blobs/SHA256.tar.zst, noted in NAME/tree
pack.py image          rootfs/, rootfs.list and all that is noted         -> base/image.toml
pack.py sweep          removes blobs that nothing names

NAME/program has a stanza of lines for each program, with an empty line between two:
    path /usr/bin/sudo     where it lies; the recipe leaves it as out/sudo.wasm
    version 1.9.17
    links /usr/bin/sudoedit /usr/bin/x     optional
    mode 4755                              optional, octal
    eager true                             optional: compiled before the first sandbox starts
    start_image true                       optional: initialised once (sysroot/ABI.md, "Start images")
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
MTIME = 1735689600  # 2025-01-01 00:00 UTC
KEYS = {"path", "version", "links", "mode", "eager", "start_image"}


def store(data, suffix):
    """Keeps `data` as a blob; its digest."""
    digest = hashlib.sha256(data).hexdigest()
    path = BLOBS / f"{digest}.{suffix}.zst"
    if not path.exists():
        BLOBS.mkdir(exist_ok=True)
        packed = subprocess.run(["zstd", "-q", "-19", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
        path.write_bytes(packed)
    return digest


def size(digest):
    """Bytes of a program's blob when unpacked."""
    unpacked = subprocess.run(["zstd", "-q", "-d", "-c", BLOBS / f"{digest}.wasm.zst"], stdout=subprocess.PIPE, check=True)
    return len(unpacked.stdout)


class Tree:
    """A tar archive in the making."""

    def __init__(self):
        self.entries = {}

    def add(self, path, kind, mode, uid=0, gid=0, content=b"", target=""):
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
        info.mtime, info.size, info.linkname = MTIME, len(content), target
        self.entries[path] = (info, content)

    def add_folder(self, root, mode=None):
        """What is below `root`, owned by root; with the modes it has, or `mode` for every file."""
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                self.add(name, tarfile.SYMTYPE, 0o777, target=os.readlink(path))
            elif path.is_dir():
                self.add(name, tarfile.DIRTYPE, 0o755)
            else:
                own = 0o755 if path.stat().st_mode & 0o100 else 0o644
                self.add(name, tarfile.REGTYPE, own if mode is None else mode, content=path.read_bytes())

    def add_list(self, text):
        """What a list like rootfs.list says."""
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "l":
                self.add(words[2], tarfile.SYMTYPE, 0o777, target=words[1])
                continue
            mode, uid, gid, path = int(words[1], 8), int(words[2]), int(words[3]), words[4]
            if words[0] == "d":
                self.add(path, tarfile.DIRTYPE, mode, uid, gid)
            else:
                self.add(path, tarfile.REGTYPE, mode, uid, gid, self.entries[path][1])

    def bytes(self):
        for path in list(self.entries):
            for parent in Path(path).parents:
                if parent.as_posix() not in self.entries and parent.as_posix() != ".":
                    self.add(parent.as_posix(), tarfile.DIRTYPE, 0o755)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self.entries):
                info, content = self.entries[path]
                tar.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


def base_tree():
    tree = Tree()
    tree.add_folder(HERE / "rootfs", mode=0o644)
    tree.add_list((HERE / "rootfs.list").read_text())
    return tree.bytes()


def programs_of(name):
    """The stanzas of NAME/program, as dictionaries."""
    path = HERE / name / "program"
    if not path.exists():
        return []
    stanzas = [dict(line.split(None, 1) for line in part.splitlines() if line.strip()) for part in path.read_text().split("\n\n")]
    stanzas = [stanza for stanza in stanzas if stanza]
    for stanza in stanzas:
        if not {"path", "version"} <= stanza.keys() <= KEYS:
            sys.exit(f"pack.py: {path}: a program has path, version and perhaps links, mode; here {sorted(stanza)}")
    return stanzas


def program(name):
    """Stores what a recipe made and notes its digests next to the recipe."""
    blobs = []
    for stanza in programs_of(name):
        own = Path(stanza["path"]).name
        blobs.append(f"{store((OUT / f'{own}.wasm').read_bytes(), 'wasm')} {stanza['path']}\n")
        names = OUT / f"{own}.names"
        if names.exists():
            links = sorted({n for n in names.read_text().split() if n != own})
            (HERE / name / "links").write_text("".join(f"/usr/bin/{n}\n" for n in links))
    if blobs:
        (HERE / name / "blob").write_text("".join(blobs))
    folder = OUT / f"{name}.tree"
    if folder.is_dir():
        tree = Tree()
        tree.add_folder(folder)
        (HERE / name / "tree").write_text(store(tree.bytes(), "tar") + "\n")


def program_lines(name):
    """What image.toml says of the programs of NAME that have been built."""
    noted = HERE / name / "blob"
    if not noted.exists():
        return []
    digests = {path: digest for digest, path in (line.split() for line in noted.read_text().splitlines())}
    lines = []
    for stanza in programs_of(name):
        links = stanza.get("links", "").split()
        if (HERE / name / "links").exists():
            links += (HERE / name / "links").read_text().split()
        path = stanza["path"]
        lines += ["", "[[program]]", f'path = "{path}"', f'blob = "{digests[path]}"', f"bytes = {size(digests[path])}", f'version = "{stanza["version"]}"']
        if "mode" in stanza:
            lines.append(f'mode = "{stanza["mode"]}"')
        for key in ("eager", "start_image"):
            if key in stanza:
                lines.append(f"{key} = {stanza[key]}")
        if links:
            inner = "".join(f'    "{link}",\n' for link in links)
            lines.append(f"links = [\n{inner}]")
    return lines


def image():
    lines = ["# Written by pack.py.", "abi = 1", 'name = "base"']
    names = sorted(path.parent.name for path in HERE.glob("*/recipe.sh") if path.parent.name != "python-packages")
    trees = [store(base_tree(), "tar")]
    trees += [(HERE / name / "tree").read_text().strip() for name in names if (HERE / name / "tree").exists()]
    for digest in trees:
        lines += ["", "[[tree]]", f'blob = "{digest}"']
    for name in names:
        lines += program_lines(name)
    (HERE / "base").mkdir(exist_ok=True)
    (HERE / "base" / "image.toml").write_text("\n".join(lines) + "\n")


def sweep():
    """Removes blobs that no image, program or tree names."""
    named = "".join(path.read_text() for kind in ("image.toml", "blob", "tree") for path in HERE.glob(f"*/{kind}") if path.is_file())
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
