//! A guest for the tests of WASI, for wasm32-wasip1 and wasm32-wasip2 alike: its first argument says what it does. Built by `build` in
//! this folder; what comes of it is committed beside it.

mod files;
mod network;

use std::collections::HashMap;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::time::{Duration, Instant, SystemTime};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rest: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    match arguments.get(1).map_or("", String::as_str) {
        "arguments" => arguments.iter().skip(2).for_each(|argument| println!("{argument}")),
        "lengths" => {
            let environment: usize = std::env::vars().map(|(n, v)| n.len() + v.len()).sum();
            println!("{} {}", rest.iter().map(|text| text.len()).sum::<usize>(), environment);
        }
        "variable" => println!("{}", std::env::var(rest[0]).unwrap_or("(none)".into())),
        "exit" => std::process::exit(rest[0].parse().expect("a number")),
        "panic" => panic!("as asked"),
        "abort" => std::process::abort(),
        "out-of-bounds" => out_of_bounds(),
        "overflow" => println!("{}", deep(1)),
        "spin" => {
            println!("go");
            let mut n = 0u64;
            loop {
                n = std::hint::black_box(n.wrapping_add(1));
            }
        }
        "sleep" => {
            println!("go");
            std::thread::sleep(Duration::from_millis(rest[0].parse().expect("a number")));
            println!("slept");
        }
        "cat" => cat(&rest),
        "upper" => {
            for line in std::io::stdin().lock().lines() {
                println!("{}", line.expect("UTF-8").to_uppercase());
            }
        }
        "yes" => loop {
            println!("y");
        },
        "both" => {
            println!("out");
            eprintln!("err");
        }
        "terminal" => println!(
            "{} {} {}",
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal()
        ),
        "ask" => {
            print!("name? ");
            std::io::stdout().flush().expect("a terminal");
            let mut name = String::new();
            std::io::stdin().read_line(&mut name).expect("a terminal");
            println!("hello {}", name.trim());
        }
        "clocks" => clocks(),
        "random" => println!("{:016x}", random()),
        "memory" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                let mut more = Vec::new();
                if more.try_reserve_exact(1 << 20).is_err() {
                    println!("refused after {} MiB", held.len());
                    return;
                }
                more.resize(1 << 20, 1u8);
                held.push(more);
            }
        }
        "files" => files::all(rest[0]),
        "where" => files::relative(),
        "list" => files::list(rest[0]),
        "tcp-server" => network::tcp_server(rest[0]),
        "tcp-client" => network::tcp_client(rest[0], rest[1]),
        "http-server" => network::http_server(rest[0]),
        "http-get" => network::http_get(rest[0], rest[1]),
        "udp" => network::udp(),
        "lookup" => network::lookup(rest[0]),
        "connect" => network::connect(rest[0]),
        "poll" => network::poll_many(),
        other => {
            eprintln!("unknown: {other}");
            std::process::exit(2);
        }
    }
}

/// Reads far outside of memory.
fn out_of_bounds() {
    let address = std::hint::black_box(0xffff_fff0usize as *const u8);
    // SAFETY: none; the trap is what is asked for.
    println!("{}", unsafe { address.read_volatile() });
}

fn deep(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 64]);
    if n == u64::MAX { frame[3] } else { deep(n + 1) + frame[5] }
}

fn cat(names: &[&str]) {
    let mut out = std::io::stdout().lock();
    if names.is_empty() {
        std::io::copy(&mut std::io::stdin().lock(), &mut out).expect("copies");
    }
    for name in names {
        match std::fs::File::open(name) {
            Ok(mut file) => drop(std::io::copy(&mut file, &mut out).expect("copies")),
            Err(error) => {
                eprintln!("{name}: {error}");
                std::process::exit(1);
            }
        }
    }
}

fn clocks() {
    let (before, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(Duration::from_millis(30));
    let (passed, wall) = (before.elapsed(), wall.elapsed().expect("forwards"));
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    println!(
        "{} {} {}",
        passed >= Duration::from_millis(30),
        wall >= Duration::from_millis(29),
        since.as_secs()
    );
}

/// A number that the standard library's hash map is seeded with.
fn random() -> u64 {
    use std::hash::BuildHasher;
    HashMap::<u8, u8>::new().hasher().hash_one(1)
}

/// Reads all of a stream as text.
fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("text");
    text
}
