"""What may leave a sandbox, by the SDK's own fields: lists, header rules, a proxy, changes while it runs. See tests/it/network.rs."""

import json
import os
import threading

from e2b import Sandbox
from e2b.exceptions import InvalidArgumentException, SandboxException

CA = open(os.environ["OUTSIDE_CA"]).read()
SECRET = "s3cret-value"


def run(sandbox, command, code=0):
    """Runs a command in the guest and gives its output; it must end with this code (None: any but 0)."""
    script = f"{command}\necho \"[$?]\""
    printed, _, ended = sandbox.commands.run(script, timeout=900).stdout.strip().rpartition("[")
    ended = int(ended.rstrip("]"))
    assert ended == code if code is not None else ended != 0, (command, ended, printed)
    return printed


def curl(sandbox, arguments, code=0):
    printed = run(sandbox, f"curl -sS --max-time 600 --cacert /tmp/ca.pem {arguments}", code)
    return [json.loads(line) for line in printed.splitlines()] if code == 0 else printed


def python(sandbox, script, code=0):
    sandbox.files.write("/tmp/script.py", script)
    return run(sandbox, "python3 /tmp/script.py", code)


def create(**network):
    sandbox = Sandbox.create(network=network, timeout=7200)
    sandbox.files.write("/tmp/ca.pem", CA)
    return sandbox


def refused(message, **network):
    try:
        create(**network).kill()
    except (SandboxException, InvalidArgumentException) as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"{network} was accepted")


def events(sandbox):
    import urllib.request

    url = f"{os.environ['E2B_API_URL']}/sandboxes/{sandbox.sandbox_id}/network/log"
    request = urllib.request.Request(url, headers={"X-API-Key": os.environ["E2B_API_KEY"]})
    with urllib.request.urlopen(request, timeout=600) as answer:
        text = answer.read().decode()
    assert SECRET not in text and "proxy-password" not in text
    return json.loads(text)["events"]


def all_traffic(context):
    return [context.all_traffic]


def lists():
    refused("invalid denied CIDR example.org", deny_out=["example.org"])
    refused("you must include 'ALL_TRAFFIC' in deny out", allow_out=["example.org"])
    sandbox = create(
        allow_out=["api.example.org", "*.wild.example.org", "8.8.8.8"], deny_out=all_traffic
    )
    shown = sandbox.get_info().network
    assert shown["allow_out"] == ["api.example.org", "*.wild.example.org", "8.8.8.8"], shown
    assert shown["deny_out"] == ["0.0.0.0/0"], shown
    for url in ("http://api.example.org/", "https://api.example.org/", "https://API.example.org./"):
        [answer] = curl(sandbox, url)
        assert answer["at"] == "1.1.1.1", answer
    assert curl(sandbox, "https://deep.in.wild.example.org/")[0]["at"] == "1.1.1.1"
    assert curl(sandbox, "http://8.8.8.8/")[0]["at"] == "8.8.8.8"
    # The same address, and another name: not resolved, not by server name, not by Host, not after a good request.
    curl(sandbox, "http://other.example.net/", 6)
    curl(sandbox, "http://wild.example.org/", 6)
    curl(sandbox, "--resolve other.example.net:443:1.1.1.1 https://other.example.net/", None)
    curl(sandbox, "-k https://1.1.1.1/", None)
    denied = "isolet: this host is not allowed\n"
    looked_up = "curl -sS -o /dev/null http://api.example.org/ --next -sS http://1.1.1.1/"
    assert run(sandbox, looked_up) == denied
    assert run(sandbox, "curl -sS -H 'Host: other.example.net' http://api.example.org/") == denied
    both = "curl -sS http://api.example.org/ --next -sS -H 'Host: other.example.net' http://api.example.org/"
    first, second = run(sandbox, both).splitlines(keepends=True)
    assert json.loads(first)["at"] == "1.1.1.1" and second == denied
    # An address that no allowed name has; a name whose addresses are private.
    curl(sandbox, "http://[2606:4700:4700::1111]/", 7)
    curl(sandbox, "http://private.wild.example.org/", 6)
    # Neither TLS nor HTTP; a server that speaks first; datagrams: by address, not by name.
    speak = """
import socket
def say(host, words, port):
    try:
        with socket.create_connection((host, port), timeout=600) as stream:
            if words:
                stream.sendall(words)
            return stream.recv(100)
    except ConnectionResetError:
        return "reset"
    except OSError as error:
        return error.errno
def ask(host):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(600)
            datagrams.sendto(host.encode(), (host, 7777))
            return datagrams.recv(100).decode()
    except OSError as error:
        return error.errno
print(say("8.8.8.8", b"", 2222), say("api.example.org", b"", 2222), say("api.example.org", b"EHLO x\\r\\n", 2222))
print(ask("8.8.8.8"), ask("1.1.1.1"))
"""
    said = python(sandbox, speak).splitlines()
    assert said == ["b'hello\\n' reset reset", "8.8.8.8 13"], said
    log = events(sandbox)
    verdicts = {(event["protocol"], event["name"], event["verdict"], event["reason"]) for event in log}
    for one in [
        ("dns", "other.example.net", "denied", "this name may not be looked up"),
        ("dns", "api.example.org", "allowed", None),
        ("dns", "private.wild.example.org", "denied", "an answer with an address that is denied"),
        ("tcp", "api.example.org", "allowed", None),
        ("tcp", "api.example.org", "denied", "the server spoke first"),
        ("tcp", None, "denied", "no allowed name has this address"),
    ]:
        assert one in verdicts, (one, verdicts)
    [udp] = [event for event in log if event["protocol"] == "udp" and event["verdict"] == "allowed"]
    assert (udp["address"], udp["port"], udp["bytesOut"], udp["bytesIn"]) == ("8.8.8.8", 7777, 7, 7)
    assert udp["pid"] > 1 and udp["uid"] == 1000 and udp["endedAt"], udp
    return sandbox


