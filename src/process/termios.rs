//! Terminal settings as programs see them: Linux's asm-generic `struct termios` and `struct winsize`, termios(3).

use bytemuck::{Pod, Zeroable};

/// Input flags.
pub(crate) mod iflag {
    pub(crate) const ISTRIP: u32 = 0o40;
    pub(crate) const INLCR: u32 = 0o100;
    pub(crate) const IGNCR: u32 = 0o200;
    pub(crate) const ICRNL: u32 = 0o400;
    pub(crate) const IUCLC: u32 = 0o1000;
    pub(crate) const IXON: u32 = 0o2000;
    pub(crate) const IXANY: u32 = 0o4000;
    pub(crate) const IMAXBEL: u32 = 0o20000;
    pub(crate) const IUTF8: u32 = 0o40000;
}

/// Output flags.
pub(crate) mod oflag {
    pub(crate) const OPOST: u32 = 0o1;
    pub(crate) const OLCUC: u32 = 0o2;
    pub(crate) const ONLCR: u32 = 0o4;
    pub(crate) const OCRNL: u32 = 0o10;
    pub(crate) const ONOCR: u32 = 0o20;
    pub(crate) const ONLRET: u32 = 0o40;
    /// Both bits: tabs become spaces (`XTABS`).
    pub(crate) const TABS: u32 = 0o14000;
}

/// Local flags.
pub(crate) mod lflag {
    pub(crate) const ISIG: u32 = 0o1;
    pub(crate) const ICANON: u32 = 0o2;
    pub(crate) const ECHO: u32 = 0o10;
    pub(crate) const ECHOE: u32 = 0o20;
    pub(crate) const ECHOK: u32 = 0o40;
    pub(crate) const ECHONL: u32 = 0o100;
    pub(crate) const NOFLSH: u32 = 0o200;
    pub(crate) const TOSTOP: u32 = 0o400;
    pub(crate) const ECHOCTL: u32 = 0o1000;
    pub(crate) const ECHOPRT: u32 = 0o2000;
    pub(crate) const ECHOKE: u32 = 0o4000;
    pub(crate) const IEXTEN: u32 = 0o100_000;
}

/// Places in [`Termios::cc`].
pub(crate) mod cc {
    pub(crate) const INTR: usize = 0;
    pub(crate) const QUIT: usize = 1;
    pub(crate) const ERASE: usize = 2;
    pub(crate) const KILL: usize = 3;
    pub(crate) const EOF: usize = 4;
    pub(crate) const TIME: usize = 5;
    pub(crate) const MIN: usize = 6;
    pub(crate) const START: usize = 8;
    pub(crate) const STOP: usize = 9;
    pub(crate) const SUSP: usize = 10;
    pub(crate) const EOL: usize = 11;
    pub(crate) const REPRINT: usize = 12;
    pub(crate) const WERASE: usize = 14;
    pub(crate) const LNEXT: usize = 15;
    pub(crate) const EOL2: usize = 16;
}

/// Settings of a terminal (`TCGETS`), 36 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Termios {
    pub(crate) iflag: u32,
    pub(crate) oflag: u32,
    pub(crate) cflag: u32,
    pub(crate) lflag: u32,
    pub(crate) line: u8,
    pub(crate) cc: [u8; 19],
}

impl Default for Termios {
    /// Linux's settings of a new pseudo-terminal.
    fn default() -> Self {
        let mut cc = [0; 19];
        cc[..17].copy_from_slice(&[
            3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0x0f, 0x17, 0x16, 0,
        ]);
        Self {
            iflag: iflag::ICRNL | iflag::IXON,
            oflag: oflag::OPOST | oflag::ONLCR,
            cflag: 0xbf, // 38400 baud, 8 bits, receiver on
            lflag: lflag::ISIG
                | lflag::ICANON
                | lflag::ECHO
                | lflag::ECHOE
                | lflag::ECHOK
                | lflag::ECHOCTL
                | lflag::ECHOKE
                | lflag::IEXTEN,
            line: 0,
            cc,
        }
    }
}

impl Termios {
    /// Whether an input flag is set.
    pub(crate) fn input(&self, flag: u32) -> bool {
        self.iflag & flag != 0
    }

    /// Whether an output flag is set.
    pub(crate) fn output(&self, flag: u32) -> bool {
        self.oflag & flag != 0
    }

    /// Whether a local flag is set.
    pub(crate) fn local(&self, flag: u32) -> bool {
        self.lflag & flag != 0
    }

    /// Whether `byte` is the control character at `place`; 0 there means that there is none.
    pub(crate) fn is(&self, place: usize, byte: u8) -> bool {
        byte != 0 && self.cc[place] == byte
    }
}

/// Size of a terminal (`TIOCGWINSZ`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct WindowSize {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) pixels_x: u16,
    pub(crate) pixels_y: u16,
}
