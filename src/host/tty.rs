//! Terminals as programs use them: reads that wait by `VMIN` and `VTIME`, job control, and ioctl(2).
//!
//! ioctl(2) answers here for every kind of descriptor; what has no such operation answers ENOTTY. TIOCSTI is refused, since it
//! lets a program type into its caller's shell.

use super::fd::{Span, total};
use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::file::{Object, flag};
use crate::process::pty::{Patience, Pty, Replica};
use crate::process::termios::{Termios, WindowSize, lflag};
use crate::process::{OpenFile, Signal, device};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;
use tokio::time::Instant;

/// Bytes of one read of a terminal: more are never there.
const READ_MAX: usize = 4096;

/// Requests of ioctl(2), asm-generic.
mod request {
    pub(super) const TCGETS: u32 = 0x5401;
    pub(super) const TCSETS: u32 = 0x5402;
    pub(super) const TCSETSW: u32 = 0x5403;
    pub(super) const TCSETSF: u32 = 0x5404;
    pub(super) const TCSBRK: u32 = 0x5409;
    pub(super) const TCXONC: u32 = 0x540a;
    pub(super) const TCFLSH: u32 = 0x540b;
    pub(super) const TIOCSCTTY: u32 = 0x540e;
    pub(super) const TIOCGPGRP: u32 = 0x540f;
    pub(super) const TIOCSPGRP: u32 = 0x5410;
    pub(super) const TIOCOUTQ: u32 = 0x5411;
    pub(super) const TIOCSTI: u32 = 0x5412;
    pub(super) const TIOCGWINSZ: u32 = 0x5413;
    pub(super) const TIOCSWINSZ: u32 = 0x5414;
    pub(super) const FIONREAD: u32 = 0x541b;
    pub(super) const FIONBIO: u32 = 0x5421;
    pub(super) const TIOCNOTTY: u32 = 0x5422;
    pub(super) const FICLONE: u32 = 0x4004_9409;
    pub(super) const FICLONERANGE: u32 = 0x4020_940d;
    pub(super) const TIOCGETD: u32 = 0x5424;
    pub(super) const TCSBRKP: u32 = 0x5425;
    pub(super) const TIOCGSID: u32 = 0x5429;
    pub(super) const TCGETS2: u32 = 0x802c_542a;
    pub(super) const TCSETS2: u32 = 0x402c_542b;
    pub(super) const TCSETSW2: u32 = 0x402c_542c;
    pub(super) const TCSETSF2: u32 = 0x402c_542d;
    pub(super) const TIOCGPTN: u32 = 0x8004_5430;
    pub(super) const TIOCSPTLCK: u32 = 0x4004_5431;
    pub(super) const TIOCGPTLCK: u32 = 0x8004_5439;
    pub(super) const TIOCGPTPEER: u32 = 0x5441;
    pub(super) const FIONCLEX: u32 = 0x5450;
    pub(super) const FIOCLEX: u32 = 0x5451;
}

/// Speed told by `TCGETS2`, as the flags of a new terminal have it.
const BAUD: u32 = 38400;

/// `struct termios2`
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Termios2 {
    termios: Termios,
    input_speed: u32,
    output_speed: u32,
}

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    (number == nr::IOCTL).then(|| ioctl(call))
}

// ---- reading and job control

/// Whether the caller may use the terminal now, or its group gets `signal`.
fn admit(call: &Call<'_>, pty: &Pty, signal: Signal) -> Result<(), Errno> {
    pty.session().map_or(Ok(()), |session| session.admit(call.thread(), signal))
}

/// Whether the caller may write to `file` now: a terminal with `TOSTOP` stops background groups.
///
/// # Errors
///
/// RESTART after SIGTTOU, EIO for an orphaned group.
pub(super) fn admit_write(call: &Call<'_>, file: &OpenFile) -> Result<(), Errno> {
    match file.object() {
        Object::Terminal(terminal) if terminal.pty().termios().local(lflag::TOSTOP) => {
            admit(call, terminal.pty(), Signal::TTOU)
        }
        _ => Ok(()),
    }
}

/// Whether the caller may read from `file` now: a background group is stopped.
///
/// # Errors
///
/// RESTART after SIGTTIN, EIO for an orphaned group.
pub(super) fn admit_read(call: &Call<'_>, file: &OpenFile) -> Result<(), Errno> {
    match file.object() {
        Object::Terminal(terminal) => admit(call, terminal.pty(), Signal::TTIN),
        _ => Ok(()),
    }
}

