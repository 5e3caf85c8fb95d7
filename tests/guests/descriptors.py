"""Does with descriptors what programs do and prints what came of it: run on Linux and in a sandbox, the answers are the same."""

import array
import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

folder = tempfile.mkdtemp()
os.chdir(folder)


def show(case):
    try:
        answer = case()
    except OSError as error:
        answer = errno.errorcode.get(error.errno, error.errno)
    print(case.__name__, answer, flush=True)


def code(call, *arguments):
    """The error's name, or the result."""
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def file(name, flags=os.O_RDWR | os.O_CREAT, content=None):
    descriptor = os.open(name, flags, 0o600)
    if content is not None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
    return descriptor


@show
def pipes():
    reader, writer = os.pipe()
    os.write(writer, b"hello")
    waiting = array.array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, waiting)
    sizes = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ), fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 100000)
    wrong = code(os.read, writer, 1), code(os.write, reader, b"x"), code(os.lseek, reader, 0, 1)
    got = os.read(reader, 3), os.read(reader, 10)
    os.close(writer)
    ended = os.read(reader, 1)
    reader, writer = os.pipe()
    os.close(reader)
    return waiting[0], sizes, wrong, got, ended, code(os.write, writer, b"x")


@show
def full_pipe():
    reader, writer = os.pipe2(os.O_NONBLOCK)
    written = 0
    while (more := code(os.write, writer, bytes(4096))) != "EAGAIN":
        written += more
    os.read(reader, 4095)
    return written, code(os.write, writer, bytes(4096)), code(os.read, os.pipe2(os.O_NONBLOCK)[0], 1)


@show
def offsets():
    one = file("offsets", content=b"0123456789")
    answers = [os.lseek(one, 0, 1), os.pread(one, 4, 3), os.pwrite(one, b"AB", 2), os.lseek(one, -3, 2)]
    answers += [os.read(one, 100), os.read(one, 5), os.lseek(one, 5, 0)]
    copy = os.dup(one)
    os.read(copy, 2)
    answers += [os.lseek(one, 0, 1), os.preadv(one, [bytearray(2), bytearray(3)], 1)]
    answers += [os.writev(one, [b"xx", b"", b"yyy"]), os.lseek(one, 0, 1)]
    end = os.open("offsets", os.O_WRONLY | os.O_APPEND)
    os.write(end, b"Z")
    answers += [os.lseek(end, 0, 1), os.pread(one, 100, 0), code(os.lseek, one, -50, 1)]
    answers += [os.lseek(one, 3, os.SEEK_DATA), os.lseek(one, 3, os.SEEK_HOLE), code(os.lseek, one, 99, os.SEEK_DATA)]
    return answers


@show
def modes():
    file("modes", content=b"x")
    only_read, only_write = os.open("modes", os.O_RDONLY), os.open("modes", os.O_WRONLY)
    path = os.open("modes", os.O_PATH)
    folder = os.open(".", os.O_RDONLY)
    return (code(os.write, only_read, b"x"), code(os.read, only_write, 1), code(os.read, path, 1),
            code(os.read, folder, 1), code(os.dup, 900), code(os.close, 900))


@show
def copying():
    source, target = file("source", content=b"0123456789"), file("target", content=b"")
    sent = os.sendfile(target, source, 2, 5)
    copied = os.copy_file_range(source, target, 4, 1, 10)
    return (sent, copied, os.lseek(source, 0, 1), os.lseek(target, 0, 1), os.pread(target, 100, 0),
            code(os.sendfile, target, os.pipe()[0], None, 5))


@show
def duplicates():
    null = os.open("/dev/null", os.O_RDONLY)
    numbers = [fcntl.fcntl(null, fcntl.F_DUPFD, 100), fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, 100)]
    flags = [fcntl.fcntl(number, fcntl.F_GETFD) for number in numbers]
    return numbers, flags, os.dup2(null, 200), os.get_inheritable(200), os.dup2(null, null) == null


@show
def counters():
    event = os.eventfd(3, os.EFD_NONBLOCK)
    answers = [os.eventfd_read(event), code(os.eventfd_read, event)]
    os.eventfd_write(event, 5)
    os.eventfd_write(event, 6)
    semaphore = os.eventfd(2, os.EFD_SEMAPHORE)
    return answers, os.eventfd_read(event), [os.eventfd_read(semaphore) for _ in range(2)]


