#!/usr/bin/env python3
"""Installs packages into a tree, so that pip there lists, checks and removes them. Not pip: nothing is run or resolved.

install.py wheels SITE BIN WHEELS REQUIREMENTS   every wheel that the file names, after its sum has been looked at
install.py source SITE PKG-INFO PACKAGE          metadata for a package that has been copied there
install.py licences SITE FILE                    the texts of all that is installed, in one file
"""

import base64
import configparser
import hashlib
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

SCRIPT = """#!/usr/bin/python3
import sys
from {module} import {function}
if __name__ == "__main__":
    sys.exit({call}())
"""


def wheels(site, scripts, folder, requirements):
    for line in requirements.read_text().splitlines():
        if line.startswith("#"):
            continue
        pin, digest = line.split(" --hash=sha256:")
        name, version = pin.split("==")
        found = list(folder.glob(f"{name.replace('-', '_')}-{version}-py*-none-any.whl"))
        if len(found) != 1 or hashlib.sha256(found[0].read_bytes()).hexdigest() != digest:
            sys.exit(f"install.py: no wheel of {pin} with the sum that is asked for in {folder}")
        wheel(site, scripts, found[0])


def wheel(site, scripts, path):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if any(name.split("/")[0].endswith(".data") for name in names):
            sys.exit(f"install.py: {path.name} has files that go elsewhere, which nothing here does")
        archive.extractall(site)
    info = next(site / name.split("/")[0] for name in names if name.endswith(".dist-info/RECORD"))
    added = [write(info / "INSTALLER", "isolet\n")]
    entries = configparser.ConfigParser(delimiters="=")
    entries.optionxform = str
    if (info / "entry_points.txt").exists():
        entries.read(info / "entry_points.txt")
    if entries.has_section("console_scripts"):
        for name, target in entries["console_scripts"].items():
            module, function = target.split(":")
            text = SCRIPT.format(module=module, function=function.split(".")[0], call=function)
            added.append(write(scripts / name, text))
    with (info / "RECORD").open("a") as record:
        record.writelines(line(site, path) for path in added)


def source(site, pkg_info, package):
    metadata = pkg_info.read_bytes()
    said = BytesParser().parsebytes(metadata)
    info = site / f"{said['Name'].lower()}-{said['Version']}.dist-info"
    (info / "licenses").mkdir(parents=True)
    text = next(path for path in pkg_info.parent.glob("LICENSE*"))
    (info / "licenses" / text.name).write_bytes(text.read_bytes())
    (info / "METADATA").write_bytes(metadata)
    write(info / "INSTALLER", "isolet\n")
    write(info / "WHEEL", "Wheel-Version: 1.0\nGenerator: isolet\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    files = sorted(path for folder in (site / package, info) for path in folder.rglob("*") if path.is_file())
    lines = [line(site, path) for path in files]
    (info / "RECORD").write_text("".join(lines) + f"{info.name}/RECORD,,\n")


def licences(site, target):
    parts = []
    for info in sorted(site.glob("*.dist-info")):
        if info.name.startswith("pip-"):
            continue
        texts = sorted(path for path in info.rglob("*") if path.name.upper().startswith(("LICEN", "NOTICE", "COPYING")) and path.is_file())
        if not texts:
            sys.exit(f"install.py: {info.name} has no licence")
        parts += [f"==== {info.name.removesuffix('.dist-info')}: {path.name}\n\n{path.read_text()}\n" for path in texts]
    target.write_text("".join(parts))


def write(path, text):
    path.write_text(text)
    return path


def line(site, path):
    """A line of RECORD: path below or beside SITE, sum, size."""
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path.relative_to(site, walk_up=True).as_posix()},sha256={digest},{len(data)}\n"


def main(argv):
    kinds = {"wheels": (wheels, 4), "source": (source, 3), "licences": (licences, 2)}
    if not argv or argv[0] not in kinds or len(argv) != 1 + kinds[argv[0]][1]:
        sys.exit(__doc__)
    kind, _ = kinds[argv[0]]
    if kind is source:
        source(Path(argv[1]), Path(argv[2]).resolve(), argv[3])
    else:
        kind(*map(Path, argv[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
