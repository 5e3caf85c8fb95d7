# What setsockopt and getsockopt say of each option: defaults, ranges, which sockets have it.
# image: python
cat > options.py <<'END'
import errno, socket, struct
S = socket
KINDS = {"tcp": (S.AF_INET, S.SOCK_STREAM), "udp": (S.AF_INET, S.SOCK_DGRAM), "tcp6": (S.AF_INET6, S.SOCK_STREAM)}
OPTIONS = [
    (S.SOL_SOCKET, "SO_REUSEADDR", [1, 0, 7]), (S.SOL_SOCKET, "SO_REUSEPORT", [1, 0, -1]), (S.SOL_SOCKET, "SO_KEEPALIVE", [1, 0]),
    (S.SOL_SOCKET, "SO_OOBINLINE", [1, 0]), (S.SOL_SOCKET, "SO_BROADCAST", [1, 0]), (S.SOL_SOCKET, "SO_DONTROUTE", [1, 0]),
    (S.SOL_SOCKET, "SO_TYPE", [1]), (S.SOL_SOCKET, "SO_PROTOCOL", [1]), (S.SOL_SOCKET, "SO_DOMAIN", [1]),
    (S.SOL_SOCKET, "SO_ERROR", [0]), (S.SOL_SOCKET, "SO_ACCEPTCONN", [1]),
    (S.SOL_SOCKET, "SO_RCVLOWAT", [100, 0]), (S.SOL_SOCKET, "SO_PRIORITY", [6, 0]),
    (S.SOL_SOCKET, "SO_RCVBUF", [65536, 0, 1]), (S.SOL_SOCKET, "SO_SNDBUF", [65536, 0, 1]),
    (S.IPPROTO_TCP, "TCP_NODELAY", [1, 0, 5]), (S.IPPROTO_TCP, "TCP_CORK", [1, 0]),
    (S.IPPROTO_TCP, "TCP_KEEPIDLE", [60, 0, 32767, 32768, -1]), (S.IPPROTO_TCP, "TCP_KEEPINTVL", [5, 0, 32768]),
    (S.IPPROTO_TCP, "TCP_KEEPCNT", [3, 0, 127, 128]), (S.IPPROTO_TCP, "TCP_SYNCNT", [2, 0, 128]),
    (S.IPPROTO_TCP, "TCP_USER_TIMEOUT", [1000, -1]), (S.IPPROTO_TCP, "TCP_MAXSEG", [500, 1, 40000]),
    (S.IPPROTO_IP, "IP_TOS", [16, 0]), (S.IPPROTO_IP, "IP_TTL", [10, 0, 256, -1]),
    (S.IPPROTO_IP, "IP_MULTICAST_TTL", [3, 256]), (S.IPPROTO_IP, "IP_MULTICAST_LOOP", [0, 1]),
    (S.IPPROTO_IPV6, "IPV6_V6ONLY", [1, 0]), (S.IPPROTO_IPV6, "IPV6_UNICAST_HOPS", [10, -1, 256]),
]
def told(work):
    try:
        return str(work())
    except OSError as error:
        return errno.errorcode[error.errno]
for kind, (family, type_) in KINDS.items():
    for level, name, values in OPTIONS:
        number = getattr(S, name)
        with S.socket(family, type_) as one:
            said = [told(lambda: one.getsockopt(level, number)) if name not in ("SO_RCVBUF", "SO_SNDBUF", "TCP_MAXSEG") else "-"]
            for value in values:
                said.append(f"{value}:{told(lambda: one.setsockopt(level, number, value))}:{told(lambda: one.getsockopt(level, number))}")
            print(kind, name, *said)
with S.socket() as one:
    linger = lambda: struct.unpack("ii", one.getsockopt(S.SOL_SOCKET, S.SO_LINGER, 8))
    print("linger", linger())
    for on, seconds in [(1, 0), (1, 30), (0, 5), (7, 3)]:
        one.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", on, seconds))
        print("linger", on, seconds, linger())
    print("linger", told(lambda: one.setsockopt(S.SOL_SOCKET, S.SO_LINGER, b"1234")))
    print("short", told(lambda: one.setsockopt(S.SOL_SOCKET, S.SO_KEEPALIVE, b"12")))
    print("unknown", told(lambda: one.setsockopt(S.SOL_SOCKET, 9999, 1)), told(lambda: one.getsockopt(S.SOL_SOCKET, 9999)))
    print("level", told(lambda: one.setsockopt(77, 1, 1)), told(lambda: one.getsockopt(77, 1)))
    print("one byte", one.getsockopt(S.SOL_SOCKET, S.SO_TYPE, 1), one.getsockopt(S.SOL_SOCKET, S.SO_TYPE, 100))
    for name in ("SO_RCVTIMEO", "SO_SNDTIMEO"):
        number = getattr(S, name)
        timeout = lambda: struct.unpack("qq", one.getsockopt(S.SOL_SOCKET, number, 16))
        print(name, timeout())
        one.setsockopt(S.SOL_SOCKET, number, struct.pack("qq", 5, 500_000))
        print(name, timeout(), told(lambda: one.setsockopt(S.SOL_SOCKET, number, struct.pack("qq", 1, 1_000_000))))
# A listener's pass to what it accepts.
with S.socket() as listener:
    listener.setsockopt(S.SOL_SOCKET, S.SO_KEEPALIVE, 1)
    listener.setsockopt(S.IPPROTO_TCP, S.TCP_NODELAY, 1)
    listener.setsockopt(S.IPPROTO_TCP, S.TCP_KEEPIDLE, 77)
    listener.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", 1, 9))
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print("listens", listener.getsockopt(S.SOL_SOCKET, S.SO_ACCEPTCONN))
    client = S.create_connection(listener.getsockname())
    server = listener.accept()[0]
    print("inherits", *(server.getsockopt(*one) for one in [(S.SOL_SOCKET, S.SO_KEEPALIVE), (S.IPPROTO_TCP, S.TCP_NODELAY),
          (S.IPPROTO_TCP, S.TCP_KEEPIDLE), (S.SOL_SOCKET, S.SO_ACCEPTCONN)]), struct.unpack("ii", server.getsockopt(S.SOL_SOCKET, S.SO_LINGER, 8)))
END
python3 options.py
