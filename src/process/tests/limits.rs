//! Resource limits: what is enforced can be set, anything else is refused.

use super::*;
use crate::process::limit::{self, Limit};
use crate::process::signal::{Action, Disposition, Signal};
use crate::process::usage::Cpu;

const STACK: u32 = 3;

#[tokio::test]
async fn only_what_is_enforced_can_be_set() {
    let machine = Machine::new();
    let (user, root) = (machine.spawn(1000), machine.spawn(0));
    let set = |thread: &Thread, resource, soft, hard| {
        limit::set(&thread.process, resource, Limit { soft, hard })
    };
    assert_eq!(set(&user, limit::FILE_SIZE, 10, 5), Err(Errno::INVAL));
    assert_eq!(set(&user, limit::FILE_SIZE, 5, 10), Ok(()));
    assert_eq!(set(&user, limit::FILE_SIZE, 5, 11), Err(Errno::PERM), "no higher again");
    assert_eq!(limit::get(&user.process, limit::FILE_SIZE), Ok(Limit { soft: 5, hard: 10 }));
    assert_eq!(set(&root, limit::FILE_SIZE, 5, 10), Ok(()));
    assert_eq!(set(&root, limit::FILE_SIZE, 5, 11), Ok(()), "but root may");
    assert_eq!(set(&root, STACK, 1 << 20, u64::MAX), Err(Errno::PERM));
    assert_eq!(set(&root, STACK, 8 << 20, u64::MAX), Ok(()), "what it is");
    assert_eq!(limit::get(&root.process, 16).err(), Some(Errno::INVAL));
    assert_eq!(set(&user, limit::ADDRESS_SPACE, 1 << 20, u64::MAX), Ok(()));
    let child = fork(&user);
    let most = child.process.usage.memory_max();
    assert_eq!(most.load(std::sync::atomic::Ordering::Relaxed), 1 << 20, "inherited");
}

#[tokio::test]
async fn a_users_processes_are_bounded() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let two = Limit { soft: 2, hard: 2 };
    limit::set(&parent.process, limit::PROCESSES, two).expect("lower");
    let child = fork(&parent);
    assert_eq!(errno(parent.process.fork(&parent)), Errno::AGAIN);
    exit(&child, 0);
    let waited = parent
        .process
        .wait_child(crate::process::tree::Whom::Any, crate::process::tree::WaitOptions::EXITED);
    assert!(waited.expect("a child").is_some());
    drop(fork(&parent));
    let root = machine.spawn(0);
    limit::set(&root.process, limit::PROCESSES, Limit { soft: 0, hard: 0 }).expect("lower");
    drop(fork(&root));
}

#[tokio::test]
async fn cpu_time_warns_and_kills() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let handler = Action { disposition: Disposition::Handler(7), ..Action::default() };
    thread.process.set_action(Signal::XCPU, handler).expect("settable");
    limit::set(&thread.process, limit::CPU, Limit { soft: 1, hard: 3 }).expect("lower");
    let second = Cpu { user_ns: 600_000_000, system_ns: 400_000_000 };
    thread.process.add_cpu(second);
    assert_eq!(thread.take_signal().map(|taken| taken.info.signal), Some(Signal::XCPU));
    assert!(!end_if_doomed(&thread));
    thread.process.add_cpu(second.plus(second));
    assert!(end_if_doomed(&thread));
    assert_eq!(thread.process.exit_status(), Some(ExitStatus::Signal(Signal::KILL)));
}
