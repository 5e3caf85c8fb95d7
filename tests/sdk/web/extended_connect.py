"""WebSocket over HTTP/2 (RFC 8441) to tests/guests/ws_server.py through the router: extended_connect.py ADDRESS HOST."""

import socket
import struct
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings

address, host = sys.argv[1:]
name, port = address.rsplit(":", 1)
sock = socket.create_connection((name, int(port)), timeout=600)
config = h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
conn = h2.connection.H2Connection(config=config)
conn.initiate_connection()
sock.sendall(conn.data_to_send())


def events():
    while True:
        data = sock.recv(65536)
        assert data, "closed"
        for event in conn.receive_data(data):
            yield event
        sock.sendall(conn.data_to_send())


stream = events()
for event in stream:
    if isinstance(event, h2.events.RemoteSettingsChanged):
        changed = event.changed_settings
        code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
        assert changed[code].new_value == 1, changed
        break


def ask(number, protocol, path="/"):
    conn.send_headers(number, [
        (":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":path", path),
        (":authority", host), ("sec-websocket-version", "13"), ("origin", "http://example.org"),
    ])
    sock.sendall(conn.data_to_send())


def answered(number):
    for event in stream:
        if isinstance(event, h2.events.ResponseReceived) and event.stream_id == number:
            return {k.decode(): v.decode() for k, v in event.headers}


ask(1, "websocket")
head = answered(1)
assert head[":status"] == "200", head
assert "sec-websocket-accept" not in head and "upgrade" not in head, head
print("ok switched")

# A text frame with a mask of zeros, and its echo without one.
text = "over HTTP/2 \u2603".encode()
conn.send_data(1, struct.pack("!BBI", 0x81, 0x80 | len(text), 0) + text)
sock.sendall(conn.data_to_send())
heard = b""
while len(heard) < 2 + len(text):
    event = next(stream)
    if isinstance(event, h2.events.DataReceived):
        conn.acknowledge_received_data(event.flow_controlled_length, 1)
        heard += event.data
assert heard == struct.pack("!BB", 0x81, len(text)) + text, heard
print("ok echo")

# The closing handshake ends the stream on both sides.
conn.send_data(1, struct.pack("!BBIH", 0x88, 0x82, 0, 1000))
sock.sendall(conn.data_to_send())
heard = b""
for event in stream:
    if isinstance(event, h2.events.DataReceived):
        heard += event.data
    if isinstance(event, h2.events.StreamEnded):
        break
assert heard == struct.pack("!BBH", 0x88, 2, 1000), heard
print("ok closed")

# A server that does not switch is not taken for a tunnel.
ask(3, "no-such-protocol")
head = answered(3)
assert head[":status"][0] in "45", head
print("ok refused", head[":status"])
