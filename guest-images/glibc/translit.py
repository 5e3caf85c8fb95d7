"""Writes glibc's transliterations (of C.UTF-8: combining, neutral and the built-in ones) as a sorted C table.

translit.py GLIBC > translit.h
"""

import re
import sys
from pathlib import Path

source = Path(sys.argv[1])
found = []


def text(field):
    """The characters of `<U0041><U0042>`, with or without quotes."""
    return "".join(chr(int(code, 16)) for code in re.findall(r"<U([0-9A-F]+)>", field))


for name in ("translit_combining", "translit_neutral"):
    inside = False
    for line in (source / "localedata/locales" / name).read_text().splitlines():
        if line.startswith(("translit_start", "translit_end")):
            inside = line.startswith("translit_start")
        match = inside and re.match(r"<U([0-9A-F]+)>\s+(.+)", line)
        if match:
            choices = match[2].split("%")[0].strip().split(";")
            found += [(int(match[1], 16), len(found) + n, text(choice)) for n, choice in enumerate(choices)]
for line in (source / "locale/C-translit.h.in").read_text().splitlines():
    match = re.match(r'"\\x([0-9a-f]+)"\s+"(.*)"\s+#', line)
    if match:
        # Other escapes there are those of C.
        found.append((int(match[1], 16), len(found), match[2].encode().decode("unicode_escape")))

for character, _, choice in sorted(found):
    octets = "".join(f"\\{byte:03o}" for byte in choice.encode())
    print(f'{{ {character:#x}, "{octets}" }},')
