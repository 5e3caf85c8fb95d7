"""In a sandbox: calls port PORT of each HOST and says what came of it, one line each.

    python3 -c "$(cat dial.py)" PORT HOST...    ->    HOST reached GREETING | refused WHY | hung

"hung" is the one outcome no test accepts: a call that is not allowed must fail at once.
"""

import errno
import socket
import sys

port = int(sys.argv[1])
for host in sys.argv[2:]:
    try:
        with socket.create_connection((host, port), timeout=300) as connection:
            print(host, "reached", connection.makefile().read().strip())
    except TimeoutError:
        print(host, "hung")
    except OSError as error:
        print(host, "refused", errno.errorcode.get(error.errno, type(error).__name__))
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as datagrams:
            datagrams.sendto(host.encode(), address)
    except OSError:
        pass  # whether the datagram got out is the canary's to say
