//! What people run with the Python of a sandbox: web servers behind the router, the packages that the image brings,
//! processes that share locks. Installing packages is `pip`, starts are `python_starts`, CPython's own tests `suites`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Guest, request};
use crate::run::run;
use crate::server::{Server, isolet};

const BOUND: Duration = Duration::from_secs(900);

/// Clients that ask at the same moment.
const CLIENTS: usize = 50;

const FLASK: &str = "
from flask import Flask
app = Flask(__name__)
@app.get('/number/<int:n>')
def number(n):
    return str(n * 2)
app.run('0.0.0.0', 5000)
";

const ASGI: &str = "
import asyncio
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    await asyncio.sleep(0.01)
    n = int(scope['path'].rpartition('/')[2])
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain')]})
    await send({'type': 'http.response.body', 'body': str(n * 2).encode()})
";

/// `double` runs on threads of a pool, `order` in the loop; both by models.
const FASTAPI: &str = "
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
app = FastAPI(title='Orders')
class Order(BaseModel):
    name: str = Field(min_length=2)
    count: int = Field(gt=0, le=100)
    price: Decimal
    due: datetime | None = None
class Total(BaseModel):
    name: str
    total: float
    year: int | None
@app.get('/number/{n}')
def double(n: int, times: Annotated[int, Query(ge=1)] = 2) -> int:
    return n * times
@app.post('/orders', status_code=201)
async def order(order: Order) -> Total:
    return {'name': order.name, 'total': order.count * order.price, 'year': order.due and order.due.year, 'other': 1}
";

const ASYNCIO: &str = "
import asyncio
async def answer(reader, writer):
    line = await reader.readline()
    while (await reader.readline()).strip():
        pass
    n = int(line.split()[1].rpartition(b'/')[2])
    await asyncio.sleep(0.01)
    body = str(n * 2).encode()
    writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s' % (len(body), body))
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(answer, '0.0.0.0', 5000)
    await server.serve_forever()
asyncio.run(main())
";

const WEBSOCKETS: &str = "
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message.upper())
async def main():
    async with websockets.serve(echo, '0.0.0.0', 5000):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
";

/// A sandbox in which `command` runs until port 5000 takes connections.
fn serving(program: &str, command: &str) -> Guest<'static> {
    let guest = Guest::create(Server::shared());
    guest.write("/home/user/server.py", program.as_bytes());
    let waits = format!(
        "cd /home/user; {command} >log 2>&1 & \
         until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 5000))' 2>/dev/null; \
         do kill -0 $! || {{ cat log; exit 1; }}; done"
    );
    patiently(&guest, &waits);
    guest
}

/// Runs `client` with 0, 1... in as many threads at once.
fn at_once(client: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                scope.spawn({
                    let client = &client;
                    move || client(n)
                })
            })
            .collect();
        for client in clients {
            client.join().expect("every client is answered");
        }
    });
}

fn answers_all(program: &str, command: &str) {
    let guest = serving(program, command);
    at_once(|n| {
        let answer = guest.get(5000, &format!("/number/{n}"));
        assert_eq!((answer.status, answer.text()), (200, (n * 2).to_string()));
    });
}

#[test]
fn flask_answers_fifty_at_once() {
    answers_all(FLASK, "python3 server.py");
}

#[test]
fn an_asgi_application_under_uvicorn_answers_fifty_at_once() {
    answers_all(ASGI, "uvicorn --host 0.0.0.0 --port 5000 server:app");
}

