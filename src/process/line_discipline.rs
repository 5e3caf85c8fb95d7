//! What a terminal does to bytes between keyboard, program and screen: editing, echo, signal characters, newlines.
//!
//! A state machine without locks or waiting, built to give the same bytes as Linux's `N_TTY` (termios(3)); the tests
//! compare the two. Sessions, sizes and who is allowed to read are in [`super::pty`].
//!
//! ```text
//! keyboard --input()--> input (edited line | complete lines) --read()--> program
//!                          | echo
//! screen <--take_output()-- output <--write()-- program
//! ```

use super::pipe::take_front;
use super::signal::Signal;
use super::termios::{Termios, cc, iflag, lflag, oflag};
use std::collections::VecDeque;

/// Bytes of input held: Linux's `N_TTY_BUF_SIZE`, less one.
pub(crate) const INPUT_MAX: usize = 4095;
/// Bytes of output held for the screen before a program's writes wait.
pub(crate) const OUTPUT_MAX: usize = 64 << 10;
/// Echo beyond [`OUTPUT_MAX`] that is kept; more is lost, as on Linux.
const ECHO_MAX: usize = 4096;
/// Stands in the input for an end-of-file character; always marked.
const END_OF_FILE: u8 = 0;

/// A terminal's bytes and settings.
#[derive(Debug, Default)]
pub(crate) struct LineDiscipline {
    termios: Termios,
    input: VecDeque<u8>,
    /// How much of `input`, from the front, is complete lines.
    complete: usize,
    /// Positions in `input` of the characters that end lines, counted from `taken`.
    marks: VecDeque<u64>,
    /// Bytes ever taken from the front of `input`.
    taken: u64,
    output: VecDeque<u8>,
    /// Where the screen's cursor is, and where it was when the line being edited began.
    column: usize,
    line_column: usize,
    /// How much output there was before the bytes that are being typed, and both columns.
    before_echo: (usize, usize, usize),
    literal_next: bool,
    erasing: bool,
    /// Output is held back by the stop character.
    stopped: bool,
}

/// A control character, as the terminal's echo and erasing understand it.
fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Letters and digits, in Latin-1 as Linux counts them.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7)
}

/// Lower case, in Latin-1.
fn lower(byte: u8) -> u8 {
    if matches!(byte, b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde) { byte + 0x20 } else { byte }
}

/// Upper case, in Latin-1; letters without one change too, as on Linux.
fn upper(byte: u8) -> u8 {
    if matches!(byte, b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff) { byte - 0x20 } else { byte }
}

impl LineDiscipline {
    /// The settings.
    pub(crate) fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Changes the settings. Unread input changes its meaning with `ICANON`, as on Linux.
    pub(crate) fn set_termios(&mut self, termios: Termios) {
        let before = std::mem::replace(&mut self.termios, termios);
        if (before.lflag ^ termios.lflag) & lflag::ICANON != 0 {
            self.marks.clear();
            (self.literal_next, self.erasing, self.complete) = (false, false, 0);
            if self.canonical() && !self.input.is_empty() {
                self.complete = self.input.len();
                self.marks.push_back(self.taken + self.complete as u64 - 1);
            }
        }
        if before.input(iflag::IXON) && !termios.input(iflag::IXON) {
            self.stopped = false;
        }
    }

    fn canonical(&self) -> bool {
        self.termios.local(lflag::ICANON)
    }

    /// Whether more input is taken. A line being edited always takes more, so that it can be erased.
    pub(crate) fn has_input_room(&self) -> bool {
        self.input.len() < INPUT_MAX || (self.canonical() && self.complete == 0)
    }

    /// Takes bytes from the keyboard; how many, and the signals they cause.
    pub(crate) fn input(&mut self, from: &[u8]) -> (usize, Vec<Signal>) {
        let mut signals = Vec::new();
        self.before_echo = (self.output.len(), self.column, self.line_column);
        for (count, &byte) in from.iter().enumerate() {
            if !self.has_input_room() {
                return (count, signals);
            }
            if let Some(signal) = self.type_byte(byte) {
                signals.push(signal);
            }
        }
        (from.len(), signals)
    }