/// Reads from a terminal as `ICANON`, `VMIN` and `VTIME` say.
pub(super) async fn read(
    call: &mut Call<'_>,
    file: &Arc<OpenFile>,
    terminal: &Replica,
    spans: &[Span],
) -> Result<u32, Errno> {
    if !file.readable() {
        return Err(Errno::BADF);
    }
    let mut buffer = vec![0; total(spans).min(READ_MAX)];
    if buffer.is_empty() {
        return Ok(0);
    }
    let (mut until, mut seen, mut late) = (None, 0, false);
    loop {
        admit(call, terminal.pty(), Signal::TTIN)?;
        let waiter = terminal.subscribe();
        let patience = terminal.patience();
        let enough = match patience {
            Patience::Bytes(count) | Patience::Between(count, _) => count.min(buffer.len()),
            Patience::First(_) => 1,
        };
        if late || file.nonblocking() || terminal.has(enough) {
            match terminal.read(&mut buffer) {
                Err(Errno::AGAIN) if late => return Ok(0),
                Err(Errno::AGAIN) if !file.nonblocking() => {}
                Err(errno) => return Err(errno),
                Ok(count) => {
                    call.scatter(spans, &buffer[..count])?;
                    return Ok(count as u32);
                }
            }
        }
        let available = terminal.available();
        match patience {
            Patience::Bytes(_) => until = None,
            Patience::First(time) => until = until.or_else(|| Some(Instant::now() + time)),
            Patience::Between(_, time) if available != seen => until = Some(Instant::now() + time),
            Patience::Between(..) => {}
        }
        seen = available;
        match call.wait(waiter, until).await {
            Wake::Done(()) => {}
            Wake::TimedOut => late = true,
            Wake::Interrupted => return Err(RESTART),
        }
    }
}

// ---- ioctl

fn ioctl(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, request, argument, ..] = call.args;
    let file = call.file(0)?;
    if file.flags() & flag::PATH != 0 {
        return Err(Errno::BADF);
    }
    match request {
        request::FIOCLEX | request::FIONCLEX => {
            let cloexec = request == request::FIOCLEX;
            call.process().fds.lock().set_cloexec(fd, cloexec)?;
        }
        request::FIONBIO => {
            let on: i32 = call.read(argument)?;
            let flags = file.flags() & !flag::NONBLOCK;
            file.set_flags(if on != 0 { flags | flag::NONBLOCK } else { flags });
        }
        request::FIONREAD => {
            let available = file.available().ok_or(Errno::NOTTY)?;
            let available = i32::try_from(available).unwrap_or(i32::MAX);
            call.write(argument, &available)?;
        }
        _ => match file.object() {
            Object::Terminal(terminal) if terminal.hung_up() => return Err(Errno::IO),
            Object::Terminal(terminal) => {
                return terminal_ioctl(call, terminal.pty(), false, request, argument);
            }
            Object::Master(master) => {
                return terminal_ioctl(call, master.pty(), true, request, argument);
            }
            Object::Socket(_) | Object::Unix(_) => {
                return super::net::interface::ioctl(call, request, argument);
            }
            Object::File(_) if matches!(request, request::FICLONE | request::FICLONERANGE) => {
                return Err(Errno::OPNOTSUPP);
            }
            _ => return Err(Errno::NOTTY),
        },
    }
    Ok(0)
}

