//! The network of components: servers that the sandbox's other programs, the host and the router reach, clients under the sandbox's
//! policy, datagrams, names.

use std::time::Duration;

use isolet::{Egress, Sandbox, SandboxConfig};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::guests::{block_on, machine, machine_of, p2, run, runtime, start, success};
use crate::http::{Guest, control};
use crate::network::in_world;
use crate::server::API_KEY;

/// From a kill to the end.
const KILL_BOUND: Duration = Duration::from_secs(300);

/// Starts a server and waits for its first line.
async fn serve(machine: &Sandbox, script: &str) -> (isolet::Child, String) {
    let child = start(machine, &format!("exec {script}"));
    let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
    let line = lines.next_line().await.expect("a pipe");
    let Some(line) = line else {
        let mut said = String::new();
        let errors = child.take_stderr().expect("piped").read_to_string(&mut said).await;
        panic!("{script} ended: {said}{errors:?}");
    };
    // Whoever reads on does so elsewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, line)
}

#[test]
fn a_server_of_ones_own_is_reached_from_all_sides() {
    block_on(async {
        let machine = machine(&[("guest", p2())]).await;
        let (server, port) = serve(&machine, "./guest tcp-server 7007").await;
        assert_eq!(port, "7007");
        assert!(machine.listening(7007));
        // Another component, a program of the image, the host.
        assert_eq!(success(run(&machine, "./guest tcp-client 7007 200000").await), "200000\n");
        let told = success(
            run(&machine, "printf hello | nc -N 127.0.0.1 7007; ss -tln | grep -c 7007").await,
        );
        assert_eq!(told, "hello1\n");
        let mut stream = machine.connect(7007).await.expect("it listens");
        let sent: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let (mut from, mut to) = tokio::io::split(&mut stream);
        let mut back = vec![0; sent.len()];
        let (written, read) = tokio::join!(
            async {
                to.write_all(&sent).await?;
                to.flush().await
            },
            from.read_exact(&mut back)
        );
        written.and(read.map(drop)).expect("it echoes");
        assert!(back == sent);
        server.signal(15).expect("it runs");
        assert_eq!(server.wait().await.signal, Some(15));
        assert!(!machine.listening(7007), "its port is free again");
        assert!(std::net::TcpStream::connect("127.0.0.1:7007").is_err(), "no port of the host's");
        machine.kill().await;
    });
}

#[test]
fn http_is_served_and_fetched() {
    block_on(async {
        let machine = machine(&[("guest", p2())]).await;
        let (server, line) = serve(&machine, "./guest http-server 8080").await;
        assert_eq!(line, "listening");
        let script = "curl -s localhost:8080/path; echo; curl -s -d body localhost:8080/; echo
            for n in $(seq 50); do curl -s localhost:8080/$n >/dev/null || echo failed; done; ./guest http-get localhost 8080";
        let told = success(run(&machine, script).await);
        assert!(
            told.starts_with("GET /path HTTP/1.1 \nPOST / HTTP/1.1 body\nHTTP/1.1 200 OK"),
            "{told}"
        );
        assert!(told.ends_with("GET / HTTP/1.0 \n"), "{told}");
        server.signal(9).expect("it runs");
        machine.kill().await;
    });
}

#[test]
fn datagrams_and_many_connections() {
    block_on(async {
        let machine = machine(&[("guest", p2())]).await;
        assert_eq!(success(run(&machine, "./guest udp").await), "ok\n");
        assert_eq!(success(run(&machine, "./guest poll").await), "1225\n");
        machine.kill().await;
    });
}

