//! What the compiling process can ask its kernel for: memory, threads of its own, its streams, the time, its end. Any other call fails as
//! on a kernel that has none such (ENOSYS), so that whoever took the compiler over by what it reads has no file, socket or process.
//!
//! Nothing here is a limit of how much: those are in [`super::child`].

use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};
use std::collections::BTreeMap;
use std::io::{Error, Result};

/// Calls that are made with any arguments. Which descriptors there are was settled before.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Confines this process, all threads that it has and will have.
///
/// # Errors
///
/// The kernel's, where it has no seccomp filters.
pub(super) fn confine() -> Result<()> {
    let filter = filter().map_err(Error::other)?;
    apply_filter_all_threads(&filter).map_err(Error::other)
}

fn filter() -> std::result::Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for &number in ALLOWED {
        rules.insert(number, Vec::new());
    }
    let only = |condition| SeccompRule::new(vec![condition?]);
    // Memory that could be executed is not to be had.
    for number in [libc::SYS_mmap, libc::SYS_mprotect] {
        let executable = u64::from(libc::PROT_EXEC.cast_unsigned());
        let data = SeccompCondition::new(2, Dword, MaskedEq(executable), 0);
        rules.insert(number, vec![only(data)?]);
    }
    // Threads, no processes. clone3(2), whose flags no filter sees, is left out: the C library then makes this call.
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    let threads = SeccompCondition::new(0, Dword, MaskedEq(thread), thread);
    rules.insert(libc::SYS_clone, vec![only(threads)?]);
    // abort(3).
    let own = u64::from(std::process::id());
    let itself = SeccompCondition::new(0, Dword, Eq, own);
    rules.insert(libc::SYS_tgkill, vec![only(itself)?]);
    let otherwise = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, otherwise, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tries what a confined process must not do")]
#[expect(clippy::exit, reason = "the confined process ends before the harness asks for more")]
mod tests {
    use super::*;
    use std::fs::File;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    /// Set in the process that is confined.
    const INSIDE: &str = "ISOLET_TEST_CONFINED";

    /// What is tried, and whether it went well.
    fn attempts() -> Vec<(&'static str, bool)> {
        vec![
            ("open", File::open("/etc/hostname").is_ok()),
            ("make", rustix::fs::memfd_create("made", rustix::fs::MemfdFlags::CLOEXEC).is_ok()),
            ("list", std::fs::read_dir("/").is_ok()),
            ("stat", std::fs::metadata("/etc").is_ok()),
            ("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
            ("connect", TcpStream::connect("127.0.0.1:9").is_ok()),
            ("datagrams", UdpSocket::bind("127.0.0.1:0").is_ok()),
            ("socket pair", UnixStream::pair().is_ok()),
            ("spawn", Command::new("/bin/true").status().is_ok()),
            ("signal", rustix::process::test_kill_process(rustix::process::getpid()).is_ok()),
            ("limits", rustix::process::nice(0).is_ok()),
        ]
    }

    #[test]
    fn a_confined_process_has_memory_and_threads_and_nothing_else() {
        if std::env::var_os(INSIDE).is_some() {
            confine().expect("the kernel has filters");
            let wrong: Vec<_> = attempts().into_iter().filter(|(_, well)| *well).collect();
            let memory = std::hint::black_box(vec![1u8; 64 << 20]);
            let sum = std::thread::spawn(move || memory.iter().map(|&b| u64::from(b)).sum::<u64>());
            let well = sum.join().expect("threads run") == 64 << 20;
            println!("wrong {wrong:?} well {well}");
            std::process::exit(if wrong.is_empty() && well { 77 } else { 78 });
        }
        let name = "wasm::compile::confine::tests::a_confined_process_has_memory_and_threads_and_nothing_else";
        let mut inside = Command::new(std::env::current_exe().expect("Linux tells"));
        inside.args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
        let ended = inside.output().expect("starts");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.status.code(), Some(77), "{said}");
        // The control: each of these goes well here, but for a port that nobody listens at.
        let failed: Vec<_> = attempts().into_iter().filter(|(_, well)| !*well).collect();
        assert_eq!(failed, [("connect", false)]);
    }
}
