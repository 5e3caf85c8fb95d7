# Who may bind what beside whom, where connects to wildcards lead, ephemeral ports: IPv4 and IPv6, SO_REUSEADDR and SO_REUSEPORT.
# image: python
cat > addresses.py <<'END'
import errno, socket
S = socket
PORT = 9200
def family(address):
    return S.AF_INET6 if ":" in address else S.AF_INET
def made(address, options, kind=S.SOCK_STREAM):
    one = S.socket(family(address), kind)
    if "a" in options:
        one.setsockopt(S.SOL_SOCKET, S.SO_REUSEADDR, 1)
    if "p" in options:
        one.setsockopt(S.SOL_SOCKET, S.SO_REUSEPORT, 1)
    if "6" in options:
        one.setsockopt(S.IPPROTO_IPV6, S.IPV6_V6ONLY, 1)
    return one
def told(work):
    try:
        work()
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
ADDRESSES = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1", "::ffff:127.0.0.1"]
for options in ["", "a", "p", "6"]:
    for kind in (S.SOCK_STREAM, S.SOCK_DGRAM):
        for listens in [False, True] if kind == S.SOCK_STREAM else [False]:
            for first in ADDRESSES:
                said = []
                for second in ADDRESSES:
                    with made(first, options if ":" in first else options.replace("6", ""), kind) as one:
                        with made(second, options if ":" in second else options.replace("6", ""), kind) as two:
                            try:
                                one.bind((first, PORT))
                            except OSError as error:
                                said.append("-")
                                continue
                            if listens:
                                one.listen()
                            said.append(told(lambda: two.bind((second, PORT))))
                            if listens and said[-1] == "ok":
                                said[-1] = told(two.listen)
                print(options or "-", kind.name, "listens" if listens else "bound", first, *said)
# Only one of the two asks for it.
for pair in [("a", ""), ("", "a"), ("p", ""), ("", "p"), ("a", "p")]:
    with made("127.0.0.1", pair[0]) as one, made("127.0.0.1", pair[1]) as two:
        one.bind(("127.0.0.1", PORT))
        print("asks", pair, told(lambda: two.bind(("127.0.0.1", PORT))))
# Wildcards as a destination.
for listens, dials in [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "0.0.0.0"), ("::1", "::"), ("::", "::"), ("::", "0.0.0.0"), ("::", "127.0.0.1"),
                       ("127.0.0.1", "localhost"), ("::", "::ffff:127.0.0.1"), ("0.0.0.0", "::ffff:127.0.0.1"), ("0.0.0.0", "::1"),
                       ("127.0.0.1", "127.0.0.2"), ("0.0.0.0", "127.9.9.9")]:
    with S.create_server((listens, PORT), family=family(listens), dualstack_ipv6=listens == "::") as listener:
        try:
            with S.create_connection((dials, PORT)) as client:
                server, seen = listener.accept()
                print(listens, dials, client.getpeername()[:2], client.getsockname()[0], seen[0], server.getsockname()[:2])
                server.close()
        except OSError as error:
            print(listens, dials, errno.errorcode[error.errno])
# Ephemeral ports.
low, high = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
held = []
for _ in range(200):
    one = S.socket()
    one.bind(("127.0.0.1", 0))
    held.append(one)
ports = {one.getsockname()[1] for one in held}
print("ephemeral", low, high, len(ports), all(low <= port <= high for port in ports))
for one in held:
    one.close()
with S.socket() as one:
    print("unbound", one.getsockname(), told(one.getpeername))
    one.listen()
    print("listens unbound", one.getsockname()[0], low <= one.getsockname()[1] <= high)
with S.socket(type=S.SOCK_DGRAM) as one:
    one.connect(("127.0.0.1", 9))
    print("connected datagrams", one.getsockname()[0], low <= one.getsockname()[1] <= high)
    one.connect(("0.0.0.0", 9))
    print("to nowhere", one.getpeername())
# What cannot be.
for address in ["192.0.2.1", "2001:db8::1"]:
    with made(address, "") as one:
        print("not mine", address, told(lambda: one.bind((address, PORT))))
with made("127.0.0.1", "a") as one:
    print("privileged", told(lambda: one.bind(("127.0.0.1", 80))))
    one.bind(("127.0.0.1", PORT))
    print("again", told(lambda: one.bind(("127.0.0.1", PORT + 1))))
END
python3 addresses.py