#[test]
fn connections_end_as_they_should() {
    block_on(async {
        let machine = machine(&[("guest", p2())]).await;
        let script = "./guest connect 127.0.0.1:9; ./guest connect 1.1.1.1:80; ./guest connect [::1]:9
            ./guest tcp-server 80 2>&1 | grep -o 'PermissionDenied'; ./guest tcp-server 7000 >port & until [ -s port ]; do sleep 0.05; done; ./guest tcp-server 7000 2>&1 | grep -o AddrInUse; kill %1
            ./guest lookup localhost; ./guest lookup 9.9.9.9; ./guest lookup nowhere.invalid";
        let (_, told, stderr) = run(&machine, script).await;
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "ConnectionRefused", "{told}{stderr}");
        assert!(
            ["NetworkUnreachable", "HostUnreachable", "PermissionDenied", "Uncategorized", "Other"]
                .contains(&lines[1]),
            "{told}"
        );
        assert_eq!(
            lines[2..6],
            ["ConnectionRefused", "PermissionDenied", "AddrInUse", "127.0.0.1 ::1"],
            "{told}{stderr}"
        );
        assert_eq!(lines[6], "9.9.9.9");
        assert!(lines[7].starts_with("error"), "{told}");
        machine.kill().await;
    });
}

#[test]
fn kill_ends_it_in_every_state() {
    block_on(async {
        let machine = machine(&[("guest", p2())]).await;
        let (_server, _) = serve(&machine, "./guest tcp-server 7001").await;
        let states = ["tcp-server 7002", "http-server 7003", "spin", "sleep 1000000000"];
        for state in states {
            let (child, _) = serve(&machine, &format!("./guest {state}")).await;
            child.signal(9).expect("it runs");
            let ended = tokio::time::timeout(KILL_BOUND, child.wait()).await;
            let ended = ended.unwrap_or_else(|_| panic!("not killed in {state}"));
            assert_eq!(ended.signal, Some(9), "{state}");
        }
        // Waiting for input, and in a connection that nothing comes from.
        for script in ["echo go; exec ./guest cat", "echo go; exec ./guest upper"] {
            let child = start(&machine, script);
            let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
            assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("go"));
            tokio::time::sleep(Duration::from_millis(300)).await;
            child.signal(9).expect("it runs");
            assert_eq!(child.wait().await.signal, Some(9), "{script}");
        }
        machine.kill().await;
        let wanted = SandboxConfig::new("base", Egress::deny_all());
        let machine = machine_of(runtime().await, wanted, &[("guest", p2())]).await;
        let (child, _) = serve(&machine, "./guest tcp-server 7001").await;
        let killed = tokio::time::timeout(KILL_BOUND, machine.kill()).await;
        killed.expect("killed while it accepts");
        assert!(child.has_ended());
    });
}

#[test]
fn names_are_asked_of_the_sandboxs_name_server() {
    let name = "wasi_network::names_are_asked_of_the_sandboxs_name_server";
    in_world(name, &[], |server, internet, hosts, _| {
        let guest = Guest::create(server);
        guest.write("/home/user/guest", &p2());
        guest.shell("chmod +x guest");
        let asked = |name: &str| guest.shell(&format!("./guest lookup {name}"));
        assert_eq!(asked("api.example.org"), "1.1.1.1\n");
        assert_eq!(asked("six.example.org"), "2606:4700:4700::1111\n");
        assert!(asked("unknown.example.org").starts_with("error "));
        assert!(hosts.asked().contains("unknown.example.org."), "{:?}", hosts.asked());
        // What is found is dialled by the same rules; an address that may not be dialled is not found.
        let told = guest.shell("./guest http-get api.example.org 80");
        assert!(told.starts_with("HTTP/1.0 200") && told.contains("1.1.1.1"), "{told}");
        assert!(internet.called().contains(&"1.1.1.1".parse().expect("an address")));
        assert!(asked("private.wild.example.org").starts_with("error "), "it may not be dialled");
        assert_eq!(guest.shell("./guest connect 10.0.0.1:80"), "PermissionDenied\n");
        // Without name servers nobody is asked.
        let set = |network: serde_json::Value| {
            let path = format!("/sandboxes/{}/network", guest.id);
            control(server, ("PUT", &path), API_KEY, &network).status
        };
        for (nobody, network) in [
            ("first.example.org", json!({ "dnsServers": [] })),
            ("second.example.org", json!({ "allow_internet_access": false })),
        ] {
            assert_eq!(set(network), 204);
            assert!(asked(nobody).starts_with("error "));
            assert!(!hosts.asked().contains(&format!("{nobody}.")), "{:?}", hosts.asked());
        }
        assert_eq!(asked("localhost"), "127.0.0.1 ::1\n");
    });
}
