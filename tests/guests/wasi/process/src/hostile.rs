//! Arguments that no honest program has.

use super::{Child, Command, ErrorCode, Sink, Source, command, is, pipe, run, said, sh, spawn};

/// A sequence of numbers, each time the same.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % below
    }

    fn text(&mut self) -> String {
        const TEXTS: &[&str] = &[
            "",
            "a",
            "\0",
            "sh",
            "/",
            "..",
            "-c",
            "=",
            "\u{fffd}",
            "/bin/sh",
            "/proc/self/mem",
            "\u{1f600}",
        ];
        match self.next(TEXTS.len() + 2) {
            at if at < TEXTS.len() => TEXTS[at].into(),
            at => "y".repeat(if at == TEXTS.len() { 5000 } else { 140_000 }),
        }
    }

    fn texts(&mut self) -> Vec<String> {
        let count = [0, 1, 2, 3, 500][self.next(5)];
        (0..count).map(|_| self.text()).filter(|text| count < 9 || text.len() < 9).collect()
    }
}

/// Commands of random parts, none of which ends it or the host; signals of every number to a child that is gone.
pub fn storm() {
    let mut sequence = Sequence(11);
    let (input, output) = pipe().expect("a pipe");
    let (mut started, mut refused) = (0, 0);
    for _ in 0..400 {
        let names = sequence.texts();
        let values = sequence.texts();
        let environment = (sequence.next(2) == 0).then(|| names.into_iter().zip(values).collect());
        let sink = |way: usize| match way {
            0 => Sink::Pipe,
            1 => Sink::Stream(&output),
            _ => Sink::Null,
        };
        let wanted = Command {
            program: sequence.text(),
            arguments: sequence.texts(),
            environment,
            working_directory: (sequence.next(3) == 0).then(|| sequence.text()),
            stdin: if sequence.next(2) == 0 { Source::Stream(&input) } else { Source::Pipe },
            stdout: sink(sequence.next(3)),
            stderr: sink(sequence.next(3)),
            own_group: sequence.next(2) == 0,
        };
        match spawn(&wanted) {
            Ok(child) => {
                started += 1;
                let _gone = child.signal(9);
                child.wait();
            }
            Err(_) => refused += 1,
        }
    }
    let child = run(&sh("exit 0"));
    child.wait();
    for number in 0..=u8::MAX {
        let expected = if number <= 64 { ErrorCode::NoSuchProcess } else { ErrorCode::Invalid };
        assert!(is(child.signal(number), expected), "{number}");
        assert!(is(child.signal_group(number), ErrorCode::Invalid), "{number}");
    }
    println!("{} {}", started + refused, started > 10 && refused > 10);
}

/// More pipes than there are descriptors, and children with every pipe untaken.
pub fn handles() {
    let mut pipes = Vec::new();
    let full = loop {
        match pipe() {
            Ok(ends) => pipes.push(ends),
            Err(error) => break error,
        }
    };
    let all = || Command {
        stdin: Source::Pipe,
        stdout: Sink::Pipe,
        stderr: Sink::Pipe,
        ..command("true", &["true"])
    };
    let none = spawn(&all());
    println!("{} {} {}", full.name(), said(none), pipes.len() > 50);
    drop(pipes);
    let children: Vec<Child> = (0..20).map(|_| run(&all())).collect();
    println!("{:?}", children.last().map(Child::wait));
}
