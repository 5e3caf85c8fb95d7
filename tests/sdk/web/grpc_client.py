"""Calls the echo of tests/guests/h2_server.py through the router: grpc_client.py ADDRESS HOST [CA]. Prints "ok" for each part."""

import sys

import grpc

address, host, *ca = sys.argv[1:]
options = [("grpc.default_authority", host), ("grpc.ssl_target_name_override", host.split(":")[0])]
if ca:
    with open(ca[0], "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    channel = grpc.secure_channel(address, credentials, options)
else:
    channel = grpc.insecure_channel(address, options)
metadata = [("x-api-key", "secret"), ("x-forwarded-proto", "gopher")]

unary = channel.unary_unary("/echo.Echo/Unary")
answer, call = unary.with_call(b"hello", metadata=metadata, timeout=600)
assert answer == b"hello", answer
assert call.code() == grpc.StatusCode.OK, call.code()
seen = dict(call.initial_metadata())
assert seen["x-seen-authority"] == host, seen
assert seen["x-seen-path"] == "/echo.Echo/Unary", seen
assert seen["x-seen-te"] == "trailers", seen
assert seen["x-seen-x-api-key"] == "none", seen
assert seen["x-seen-x-forwarded-proto"] == ("https" if ca else "http"), seen
print("ok unary")

try:
    channel.unary_unary("/echo.Echo/Fail")(b"x", timeout=600)
    raise SystemExit("no error")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
    assert error.details() == "no such thing", error
print("ok error")

sent = [b"%d" % number * 1000 for number in range(20)]
heard = []


def ask():
    for message in sent:
        yield message
        # The next one only once this one has come back: both directions are open.
        while len(heard) < sent.index(message) + 1:
            pass


for message in channel.stream_stream("/echo.Echo/Stream")(ask(), timeout=600):
    heard.append(message)
assert heard == sent, heard
print("ok stream")