fn terminal_ioctl(
    call: &mut Call<'_>,
    pty: &Arc<Pty>,
    master: bool,
    request: u32,
    argument: u32,
) -> Result<u32, Errno> {
    if changes(request) && !master {
        admit(call, pty, Signal::TTOU)?;
    }
    match request {
        request::TCGETS => call.write(argument, &pty.termios())?,
        request::TCSETS | request::TCSETSW | request::TCSETSF => {
            let termios = call.read(argument)?;
            pty.set_termios(termios, request == request::TCSETSF);
        }
        request::TCGETS2 => {
            let termios = pty.termios();
            call.write(argument, &Termios2 { termios, input_speed: BAUD, output_speed: BAUD })?;
        }
        request::TCSETS2 | request::TCSETSW2 | request::TCSETSF2 => {
            let Termios2 { termios, .. } = call.read(argument)?;
            pty.set_termios(termios, request == request::TCSETSF2);
        }
        // Output is at the master as soon as it is written; a break means nothing to it.
        request::TCSBRK | request::TCSBRKP => {}
        request::TCXONC => match argument {
            0 => pty.set_stopped(true),
            1 => pty.set_stopped(false),
            2 | 3 => {}
            _ => return Err(Errno::INVAL),
        },
        request::TCFLSH => match argument {
            0 => pty.flush(!master, master),
            1 => pty.flush(master, !master),
            2 => pty.flush(true, true),
            _ => return Err(Errno::INVAL),
        },
        request::TIOCGWINSZ => call.write(argument, &pty.size())?,
        request::TIOCSWINSZ => {
            let size: WindowSize = call.read(argument)?;
            pty.set_size(size);
        }
        request::TIOCOUTQ => {
            let pending = if master { 0 } else { pty.pending_output() };
            call.write(argument, &(pending as u32))?;
        }
        request::TIOCGETD => call.write(argument, &0u32)?,
        request::TIOCSTI => return Err(Errno::IO),
        _ if master => return master_ioctl(call, pty, request, argument),
        _ => return session_ioctl(call, pty, master, request, argument),
    }
    Ok(0)
}

/// Whether a background group must not do it.
fn changes(request: u32) -> bool {
    matches!(
        request,
        request::TCSETS
            | request::TCSETSW
            | request::TCSETSF
            | request::TCSETS2
            | request::TCSETSW2
            | request::TCSETSF2
            | request::TCSBRK
            | request::TCSBRKP
            | request::TCXONC
            | request::TCFLSH
            | request::TIOCSPGRP
    )
}

/// What only the master has.
fn master_ioctl(
    call: &mut Call<'_>,
    pty: &Arc<Pty>,
    request: u32,
    argument: u32,
) -> Result<u32, Errno> {
    match request {
        request::TIOCGPTN => call.write(argument, &pty.index)?,
        request::TIOCSPTLCK => {
            let locked: i32 = call.read(argument)?;
            pty.set_locked(locked != 0);
        }
        request::TIOCGPTLCK => call.write(argument, &i32::from(pty.locked()))?,
        request::TIOCGPTPEER => {
            let flags = argument & (flag::ACCESS | flag::NONBLOCK);
            let file = OpenFile::new(Object::Terminal(pty.replica()?), flags);
            return call.install(file, argument & flag::CLOEXEC != 0);
        }
        _ => return session_ioctl(call, pty, true, request, argument),
    }
    Ok(0)
}

/// What concerns the session that the terminal controls.
fn session_ioctl(
    call: &mut Call<'_>,
    pty: &Arc<Pty>,
    master: bool,
    request: u32,
    argument: u32,
) -> Result<u32, Errno> {
    let process = call.process().clone();
    let own = device::controlling(&process).filter(|own| own.same(pty));
    match request {
        request::TIOCSCTTY => set_controlling(call, pty, argument == 1)?,
        request::TIOCNOTTY => {
            own.ok_or(Errno::NOTTY)?;
            let session = process.session();
            // A session has one terminal or none: a member cannot lose it alone.
            if session.sid != process.pid {
                return Err(Errno::NOTTY);
            }
            session.release_terminal();
        }
        request::TIOCGPGRP | request::TIOCGSID => {
            let session = if master { pty.session() } else { own.map(|_| process.session()) };
            let session = session.ok_or(Errno::NOTTY)?;
            let foreground = request == request::TIOCGPGRP;
            let number = if foreground { session.foreground() } else { session.sid };
            call.write(argument, &number)?;
        }
        request::TIOCSPGRP => {
            own.ok_or(Errno::NOTTY)?;
            let pgid: i32 = call.read(argument)?;
            let pgid = u32::try_from(pgid).map_err(|_negative| Errno::INVAL)?;
            process.session().set_foreground(pgid)?;
        }
        _ => return Err(Errno::NOTTY),
    }
    Ok(0)
}

/// TIOCSCTTY: `steal` takes it from another session, for root.
fn set_controlling(call: &Call<'_>, pty: &Arc<Pty>, steal: bool) -> Result<(), Errno> {
    let process = call.process();
    let session = process.session();
    if session.sid != process.pid {
        return Err(Errno::PERM);
    }
    if let Some(holder) = pty.session().filter(|holder| !Arc::ptr_eq(holder, &session)) {
        if !steal || !process.cred().is_root() {
            return Err(Errno::PERM);
        }
        holder.release_terminal();
    }
    session.set_terminal(pty.clone(), process.pgid())
}
