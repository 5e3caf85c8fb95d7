"""HTTP servers for the router's tests, a port each; "up" on standard output once all listen."""

import socket
import ssl
import subprocess
import sys
import threading


def head(connection, rest=b""):
    got = rest
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return b"", b""
        got += more
    first, _, rest = got.partition(b"\r\n\r\n")
    return first, rest


def answer(body, more=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), more, body)


connections = 0


def kept(connection):
    """Keeps its connections; its answer tells which connection it is and which request of it."""
    global connections
    connections += 1
    mine, count, rest = connections, 0, b""
    while True:
        got, rest = head(connection, rest)
        if not got:
            return
        count += 1
        path = got.split(b" ")[1]
        if path == b"/leave":  # Says nothing of closing, and closes.
            connection.sendall(answer(b"%d %d" % (mine, count)))
            return
        if path == b"/split":  # A second answer, for whoever asks next.
            connection.sendall(answer(b"%d %d" % (mine, count)) + answer(b"poison"))
            continue
        if path.startswith(b"/ignore"):  # Takes the body for the next request.
            connection.sendall(answer(b"%d %d" % (mine, count)))
            continue
        connection.sendall(answer(b"%d %d" % (mine, count)))


def echo(connection):
    got, rest = head(connection)
    connection.sendall(answer(got))


def tls(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tmp/cert.pem", "/tmp/key.pem")
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    wrapped = context.wrap_socket(connection, server_side=True)
    got, _ = head(wrapped)
    name = (names or [None])[0]
    wrapped.sendall(answer(b"%s\r\nsni: %s" % (got, str(name).encode())))
    wrapped.unwrap()


def trailers(connection):
    """Answers in chunks with two trailers, one of which no answer may have there; tells the request's."""
    got, rest = head(connection)
    while b"0\r\n" not in rest or not rest.endswith(b"\r\n\r\n"):
        more = connection.recv(65536)
        if not more:
            return
        rest += more
    told = rest.split(b"0\r\n", 1)[1].strip() or b"none"
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, content-length\r\n\r\n"
        b"%x\r\n%s\r\n0\r\nx-sum: 7\r\ncontent-length: 3\r\n\r\n" % (len(told), told)
    )


go = threading.Event()


def events(connection):
    """Server-sent events: the second one only once somebody asked for /go."""
    got, _ = head(connection)
    if b" /go " in got:
        go.set()
        connection.sendall(answer(b"going"))
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
    go.wait()
    connection.sendall(b"data: two\n\n")


def sink(connection):
    """Counts a body, and sends as many bytes as the path says."""
    got, rest = head(connection)
    line, *fields = got.split(b"\r\n")
    length = [f.split(b":")[1] for f in fields if f.lower().startswith(b"content-length:")]
    if length:
        left = int(length[0]) - len(rest)
        while left:
            got = len(connection.recv(min(left, 65536)))
            if not got:
                return
            left -= got
        connection.sendall(answer(length[0].strip()))
        return
    left = int(line.split(b" ")[1][1:])
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
    piece = bytes(65536)
    while left:
        left -= connection.send(piece[:left])


def refuses(connection):
    """Answers before it has read the body, and closes."""
    head(connection)
    connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")


def serve(listener, handler):
    while True:
        connection, _ = listener.accept()

        def one(connection):
            try:
                handler(connection)
            except OSError:
                pass
            connection.close()

        threading.Thread(target=one, args=(connection,), daemon=True).start()


SERVERS = {
    9001: (kept, "0.0.0.0"),
    9002: (tls, "127.0.0.1"),
    9003: (trailers, "0.0.0.0"),
    9004: (events, "0.0.0.0"),
    9005: (sink, "0.0.0.0"),
    9006: (refuses, "0.0.0.0"),
    9011: (echo, "127.0.0.1"),
    9012: (echo, "127.0.0.53"),
    9013: (echo, "::1"),
    9014: (echo, "::"),
    9015: (echo, "169.254.0.21"),
}

subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
     "-subj", "/CN=guest", "-keyout", "/tmp/key.pem", "-out", "/tmp/cert.pem"],
    check=True, capture_output=True,
)
for port, (handler, address) in SERVERS.items():
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=128)
    threading.Thread(target=serve, args=(listener, handler)).start()
print("up", flush=True)