@show
def memory_file():
    memory = os.memfd_create("name")
    os.write(memory, b"abc")
    return os.pread(memory, 9, 0), os.readlink(f"/proc/self/fd/{memory}"), os.fstat(memory).st_size


@show
def devices():
    opened = {name: os.open("/dev/" + name, os.O_RDWR) for name in ("null", "zero", "full", "urandom")}
    read = {name: len(os.read(descriptor, 4)) for name, descriptor in opened.items()}
    written = {name: code(os.write, descriptor, b"abc") for name, descriptor in opened.items()}
    return read, written, os.lseek(opened["null"], 5, 0)


@show
def named_pipe():
    os.mkfifo("fifo")
    early = code(os.open, "fifo", os.O_WRONLY | os.O_NONBLOCK)
    writer = threading.Thread(target=lambda: open("fifo", "wb").write(b"through"))
    writer.start()
    with open("fifo", "rb") as reader:
        got = reader.read()
    writer.join()
    return early, got


@show
def polling():
    reader, writer = os.pipe()
    poll = select.poll()
    poll.register(reader, select.POLLIN | select.POLLOUT)
    poll.register(writer, select.POLLOUT)
    seen = [[bits for _, bits in poll.poll(0)]]
    os.write(writer, b"1")
    seen.append([bits for _, bits in poll.poll(0)])
    os.close(writer)
    seen.append([bits for _, bits in poll.poll(0)])
    return seen


@show
def selecting():
    reader, writer = os.pipe()
    sets = [select.select([reader], [writer], [], 0), select.select([reader], [], [], 0.01)]
    os.write(writer, b"x")
    sets.append(select.select([reader], [writer], [reader, writer]))
    return [[len(part) for part in answer] for answer in sets]


@show
def watching():
    epoll, (reader, writer) = select.epoll(), os.pipe()
    events = lambda: [bits for _, bits in epoll.poll(0)]
    epoll.register(reader, select.EPOLLIN)
    seen = [events()]
    os.write(writer, b"x")
    seen += [events(), events()]
    epoll.modify(reader, select.EPOLLIN | select.EPOLLET)
    seen += [events(), events()]
    os.write(writer, b"y")
    seen += [events(), events()]
    epoll.modify(reader, select.EPOLLIN | select.EPOLLONESHOT)
    seen += [events(), events()]
    os.close(writer)
    epoll.modify(reader, select.EPOLLIN)
    seen += [events(), code(epoll.register, reader), code(epoll.register, os.open(".", os.O_RDONLY))]
    epoll.unregister(reader)
    return seen, code(epoll.unregister, reader)


@show
def nested_watching():
    outer, inner, (reader, writer) = select.epoll(), select.epoll(), os.pipe()
    inner.register(reader, select.EPOLLIN)
    outer.register(inner.fileno(), select.EPOLLIN)
    before = outer.poll(0)
    os.write(writer, b"x")
    return before, len(outer.poll()), code(inner.register, outer.fileno()), code(inner.register, inner.fileno())


@show
def whole_file_locks():
    one, two = file("lock"), file("lock")
    fcntl.flock(one, fcntl.LOCK_EX)
    answers = [code(fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)]
    fcntl.flock(one, fcntl.LOCK_SH)
    answers.append(code(fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB))
    os.close(one)
    return answers, code(fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)


