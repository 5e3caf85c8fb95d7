#!/usr/bin/env python3
"""What of a file tree is not in an older one: delta.py OLD.tar NEW.tar DELTA.tar

Laid over OLD, DELTA makes NEW. The times of directories are not compared: all in the archives are the same. A file that is gone
cannot be told that way, nor a directory that became a file: then the answer is 1, and OLD has had its day.
"""

import sys
import tarfile


def entries(tar):
    """Name -> (member, what is compared)."""
    found = {}
    for member in tar:
        content = tar.extractfile(member).read() if member.isfile() else b""
        found[member.name] = (member, (member.type, member.mode, member.uid, member.gid, member.linkname, content))
    return found


def main(old_path, new_path, delta_path):
    with tarfile.open(old_path) as old_tar, tarfile.open(new_path) as new_tar:
        old, new = entries(old_tar), entries(new_tar)
        gone = sorted(old.keys() - new.keys())
        turned = [name for name in old.keys() & new.keys() if old[name][0].type != new[name][0].type]
        if gone or turned:
            print(f"delta.py: gone, or something else now: {[*gone, *turned][:5]}", file=sys.stderr)
            return 1
        changed = sorted(name for name in new if name not in old or old[name][1] != new[name][1])
        with tarfile.open(delta_path, "w", format=tarfile.USTAR_FORMAT) as delta:
            for name in changed:
                member = new[name][0]
                delta.addfile(member, new_tar.extractfile(member) if member.isfile() else None)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