    fn type_byte(&mut self, mut byte: u8) -> Option<Signal> {
        if self.termios.input(iflag::ISTRIP) {
            byte &= 0x7f;
        }
        if self.termios.input(iflag::IUCLC) && self.termios.local(lflag::IEXTEN) {
            byte = lower(byte);
        }
        if std::mem::take(&mut self.literal_next) {
            self.type_plain(byte, false);
            return None;
        }
        if self.flow_control(byte) {
            return None;
        }
        if let Some(signal) = self.signal_of(byte) {
            return self.type_signal(byte, signal);
        }
        if self.stopped && self.termios.input(iflag::IXON) && self.termios.input(iflag::IXANY) {
            self.restart();
        }
        let mut mapped = false;
        match byte {
            b'\r' if self.termios.input(iflag::IGNCR) => return None,
            b'\r' if self.termios.input(iflag::ICRNL) => (byte, mapped) = (b'\n', true),
            b'\n' if self.termios.input(iflag::INLCR) => (byte, mapped) = (b'\r', true),
            _ => {}
        }
        if !(self.canonical() && self.edit(byte)) {
            self.type_plain(byte, mapped);
        }
        None
    }

    /// The start and stop characters; whether it was one.
    fn flow_control(&mut self, byte: u8) -> bool {
        if !self.termios.input(iflag::IXON) {
            return false;
        }
        if self.termios.is(cc::START, byte) {
            self.restart();
            return true;
        }
        let stop = self.termios.is(cc::STOP, byte);
        self.stopped |= stop;
        stop
    }

    /// Output goes on, echo first: what was echoed so far counts for the columns even if it is then forgotten.
    fn restart(&mut self) {
        self.stopped = false;
        (self.before_echo.1, self.before_echo.2) = (self.column, self.line_column);
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        if !self.termios.local(lflag::ISIG) {
            return None;
        }
        let signals = [(cc::INTR, Signal::INT), (cc::QUIT, Signal::QUIT), (cc::SUSP, Signal::TSTP)];
        signals
            .into_iter()
            .find(|&(place, _)| self.termios.is(place, byte))
            .map(|(_, signal)| signal)
    }

    fn type_signal(&mut self, byte: u8, signal: Signal) -> Option<Signal> {
        if !self.termios.local(lflag::NOFLSH) {
            self.flush_input();
            // As Linux does: echo that is not out yet, which is that of the bytes typed together.
            let (len, column, line_column) = self.before_echo;
            self.output.truncate(len);
            (self.column, self.line_column) = (column, line_column);
        }
        if self.termios.input(iflag::IXON) {
            self.stopped = false;
        }
        if self.termios.local(lflag::ECHO) {
            self.echo(byte);
        }
        Some(signal)
    }

    /// A byte that ends or edits a line; whether it was one.
    fn edit(&mut self, byte: u8) -> bool {
        let termios = self.termios;
        let extended = termios.local(lflag::IEXTEN);
        let echo = termios.local(lflag::ECHO);
        let word = extended && termios.is(cc::WERASE, byte);
        if word || termios.is(cc::ERASE, byte) || termios.is(cc::KILL, byte) {
            self.erase(byte);
        } else if extended && termios.is(cc::LNEXT, byte) {
            self.literal_next = true;
            if echo {
                self.finish_erasing();
                if termios.local(lflag::ECHOCTL) {
                    self.echo_raw(b'^');
                    self.echo_raw(8);
                }
            }
        } else if extended && echo && termios.is(cc::REPRINT, byte) {
            self.reprint(byte);
        } else if byte == b'\n' {
            if echo || termios.local(lflag::ECHONL) {
                self.echo_raw(b'\n');
            }
            self.end_line(byte);
        } else if termios.is(cc::EOF, byte) {
            self.end_line(END_OF_FILE);
        } else if termios.is(cc::EOL, byte) || (extended && termios.is(cc::EOL2, byte)) {
            if echo {
                self.note_line_start();
                self.echo(byte);
            }
            self.end_line(byte);
        } else {
            return false;
        }
        true
    }

    fn reprint(&mut self, byte: u8) {
        self.finish_erasing();
        self.echo(byte);
        self.echo_raw(b'\n');
        let line: Vec<u8> = self.input.iter().skip(self.complete).copied().collect();
        for byte in line {
            self.echo(byte);
        }
    }