def live(sandbox):
    """Open connections end when they are denied, and only those."""
    hold = """
import socket, sys
streams = [socket.create_connection((host, 2222)) for host in ("8.8.8.8", "1.1.1.1")]
for stream in streams:
    assert stream.recv(10) == b"hello\\n"
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect(("8.8.8.8", 7777))
datagrams.send(b"8.8.8.8")
assert datagrams.recv(10) == b"8.8.8.8"
print("open", flush=True)
try:
    streams[0].recv(10)
except ConnectionResetError:
    print("reset")
try:
    datagrams.send(b"8.8.8.8")
except OSError as error:
    print(error.errno)
streams[1].settimeout(1)
try:
    streams[1].recv(10)
except TimeoutError:
    print("still open")
"""
    sandbox.update_network({"allow_out": ["8.8.8.8", "1.1.1.1"], "deny_out": all_traffic})
    sandbox.files.write("/tmp/hold.py", hold)
    opened = threading.Event()
    handle = sandbox.commands.run("python3 /tmp/hold.py", background=True, timeout=900)
    printed = []

    def see(text):
        printed.append(text)
        if "open" in text:
            opened.set()

    waiter = threading.Thread(target=lambda: handle.wait(on_stdout=see))
    waiter.start()
    assert opened.wait(900), printed
    sandbox.update_network({"allow_out": ["1.1.1.1"], "deny_out": all_traffic})
    waiter.join(900)
    assert "".join(printed) == "open\nreset\n13\nstill open\n", printed
    # What is left out is cleared.
    sandbox.update_network({})
    assert curl(sandbox, "http://other.example.net/")[0]["at"] == "1.1.1.1"
    assert "allow_out" not in sandbox.get_info().network
    sandbox.update_network({"allow_internet_access": False})
    curl(sandbox, "http://8.8.8.8/", 7)
    assert sandbox.get_info().allow_internet_access is False
    sandbox.kill()


