"""E2B's web server example in Python, sync; after it, what must be true."""

import json
import re
import urllib.error
import urllib.request

from e2b_code_interpreter import Sandbox

sandbox = Sandbox.create()
process = sandbox.commands.run("python -m http.server 3000", background=True)
host = sandbox.get_host(3000)
with urllib.request.urlopen(f"https://{host}") as response:
    listing = response.read().decode()

assert re.match(r"3000-[a-z0-9]{20}\.", host), host
names = re.findall(r'<a href="([^"]+)">', listing)
assert names == [".bash_logout", ".bashrc", ".profile"], listing

assert process.kill() is True
try:
    urllib.request.urlopen(f"https://{host}")
    raise AssertionError("the port still answers")
except urllib.error.HTTPError as closed:
    assert closed.code == 502, closed.code
    body = json.load(closed)
    assert body["message"] == "The sandbox is running but port is not open", body
    assert body["sandboxId"] == sandbox.sandbox_id and body["port"] == 3000, body

assert sandbox.is_running() is True
assert sandbox.kill() is True
assert sandbox.is_running() is False
assert sandbox.kill() is False
print("listing ok")
