"""An HTTP proxy: `proxy.py PORT TO` answers every GET of whatever host with what the server at port TO of loopback says."""
import http.server
import sys
import urllib.request
from urllib.parse import urlsplit

PORT, TO = map(int, sys.argv[1:])


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        target = urlsplit(self.path)
        if target.scheme != "http":
            return self.send_error(400, "a proxy is asked by whole URLs")
        # Never through a proxy again.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{TO}{target.path}") as answer:
                body = answer.read()
                kind = answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            return self.send_error(error.code)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Proxy).serve_forever()
