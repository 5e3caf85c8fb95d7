//! Programs for WASI on a terminal: in the background, and reading it in raw mode.

use isolet::{Child, Command, ReadEnd, Sandbox, WriteEnd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::guests::{block_on, machine, p1, p2};

/// A bash on a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: WriteEnd,
    screen: ReadEnd,
    seen: String,
}

impl Terminal {
    /// Starts `script` there.
    fn start(machine: &Sandbox, script: &str) -> Self {
        let user = machine.user("user").expect("every image has this user");
        let command = Command::new("/bin/bash").args(["-c", script]);
        let child = machine.spawn(command.login_env(machine, &user).pty(80, 24)).expect("starts");
        let keyboard = child.take_stdin().expect("a terminal");
        let screen = child.take_stdout().expect("a terminal");
        Self { child, keyboard, screen, seen: String::new() }
    }

    async fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).await.expect("a terminal");
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

#[test]
fn reads_wait_for_what_vmin_and_vtime_say() {
    block_on(async {
        // What a component reads is what is there: docs/components.md.
        let machine = machine(&[("guest", p1())]).await;
        // What a read left is what cat finds; a time that is over is the end of the input.
        let script = r#"stty -icanon -echo min 4 time 0; ./guest ask
            stty min 0 time 0; echo "left: [$(cat)]"
            stty min 0 time 1; ./guest ask
            stty min 1 time 0; ./guest ask"#;
        let mut terminal = Terminal::start(&machine, script);
        terminal.until("name? ").await;
        terminal.send("x\n").await;
        terminal.send("yz").await;
        terminal.until("hello x\r\n").await;
        terminal.until("left: []\r\n").await;
        terminal.until("name? hello \r\n").await;
        terminal.until("name? ").await;
        terminal.send("one\n").await;
        terminal.until("hello one\r\n").await;
        terminal.child.wait().await;
        machine.kill().await;
    });
}