@show
def record_locks():
    one = file("records", content=bytes(100))
    fcntl.lockf(one, fcntl.LOCK_EX, 10, 5)
    fcntl.lockf(one, fcntl.LOCK_SH, 10, 50)
    child = """
import errno, fcntl, os, struct
one = os.open("records", os.O_RDWR)
asked = fcntl.fcntl(one, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
kind, whence, start, length, pid = struct.unpack("hhqqi4x", asked)
print(kind == fcntl.F_WRLCK, whence, start, length, pid == os.getppid())
for how, at in ((fcntl.LOCK_EX, 0), (fcntl.LOCK_EX, 14), (fcntl.LOCK_EX, 15), (fcntl.LOCK_SH, 55), (fcntl.LOCK_EX, 55)):
    try:
        fcntl.lockf(one, how | fcntl.LOCK_NB, 1, at)
        print("locked")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    held = subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE, check=True).stdout.split()
    # Closing any descriptor of the file gives the locks up.
    os.close(os.open("records", os.O_RDONLY))
    free = subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE, check=True).stdout.split()
    return held, free[-5:]


@show
def socket_pair():
    one, two = socket.socketpair()
    one.sendall(b"0123456789")
    answers = [two.recv(4), two.recv(100, socket.MSG_PEEK), two.recv(100), one.getsockname(), two.getpeername()]
    pid, uid, gid = struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    answers.append((pid == os.getpid(), uid == os.getuid(), gid == os.getgid()))
    two.setblocking(False)
    answers.append(code(two.recv, 1))
    one.shutdown(socket.SHUT_WR)
    answers += [two.recv(1), two.send(b"back"), one.recv(9), code(one.send, b"x")]
    two.close()
    return answers, one.recv(1)


@show
def bound_sockets():
    listener, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    listener.bind("door")
    early = code(client.connect, "door")
    listener.listen(1)
    client.connect("door")
    connection, address = listener.accept()
    client.sendall(b"abc")
    answers = [early, oct(os.stat("door").st_mode), address, client.getpeername(), connection.recv(10)]
    other = socket.socket(socket.AF_UNIX)
    answers += [code(other.bind, "door"), code(client.connect, "door"), code(os.open, "door", os.O_RDWR)]
    listener.close()
    file("no-socket")
    answers += [code(other.connect, name) for name in ("door", "no-socket", "missing")]
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0isolet-{os.getpid()}")
    abstract.listen()
    other.connect(f"\0isolet-{os.getpid()}")
    return answers, other.getpeername()[:8]


@show
def messages():
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for message in (b"one", b"two", b""):
        one.send(message)
    answers = [two.recv(2), two.recv(10), two.recv(10)]
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.send(b"abc")
    text, _, flags, _ = two.recvmsg(2)
    one.close()
    return answers, text, flags == socket.MSG_TRUNC, two.recv(1)


@show
def passed_descriptors():
    (one, two), (reader, writer) = socket.socketpair(), os.pipe()
    socket.send_fds(one, [b"take"], [reader, writer])
    text, passed, flags, _ = socket.recv_fds(two, 100, 5)
    os.write(passed[1], b"through")
    answers = [text, len(passed), flags, os.read(reader, 10), [os.get_inheritable(each) for each in passed]]
    socket.send_fds(one, [b"dropped"], [reader])
    text, control, flags, _ = two.recvmsg(10)
    answers += [text, control, flags == socket.MSG_CTRUNC]
    two.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    one.send(b"c")
    _, [(level, kind, said)], _, _ = two.recvmsg(10, 100)
    return answers, level, kind, struct.unpack("3i", said) == (os.getpid(), os.getuid(), os.getgid())


@show
def blocking():
    reader, writer = os.pipe()
    big = 300_000
    thread = threading.Thread(target=os.write, args=(writer, bytes(big)))
    thread.start()
    got = 0
    while got < big:
        got += len(os.read(reader, 7777))
    thread.join()
    one, two = socket.socketpair()
    thread = threading.Thread(target=one.sendall, args=(bytes(big),))
    thread.start()
    received = two.recv(big, socket.MSG_WAITALL)
    thread.join()
    return got, len(received)


@show
def interrupted():
    class Interrupt(Exception):
        pass

    def interrupt(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise Interrupt

    signal.signal(signal.SIGALRM, interrupt)
    ended, (one, _other) = [], socket.socketpair()
    for wait in (lambda: os.read(os.pipe()[0], 1), lambda: select.select([], [], [], 60),
                 lambda: one.recv(1), lambda: select.epoll().poll(60)):
        with contextlib.suppress(Interrupt):
            # Once more for one that comes when the wait is not reached yet.
            signal.setitimer(signal.ITIMER_REAL, 0.02, 2)
            wait()
            ended.append("returned")
        ended.append("interrupted")
    return ended


@show
def bad_arguments():
    return code(socket.socket, 99), code(os.pipe2, 0o1), code(os.eventfd, 0, 0o2), code(fcntl.fcntl, 0, 4711)
