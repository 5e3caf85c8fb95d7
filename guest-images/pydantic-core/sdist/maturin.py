"""Stands in for the build system that the source asks for, while it is downloaded.

pip keeps a source only after its build system has told its metadata. Here is what the source says of itself (PKG-INFO), so that
nothing that is not pinned is downloaded and run for it. recipe.sh builds it, not pip.
"""

from pathlib import Path


def prepare_metadata_for_build_wheel(directory, _settings=None):
    info = Path(directory, "pydantic_core.dist-info")
    info.mkdir()
    (info / "METADATA").write_bytes(Path("PKG-INFO").read_bytes())
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: isolet\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
    return info.name
