# How connections end and what is still read: half-close, resets, MSG_PEEK and its like, urgent data that is not there.
# image: python
cat > ends.py <<'END'
import errno, fcntl, select, signal, socket, struct, termios
S = socket
def pair():
    with S.create_server(("127.0.0.1", 0)) as listener:
        client = S.create_connection(listener.getsockname())
        return client, listener.accept()[0]
def told(work):
    try:
        return work()
    except OSError as error:
        return errno.errorcode[error.errno]
def polled(one, until=0):
    """What poll says, once it says this."""
    poll = select.poll()
    # Errors and the end are told whether they are asked for or not; others only end the wait that is for them.
    poll.register(one, until & ~(select.POLLERR | select.POLLHUP))
    events = 0
    while until and not events & until:
        events = dict(poll.poll(60_000))[one.fileno()]
    poll.modify(one, select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDHUP)
    events = dict(poll.poll(0)).get(one.fileno(), 0)
    names = ["IN", "PRI", "OUT", "ERR", "HUP", "RDHUP"]
    return " ".join(name for name in names if events & getattr(select, "POLL" + name)) or "none"
a, b = pair()
print("fresh", polled(a))
b.sendall(b"hello world")
print("peek", a.recv(5, S.MSG_PEEK), a.recv(11, S.MSG_PEEK | S.MSG_WAITALL), a.recv(5), a.recv(100, S.MSG_PEEK))
print("queued", struct.unpack("i", fcntl.ioctl(a, termios.FIONREAD, b"1234"))[0])
print("trunc", told(lambda: a.recv(0)), a.recv(100))
print("nothing", told(lambda: a.recv(1, S.MSG_DONTWAIT)), told(lambda: a.recv(1, S.MSG_DONTWAIT | S.MSG_PEEK)))
print("urgent", told(lambda: a.recv(1, S.MSG_OOB)), told(lambda: a.recv(1, S.MSG_OOB | S.MSG_DONTWAIT)))
# Half-close: what was sent comes, then the end; the other way goes on.
b.sendall(b"last words")
b.shutdown(S.SHUT_WR)
print("half", polled(a, until=select.POLLRDHUP), a.recv(4), a.recv(100), a.recv(100), a.recv(100))
a.sendall(b"answer")
print("other way", b.recv(100), told(lambda: b.send(b"x", S.MSG_NOSIGNAL)))
a.shutdown(S.SHUT_WR)
print("both", b.recv(10), polled(a, until=select.POLLHUP), polled(b, until=select.POLLHUP))
print("again", told(lambda: a.shutdown(S.SHUT_WR)), told(lambda: b.shutdown(S.SHUT_RDWR)))
# SHUT_RD: reads end; what comes is still read on Linux.
a, b = pair()
a.shutdown(S.SHUT_RD)
print("no reading", a.recv(10), polled(a))
# All of the first that is sent to one who is gone leaves, in how many pieces soever.
a, b = pair()
b.close()
print("to nobody", a.sendmsg([b"x" * 10, b"y" * 10]))
# Reset: linger of zero, and unread data.
for how in ("linger", "unread"):
    a, b = pair()
    if how == "linger":
        b.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", 1, 0))
        a.sendall(b"")
    else:
        a.sendall(b"nobody reads this")
        select.select([b], [], [])
    b.close()
    print(how, polled(a, until=select.POLLERR), told(lambda: a.recv(10)), told(lambda: a.recv(10)), told(lambda: a.send(b"x", S.MSG_NOSIGNAL)))
a, b = pair()
b.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
polled(a, until=select.POLLERR)
print("pending", errno.errorcode[a.getsockopt(S.SOL_SOCKET, S.SO_ERROR)], a.getsockopt(S.SOL_SOCKET, S.SO_ERROR), told(lambda: a.recv(1)))
a, b = pair()
b.sendall(b"before")
select.select([a], [], [])
b.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
polled(a, until=select.POLLERR)
print("lost", told(lambda: a.recv(10)), told(lambda: a.recv(10)))
# An orderly close, and writes to who is gone.
a, b = pair()
b.close()
print("gone", polled(a, until=select.POLLRDHUP), a.recv(1), told(lambda: a.send(b"x", S.MSG_NOSIGNAL)))
polled(a, until=select.POLLERR)
print("after", told(lambda: a.send(b"x", S.MSG_NOSIGNAL)), told(lambda: a.recv(1)))
signal.signal(signal.SIGPIPE, lambda *_: print("SIGPIPE"))
print("pipe", told(lambda: a.send(b"x")))
# Datagrams.
x, y = S.socket(type=S.SOCK_DGRAM), S.socket(type=S.SOCK_DGRAM)
x.bind(("127.0.0.1", 0))
y.connect(x.getsockname())
y.send(b"a datagram")
y.send(b"")
y.send(b"another")
print("datagrams", x.recv(4, S.MSG_PEEK), x.recvmsg(4)[2] & S.MSG_TRUNC == S.MSG_TRUNC, x.recv(10), x.recv(10))
print("urgent datagrams", told(lambda: y.send(b"x", S.MSG_OOB)), told(lambda: x.recv(1, S.MSG_OOB | S.MSG_DONTWAIT)))
x.close()
y.send(b"to nobody")
polled(y, until=select.POLLERR)
print("refused", told(lambda: y.send(b"x")), told(lambda: y.recv(1, S.MSG_DONTWAIT)))
print("too long", told(lambda: y.send(bytes(65508))))
with S.socket(type=S.SOCK_DGRAM) as one:
    print("no peer", told(lambda: one.send(b"x")), told(lambda: one.getpeername()))
with S.socket() as one:
    print("not connected", *(told(work) for work in (lambda: one.send(b"x", S.MSG_NOSIGNAL), lambda: one.recv(1), lambda: one.shutdown(S.SHUT_WR), one.getpeername, one.accept)))
END
python3 ends.py
