"""E2B's internet access example in Python; after it, what must be true. See tests/it/egress.rs."""

import os

from e2b_code_interpreter import Sandbox

sandbox = Sandbox.create(allow_internet_access=True)
isolated = Sandbox.create(allow_internet_access=False)
unsaid = Sandbox.create()

target, name = os.environ["TARGET"], os.environ["NAME"]
dial = f"""python3 -c '
import socket
for host in ("{target}", "{name}"):
    try:
        with socket.create_connection((host, 80), timeout=300) as s:
            print(host, s.makefile().read().strip())
    except TimeoutError as error:
        print(host, "hung")
    except OSError as error:
        print(host, "refused")
'"""
for reachable in (sandbox, unsaid):
    stdout = reachable.commands.run(dial).stdout
    assert stdout == f"{target} canary\n{name} canary\n", stdout
stdout = isolated.commands.run(dial).stdout
assert stdout == f"{target} refused\n{name} refused\n", stdout
for each in (sandbox, isolated, unsaid):
    each.kill()
print("internet ok")