def rules():
    refused("is not a valid domain name", rules={"*.example.org": []})
    transform = [{"transform": {"headers": {"X-Secret": SECRET}}}]
    sandbox = create(rules={"secret.example.org": transform})
    assert sandbox.get_info().network["rules"]["secret.example.org"][0]["transform"]["headers"] == {
        "X-Secret": SECRET
    }
    for arguments, version in [
        ("https://secret.example.org/", "HTTP/2.0"),
        ("--http1.1 https://secret.example.org/", "HTTP/1.1"),
        ("http://secret.example.org/", "HTTP/1.1"),
        ("--http2-prior-knowledge http://secret.example.org/", "HTTP/2.0"),
        ("--http1.1 -H 'X-Secret: mine' -H 'x-secret: too' https://secret.example.org/", "HTTP/1.1"),
        ("-H 'x-secret: mine' --data-binary @/etc/services https://secret.example.org/", "HTTP/2.0"),
    ]:
        # Without --cacert: the sandbox trusts its own authority.
        [answer] = [json.loads(run(sandbox, f"curl -sS {arguments}"))]
        assert answer["secret"] == [SECRET] and answer["version"] == version, (arguments, answer)
        assert (answer["body"] > 10_000) == ("services" in arguments), answer
    # Another name, and the right name at an address that it does not have: no secret.
    [answer] = curl(sandbox, "https://www.example.org/")
    assert answer["secret"] == [], answer
    [answer] = curl(sandbox, "--resolve secret.example.org:80:1.1.1.1 http://secret.example.org/")
    assert (answer["at"], answer["secret"]) == ("1.1.1.1", []), answer
    # A server that cannot prove its name gets nothing; nobody shows the guest what was set.
    run(sandbox, "curl -sS -k https://secret.example.org:8443/", None)
    trace = run(sandbox, "curl -sS -X TRACE https://secret.example.org/")
    assert trace == "isolet: TRACE would show the headers that are set\n", trace
    other = run(sandbox, "curl -sS -k -H 'Host: www.example.org' https://secret.example.org/")
    assert other == "isolet: not the host that TLS named\n", other
    script = """
import json, os, ssl, socket, urllib.request
print(json.loads(urllib.request.urlopen("https://secret.example.org/").read())["secret"])
raw = socket.create_connection(("secret.example.org", 443))
with ssl.create_default_context().wrap_socket(raw, server_hostname="secret.example.org") as stream:
    stream.sendall(b"GET / HTTP/1.1\\r\\nHost: secret.example.org\\r\\nConnection: upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n")
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += stream.recv(1000)
    print(head.split(b"\\r\\n")[0].decode())
    stream.sendall(b"ping")
    print(stream.recv(10).decode())
print(os.environ["SSL_CERT_FILE"])
assert not any("s3cret" in value for value in os.environ.values())
"""
    said = python(sandbox, script).splitlines()
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    assert said == [f"['{SECRET}']", "HTTP/1.1 101 Switching Protocols", "ping", bundle], said
    # pip and git reach it over TLS, too: what they are told is no index and no repository.
    pip = run(sandbox, "pip download --no-deps -i https://secret.example.org/simple nothing 2>&1", None)
    assert "No matching distribution" in pip and "SSL" not in pip, pip
    git = run(sandbox, "git ls-remote https://secret.example.org/x.git 2>&1", None)
    assert "not valid" in git and "certificate" not in git, git
    reasons = {event["reason"] for event in events(sandbox)}
    assert "the server's TLS or certificate" in reasons, reasons
    sandbox.kill()


def proxy():
    user, password = os.environ["PROXY_CREDENTIALS"].split(":")
    plain = {"address": "8.8.8.8:1080", "username": user, "password": password}
    refused("internal / denied IP range", egress_proxy={**plain, "address": "10.0.0.1:1080"})
    refused("internal / denied IP range", egress_proxy={**plain, "address": "private.wild.example.org:1080"})
    refused("host:port form", egress_proxy={**plain, "address": "8.8.8.8"})
    sandbox = create(egress_proxy=plain)
    shown = sandbox.get_info().network["egress_proxy"]
    assert shown["address"] == "8.8.8.8:1080" and "password" not in shown, shown
    assert curl(sandbox, "http://1.1.1.1/via-proxy")[0]["at"] == "1.1.1.1"
    assert curl(sandbox, "https://api.example.org/via-proxy")[0]["at"] == "1.1.1.1"
    datagram = """
import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"1.1.1.1 past the proxy", ("1.1.1.1", 7777))
except OSError as error:
    print(error.errno)
"""
    assert python(sandbox, datagram) == "13\n"
    # Over TLS to the proxy; by name, which the proxy resolves.
    secured = {**plain, "address": "proxy.example.org:1081", "tls": {"ca_cert": CA}}
    named = {"allow_out": ["api.example.org"], "deny_out": all_traffic}
    sandbox.update_network({"egress_proxy": secured, **named})
    for url in ("http://api.example.org/by-name", "https://api.example.org/by-name"):
        assert curl(sandbox, url)[0]["at"] == "1.1.1.1"
    # Fails closed: a wrong password, a certificate for somebody else, nobody there.
    for wrong in (
        {**plain, "password": "wrong"},
        {**secured, "tls": {"ca_cert": CA, "server_name": "127.0.0.1"}},
        {**secured, "tls": True, "address": "8.8.8.8:1080"},
        {**plain, "address": "8.8.8.8:1"},
    ):
        sandbox.update_network({"egress_proxy": wrong})
        curl(sandbox, "http://1.1.1.1/past-the-proxy", 7)
    events(sandbox)
    sandbox.kill()


live(lists())
rules()
proxy()
print("network ok")
