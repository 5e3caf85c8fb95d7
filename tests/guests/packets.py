"""Sends datagrams with control messages (RFC 3542, ip(7)) and prints what arrives with them: run on Linux and in a sandbox, the answers
are the same. Every datagram is there once it is sent: it goes over the loopback interface."""

import errno
import mmap
import socket
import struct

V6, V4, LEVEL = socket.IPPROTO_IPV6, socket.IPPROTO_IP, socket.SOL_SOCKET
RECVPKTINFO, PKTINFO, RECVHOPLIMIT, HOPLIMIT, RECVTCLASS, TCLASS = 49, 50, 51, 52, 66, 67
IP_TOS, IP_TTL, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS = 1, 2, 8, 12, 13
UDP, UDP_SEGMENT, UDP_GRO = socket.IPPROTO_UDP, 103, 104
LOOPBACK = socket.inet_pton(socket.AF_INET6, "::1")
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.2")
ROOM = 1000


def show(case):
    print(case.__name__, *case(), sep="\n  ", flush=True)


def code(call, *arguments):
    """The error's name, or the result."""
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def word(number):
    return struct.pack("=i", number)


def receiver(family, options, address=None):
    taker = socket.socket(family, socket.SOCK_DGRAM)
    for level, name in options:
        taker.setsockopt(level, name, 1)
    taker.bind((address or ("::" if family == socket.AF_INET6 else "0.0.0.0"), 0))
    return taker


def heard(taker, room=ROOM, flags=0):
    """What comes with the next datagram."""
    taker.setblocking(False)
    answer = code(taker.recvmsg, 10, room, flags)
    return answer if isinstance(answer, str) else (answer[0], answer[1], answer[2])


ALL_V6 = [(V6, RECVPKTINFO), (V6, RECVHOPLIMIT), (V6, RECVTCLASS)]
ALL_V4 = [(V4, IP_PKTINFO), (V4, IP_RECVTTL), (V4, IP_RECVTOS)]


@show
def options():
    taker = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for level, name in ALL_V6 + ALL_V4:
        before = taker.getsockopt(level, name)
        taker.setsockopt(level, name, 7)
        yield level, name, before, taker.getsockopt(level, name)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    for level, name in ALL_V6:
        yield name, code(other.setsockopt, level, name, 1), code(stream.setsockopt, level, name, 1)


@show
def over_ipv6():
    for options in [[], *([one] for one in ALL_V6), ALL_V6, ALL_V6 + ALL_V4]:
        taker = receiver(socket.AF_INET6, options)
        sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        to = ("::1", taker.getsockname()[1])
        sender.sendto(b"as it is", to)
        sender.setsockopt(V6, socket.IPV6_UNICAST_HOPS, 9)
        sender.setsockopt(V6, socket.IPV6_TCLASS, 40)
        sender.sendto(b"options", to)
        sender.sendmsg([b"messages"], [(V6, HOPLIMIT, word(3)), (V6, TCLASS, word(17))], 0, to)
        sender.sendmsg([b"usual"], [(V6, HOPLIMIT, word(-1))], 0, to)
        sender.sendmsg([b"of IPv4"], [(V4, IP_TTL, word(3)), (V4, 99, b"?")], 0, to)
        sender.sendmsg([b"from"], [(V6, PKTINFO, LOOPBACK + word(1))], 0, to)
        yield from (heard(taker) for _ in range(7))


@show
def over_ipv4():
    for family in (socket.AF_INET, socket.AF_INET6):
        for options in ([], ALL_V4[:1], ALL_V4[1:2], ALL_V4[2:], ALL_V4):
            taker = receiver(family, options + ([(V6, RECVPKTINFO)] if family == socket.AF_INET6 else []))
            port = taker.getsockname()[1]
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            to = ("127.0.0.1", port)
            sender.sendto(b"as it is", to)
            sender.setsockopt(V4, IP_TTL, 9)
            sender.setsockopt(V4, IP_TOS, 40)
            sender.sendto(b"options", ("127.0.0.3", port))
            sender.sendmsg([b"messages"], [(V4, IP_TTL, word(3)), (V4, IP_TOS, b"\x14")], 0, to)
            sender.sendmsg([b"a word"], [(V4, IP_TOS, word(12))], 0, to)
            sender.sendmsg([b"of IPv6"], [(V6, HOPLIMIT, word(3))], 0, to)
            both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            both.sendmsg([b"mapped"], [(V6, PKTINFO, MAPPED + word(0)), (V4, IP_TTL, word(5))], 0, ("::ffff:127.0.0.1", port))
            yield from (heard(taker) for _ in range(7))


@show
def whom_from():
    taker = receiver(socket.AF_INET, [])
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to = ("127.0.0.1", taker.getsockname()[1])
    for index, address in ((0, "127.0.0.9"), (1, "127.0.0.8"), (1, "0.0.0.0")):
        information = word(index) + bytes(4) + socket.inet_aton(address)
        yield code(sender.sendmsg, [b"x"], [(V4, IP_PKTINFO, information)], 0, to)
        information = word(index) + socket.inet_aton(address) + bytes(4)
        yield code(sender.sendmsg, [b"x"], [(V4, IP_PKTINFO, information)], 0, to)
        yield taker.recvfrom(1)[1][0], taker.recvfrom(1)[1][0]


