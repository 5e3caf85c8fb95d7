#!/usr/bin/env python3
"""Records what a Linux pseudo-terminal does to bytes: the expectations of src/process/line_discipline.rs's tests.

    python3 terminal-linux.py > terminal-linux.txt

One case a line: iflag oflag lflag (octal), then steps and their results.
    T<hex>         typed into the master
    W<hex>         written by the program
    R<n>=<hex>     read by the program, at most n bytes; "-" for EAGAIN
    M=<hex>        everything the master could read
    L<octal>       the local flags become these
The sleeps let the kernel's worker hand bytes over; they decide nothing in the tests.
"""
import errno
import os
import random
import termios
import time

ICRNL, INLCR, IGNCR, ISTRIP, IXON, IUTF8, IUCLC = 0o400, 0o100, 0o200, 0o40, 0o2000, 0o40000, 0o1000
OPOST, ONLCR, OCRNL, ONOCR, ONLRET, OLCUC, TABS = 1, 4, 0o10, 0o20, 0o40, 2, 0o14000
ISIG, ICANON, ECHO, ECHOE, ECHOK, ECHONL = 1, 2, 0o10, 0o20, 0o40, 0o100
NOFLSH, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN = 0o200, 0o1000, 0o2000, 0o4000, 0o100000
USUAL = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN

TYPED = [b"a", b"b", b"z_9", b" ", b"word ", b"\t", b"\r", b"\n", b"\x7f", b"\x7f\x7f", b"\x15", b"\x17", b"\x16",
         b"\x04", b"\x03", b"\x1c", b"\x1a", b"\x12", b"\x01", b"\x1b[A", b"\x11", b"\xc3\xa9", b"\xe2\x82\xac", b"\xff",
         b"\x80", b"A", b"\x08", b"\x00"]
WRITTEN = [b"out", b"line\n", b"\t", b"a\tb", b"\r", b"back\b\b", b"\x1b[1m", b"\xc3\xa9x", b"$ ", b"Up\n\n"]


def settings(rng):
    iflag, oflag, lflag = ICRNL | IXON, OPOST | ONLCR, USUAL
    if rng.random() < 0.3:
        return iflag, oflag, lflag
    for flag in (ICRNL, INLCR, IGNCR, ISTRIP, IUTF8, IUTF8, IUCLC):
        if rng.random() < 0.2:
            iflag ^= flag
    for flag in (OPOST, ONLCR, OCRNL, ONOCR, ONLRET, OLCUC, TABS):
        if rng.random() < 0.15:
            oflag ^= flag
    for flag in (ISIG, ICANON, ICANON, ECHO, ECHOE, ECHOK, ECHONL, NOFLSH, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN):
        if rng.random() < 0.15:
            lflag ^= flag
    return iflag, oflag, lflag


def read_all(fd):
    got = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EIO):
                return got
            raise
        if not part:
            return got
        got += part


def read_some(fd, size):
    try:
        return os.read(fd, size).hex()
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return "-"
        raise


def case(rng):
    master, replica = os.openpty()
    os.set_blocking(master, False)
    os.set_blocking(replica, False)
    iflag, oflag, lflag = settings(rng)
    attributes = termios.tcgetattr(replica)
    attributes[0], attributes[1], attributes[3] = iflag, oflag, lflag
    termios.tcsetattr(replica, termios.TCSANOW, attributes)
    steps = [f"{iflag:o} {oflag:o} {lflag:o}"]
    for _ in range(rng.randint(2, 9)):
        choice = rng.random()
        if choice < 0.6:
            typed = b"".join(rng.choice(TYPED) for _ in range(rng.randint(1, 8)))
            os.write(master, typed)
            steps.append("T" + typed.hex())
            time.sleep(0.012)
        elif choice < 0.7:
            written = rng.choice(WRITTEN)
            os.write(replica, written)
            steps.append("W" + written.hex())
        elif choice < 0.77:
            time.sleep(0.012)
            attributes[3] ^= rng.choice([ICANON, ICANON, ECHO, ISIG, IEXTEN])
            termios.tcsetattr(replica, termios.TCSANOW, attributes)
            steps.append(f"L{attributes[3]:o}")
        elif choice < 0.88:
            size = rng.choice([1, 2, 3, 5, 100])
            steps.append(f"R{size}={read_some(replica, size)}")
        else:
            time.sleep(0.012)
            steps.append("M=" + read_all(master).hex())
    time.sleep(0.012)
    steps.append("M=" + read_all(master).hex())
    for _ in range(3):
        steps.append(f"R100={read_some(replica, 100)}")
    os.close(master)
    os.close(replica)
    return " ".join(steps)


def main():
    rng = random.Random(20260)
    print(f"# {os.uname().sysname} {os.uname().release.split('-')[0]}")
    for _ in range(600):
        print(case(rng))


main()
