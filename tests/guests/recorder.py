"""Port 9300: records what comes in each connection, framed by the letter of RFC 9112, and what comes after that. Port 9301: the record
so far, a JSON object a line, and forgets it. Port 9302: answers with the bytes of /tmp/answers.json that the path counts."""

import json
import re
import socket
import threading

records = []
busy = 0
changed = threading.Condition()
answers = [bytes.fromhex(one) for one in json.load(open("/tmp/answers.json"))]


def read_head(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return None, got
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def record(connection):
    head, rest = read_head(connection)
    if head is None:
        if rest:
            records.append({"faults": ["half a head"], "rest": rest.decode("latin-1")})
        return
    lines = [line.lower() for line in head.split(b"\r\n")[1:]]
    lengths = [line for line in lines if re.match(rb"content[-_ ]length", line)]
    codings = [line for line in lines if re.match(rb"transfer[-_ ]encoding", line)]
    faults = []
    if len(lengths) + len(codings) > 1:
        faults.append("two lengths")
    if b"\0" in head or re.search(rb"[^\r]\n|\r[^\n]|\r\n[ \t]", head):
        faults.append("a head in doubt")
    whole = True

    def more():
        nonlocal rest, whole
        got = connection.recv(65536)
        whole = whole and bool(got)
        rest += got
        return whole

    if codings:
        if codings != [b"transfer-encoding: chunked"]:
            faults.append("a coding in doubt")
        while whole:
            while b"\r\n" not in rest and more():
                pass
            if not whole:
                break
            size, _, rest = rest.partition(b"\r\n")
            if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
                faults.append("a chunk in doubt")
                break
            size = int(size, 16)
            if size == 0:
                while not (rest.startswith(b"\r\n") or b"\r\n\r\n" in rest) and more():
                    pass
                rest = rest[2:] if rest.startswith(b"\r\n") else rest.partition(b"\r\n\r\n")[2]
                break
            while len(rest) < size + 2 and more():
                pass
            rest = rest[size + 2:]
    elif lengths:
        told = re.fullmatch(rb"content-length: ([0-9]+)", lengths[0])
        if not told:
            faults.append("a length in doubt")
        size = int(told[1]) if told else 0
        while len(rest) < size and more():
            pass
        rest = rest[size:]
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nseen")
        connection.shutdown(socket.SHUT_WR)
        while got := connection.recv(65536):
            rest += got
    except OSError:
        pass
    records.append({"head": head.decode("latin-1"), "faults": faults, "whole": whole, "rest": rest.decode("latin-1")})


def tell(connection):
    read_head(connection)
    with changed:
        changed.wait_for(lambda: busy == 0)
    body = "".join(json.dumps(one) + "\n" for one in records).encode()
    records.clear()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))


def evil(connection):
    head, _ = read_head(connection)
    if head is None:
        return
    number = int(head.split(b" ")[1][1:])
    if number >= len(answers):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return
    connection.sendall(answers[number])


def serve(listener, handler):
    while True:
        connection, _ = listener.accept()

        def one(connection):
            global busy
            counts = handler is record
            with changed:
                busy += counts
            try:
                handler(connection)
            except OSError:
                pass
            connection.close()
            with changed:
                busy -= counts
                changed.notify_all()

        threading.Thread(target=one, args=(connection,), daemon=True).start()


for port, handler in [(9300, record), (9301, tell), (9302, evil)]:
    listener = socket.create_server(("0.0.0.0", port), backlog=256)
    threading.Thread(target=serve, args=(listener, handler)).start()
print("up", flush=True)
