//! Programs for WASI on a terminal, in the background.

use isolet::{Child, Command, ReadEnd, Sandbox};
use tokio::io::AsyncReadExt;

use crate::guests::{block_on, machine, p1, p2};

/// A bash on a terminal of its own.
struct Terminal {
    child: Child,
    screen: ReadEnd,
    seen: String,
}

impl Terminal {
    /// Starts `script` there.
    fn start(machine: &Sandbox, script: &str) -> Self {
        let user = machine.user("user").expect("every image has this user");
        let command = Command::new("/bin/bash").args(["-c", script]);
        let child = machine.spawn(command.login_env(machine, &user).pty(80, 24)).expect("starts");
        let screen = child.take_stdout().expect("a terminal");
        Self { child, screen, seen: String::new() }
    }

    /// Reads until `wanted` is seen, which is forgotten with all before it.
    async fn until(&mut self, wanted: &str) {
        let mut buffer = [0; 256];
        loop {
            if let Some(at) = self.seen.find(wanted) {
                self.seen.drain(..at + wanted.len());
                return;
            }
            let count = self.screen.read(&mut buffer).await.expect("a terminal");
            assert!(count > 0, "{wanted:?} did not come: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }
}

#[test]
fn only_tostop_stops_who_writes_in_the_background() {
    block_on(async {
        for guest in [p1(), p2()] {
            let machine = machine(&[("guest", guest)]).await;
            let script = r#"set -m
                ./guest arguments written & wait $!; echo "code $?"
                stty tostop; WORD=held ./guest variable WORD & wait $!; echo "code $?"
                fg >/dev/null; echo "code $?"
                ./guest cat & wait $!; echo "code $?"; kill -KILL %%; wait"#;
            let mut terminal = Terminal::start(&machine, script);
            terminal.until("written\r\n").await;
            terminal.until("code 0\r\n").await;
            terminal.until("code 150\r\n").await; // SIGTTOU
            terminal.until("held\r\n").await;
            terminal.until("code 0\r\n").await;
            terminal.until("code 149\r\n").await; // SIGTTIN
            terminal.child.wait().await;
            machine.kill().await;
        }
    });
}
