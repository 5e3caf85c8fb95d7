"""In a sandbox: serves the working directory on a port and says "ready" once the port listens."""

import http.server
import os
import sys


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Quiet)
print("ready", flush=True)
nowhere = os.open("/dev/null", os.O_WRONLY)
os.dup2(nowhere, 1)  # whoever waited for "ready" sees the end of the output
server.serve_forever()
