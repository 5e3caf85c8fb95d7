//! Starting children with a new program, and what a program finds when it starts: the calls of our own (ABI.md).
//!
//! A spawn is a fork that never runs the parent's program: the child is made, prepared step by step as posix_spawn(3) says,
//! and then started, or taken back if a step fails.

use super::{Call, Wake, nr, proc};
use crate::errno::{Errno, RESTART};
use crate::process::signal::SigSet;
use crate::process::{Object, OpenFile, Process, Thread, device, exec};
use crate::vfs::{Context, OpenFlags, Opened};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// File actions of one spawn.
const ACTIONS_MAX: u32 = 1024;
/// Bytes of `AT_RANDOM`.
const RANDOM_BYTES: usize = 16;

bitflags::bitflags! {
    /// `POSIX_SPAWN_*` of musl.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Flags: u32 {
        const RESETIDS = 1;
        const SETPGROUP = 2;
        const SETSIGDEF = 4;
        const SETSIGMASK = 8;
        const USEVFORK = 64;
        const SETSID = 128;
    }
}

/// `struct isolet_spawn`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Attributes {
    flags: u32,
    pgroup: i32,
    sigmask: u64,
    sigdefault: u64,
    actions: u32,
    actions_len: u32,
    reserved: [u32; 6],
}

/// `struct isolet_spawn_action`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawAction {
    op: i32,
    fd: i32,
    srcfd: i32,
    oflag: i32,
    mode: u32,
    path: u32,
}

/// What to do in the child before its program starts.
enum Action {
    Close(u32),
    Dup2 { from: u32, to: u32 },
    Open { fd: u32, path: Vec<u8>, flags: u32, mode: u32 },
    Chdir(Vec<u8>),
    Fchdir(u32),
    CloseFrom(u32),
}

/// A child that does not run yet: gone again if this is dropped.
pub(crate) struct Unstarted(Option<Arc<Thread>>);

impl Unstarted {
    /// A fork of `parent`'s process.
    ///
    /// # Errors
    ///
    /// Those of [`Process::fork`].
    pub(crate) fn fork(parent: &Thread) -> Result<Self, Errno> {
        Ok(Self(Some(parent.process.fork(parent)?)))
    }

    /// Its thread.
    pub(crate) fn thread(&self) -> &Arc<Thread> {
        self.0.as_ref().expect("taken only when it is started")
    }

    /// Lets it run `program`.
    pub(crate) fn start(mut self, program: exec::Program) {
        if let Some(thread) = self.0.take() {
            thread.process.kernel.exec.clone().start(thread, program);
        }
    }
}

impl Drop for Unstarted {
    fn drop(&mut self) {
        if let Some(thread) = &self.0 {
            thread.process.discard();
        }
    }
}

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::ISOLET_START_BLOCK => start_block(call),
        nr::ISOLET_SPAWN => spawn(call).await,
        _ => return None,
    })
}

async fn spawn(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [path, argv, envp, attributes, ..] = call.args;
    let path = call.path(path)?;
    let attributes: Attributes = call.read(attributes)?;
    let flags = Flags::from_bits(attributes.flags).ok_or(Errno::OPNOTSUPP)?;
    let actions = read_actions(call, &attributes)?;
    let (argv, env) = proc::arguments(call, argv, envp)?;

    let unstarted = Unstarted::fork(call.thread())?;
    let thread = unstarted.thread().clone();
    let child = thread.process.clone();
    prepare(&thread, flags, &attributes)?;
    for action in actions {
        act(call, &child, action).await?;
    }
    if flags.contains(Flags::SETSIGMASK) {
        thread.set_mask(SigSet::from_bits(attributes.sigmask));
    }
    let program = exec::resolve(&child, &path, argv, env)?;
    call.load(&program).await?;
    unstarted.start(program);
    Ok(child.pid)
}

fn read_actions(call: &mut Call<'_>, attributes: &Attributes) -> Result<Vec<Action>, Errno> {
    if attributes.actions_len > ACTIONS_MAX {
        return Err(Errno::TOOBIG);
    }
    let step = size_of::<RawAction>() as u32;
    let mut actions = Vec::new();
    for index in 0..attributes.actions_len {
        let at = attributes.actions.checked_add(index * step).ok_or(Errno::FAULT)?;
        let raw: RawAction = call.read(at)?;
        let fd = u32::try_from(raw.fd);
        actions.push(match raw.op {
            1 => Action::Close(fd.map_err(|_negative| Errno::BADF)?),
            2 => Action::Dup2 {
                from: u32::try_from(raw.srcfd).map_err(|_negative| Errno::BADF)?,
                to: fd.map_err(|_negative| Errno::BADF)?,
            },
            3 => Action::Open {
                fd: fd.map_err(|_negative| Errno::BADF)?,
                path: call.path(raw.path)?,
                flags: raw.oflag.cast_unsigned(),
                mode: raw.mode,
            },
            4 => Action::Chdir(call.path(raw.path)?),
            5 => Action::Fchdir(fd.map_err(|_negative| Errno::BADF)?),
            6 => Action::CloseFrom(fd.map_err(|_negative| Errno::BADF)?),
            _ => return Err(Errno::INVAL),
        });
    }
    Ok(actions)
}