    /// A byte that stands for itself. `mapped`: it is a carriage return turned newline or the reverse.
    fn type_plain(&mut self, byte: u8, mapped: bool) {
        if self.input.len() >= INPUT_MAX {
            if self.termios.input(iflag::IMAXBEL) {
                self.put_output(7);
            }
            return;
        }
        if self.termios.local(lflag::ECHO) {
            self.finish_erasing();
            if mapped && byte == b'\n' {
                self.echo_raw(b'\n');
            } else {
                self.note_line_start();
                self.echo(byte);
            }
        }
        self.input.push_back(byte);
    }

    fn end_line(&mut self, byte: u8) {
        // One more than INPUT_MAX: a full line must still be able to end.
        self.marks.push_back(self.taken + self.input.len() as u64);
        self.input.push_back(byte);
        self.complete = self.input.len();
    }

    fn note_line_start(&mut self) {
        if self.canonical() && self.complete == self.input.len() {
            self.line_column = self.column;
        }
    }

    // ---- erasing

    fn is_continuation(&self, byte: u8) -> bool {
        self.termios.input(iflag::IUTF8) && byte & 0xc0 == 0x80
    }

    /// The erase, word-erase and kill characters.
    fn erase(&mut self, byte: u8) {
        if self.input.len() == self.complete {
            return;
        }
        let one = self.termios.is(cc::ERASE, byte);
        let word = !one && self.termios.is(cc::WERASE, byte);
        if !one && !word && self.kill_without_erasing() {
            return;
        }
        let mut seen_word = false;
        while self.input.len() > self.complete {
            let mut start = self.input.len() - 1;
            while self.is_continuation(self.input[start]) && start > self.complete {
                start -= 1;
            }
            let first = self.input[start];
            if self.is_continuation(first) {
                break; // never half a character
            }
            if word {
                if is_word(first) {
                    seen_word = true;
                } else if seen_word {
                    break;
                }
            }
            let erased: Vec<u8> = self.input.drain(start..).collect();
            if self.termios.local(lflag::ECHO) {
                self.echo_erased(&erased, one);
            }
            if one {
                break;
            }
        }
        if self.input.len() == self.complete && self.termios.local(lflag::ECHO) {
            self.finish_erasing();
        }
    }

    /// The kill character on a terminal that does not rub the line out; whether that was all.
    fn kill_without_erasing(&mut self) -> bool {
        let termios = self.termios;
        let all = lflag::ECHOK | lflag::ECHOKE | lflag::ECHOE;
        if termios.local(lflag::ECHO) && termios.lflag & all == all {
            return false;
        }
        self.input.truncate(self.complete);
        if termios.local(lflag::ECHO) {
            self.finish_erasing();
            self.echo(termios.cc[cc::KILL]);
            if termios.local(lflag::ECHOK) {
                self.echo_raw(b'\n');
            }
        }
        true
    }

    fn echo_erased(&mut self, erased: &[u8], one: bool) {
        let first = erased[0];
        let shows_control = self.termios.local(lflag::ECHOCTL);
        if self.termios.local(lflag::ECHOPRT) {
            if !self.erasing {
                self.echo_raw(b'\\');
                self.erasing = true;
            }
            self.echo(first);
            for &byte in &erased[1..] {
                self.echo_raw(byte);
                self.column = self.column.saturating_sub(1); // as Linux counts it
            }
        } else if one && !self.termios.local(lflag::ECHOE) {
            self.echo(self.termios.cc[cc::ERASE]);
        } else if first == b'\t' {
            self.echo_erased_tab();
        } else {
            let width = if is_control(first) { if shows_control { 2 } else { 0 } } else { 1 };
            for _ in 0..width {
                for byte in [8, b' ', 8] {
                    self.echo_raw(byte);
                }
            }
        }
    }

    /// Moves back to where a tab began: columns since the tab or line start before it decide how far.
    fn echo_erased_tab(&mut self) {
        let mut columns = 0;
        let mut after_tab = false;
        for &byte in self.input.range(self.complete..).rev() {
            if byte == b'\t' {
                after_tab = true;
                break;
            } else if is_control(byte) {
                columns += if self.termios.local(lflag::ECHOCTL) { 2 } else { 0 };
            } else if !self.is_continuation(byte) {
                columns += 1;
            }
        }
        if !after_tab {
            columns += self.line_column;
        }
        for _ in 0..8 - (columns & 7) {
            self.put_output(8);
            self.column = self.column.saturating_sub(1);
        }
    }

    fn finish_erasing(&mut self) {
        if std::mem::take(&mut self.erasing) {
            self.echo_raw(b'/');
        }
    }

