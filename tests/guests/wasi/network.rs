//! Sockets through std::net, which WASI 0.2 has and preview 1 has not.

use crate::text;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// Answers each connection with what it sends, one after the other; `port` 0 is any.
pub fn tcp_server(port: &str) {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}")).expect("binds");
    println!("{}", listener.local_addr().expect("is bound").port());
    for stream in listener.incoming() {
        let mut stream = stream.expect("accepts");
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 || stream.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
    }
}

/// Sends `bytes` bytes and reads them back.
pub fn tcp_client(port: &str, bytes: &str) {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("connects");
    stream.set_nodelay(true).expect("an option");
    assert!(stream.nodelay().expect("an option"));
    assert_eq!(stream.peer_addr().expect("connected").port().to_string(), port);
    let total: usize = bytes.parse().expect("a number");
    let mut done = 0;
    while done < total {
        let piece: Vec<u8> = (done..total.min(done + 1000)).map(|n| n as u8).collect();
        stream.write_all(&piece).expect("writes");
        let mut back = vec![0; piece.len()];
        stream.read_exact(&mut back).expect("reads");
        assert_eq!(back, piece);
        done += piece.len();
    }
    stream.shutdown(Shutdown::Write).expect("shuts down");
    assert_eq!(text(stream), "");
    println!("{done}");
}

/// A small HTTP server that says what it was asked.
pub fn http_server(port: &str) {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}")).expect("binds");
    println!("listening");
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream.expect("accepts"));
        let (mut first, mut length) = (String::new(), 0);
        if stream.read_line(&mut first).is_err() {
            continue;
        }
        loop {
            let mut header = String::new();
            if stream.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        let _ = stream.read_exact(&mut body);
        let answer = format!("{} {}", first.trim(), String::from_utf8_lossy(&body));
        let _ = write!(
            stream.get_mut(),
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        );
    }
}

/// GET / of a host.
pub fn http_get(host: &str, port: &str) {
    let mut stream = TcpStream::connect(format!("{host}:{port}")).expect("connects");
    write!(stream, "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("writes");
    println!("{}", text(stream));
}

/// Datagrams between two sockets, with and without a peer.
pub fn udp() {
    let one = UdpSocket::bind("127.0.0.1:0").expect("binds");
    let two = UdpSocket::bind("127.0.0.1:0").expect("binds");
    let address = two.local_addr().expect("is bound");
    one.send_to(b"to you", address).expect("sends");
    let mut buffer = [0; 100];
    let (count, from) = two.recv_from(&mut buffer).expect("receives");
    assert_eq!(&buffer[..count], b"to you");
    assert_eq!(from, one.local_addr().expect("is bound"));
    two.connect(from).expect("connects");
    two.send(b"back").expect("sends");
    let (count, _) = one.recv_from(&mut buffer).expect("receives");
    assert_eq!(&buffer[..count], b"back");
    one.send_to(&[7; 1400], address).expect("sends");
    assert_eq!(two.recv(&mut buffer).expect("receives"), 100, "the rest is lost");
    let six = UdpSocket::bind("[::1]:0").expect("binds");
    six.send_to(b"six", six.local_addr().expect("is bound")).expect("sends");
    assert_eq!(six.recv(&mut buffer).expect("receives"), 3);
    println!("ok");
}

/// The addresses of a name.
pub fn lookup(name: &str) {
    match (name, 80).to_socket_addrs() {
        Ok(addresses) => {
            let mut all: Vec<String> =
                addresses.map(|address| address.ip().to_string()).collect();
            all.sort();
            all.dedup();
            println!("{}", all.join(" "));
        }
        Err(error) => println!("error {:?}", error.kind()),
    }
}

/// How a connect ends.
pub fn connect(address: &str) {
    match TcpStream::connect(address) {
        Ok(_) => println!("connected"),
        Err(error) => println!("{:?}", error.kind()),
    }
}

/// Many sockets that do not block, of which each is served when it is ready.
pub fn poll_many() {
    const MANY: usize = 50;
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("is bound");
    listener.set_nonblocking(true).expect("an option");
    let nobody = listener.accept().expect_err("nobody came");
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
    let mut clients: Vec<TcpStream> =
        (0..MANY).map(|_| TcpStream::connect(address).expect("connects")).collect();
    let mut served: Vec<TcpStream> = Vec::new();
    while served.len() < MANY {
        match listener.accept() {
            Ok((stream, _)) => served.push(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
    for (n, client) in clients.iter_mut().enumerate().rev() {
        client.write_all(&[n as u8]).expect("writes");
    }
    let mut sum = 0;
    for stream in &mut served {
        stream.set_nonblocking(true).expect("an option");
        let mut byte = [0];
        loop {
            match stream.read(&mut byte) {
                Ok(1) => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => panic!("{other:?}"),
            }
        }
        sum += u32::from(byte[0]);
    }
    println!("{sum}");
}
