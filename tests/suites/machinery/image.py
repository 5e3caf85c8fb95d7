"""The image that a suite runs in: the programs' own image, with the suite and its tools as a tree at /suite."""

import hashlib
import io
import shutil
import subprocess
import tarfile

HOME = "suite"
IMAGE_TIME = 1735689600  # the time of all in the images' trees (guest-images/pack.py)
UID = 1000  # the sandbox's ordinary user, who must be able to make files beside the tests


def build_image(suite, source, here, cache, base):
    """Writes the image's folder and returns it; also tells the suite which tests its source has."""
    content = tree(suite, *source, here)
    digest = hashlib.sha256(content).hexdigest()
    folder = cache / suite.name / "image"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "blobs").mkdir(parents=True)
    pack = ["zstd", "-q", "-c"]
    packed = subprocess.run(pack, input=content, stdout=subprocess.PIPE, check=True).stdout
    (folder / "blobs" / f"{digest}.tar.zst").write_bytes(packed)
    lines = [f'abi = 1\nname = "{suite.name}-suite"\nbase = "{base}"\n\n[[tree]]\nblob = "{digest}"\n']
    for line in (here / "tools/programs").read_text().splitlines():
        name, blob = line.split()
        shutil.copy(here / "tools/blobs" / f"{blob}.wasm.zst", folder / "blobs")
        lines.append(f'[[program]]\npath = "/{HOME}/bin/{name}"\nblob = "{blob}"\nversion = "{source[1]}"\n')
    (folder / "image.toml").write_text("\n".join(lines))
    return folder


def tree(suite, source, version, here):
    """The tar of /suite: what is kept of the source, `start`, the tools' header, the version; and the links elsewhere."""
    entries = {HOME: (directory(HOME), b""), f"{HOME}/bin": (directory(f"{HOME}/bin"), b"")}
    scratch = tarfile.open(fileobj=io.BytesIO(), mode="w")
    for path in sorted(path for keep in suite.keep for path in walk(source / keep)):
        name = path.relative_to(source).as_posix()
        info = own(scratch.gettarinfo(path, f"{HOME}/{name}"))
        content = path.read_bytes() if info.isfile() else b""
        suite.add(name, content)
        entries[info.name] = (info, content)
        parents(entries, info.name)
    own_files = [path for path in suite.folder.iterdir() if path.name != "suite.toml"]
    for path in [*own_files, here / "machinery/gnulib.sh", here / "tools/config.h"]:
        name = path.name
        content = path.read_bytes()
        entries[f"{HOME}/{name}"] = (regular(f"{HOME}/{name}", content), content)
    upstream = version.partition(":")[2] or version  # without the epoch
    upstream = (upstream.rpartition("-")[0] or upstream).encode()
    entries[f"{HOME}/VERSION"] = (regular(f"{HOME}/VERSION", upstream), upstream)
    for name, target in suite.links.items():
        entries[name] = (link(name, target), b"")
        folder = name.rpartition("/")[0]
        entries[folder] = (untouched(folder), b"")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(entries):
            info, content = entries[name]
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def walk(path):
    """`path` and all below it."""
    if not path.exists():
        raise SystemExit(f"run: the source has no {path}")
    return [path, *path.rglob("*")]


def parents(entries, name):
    while name := name.rpartition("/")[0]:
        entries.setdefault(name, (directory(name), b""))


def directory(name):
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return own(info)


def link(name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    return info


def untouched(name):
    """A directory of the programs' own image that looks as it did there, though there is a link in it now: of a library that has
    changed CPython would take nothing from its start image."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, IMAGE_TIME
    return info


def regular(name, content):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o755
    return own(info)


def own(info):
    info.uid = info.gid = UID
    info.uname = info.gname = ""
    info.pax_headers = {}
    info.mtime = int(info.mtime)
    return info