@show
def wrong_ones():
    taker = receiver(socket.AF_INET6, [])
    to = ("::1", taker.getsockname()[1])
    sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for kind in (HOPLIMIT, TCLASS):
        for data in (word(256), word(-2), word(0), b"", b"\x01", word(1) + b"\0", word(1) * 2):
            yield kind, data, code(sender.sendmsg, [b"x"], [(V6, kind, data)], 0, to)
    nobody = socket.inet_pton(socket.AF_INET6, "2001:db8::5")
    for data in (LOOPBACK, LOOPBACK + word(1) + b"\0", LOOPBACK + word(9999), nobody + word(0), MAPPED + word(0)):
        yield data, code(sender.sendmsg, [b"x"], [(V6, PKTINFO, data)], 0, to)
    yield code(sender.sendmsg, [b"x"], [(V6, 199, b"")], 0, to)
    yield code(sender.sendmsg, [b"x"], [(LEVEL, 199, b"")], 0, to)
    yield code(sender.sendmsg, [b"x"], [(LEVEL, socket.SCM_RIGHTS, word(0))], 0, to)
    old = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to = ("127.0.0.1", receiver(socket.AF_INET, []).getsockname()[1])
    for kind, data in [(IP_TTL, word(0)), (IP_TTL, word(256)), (IP_TTL, b"\x05"), (IP_TOS, word(256)), (IP_TOS, b""), (IP_PKTINFO, word(0)), (99, b"")]:
        yield kind, data, code(old.sendmsg, [b"x"], [(V4, kind, data)], 0, to)


@show
def segments():
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        taker, sender = receiver(family, []), socket.socket(family, socket.SOCK_DGRAM)
        to = (host, taker.getsockname()[1])
        yield sender.getsockopt(UDP, UDP_SEGMENT), sender.getsockopt(UDP, UDP_GRO)
        for size in (0, 1, 4, 10, 11, 1400):
            yield size, code(sender.sendmsg, [b"0123", b"456789"], [(UDP, UDP_SEGMENT, struct.pack("=H", size))], 0, to)
            yield from iter(lambda: heard(taker), "EAGAIN")
        sender.setsockopt(UDP, UDP_SEGMENT, 3)
        sender.setsockopt(UDP, UDP_GRO, 7)
        yield sender.getsockopt(UDP, UDP_SEGMENT), sender.getsockopt(UDP, UDP_GRO)
        yield code(sender.sendto, b"1234567", to), code(sender.sendto, b"", to)
        sender.connect(to)
        yield code(sender.send, b"abcd"), code(sender.sendmsg, [b"whole"], [(UDP, UDP_SEGMENT, b"\0\0")])
        yield from iter(lambda: heard(taker), "EAGAIN")
        yield code(sender.send, b"x" * 3 * 129), code(sender.send, b"x" * 65536), heard(taker)
        for kind, data in ((UDP_SEGMENT, b""), (UDP_SEGMENT, b"\x01"), (UDP_SEGMENT, word(1)), (UDP_GRO, word(1)), (1, word(1)), (199, b"")):
            yield kind, data, code(sender.sendmsg, [b"x"], [(UDP, kind, data)])
        for value in (-1, 65535, 65536):
            yield value, code(sender.setsockopt, UDP, UDP_SEGMENT, value), sender.getsockopt(UDP, UDP_SEGMENT)
        yield heard(taker)
        stream = socket.socket(family, socket.SOCK_STREAM)
        yield code(stream.setsockopt, UDP, UDP_SEGMENT, 3), code(stream.getsockopt, UDP, UDP_SEGMENT)


@show
def little_room():
    taker = receiver(socket.AF_INET6, ALL_V6)
    sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    header, first = socket.CMSG_LEN(0), socket.CMSG_SPACE(20)
    for room in (0, 1, header - 1, header, header + 1, socket.CMSG_LEN(20), first, first + header + 3, first + socket.CMSG_SPACE(4)):
        sender.sendto(b"x" * 20, ("::1", taker.getsockname()[1]))
        content, controls, flags, _ = taker.recvmsg(10, room, socket.MSG_PEEK)
        yield heard(taker, room), flags, controls


@show
def streams():
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    client = socket.create_connection(listener.getsockname()[:2])
    server = listener.accept()[0]
    for level, name in ALL_V6:
        server.setsockopt(level, name, 1)
    sent = [
        code(client.sendmsg, [b"x"], [(V6, HOPLIMIT, word(300))]),
        code(client.sendmsg, [b"x"], [(V4, IP_TTL, word(300))]),
        code(client.sendmsg, [b"x"], [(LEVEL, socket.SCM_RIGHTS, b"")]),
        code(client.sendmsg, [b"x"], [(LEVEL, 199, b"")]),
    ]
    yield sent, server.recvmsg(10, ROOM)[:3]


@show
def advice():
    size = mmap.PAGESIZE * 2
    for mapping in (mmap.mmap(-1, size), mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)):
        mapping[:4] = b"here"
        hints = [mmap.MADV_NORMAL, mmap.MADV_RANDOM, mmap.MADV_SEQUENTIAL, mmap.MADV_WILLNEED, 11, 19]
        yield [code(mapping.madvise, advice) for advice in hints], code(mapping.madvise, 0, 0, 1), code(mapping.madvise, 0, 0, 0)
        yield code(mapping.madvise, 0, 1), code(mapping.madvise, 77), mapping[:4]
    yield code(mmap.mmap(-1, size).madvise, 8)
