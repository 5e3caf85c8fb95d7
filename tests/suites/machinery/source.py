"""The sources that the suites come from: Debian's source packages, pinned by SHA-256 where the recipes' are.

Taken from the build root or an earlier run if they are there, else downloaded by apt from the archive that this machine
installs packages from. That needs no root and no deb-src line; sums say whether it is the right file.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path


def fetch(program, guest_images, cache):
    """The folder of the program's source as its recipe has it, with Debian's patches, and its version."""
    folder = cache / "sources"
    folder.mkdir(exist_ok=True)
    files = pins(program, guest_images)
    archives = [archive(*pin, folder, guest_images) for pin in files]
    version = files[0][1]
    unpacked = folder / f"{program}-{files[-1][3][:12]}"
    if not unpacked.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as part:
            unpack(archives, Path(part))
            Path(part, "source").rename(unpacked)
    return unpacked, version


def unpack(archives, part):
    """The original source in `part`/source, patched if Debian's files are among `archives`."""
    source = part / "source"
    source.mkdir()
    subprocess.run(["tar", "-xf", archives[0], "-C", source, "--strip-components=1"], check=True)
    if len(archives) > 1:
        subprocess.run(["tar", "-xf", archives[1], "-C", source], check=True)
    series = source / "debian/patches/series"
    lines = series.read_text().splitlines() if series.exists() else []
    for words in (line.partition("#")[0].split() for line in lines):
        if words:
            patch = source / "debian/patches" / words[0]
            subprocess.run(["patch", "-s", "-p1", "-i", patch], cwd=source, check=True)


def archive(name, version, file, digest, folder, guest_images):
    """Where `file` is, after it has been downloaded if it must be."""
    root = Path(os.environ.get("ISOLET_BUILD_ROOT", guest_images.parent / "target/guest-root"))
    for found in (folder / file, root / "src" / file):
        if found.is_file() and sum_of(found) == digest:
            return found
    reasons = []
    for mirror in mirrors():
        url = f"{mirror}/pool/main/{folder_in_pool(name)}/{name}/{file}"
        # Under another name until it is whole, as another run may be doing the same.
        part = folder / f"{file}.{os.getpid()}"
        command = ["/usr/lib/apt/apt-helper", "download-file", url, part, f"SHA256:{digest}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0 and part.is_file():
            part.rename(folder / file)
            return folder / file
        part.unlink(missing_ok=True)
        reasons.append((done.stderr or done.stdout).strip())
    raise SystemExit(
        f"run: cannot get {file} of Debian's {name} {version} (SHA-256 {digest}):\n"
        + "\n".join(reasons)
        + f"\nPut that file into {folder}, or name an archive that still has it in ISOLET_DEBIAN_MIRROR."
    )


def pins(program, guest_images):
    """Name, version, file and sum of the program's original source, then of Debian's part if the recipe uses it."""
    lines = (guest_images / program / "sources").read_text().splitlines()
    pinned = [words for words in map(str.split, lines) if len(words) == 4 and not words[0].startswith("#")]
    original = [words for words in pinned if ".orig.tar." in words[2]]
    if len(original) != 1:
        raise SystemExit(f"run: guest-images names no original source of {program}")
    return original + [words for words in pinned if ".debian.tar." in words[2]]


def mirrors():
    """The archives to ask: what the environment names, else what apt installs from."""
    if mirror := os.environ.get("ISOLET_DEBIAN_MIRROR"):
        return [mirror.rstrip("/")]
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return sorted({mirror.rstrip("/") for mirror in listed})


def folder_in_pool(name):
    return name[:4] if name.startswith("lib") else name[:1]


def sum_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