#[test]
fn fastapi_under_uvicorn_answers_fifty_at_once() {
    let guest = serving(FASTAPI, "uvicorn --host 0.0.0.0 --port 5000 server:app");
    let host = guest.host(5000);
    let post = |body: &Value| {
        let headers = [("Content-Type", "application/json")];
        request(Server::shared(), ("POST", "/orders"), &host, &headers, body.to_string().as_bytes())
    };
    at_once(|n| {
        let answer = guest.get(5000, &format!("/number/{n}?times=3"));
        assert_eq!((answer.status, answer.text()), (200, (n * 3).to_string()));
        let order = json!({ "name": format!("tea {n}"), "count": n, "price": "1.50", "due": "2026-11-26T10:00:00Z" });
        let answer = post(&order);
        if n == 0 {
            let wanted = json!([{ "type": "greater_than", "loc": ["body", "count"],
                "msg": "Input should be greater than 0", "input": 0, "ctx": { "gt": 0 } }]);
            assert_eq!((answer.status, &answer.json()["detail"]), (422, &wanted));
        } else {
            let total =
                json!({ "name": format!("tea {n}"), "total": n as f64 * 1.5, "year": 2026 });
            assert_eq!((answer.status, answer.json()), (201, total));
        }
    });
    let answer = guest.get(5000, "/number/seven?times=0");
    let faults = answer.json();
    let faults = faults["detail"].as_array().expect("a list of faults");
    let told: Vec<_> = faults.iter().map(|fault| (&fault["loc"], &fault["type"])).collect();
    let wanted = [
        (&json!(["path", "n"]), &json!("int_parsing")),
        (&json!(["query", "times"]), &json!("greater_than_equal")),
    ];
    assert_eq!((answer.status, told.as_slice()), (422, wanted.as_slice()));
    let document = guest.get(5000, "/openapi.json").json();
    let count =
        json!({ "type": "integer", "maximum": 100.0, "exclusiveMinimum": 0.0, "title": "Count" });
    assert_eq!(document["components"]["schemas"]["Order"]["properties"]["count"], count);
}

#[test]
fn an_asyncio_server_answers_fifty_at_once() {
    answers_all(ASYNCIO, "python3 server.py");
}

#[test]
fn the_library_s_web_server_answers_fifty_at_once() {
    let guest = serving("x = 1\n", "python3 -m http.server 5000");
    at_once(|_| {
        let answer = guest.get(5000, "/server.py");
        assert_eq!((answer.status, answer.text().as_str()), (200, "x = 1\n"));
    });
}

#[test]
fn a_websockets_server_answers_fifty_at_once() {
    let guest = serving(WEBSOCKETS, "python3 server.py");
    let host = guest.host(5000);
    at_once(|n| assert_eq!(shouted(&host, &format!("message {n}")), format!("MESSAGE {n}")));
}

/// Sends `text` over a new WebSocket (RFC 6455) through the router; the text that comes back.
fn shouted(host: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(BOUND)).expect("a bound above zero");
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the router reads");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.trim().is_empty()) {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).expect("a head"), 0, "{lines:?}");
        lines.push(line);
    }
    assert!(lines[0].starts_with("HTTP/1.1 101 "), "{lines:?}");
    // The RFC's own example of a key and its answer.
    assert!(lines.iter().any(|line| line.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), "{lines:?}");
    // A final text frame under a mask of zeros, which leaves the text as it is.
    let length = u8::try_from(text.len()).expect("a short text");
    let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
    stream.write_all(&frame).expect("the router reads");
    let mut start = [0; 2];
    reader.read_exact(&mut start).expect("a frame");
    assert_eq!(start[0], 0x81);
    let mut answer = vec![0; usize::from(start[1])];
    reader.read_exact(&mut answer).expect("a whole frame");
    String::from_utf8(answer).expect("UTF-8")
}

#[test]
fn the_packages_of_the_image_work() {
    let program = include_str!("../guests/packages.py");
    let mut command = isolet();
    command.args(["run", "--image", "python", "--", "python3", "-c", program]);
    assert_eq!(run(&mut command, BOUND).success(), "all work\n");
}

#[test]
fn models_of_pydantic_work_on_many_threads() {
    let guest = Guest::create(Server::shared());
    guest.write("/home/user/models.py", include_bytes!("../guests/models.py"));
    assert_eq!(patiently(&guest, "python3 /home/user/models.py 2>&1"), "all went well\n");
}

#[test]
fn fastapi_counts_as_installed() {
    let guest = Guest::create(Server::shared());
    // No index is asked: nothing listens there.
    let said = patiently(&guest, "pip install --index-url http://127.0.0.1:1/ fastapi 2>&1");
    for project in ["fastapi", "pydantic", "pydantic-core", "starlette"] {
        let line = format!("Requirement already satisfied: {project}");
        assert!(said.lines().any(|said| said.starts_with(&line)), "{project}\n{said}");
    }
    assert_eq!(patiently(&guest, "pip check"), "No broken requirements found.\n");
}

/// As [`Guest::shell`], for what may say nothing for minutes on a busy machine: a NUL every few seconds shows that it lives.
pub fn patiently(guest: &Guest<'_>, command: &str) -> String {
    let beating = "while sleep 5 >/dev/null 2>&1; do printf '\\0'; done & beat=$!";
    let output =
        guest.shell(&format!("{beating}; ( {command}\n); code=$?; kill $beat; exit $code"));
    output.replace('\0', "")
}

