//! A guest for the tests of WASI 0.2 that calls the imports themselves, with arguments that no library gives: its argument says which. What each call
//! answers is printed, `ok` or the number of the error; the call that must not come back is the last.

macro_rules! imports {
    ($($module:literal { $($name:literal $function:ident($($kind:ty),*) $(-> $result:ty)?;)* })*) => { $(
        #[link(wasm_import_module = $module)]
        unsafe extern "C" { $(#[link_name = $name] fn $function($(_: $kind),*) $(-> $result)?;)* }
    )* }
}

imports! {
"wasi:filesystem/preopens@0.2.9" {
    "get-directories" get_directories(i32);
} "wasi:filesystem/types@0.2.9" {
    "[method]descriptor.read" read(i32, i64, i64, i32);
    "[method]descriptor.write" write(i32, i32, i32, i64, i32);
    "[method]descriptor.set-size" set_size(i32, i64, i32);
    "[method]descriptor.advise" advise(i32, i64, i64, i32, i32);
    "[method]descriptor.set-times" set_times(i32, i32, i64, i32, i32, i64, i32, i32);
    "[method]descriptor.stat" stat(i32, i32);
    "[method]descriptor.open-at" open_at(i32, i32, i32, i32, i32, i32, i32);
    "[method]descriptor.symlink-at" symlink_at(i32, i32, i32, i32, i32, i32);
    "[method]descriptor.read-via-stream" read_via_stream(i32, i64, i32);
    "[method]descriptor.write-via-stream" write_via_stream(i32, i64, i32);
    "[resource-drop]descriptor" drop_descriptor(i32);
} "wasi:io/streams@0.2.9" {
    "[method]input-stream.read" stream_read(i32, i64, i32);
    "[method]input-stream.blocking-skip" skip(i32, i64, i32);
    "[method]output-stream.write-zeroes" write_zeroes(i32, i64, i32);
    "[method]output-stream.blocking-write-zeroes-and-flush" write_zeroes_and_flush(i32, i64, i32);
    "[method]output-stream.splice" splice(i32, i32, i64, i32);
} "wasi:io/poll@0.2.9" {
    "poll" poll(i32, i32, i32);
    "[method]pollable.block" block(i32);
    "[method]pollable.ready" ready(i32) -> i32;
} "wasi:cli/stdin@0.2.9" {
    "get-stdin" get_stdin() -> i32;
} "wasi:cli/stdout@0.2.9" {
    "get-stdout" get_stdout() -> i32;
} "wasi:clocks/monotonic-clock@0.2.9" {
    "subscribe-instant" subscribe_instant(i64) -> i32;
    "subscribe-duration" subscribe_duration(i64) -> i32;
} "wasi:random/insecure@0.2.9" {
    "get-insecure-random-bytes" insecure_bytes(i64, i32);
} "wasi:sockets/instance-network@0.2.9" {
    "instance-network" instance_network() -> i32;
} "wasi:sockets/ip-name-lookup@0.2.9" {
    "resolve-addresses" resolve(i32, i32, i32, i32);
} "wasi:sockets/tcp-create-socket@0.2.9" {
    "create-tcp-socket" create_tcp(i32, i32);
} "wasi:sockets/udp-create-socket@0.2.9" {
    "create-udp-socket" create_udp(i32, i32);
} "wasi:sockets/tcp@0.2.9" {
    "[method]tcp-socket.start-bind" tcp_bind(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
    "[method]tcp-socket.finish-bind" tcp_finish_bind(i32, i32);
    "[method]tcp-socket.start-connect" tcp_connect(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
    "[method]tcp-socket.finish-connect" tcp_finish_connect(i32, i32);
    "[method]tcp-socket.start-listen" tcp_listen(i32, i32);
    "[method]tcp-socket.finish-listen" tcp_finish_listen(i32, i32);
    "[method]tcp-socket.accept" tcp_accept(i32, i32);
    "[method]tcp-socket.set-listen-backlog-size" set_backlog(i32, i64, i32);
    "[method]tcp-socket.set-keep-alive-idle-time" set_idle(i32, i64, i32);
    "[method]tcp-socket.set-keep-alive-count" set_count(i32, i32, i32);
    "[method]tcp-socket.set-hop-limit" set_hops(i32, i32, i32);
    "[method]tcp-socket.set-receive-buffer-size" set_buffer(i32, i64, i32);
    "[method]tcp-socket.shutdown" shutdown(i32, i32, i32);
    "[method]tcp-socket.subscribe" tcp_subscribe(i32) -> i32;
    "[resource-drop]tcp-socket" drop_tcp(i32);
} "wasi:sockets/udp@0.2.9" {
    "[method]udp-socket.start-bind" udp_bind(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
    "[method]udp-socket.finish-bind" udp_finish_bind(i32, i32);
    "[method]udp-socket.stream" udp_stream(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
    "[method]incoming-datagram-stream.receive" receive(i32, i64, i32);
    "[method]outgoing-datagram-stream.check-send" check_send(i32, i32);
    "[method]outgoing-datagram-stream.send" send(i32, i32, i32, i32);
}
}

/// Where results are put.
#[repr(align(16))]
struct Area([u8; 256]);
static mut AREA: Area = Area([0; 256]);

fn area() -> i32 {
    // SAFETY: its address alone is taken.
    unsafe { &raw mut AREA.0 as i32 }
}

fn word(at: i32) -> i32 {
    // SAFETY: within the area.
    unsafe { ((area() + at) as *const i32).read_unaligned() }
}

fn byte(at: i32) -> u8 {
    // SAFETY: within the area.
    unsafe { ((area() + at) as *const u8).read() }
}

/// Prints what a call answered, whose error stands at `at`.
fn told(at: i32) {
    match byte(0) {
        0 => println!("ok"),
        _ => println!("{}", byte(at)),
    }
}

/// Calls, and prints what it answers: the error is behind the result's discriminant, as far as what a success carries is aligned.
macro_rules! call {
    ($at:literal $function:ident($($argument:expr),*)) => {{ $function($($argument,)* area()); told($at); }};
}

fn text(text: &str) -> (i32, i32) {
    (text.as_ptr() as i32, text.len() as i32)
}

/// A descriptor of the working directory.
unsafe fn directory() -> i32 {
    unsafe {
        get_directories(area());
        (word(0) as *const i32).read()
    }
}

/// A new file's descriptor.
unsafe fn file() -> i32 {
    let (name, length) = text("hostile-file");
    unsafe { open_at(directory(), 0, name, length, 1, 3, area()) };
    assert_eq!(byte(0), 0);
    word(4)
}

unsafe fn tcp() -> i32 {
    unsafe { create_tcp(0, area()) };
    word(4)
}

/// A datagram socket's two streams.
unsafe fn datagrams() -> (i32, i32) {
    unsafe {
        create_udp(0, area());
        let socket = word(4);
        udp_bind(socket, instance_network(), 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, area());
        udp_finish_bind(socket, area());
        udp_stream(socket, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, area());
    }
    (word(4), word(8))
}

const OUTSIDE: i32 = -8;

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    // SAFETY: none of the guest's own: what the host makes of it is the test.
    let known = unsafe { files(&what) || streams(&what) || waiting(&what) || connections(&what) };
    assert!(known, "unknown: {what}");
}

unsafe fn files(what: &str) -> bool {
    unsafe {
        let directory = directory();
        match what {
            "sizes" => {
                let file = file();
                for (length, offset) in [(0, 0), (-1, 0), (-1, -1), (i64::MAX, i64::MAX), (1, -1)] {
                    call!(4 read(file, length, offset));
                }
                for offset in [0, -1, i64::MAX, 1 << 62] {
                    call!(8 write(file, area(), 3, offset));
                }
                for size in [0, 1 << 40, -1, i64::MAX] {
                    call!(1 set_size(file, size));
                }
                call!(1 advise(file, -1, -1, 5));
                for offset in [0, -1] {
                    call!(4 read_via_stream(file, offset));
                    call!(4 write_via_stream(file, offset));
                }
            }
            "times" => {
                let file = file();
                for (seconds, nanoseconds) in [
                    (0, 0),
                    (-1, 0),
                    (i64::MIN, 0),
                    (0, -1),
                    (0, 1_000_000_000),
                    (1 << 33, 999_999_999),
                ] {
                    call!(1 set_times(file, 2, seconds, nanoseconds, 2, seconds, nanoseconds));
                }
            }
            "paths" => {
                let long = "a".repeat(70_000);
                for path in [
                    "",
                    "a\0b",
                    "/etc/hostname",
                    "//",
                    "no/../../b",
                    &long[..255],
                    &long[..256],
                    &long[..4096],
                    &long,
                ] {
                    let (at, length) = text(path);
                    call!(4 open_at(directory, 0, at, length, 1, 2));
                    call!(1 symlink_at(directory, at, length, at, length));
                }
                let (at, length) = text("hostile-file");
                for flags in [-1, 255] {
                    call!(4 open_at(directory, 0, at, length, flags, 1));
                }
            }
            "path-huge" => {
                let huge = "a".repeat(8 << 20);
                open_at(directory, 0, text(&huge).0, text(&huge).1, 0, 1, area());
                loop {
                    resolve(instance_network(), text(&huge).0, text(&huge).1, area());
                }
            }
            "path-utf8" => open_at(directory, 0, [0xffu8, 0xfe].as_ptr() as i32, 2, 0, 1, area()),
            "path-outside" => open_at(directory, 0, OUTSIDE, 100, 0, 1, area()),
            "write-outside" => write(file(), OUTSIDE, 100, 0, area()),
            "write-maximum" => write(file(), 16, -1, 0, area()),
            "advice" => advise(file(), 0, 0, 77, area()),
            "timestamp" => set_times(file(), 9, 0, 0, 0, 0, 0, area()),
            "zero" => read(0, 1, 0, area()),
            "maximum" => read(-1, 1, 0, area()),
            "other-kind" => read(get_stdout(), 1, 0, area()),
            "dropped" => {
                let file = file();
                drop_descriptor(file);
                stat(file, area());
            }
            "dropped-twice" => {
                let file = file();
                drop_descriptor(file);
                drop_descriptor(file);
            }
            "misaligned" => stat(file(), area() + 1),
            "result-outside" => stat(file(), OUTSIDE),
            "files-without-end" => {
                let (at, length) = text("hostile-file");
                file();
                while {
                    open_at(directory, 0, at, length, 0, 1, area());
                    byte(0) == 0
                } {}
                told(4);
            }
            _ => return false,
        }
        true
    }
}

unsafe fn streams(what: &str) -> bool {
    unsafe {
        match what {
            "kept" => {
                // A stream outlives the descriptor that it is of.
                let file = file();
                read_via_stream(file, 0, area());
                let stream = word(4);
                drop_descriptor(file);
                call!(4 stream_read(stream, -1));
                call!(4 splice(get_stdout(), stream, -1));
                call!(8 skip(get_stdin(), -1));
            }
            "zeroes" => write_zeroes(get_stdout(), -1, area()),
            "zeroes-flushed" => write_zeroes_and_flush(get_stdout(), -1, area()),
            "streams-without-end" => loop {
                get_stdin();
            },
            "random" => insecure_bytes(-1, area()),
            _ => return false,
        }
        true
    }
}

unsafe fn waiting(what: &str) -> bool {
    unsafe {
        match what {
            "instants" => {
                for instant in [0, 1, i64::MAX, i64::MIN, -1] {
                    println!("{}", ready(subscribe_instant(instant)));
                }
            }
            "for-ever" => {
                println!("go");
                block(subscribe_duration(-1));
            }
            "until-for-ever" => {
                println!("go");
                block(subscribe_instant(-1));
            }
            "poll-misaligned" => poll(area() + 1, 1, area() + 64),
            "poll-many" => {
                let all = vec![subscribe_duration(0); 1_000_000];
                poll(all.as_ptr() as i32, 1_000_000, area());
            }
            _ => return false,
        }
        true
    }
}

unsafe fn connections(what: &str) -> bool {
    unsafe {
        let network = instance_network();
        match what {
            "options" => {
                let socket = tcp();
                for value in [0, 1, i64::MAX, -1] {
                    call!(1 set_backlog(socket, value));
                    call!(1 set_idle(socket, value));
                    call!(1 set_count(socket, value as i32));
                    call!(1 set_hops(socket, (value & 255) as i32));
                    call!(1 set_buffer(socket, value));
                }
                call!(1 shutdown(socket, 2));
            }
            "order" => {
                let socket = tcp();
                call!(1 tcp_finish_bind(socket));
                call!(4 tcp_finish_connect(socket));
                call!(1 tcp_finish_listen(socket));
                call!(4 tcp_accept(socket));
                call!(1 tcp_listen(socket));
                call!(1 tcp_bind(socket, network, 1, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)); // of the other family
                call!(1 tcp_bind(socket, network, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0)); // root's
                call!(1 tcp_bind(socket, network, 0, 8000, 8, 8, 8, 8, 0, 0, 0, 0, 0, 0)); // nobody's
                call!(1 tcp_connect(socket, network, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0)); // no port
                call!(1 tcp_connect(socket, network, 0, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)); // no address
                call!(1 tcp_bind(socket, network, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0));
                call!(1 tcp_bind(socket, network, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0));
                call!(1 tcp_finish_bind(socket));
                call!(1 tcp_finish_bind(socket));
                let waiting = tcp_subscribe(socket);
                drop_tcp(socket);
                println!("{}", ready(waiting));
            }
            "names" => {
                for name in ["", "a b", "..", "a..b", "a\0b", &"a".repeat(254)] {
                    call!(4 resolve(network, text(name).0, text(name).1));
                }
            }
            "datagrams" => {
                let (incoming, outgoing) = datagrams();
                call!(4 receive(incoming, 0));
                call!(4 receive(incoming, -1));
                call!(8 check_send(outgoing));
                call!(8 send(outgoing, 0, 0));
            }
            "send-outside" => {
                let (_, outgoing) = datagrams();
                check_send(outgoing, area());
                send(outgoing, 0, i32::MAX, area());
            }
            "send-unasked" => {
                let nothing = [0u8; 4 * 44];
                send(datagrams().1, nothing.as_ptr() as i32, 4, area());
            }
            "family" => create_tcp(7, area()),
            "shutdown" => shutdown(tcp(), 9, area()),
            "sockets-without-end" => {
                while {
                    create_tcp(0, area());
                    byte(0) == 0
                } {}
                told(4);
            }
            _ => return false,
        }
        true
    }
}
