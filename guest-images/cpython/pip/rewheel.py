#!/usr/bin/env python3
"""Packs an installed, patched pip as the wheel that it came from: rewheel.py SITE-PACKAGES WHEEL.

Sums and sizes in RECORD become those of the patched files; times are fixed, so that the same input gives the same bytes.
"""

import base64
import hashlib
import sys
import zipfile
from pathlib import Path


def rewheel(site, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    record = next(name for name in names if name.endswith(".dist-info/RECORD"))
    lines = []
    for name in names:
        if name != record:
            data = (site / name).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}\n")
    (site / record).write_text("".join(lines) + f"{record},,\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), (site / name).read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    rewheel(Path(sys.argv[1]), Path(sys.argv[2]))