/// What the attributes ask for, in musl's order.
fn prepare(thread: &Thread, flags: Flags, attributes: &Attributes) -> Result<(), Errno> {
    let child = &thread.process;
    if flags.contains(Flags::SETSIGDEF) {
        child.set_default_actions(SigSet::from_bits(attributes.sigdefault));
    }
    if flags.contains(Flags::SETSID) {
        child.new_session()?;
    }
    if flags.contains(Flags::SETPGROUP) {
        let pgid = u32::try_from(attributes.pgroup).map_err(|_negative| Errno::INVAL)?;
        child.set_group(child.pid, pgid)?;
    }
    if flags.contains(Flags::RESETIDS) {
        child.with_attributes(|attributes| attributes.cred.reset());
    }
    Ok(())
}

/// One file action, in the child.
async fn act(call: &mut Call<'_>, child: &Arc<Process>, action: Action) -> Result<(), Errno> {
    match action {
        Action::Close(fd) => {
            // A descriptor that is not open is no error here (POSIX, posix_spawn_file_actions_addclose).
            let closed = child.fds.lock().close(fd);
            drop(closed);
        }
        Action::Dup2 { from, to } => {
            let mut fds = child.fds.lock();
            let replaced = if from == to {
                fds.set_cloexec(from, false)?;
                None
            } else {
                let file = fds.get(from)?;
                fds.replace(to, file, false)?
            };
            drop(fds);
            drop(replaced);
        }
        Action::Open { fd, path, flags, mode } => {
            let file = open(call, child, &path, flags, mode).await?;
            let replaced = child.fds.lock().replace(fd, file, false)?;
            drop(replaced);
        }
        Action::Chdir(path) => {
            let (cred, root) = (child.file_cred(), child.root());
            let context = Context { cred: &cred, root: &root, pid: child.pid };
            let dir = child.kernel.vfs.directory(&context, &child.cwd(), &path)?;
            child.set_cwd(dir);
        }
        Action::Fchdir(fd) => {
            let file = child.fds.lock().get(fd)?;
            let file = file.vfs_file().ok_or(Errno::NOTDIR)?;
            child.set_cwd(file.dir()?);
        }
        Action::CloseFrom(fd) => {
            let closed = child.fds.lock().close_range(fd, u32::MAX);
            drop(closed);
        }
    }
    Ok(())
}

/// open(2) in the child; a FIFO without a peer holds the caller up, as it would hold the child.
async fn open(
    call: &mut Call<'_>,
    child: &Arc<Process>,
    path: &[u8],
    flags: u32,
    mode: u32,
) -> Result<Arc<OpenFile>, Errno> {
    let (cred, root) = (child.file_cred(), child.root());
    let context = Context { cred: &cred, root: &root, pid: child.pid };
    let asked = OpenFlags::from_bits_retain(flags);
    let mode = mode & 0o7777 & !child.umask();
    match child.kernel.vfs.open(&context, &child.cwd(), path, asked, mode)? {
        Opened::File(file) => Ok(OpenFile::new(Object::File(file), flags)),
        Opened::Device(id, node) => device::open(child, id, node, flags),
        Opened::Object(object) => OpenFile::from_link(object)?.reopen(flags),
        Opened::Fifo(node) => {
            let opening = device::open_fifo(child, &node, flags)?;
            loop {
                let waiter = opening.subscribe();
                if opening.ready() {
                    return Ok(OpenFile::new(Object::Pipe(opening.finish()), flags));
                }
                if call.wait(waiter, None).await == Wake::Interrupted {
                    return Err(RESTART);
                }
            }
        }
    }
}

/// What Linux puts on a new program's stack.
fn start_block(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, size, ..] = call.args;
    let process = call.process().clone();
    let (arguments, name, cred) = process.with_attributes(|attributes| {
        let cred = attributes.cred.clone();
        (attributes.arguments.clone(), attributes.exec_name.clone(), cred)
    });
    let random: [u8; RANDOM_BYTES] = rand::random();
    let ids = [
        (11, cred.user.real),
        (12, cred.user.effective),
        (13, cred.group.real),
        (14, cred.group.effective),
        (23, u32::from(cred.is_secure())),
    ];
    let block = layout(address, &arguments.argv, &arguments.env, &name, &random, ids)?;
    // Bounded by arguments_bytes_max.
    let need = block.len() as u32;
    if size != 0 {
        if size < need {
            return Err(Errno::RANGE);
        }
        call.bytes(address, block.len())?.copy_from_slice(&block);
    }
    Ok(need)
}

