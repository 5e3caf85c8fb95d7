"""Says something to tests/guests/ws_server.py and hears it back: websocket.py URL CA."""

import ssl
import sys

from websockets.sync.client import connect

url, ca = sys.argv[1:]
with connect(url, ssl=ssl.create_default_context(cafile=ca)) as socket:
    for message in ["hello \u2603", b"\0\xff" * 100_000]:
        socket.send(message)
        assert socket.recv() == message
    print("ok echo")
print("ok closed")