#[test]
fn processes_exclude_each_other() {
    let program = include_str!("../guests/processes.py");
    let guest = Guest::create(Server::shared());
    guest.write("/home/user/processes.py", program.as_bytes());
    assert_eq!(
        patiently(&guest, "python3 /home/user/processes.py"),
        "queue lock values condition pool executor\n"
    );
}

#[test]
fn threads_change_places_and_show_where_they_are() {
    let guest = Guest::create(Server::shared());
    guest.write("/home/user/switches.py", include_bytes!("../guests/switches.py"));
    let display = "an isolet sandbox has no display";
    assert_eq!(
        patiently(&guest, "python3 /home/user/switches.py 2>&1"),
        format!(
            "turns\ntracebacks\n\
             tkinter: No module named 'tkinter': {display}\nturtle: No module named 'turtle': {display}\n\
             AttributeError: module 'os' has no attribute 'fork': a program in an isolet sandbox cannot be copied while it runs, \
             use subprocess, os.posix_spawn or multiprocessing\n\
             ValueError: cannot find context for 'fork': there is no os.fork() in an isolet sandbox, use the start method \"spawn\"\n\
             OSError: cannot load libc.so.6: programs in an isolet sandbox are WebAssembly and load no libraries\n\
             AttributeError: Symbol not found: Py_IncRef\n"
        )
    );
}

#[test]
fn ctypes_has_all_but_libraries() {
    let guest = Guest::create(Server::shared());
    guest.write("/home/user/foreign.py", include_bytes!("../guests/foreign.py"));
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/foreign.py");
    let native = run(Command::new("python3").arg(program), BOUND).success();
    assert_eq!(patiently(&guest, "python3 /home/user/foreign.py 2>&1"), native);
}

const DEBUGGED: &str = "
from flask import Flask
app = Flask(__name__)
@app.get('/version')
def version():
    return 'first'
@app.get('/broken')
def broken():
    return str(1 / 0)
";

/// Asks until the answer is `wanted`: a program that reloads itself is away meanwhile. What it had not looked at yet when it was
/// changed is not new to it, so the file is touched again from time to time.
fn comes_to_answer(guest: &Guest<'_>, path: &str, wanted: &str) {
    let asked = format!(
        "n=0; until [ \"$(curl -s http://127.0.0.1:5000{path})\" = {wanted} ]; do
             n=$((n + 1)); [ $((n % 50)) != 0 ] || touch /home/user/server.py; sleep 0.1
         done; echo it does"
    );
    assert_eq!(patiently(guest, &asked), "it does\n");
}

#[test]
fn flask_debugs_and_reloads() {
    let guest = serving(DEBUGGED, "flask --app server run --debug --host 0.0.0.0 --port 5000");
    comes_to_answer(&guest, "/version", "first");
    let page = guest.get(5000, "/broken");
    assert_eq!(page.status, 500);
    let text = page.text();
    assert!(text.contains("ZeroDivisionError") && text.contains("Werkzeug Debugger"), "{text}");
    guest.write("/home/user/server.py", DEBUGGED.replace("first", "second").as_bytes());
    comes_to_answer(&guest, "/version", "second");
}

const RELOADED: &str = "
async def app(scope, receive, send):
    if scope['type'] == 'http':
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': b'first'})
";

#[test]
fn uvicorn_reloads_and_has_workers() {
    let guest = serving(RELOADED, "uvicorn --reload --host 0.0.0.0 --port 5000 server:app");
    comes_to_answer(&guest, "/", "first");
    guest.write("/home/user/server.py", RELOADED.replace("first", "second").as_bytes());
    comes_to_answer(&guest, "/", "second");
    let guest = serving(RELOADED, "uvicorn --workers 2 --host 0.0.0.0 --port 5000 server:app");
    comes_to_answer(&guest, "/", "first");
    let children =
        "until [ \"$(ps -eo args | grep -c '[s]pawn_main')\" = 2 ]; do sleep 0.1; done; echo two";
    assert_eq!(patiently(&guest, children), "two\n");
}

#[test]
fn the_repl_of_asyncio_awaits() {
    let guest = Guest::create(Server::shared());
    let said =
        patiently(&guest, "echo 'print(await asyncio.sleep(0, 40 + 2))' | python3 -m asyncio 2>&1");
    assert!(said.contains("42"), "{said}");
    let refused = patiently(&guest, "! python3 -m asyncio ps $$ 2>&1");
    assert!(
        refused.contains("no process in an isolet sandbox can read another one's memory"),
        "{refused}"
    );
}