/// The block for `address`: argc, argv, NULL, envp, NULL, auxiliary vector, then the bytes they point to.
fn layout(
    address: u32,
    argv: &[Vec<u8>],
    env: &[Vec<u8>],
    name: &[u8],
    random: &[u8],
    ids: [(u32, u32); 5],
) -> Result<Vec<u8>, Errno> {
    const AT_PAGESZ: u32 = 6;
    const AT_CLKTCK: u32 = 17;
    const AT_RANDOM: u32 = 25;
    const AT_EXECFN: u32 = 31;
    /// AT_PAGESZ, AT_CLKTCK, AT_RANDOM, AT_EXECFN, AT_NULL and the ids.
    const PAIRS: usize = 10;
    let words_len = 1 + argv.len() + 1 + env.len() + 1 + 2 * PAIRS;
    let mut words: Vec<u32> = Vec::with_capacity(words_len);
    let mut bytes: Vec<u8> = Vec::new();
    let mut put = |content: &[u8], end: &[u8]| {
        let at = (words_len * 4).checked_add(bytes.len()).and_then(|at| u32::try_from(at).ok());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(end);
        at.and_then(|at| at.checked_add(address)).ok_or(Errno::FAULT)
    };
    words.push(u32::try_from(argv.len()).map_err(|_many| Errno::TOOBIG)?);
    for strings in [argv, env] {
        for string in strings {
            words.push(put(string, b"\0")?);
        }
        words.push(0);
    }
    words.extend([AT_PAGESZ, 65536, AT_CLKTCK, 100]);
    words.extend([AT_RANDOM, put(random, b"")?, AT_EXECFN, put(name, b"\0")?]);
    words.extend(ids.into_iter().flat_map(|(kind, value)| [kind, value]));
    words.extend([0, 0]);
    debug_assert_eq!(words.len(), words_len);
    let mut block: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    block.append(&mut bytes);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(block: &[u8], index: usize) -> u32 {
        bytemuck::pod_read_unaligned(&block[index * 4..index * 4 + 4])
    }

    fn string(block: &[u8], base: u32, pointer: u32) -> &[u8] {
        let rest = &block[(pointer - base) as usize..];
        &rest[..rest.iter().position(|&byte| byte == 0).expect("ends")]
    }

    #[test]
    fn the_start_block_is_what_linux_puts_on_the_stack() {
        let strings = |texts: &[&str]| -> Vec<Vec<u8>> {
            texts.iter().map(|text| text.as_bytes().to_vec()).collect()
        };
        let (argv, env) = (strings(&["ls", "-l", ""]), strings(&["A=1"]));
        let ids = [(11, 1000), (12, 0), (13, 1000), (14, 1000), (23, 1)];
        let base = 0x1_0000;
        let block = layout(base, &argv, &env, b"/bin/ls", &[7; 16], ids).expect("fits");
        assert_eq!(word(&block, 0), 3);
        let texts: Vec<_> = (1..4).map(|at| string(&block, base, word(&block, at))).collect();
        assert_eq!(texts, [b"ls".as_slice(), b"-l", b""]);
        assert_eq!(word(&block, 4), 0);
        assert_eq!(string(&block, base, word(&block, 5)), b"A=1");
        assert_eq!(word(&block, 6), 0);
        let aux = |kind| {
            let mut pairs = (7..).step_by(2).take_while(|&at| word(&block, at) != 0);
            pairs.find(|&at| word(&block, at) == kind).map(|at| word(&block, at + 1))
        };
        assert_eq!(aux(12), Some(0));
        assert_eq!(aux(23), Some(1));
        assert_eq!(string(&block, base, aux(31).expect("AT_EXECFN")), b"/bin/ls");
        let random = (aux(25).expect("AT_RANDOM") - base) as usize;
        assert_eq!(block[random..random + 16], [7; 16]);
        assert!(layout(u32::MAX - 8, &argv, &env, b"", &[], ids).is_err());
        assert_eq!(
            layout(0, &argv, &env, b"/bin/ls", &[7; 16], ids).expect("fits").len(),
            block.len()
        );
    }

    /// The same numbers as in guest-images/sysroot/src/internal/wasm32/isolet_impl.h.
    #[test]
    fn a_spawn_lies_as_the_header_says() {
        use std::mem::offset_of;
        assert_eq!(size_of::<Attributes>(), 56);
        assert_eq!(offset_of!(Attributes, pgroup), 4);
        assert_eq!(offset_of!(Attributes, sigmask), 8);
        assert_eq!(offset_of!(Attributes, sigdefault), 16);
        assert_eq!(offset_of!(Attributes, actions), 24);
        assert_eq!(offset_of!(Attributes, actions_len), 28);
        assert_eq!(size_of::<RawAction>(), 24);
        assert_eq!(offset_of!(RawAction, fd), 4);
        assert_eq!(offset_of!(RawAction, srcfd), 8);
        assert_eq!(offset_of!(RawAction, oflag), 12);
        assert_eq!(offset_of!(RawAction, mode), 16);
        assert_eq!(offset_of!(RawAction, path), 20);
    }
}
