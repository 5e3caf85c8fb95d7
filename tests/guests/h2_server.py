"""An HTTP/2 server without TLS on port 9100, in pure Python: gRPC's echo, unary and streamed, with its status in trailers."""

import socket
import threading

import h2.config
import h2.connection
import h2.events


class Connection:
    def __init__(self, sock):
        self.sock = sock
        config = h2.config.H2Configuration(client_side=False)
        self.h2 = h2.connection.H2Connection(config=config)
        self.heads = {}

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        while data := self.sock.recv(65536):
            for event in self.h2.receive_data(data):
                self.on(event)
            self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            head = {k.decode(): v.decode() for k, v in event.headers}
            self.heads[event.stream_id] = head
            told = [(":status", "200"), ("content-type", "application/grpc")]
            told += [("x-seen-" + name.lstrip(":"), head.get(name, "none"))
                     for name in (":authority", ":path", "te", "x-forwarded-proto", "x-api-key")]
            self.h2.send_headers(event.stream_id, told)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.data:
                self.h2.send_data(event.stream_id, event.data)
        elif isinstance(event, h2.events.StreamEnded):
            failing = self.heads[event.stream_id][":path"].endswith("/Fail")
            status = ("grpc-status", "5" if failing else "0")
            message = ("grpc-message", "no such thing" if failing else "")
            self.h2.send_headers(event.stream_id, [status, message], end_stream=True)


listener = socket.create_server(("127.0.0.1", 9100), backlog=128)
print("up", flush=True)
while True:
    sock, _ = listener.accept()
    threading.Thread(target=Connection(sock).run, daemon=True).start()