    // ---- output

    /// Echoes a typed byte, control characters as `^X`.
    fn echo(&mut self, byte: u8) {
        if self.termios.local(lflag::ECHOCTL) && is_control(byte) && byte != b'\t' {
            self.put_output(b'^');
            self.put_output(byte ^ 0x40);
            self.column += 2;
        } else if byte == 0xff {
            // Linux's echo buffer escapes this byte, past the output flags.
            self.put_output(byte);
            self.column += 1;
        } else {
            self.echo_raw(byte);
        }
    }

    /// Echoes a byte as a program would write it.
    fn echo_raw(&mut self, byte: u8) {
        if self.output.len() < OUTPUT_MAX + ECHO_MAX {
            self.process_output(byte);
        }
    }

    fn put_output(&mut self, byte: u8) {
        if self.output.len() < OUTPUT_MAX + ECHO_MAX + 8 {
            self.output.push_back(byte);
        }
    }

    /// One byte of output through the output flags.
    fn process_output(&mut self, byte: u8) {
        let termios = self.termios;
        if !termios.output(oflag::OPOST) {
            return self.put_output(byte);
        }
        match byte {
            b'\n' => {
                if termios.output(oflag::ONLRET) {
                    self.column = 0;
                }
                if termios.output(oflag::ONLCR) {
                    (self.column, self.line_column) = (0, 0);
                    self.put_output(b'\r');
                } else {
                    self.line_column = self.column;
                }
                self.put_output(b'\n');
            }
            b'\r' if termios.output(oflag::ONOCR) && self.column == 0 => {}
            b'\r' if termios.output(oflag::OCRNL) => {
                if termios.output(oflag::ONLRET) {
                    (self.column, self.line_column) = (0, 0);
                }
                self.put_output(b'\n');
            }
            b'\r' => {
                (self.column, self.line_column) = (0, 0);
                self.put_output(byte);
            }
            b'\t' => {
                let width = 8 - (self.column & 7);
                self.column += width;
                if termios.oflag & oflag::TABS == oflag::TABS {
                    (0..width).for_each(|_| self.put_output(b' '));
                } else {
                    self.put_output(byte);
                }
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                self.put_output(byte);
            }
            _ => {
                let shouts = termios.output(oflag::OLCUC) && !is_control(byte);
                if !is_control(byte) && !self.is_continuation(byte) {
                    self.column += 1;
                }
                self.put_output(if shouts { upper(byte) } else { byte });
            }
        }
    }

    /// Takes bytes that a program writes; how many. None while output is stopped or nobody takes it.
    pub(crate) fn write(&mut self, from: &[u8]) -> usize {
        if self.stopped {
            return 0;
        }
        if !self.termios.output(oflag::OPOST) {
            let count = from.len().min(OUTPUT_MAX.saturating_sub(self.output.len()));
            self.output.extend(&from[..count]);
            return count;
        }
        for (count, &byte) in from.iter().enumerate() {
            if self.output.len() >= OUTPUT_MAX {
                return count;
            }
            self.process_output(byte);
        }
        from.len()
    }

    /// Whether [`Self::write`] takes anything.
    pub(crate) fn has_output_room(&self) -> bool {
        !self.stopped && self.output.len() < OUTPUT_MAX
    }

    /// Takes bytes for the screen.
    pub(crate) fn take_output(&mut self, into: &mut [u8]) -> usize {
        take_front(&mut self.output, into)
    }

    /// Bytes waiting for the screen.
    pub(crate) fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Stops or restarts output (`TCXONC`).
    pub(crate) fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    // ---- reading

    /// Bytes a read of any length could give now: in canonical mode those of complete lines.
    pub(crate) fn available(&self) -> usize {
        if self.canonical() { self.complete } else { self.input.len() }
    }

