# connect(2) without blocking, backlogs, accept(2) and what it hands over.
# image: python
cat > connecting.py <<'END'
import errno, os, select, socket
S = socket
name = errno.errorcode.get
def dial(address, port):
    one = S.socket(S.AF_INET6 if ":" in address else S.AF_INET)
    one.setblocking(False)
    return one, name(one.connect_ex((address, port)))
def wait(one):
    select.select([], [one], [], 60)
for address in ("127.0.0.1", "::1"):
    with S.create_server((address, 0), family=S.AF_INET6 if ":" in address else S.AF_INET) as listener:
        port = listener.getsockname()[1]
        one, said = dial(address, port)
        wait(one)
        print(address, said, one.getsockopt(S.SOL_SOCKET, S.SO_ERROR), name(one.connect_ex((address, port))), name(one.connect_ex((address, port))))
        server, _ = listener.accept()
        print("accepted", server.getblocking(), os.get_inheritable(server.fileno()), server.getpeername() == one.getsockname())
        listener.setblocking(False)
        try:
            listener.accept()
        except OSError as error:
            print("nobody more", name(error.errno))
    # Nobody listens there now.
    one, said = dial(address, port)
    wait(one)
    print("refused", said, name(one.getsockopt(S.SOL_SOCKET, S.SO_ERROR)), one.getsockopt(S.SOL_SOCKET, S.SO_ERROR))
    print("and again", name(one.connect_ex((address, port))))
    with S.socket(one.family) as blocking:
        print("blocking", name(blocking.connect_ex((address, port))))
# A listener is no client, a client no listener.
with S.create_server(("127.0.0.1", 0)) as listener:
    print("listener connects", name(listener.connect_ex(listener.getsockname())))
    with S.create_connection(listener.getsockname()) as one:
        for work in (one.listen, lambda: one.bind(("127.0.0.1", 0)), one.accept):
            try:
                work()
            except OSError as error:
                print("client", name(error.errno))
        listener.listen(0)
        print("listens again")
# Backlogs: as many as it says and one more are taken; the next waits, and is taken when there is room.
for backlog in (0, 1, 3):
    with S.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        clients = []
        for _ in range(backlog + 1):
            one, _ = dial(*listener.getsockname())
            wait(one)
            clients.append(one)
        late, said = dial(*listener.getsockname())
        print("backlog", backlog, all(one.getsockopt(S.SOL_SOCKET, S.SO_ERROR) == 0 for one in clients), said, select.select([], [late], [], 0)[1])
        order = [listener.accept()[0].getpeername() for _ in clients]
        print("in order", order == [one.getsockname() for one in clients])
        wait(late)
        print("late", late.getsockopt(S.SOL_SOCKET, S.SO_ERROR), listener.accept()[0].getpeername() == late.getsockname())
# Who waits when the listener is closed is told.
listener = S.create_server(("127.0.0.1", 0))
one = S.create_connection(listener.getsockname())
listener.close()
poll = select.poll()
poll.register(one, 0)
poll.poll(60_000)
try:
    one.recv(1)
except OSError as error:
    print("closed", name(error.errno))
# Descriptors: what a fork has stays open.
listener = S.create_server(("127.0.0.1", 0))
client = S.create_connection(listener.getsockname())
server = listener.accept()[0]
copy = server.dup()
server.close()
copy.sendall(b"by the copy")
print(client.recv(100), copy.getpeername() == client.getsockname())
copy.close()
print(client.recv(100))
# A socket that connects to its own address: both ends open at once (RFC 9293, 3.5), and it hears itself.
def itself(address="127.0.0.1", to=None):
    one = S.socket(S.AF_INET6 if ":" in address else S.AF_INET)
    one.bind((address, 0))
    one.connect((to or address, one.getsockname()[1]))
    return one
for address, to in (("127.0.0.1", None), ("::1", None), ("0.0.0.0", "127.0.0.1")):
    with itself(address, to) as one:
        print("itself", address, one.getpeername() == one.getsockname(), one.getsockopt(S.IPPROTO_TCP, S.TCP_INFO, 1))
        one.sendall(b"x" * 100_000)
        print("heard", len(one.recv(100_000, S.MSG_WAITALL)), name(one.connect_ex(one.getsockname())))
        one.send(b"last")
        one.shutdown(S.SHUT_WR)
        print("ended", one.recv(10), one.recv(10))
with S.socket() as one:
    one.bind(("127.0.0.1", 0))
    one.setblocking(False)
    print("begun", name(one.connect_ex(one.getsockname())), select.select([], [one], [], 60)[1] == [one], one.getsockopt(S.SOL_SOCKET, S.SO_ERROR))
with S.socket() as one:
    one.bind(("127.0.0.1", 0))
    print("next door", name(one.connect_ex(("127.0.0.2", one.getsockname()[1]))))
# A listener on the same address does not hear of it.
with S.socket() as one, S.socket() as listener:
    for each in (one, listener):
        each.setsockopt(S.SOL_SOCKET, S.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    listener.bind(one.getsockname())
    listener.listen()
    listener.setblocking(False)
    one.connect(listener.getsockname())
    try:
        listener.accept()
    except OSError as error:
        print("past the listener", one.getpeername() == one.getsockname(), name(error.errno))
for family, kind, protocol in [(S.AF_INET, S.SOCK_STREAM, 17), (S.AF_INET, S.SOCK_DGRAM, 6), (S.AF_INET, 99, 0), (99, S.SOCK_STREAM, 0),
                               (S.AF_INET, S.SOCK_RAW, 1), (S.AF_INET, S.SOCK_STREAM, 6), (S.AF_INET6, S.SOCK_DGRAM, 17)]:
    try:
        S.socket(family, kind, protocol).close()
        print("socket", family, kind, protocol, "ok")
    except OSError as error:
        print("socket", family, kind, protocol, name(error.errno))
END
python3 connecting.py
