"""Each package that the python image brings does what it is for; says so when all did."""
import contextlib
import http.server
import io
import pathlib
import tempfile
import threading

import bs4
import flask
import httpx
import jinja2
import pytest
import requests
import rich.console
import uvicorn
import websockets
import yaml

with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/etc/hostname"
    import os

    os.chdir("/")
    assert requests.get(url).text == httpx.get(url).text == pathlib.Path("/etc/hostname").read_text()
    server.shutdown()

assert yaml.safe_load("a: [1, {b: yes}]") == {"a": [1, {"b": True}]}
assert yaml.safe_load(yaml.safe_dump({"x": [1.5, None]})) == {"x": [1.5, None]}
assert jinja2.Template("{% for n in ns %}{{ n|upper }} {% endfor %}").render(ns=["a", "<b>"]) == "A <B> "
assert jinja2.Environment(autoescape=True).from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
assert bs4.BeautifulSoup("<p>one<p class=x>two", "html.parser").select_one("p.x").text == "two"

console = rich.console.Console(file=io.StringIO(), width=40)
console.print("[bold]text[/bold]")
assert console.file.getvalue() == "text\n"

app = flask.Flask("app")
app.add_url_rule("/<name>", "hello", lambda name: {"hello": name})
assert app.test_client().get("/you").json == {"hello": "you"}
assert uvicorn.Config(app).port == 8000 and websockets.connect

with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "test_one.py").write_text("def test_good(): assert 1\ndef test_bad(): assert 2 == 3\n")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert pytest.main(["-q", "-p", "no:cacheprovider", folder]) == pytest.ExitCode.TESTS_FAILED
assert "1 failed, 1 passed" in said.getvalue() and "assert 2 == 3" in said.getvalue(), said.getvalue()
print("all work")