    /// Reads a line, or part of one, or whatever is there in raw mode. `None` when a read would wait.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        if into.is_empty() {
            return Some(0);
        }
        if !self.canonical() {
            let count = take_front(&mut self.input, into);
            self.taken += count as u64;
            return (count > 0).then_some(count);
        }
        let end = (*self.marks.front()? - self.taken) as usize;
        let at_eof = self.input[end] == END_OF_FILE;
        let text = if at_eof { end } else { end + 1 };
        let room = into.len().min(text);
        let count = take_front(&mut self.input, &mut into[..room]);
        let mut removed = count;
        if count == text {
            self.marks.pop_front();
            if at_eof {
                self.input.pop_front();
                removed += 1;
            }
        }
        self.taken += removed as u64;
        self.complete -= removed;
        Some(count)
    }

    /// Forgets unread input (`TCIFLUSH`).
    pub(crate) fn flush_input(&mut self) {
        self.taken += self.input.len() as u64;
        self.input.clear();
        self.marks.clear();
        (self.complete, self.erasing, self.literal_next) = (0, false, false);
    }

    /// Forgets output not yet shown (`TCOFLUSH`).
    pub(crate) fn flush_output(&mut self) {
        self.output.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hexadecimal")
    }

    fn hex(bytes: &[u8]) -> String {
        hex::encode(bytes)
    }

    fn all_output(line: &mut LineDiscipline) -> String {
        let mut out = vec![0; OUTPUT_MAX];
        let count = line.take_output(&mut out);
        hex(&out[..count])
    }

    fn some_input(line: &mut LineDiscipline, size: usize) -> String {
        let mut into = vec![0; size];
        line.read(&mut into).map_or("-".to_owned(), |count| hex(&into[..count]))
    }

    /// Each case was recorded from a Linux pseudo-terminal by testdata/terminal-linux.py, which says what the steps mean.
    #[test]
    fn does_what_linux_does() {
        let cases = include_str!("testdata/terminal-linux.txt").lines();
        let mut count = 0;
        let mut wrong = Vec::new();
        for case in cases.filter(|line| !line.starts_with('#')) {
            let mut words = case.split(' ');
            let mut flag = || u32::from_str_radix(words.next().expect("three flags"), 8);
            let (iflag, oflag, lflag) =
                (flag().expect("octal"), flag().expect("octal"), flag().expect("octal"));
            let mut line = LineDiscipline::default();
            line.set_termios(Termios { iflag, oflag, lflag, ..Termios::default() });
            for (at, word) in words.enumerate() {
                let (step, argument) = word.split_at(1);
                let (size, expected) = argument.split_once('=').unwrap_or((argument, ""));
                let got = match step {
                    "T" => {
                        let typed = bytes(argument);
                        assert_eq!(line.input(&typed).0, typed.len());
                        continue;
                    }
                    "W" => {
                        line.write(&bytes(argument));
                        continue;
                    }
                    "L" => {
                        let lflag = u32::from_str_radix(argument, 8).expect("octal");
                        line.set_termios(Termios { lflag, ..*line.termios() });
                        continue;
                    }
                    "R" => some_input(&mut line, size.parse().expect("a size")),
                    "M" => all_output(&mut line),
                    _ => unreachable!("no such step"),
                };
                if got != expected {
                    wrong.push(format!("{case}\n  step {at}: {got}, Linux {expected}"));
                    break;
                }
            }
            count += 1;
        }
        assert!(count > 500, "the cases are there");
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    }
    proptest! {
        /// Whatever is typed, written and set: bounds hold and nothing panics.
        #[test]
        fn stays_within_its_bounds(
            steps in prop::collection::vec(
                (0u8..5, prop::collection::vec(any::<u8>(), 0..3000), any::<u32>()),
                1..60,
            ),
        ) {
            let mut line = LineDiscipline::default();
            for (step, bytes, flags) in steps {
                match step {
                    0 => {
                        line.input(&bytes);
                    }
                    1 => {
                        line.write(&bytes);
                    }
                    2 => {
                        line.read(&mut vec![0; bytes.len()]);
                    }
                    3 => {
                        line.take_output(&mut vec![0; bytes.len() * 4]);
                    }
                    _ => {
                        let mut termios = Termios { lflag: flags, ..Termios::default() };
                        termios.cc.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
                        line.set_termios(termios);
                    }
                }
                prop_assert!(line.input.len() <= INPUT_MAX + 1);
                prop_assert!(line.output_len() <= OUTPUT_MAX + ECHO_MAX + 8);
                prop_assert!(line.complete <= line.input.len());
                let ends = line.marks.iter().map(|mark| (mark - line.taken) as usize);
                prop_assert!(ends.clone().is_sorted() && ends.clone().all(|at| at < line.complete));
                if line.canonical() {
                    prop_assert_eq!(line.complete == 0, line.marks.is_empty());
                }
            }
        }
    }
}
