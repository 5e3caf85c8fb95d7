"""Does with terminals what programs do and prints what came of it: run on Linux and in a sandbox, the answers are the same."""

import errno
import fcntl
import os
import select
import struct
import termios
import threading
import time


def show(case):
    try:
        answer = case()
    except OSError as error:
        answer = errno.errorcode.get(error.errno, error.errno)
    print(case.__name__, answer, flush=True)


def code(call, *arguments):
    try:
        return call(*arguments)
    except (OSError, termios.error) as error:
        return errno.errorcode[error.args[0]]


def read(descriptor, count):
    """Reads exactly so many bytes, however they come."""
    got = b""
    while len(got) < count:
        got += os.read(descriptor, count - len(got))
    return got


def wait(descriptor):
    """Until there is something to read."""
    select.select([descriptor], [], [])


def raw(minimum, time):
    master, terminal = os.openpty()
    attributes = termios.tcgetattr(terminal)
    attributes[0] = attributes[1] = attributes[3] = 0
    attributes[6][termios.VMIN], attributes[6][termios.VTIME] = minimum, time
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
    return master, terminal


@show
def lines():
    master, terminal = os.openpty()
    kind = os.isatty(master), os.isatty(terminal), os.ttyname(terminal)[:9]
    os.write(master, b"hello\x7fp\rnext\x04")
    typed = os.read(terminal, 100), os.read(terminal, 100)
    echo = read(master, 15)
    os.write(terminal, b"a\nb")
    return kind, typed, echo, read(master, 4)


@show
def settings():
    master, terminal = os.openpty()
    attributes = termios.tcgetattr(terminal)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    status = os.fstat(terminal)
    return (attributes[:4], attributes[6][:17], os.get_terminal_size(terminal), os.major(status.st_rdev),
            status.st_rdev == os.stat(os.ttyname(terminal)).st_rdev, code(os.tcgetpgrp, terminal),
            code(termios.tcgetattr, os.pipe()[0]), code(os.get_terminal_size, os.open(".", os.O_RDONLY)))


@show
def hang_up_of_the_master():
    master, terminal = os.openpty()
    os.close(master)
    poll = select.poll()
    poll.register(terminal, select.POLLIN | select.POLLOUT)
    ready = [bits for _, bits in poll.poll(0)]
    return ready, os.read(terminal, 1), code(os.write, terminal, b"x"), code(termios.tcgetattr, terminal)


@show
def close_of_the_terminal():
    master, terminal = os.openpty()
    os.write(terminal, b"left")
    os.close(terminal)
    poll = select.poll()
    poll.register(master, select.POLLIN)
    return read(master, 4), code(os.read, master, 1), [bits for _, bits in poll.poll(0)]


@show
def counts_and_times():
    answers = []
    master, terminal = raw(0, 0)
    answers.append(os.read(terminal, 10))
    os.write(master, b"ab")
    wait(terminal)
    answers.append(os.read(terminal, 10))
    master, terminal = raw(0, 2)
    began = time.monotonic()
    answers += [os.read(terminal, 10), time.monotonic() - began >= 0.15]
    master, terminal = raw(3, 0)
    os.write(master, b"ab")
    answers.append(select.select([terminal], [], [], 0)[0])
    thread = threading.Timer(0.05, os.write, (master, b"c"))
    thread.start()
    answers.append(os.read(terminal, 10))
    os.write(master, b"de")
    answers.append(os.read(terminal, 2))
    master, terminal = raw(5, 1)
    os.write(master, b"ab")
    answers.append(os.read(terminal, 10))
    master, terminal = raw(1, 0)
    os.set_blocking(terminal, False)
    return answers, code(os.read, terminal, 1)


@show
def flushing():
    master, terminal = os.openpty()
    os.write(master, b"typed\n")
    wait(terminal)
    termios.tcflush(terminal, termios.TCIFLUSH)
    os.write(master, b"more\n")
    return os.read(terminal, 100)


@show
def stopping():
    master, terminal = os.openpty()
    os.set_blocking(terminal, False)
    termios.tcflow(terminal, termios.TCOOFF)
    held = code(os.write, terminal, b"held")
    termios.tcflow(terminal, termios.TCOON)
    return held, os.write(terminal, b"shown"), read(master, 5)


@show
def switching_while_typing():
    """No byte is lost or out of its place, whatever the modes are when it comes."""
    master, terminal = os.openpty()
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~(termios.ECHO | termios.ISIG)
    typed = b"".join(b"%d word\r" % number for number in range(300))

    def keys():
        for start in range(0, len(typed), 7):
            os.write(master, typed[start:start + 7])

    typist = threading.Thread(target=keys)
    typist.start()
    got, rounds, bound = b"", 0, time.monotonic() + 120
    while len(got) < len(typed) and time.monotonic() < bound:
        rounds += 1
        attributes[3] ^= termios.ICANON if rounds % 3 else 0
        attributes[0] ^= termios.ICRNL if rounds % 5 else 0
        termios.tcsetattr(terminal, termios.TCSADRAIN if rounds % 2 else termios.TCSANOW, attributes)
        if select.select([terminal], [], [], 0)[0]:
            got += os.read(terminal, 1 + rounds % 100)
    typist.join()
    return len(got) - len(typed), got.replace(b"\n", b"\r") == typed
