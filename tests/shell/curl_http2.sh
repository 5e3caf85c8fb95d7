# curl speaks HTTP/2: in clear text, by ALPN over TLS, several requests on one connection, uploads.
# image: python
# needs: curl openssl
cd "$(mktemp -d)" || exit
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
cat > server.py <<'END'
"""Answers every request of HTTP/2 with how many bytes it brought (RFC 9113; header blocks by the static table)."""
import socket, ssl, struct, sys, threading
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
def serve(connection):
    peer = connection.makefile("rb")
    if peer.read(24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
        connection.sendall(b"HTTP/1.1 505 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return connection.close()
    connection.sendall(frame(SETTINGS, 0, 0))
    brought = {}
    while len(head := peer.read(9)) == 9:
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream, payload = int.from_bytes(head[5:], "big"), peer.read(size)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        if kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        if kind in (HEADERS, DATA):
            brought[stream] = brought.get(stream, 0) + (size if kind == DATA else 0)
            if kind == DATA and size:
                more = struct.pack(">I", size)
                connection.sendall(frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, stream, more))
            if flags & END_STREAM:
                body = b"%d bytes on stream %d\n" % (brought.pop(stream), stream)
                # :status 200; content-length, name 28 of the static table, as a literal.
                length = b"%d" % len(body)
                block = b"\x88\x0f\x0d" + bytes([len(length)]) + length
                connection.sendall(frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body))
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("cert", "key")
context.set_alpn_protocols(["h2"])
def accept(listener, wrap):
    while True:
        connection = listener.accept()[0]
        try:
            connection = wrap(connection)
        except (ssl.SSLError, OSError):
            continue
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
listeners = [socket.create_server(("127.0.0.1", port)) for port in (8001, 8443)]
open("ready", "w").close()
threading.Thread(target=accept, args=(listeners[0], lambda plain: plain), daemon=True).start()
accept(listeners[1], lambda plain: context.wrap_socket(plain, server_side=True))
END
python3 server.py & server=$!
until [ -e ready ]; do sleep 0.1; done
head -c 300000 /dev/zero > big
clear=http://127.0.0.1:8001
format='%{http_version} %{http_code} %{size_download} %{num_connects}\n'
curl -sS --max-time 600 --http2-prior-knowledge -w "$format" $clear/
curl -sS --max-time 600 --http2-prior-knowledge -w "$format" -d hello $clear/form
curl -sS --max-time 600 --http2-prior-knowledge -w "$format" -T big $clear/big
curl -sS --max-time 600 --cacert cert -w "$format" https://localhost:8443/one https://localhost:8443/two
curl -sS --max-time 600 --http1.1 -o /dev/null -w '%{http_version} %{http_code}\n' $clear/
curl -sS --max-time 600 --cacert cert -w "$format" https://localhost:8443/
curl -sS --max-time 600 --cacert cert -w "$format" -T big https://localhost:8443/big
curl -sSv --max-time 600 --cacert cert https://localhost:8443/ 2>&1 | grep -o 'ALPN: server accepted h2\|ALPN, server accepted to use h2'
kill $server
