"""In a sandbox: http.server as it comes, while a client stays in mid-request and a thread spins.

Twenty other requests must be answered meanwhile; a bytearray grows under all of them. Prints "20 answered".
"""

import http.server
import socket
import threading
import urllib.request


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()

spins = [0]
growing = bytearray()


def spin():
    while True:
        spins[0] += 1


def grow():
    for _ in range(64):
        growing.extend(bytes(256 * 1024))


threading.Thread(target=spin, daemon=True).start()
grower = threading.Thread(target=grow)
grower.start()

holder = socket.create_connection(server.server_address)
holder.sendall(b"GET / HTTP/1.1\r\nHost: half")

answered = 0
for _ in range(20):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/.profile") as response:
        assert response.status == 200 and response.read()
        answered += 1
grower.join()
assert len(growing) == 64 * 256 * 1024, len(growing)
assert spins[0] > 0, "the spinner never ran"

holder.sendall(b"\r\n\r\n")
assert holder.makefile("rb").readline().startswith(b"HTTP/1.0 200"), "the held request was lost"
print(answered, "answered")
