//! Processes from start to end: spawn, fork, exec, threads, exit, wait.

use super::*;
use crate::process::signal::{Action, Disposition, SigSet, Signal};
use crate::process::tree::{Change, INIT, WaitOptions, Whom};
use futures_util::FutureExt;

const EXITED: WaitOptions = WaitOptions::EXITED;

#[tokio::test]
async fn a_spawned_program_has_what_it_was_given() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let process = &thread.process;
    assert_eq!((process.ppid(), process.pgid(), process.sid()), (INIT, process.pid, process.pid));
    assert_eq!(thread.tid, process.pid);
    process.with_attributes(|attributes| {
        assert_eq!(attributes.arguments.argv, [b"/prog".to_vec(), b"one".to_vec()]);
        assert_eq!(attributes.arguments.env, [b"HOME=/".to_vec()]);
        assert_eq!(&attributes.comm[..5], b"prog\0");
        assert_eq!(attributes.exe.as_ref().map(|exe| &*exe.1), Some(b"/prog".as_slice()));
        assert_eq!((attributes.cred.user.real, attributes.umask), (1000, 0o22));
    });
    assert!(machine.kernel.memory.used() > 0);
    let process = process.clone();
    exit(&thread, 3);
    assert_eq!(process.wait_exit().await, ExitStatus::Code(3));
    // Init reaps at once, and what was charged for the arguments comes back with the process.
    assert!(machine.kernel.process(process.pid).is_none());
    machine.recorder.0.lock().clear();
    drop((thread, process));
    assert_eq!(machine.kernel.memory.used(), 0);
}

#[tokio::test]
async fn a_failed_spawn_leaves_nothing() {
    let machine = Machine::new();
    machine.file("/data", b"no program", 0o755);
    machine.file("/plain", b"\0asm", 0o644);
    for (path, expected) in [
        ("/missing", Errno::NOENT),
        ("/plain", Errno::ACCESS),
        ("/dev", Errno::ACCESS),
        ("/dev/null", Errno::ACCESS),
        ("/data", Errno::NOEXEC),
    ] {
        assert_eq!(errno(machine.kernel.spawn(machine.request(path, 1000))), expected, "{path}");
    }
    assert!(machine.kernel.processes().is_empty());
}

#[tokio::test]
async fn scripts_run_their_interpreter() {
    let machine = Machine::new();
    machine.file("/script", b"#! /prog -x y \nrest", 0o755);
    machine.file("/outer", b"#!/script", 0o755);
    let mut request = machine.request("/outer", 1000);
    request.argv = vec![b"ignored".to_vec(), b"arg".to_vec()];
    let process = machine.kernel.spawn(request).expect("starts");
    process.with_attributes(|attributes| {
        let expected: [&[u8]; 5] = [b"/prog", b"-x y", b"/script", b"/outer", b"arg"];
        assert_eq!(attributes.arguments.argv, expected);
        assert_eq!(&attributes.comm[..6], b"outer\0");
        assert_eq!(&*attributes.exec_name, b"/outer");
        assert_eq!(attributes.exe.as_ref().map(|exe| &*exe.1), Some(b"/prog".as_slice()));
    });
    machine.file("/loop", b"#!/loop\n", 0o755);
    assert_eq!(errno(machine.kernel.spawn(machine.request("/loop", 0))), Errno::LOOP);
}

#[tokio::test]
async fn set_id_programs_raise_ids_unless_forbidden() {
    let machine = Machine::new();
    machine.file("/raise", b"\0asm", 0o6755);
    let parent = machine.spawn(1000);
    for (forbidden, expected) in [(false, 0), (true, 1000)] {
        let child = fork(&parent);
        let process = child.process.clone();
        process.with_attributes(|attributes| attributes.no_new_privs = forbidden);
        let program = exec::resolve(&process, b"raise", vec![b"raise".to_vec()], vec![]);
        program.expect("runs").commit(&child);
        let cred = process.cred();
        assert_eq!(
            (cred.user.effective, cred.user.saved, cred.user.real),
            (expected, expected, 1000)
        );
        assert_eq!(cred.group.effective, expected);
        assert_eq!(cred.is_secure(), !forbidden);
        exit(&child, 0);
    }
}

#[tokio::test]
async fn exec_keeps_ignored_signals_and_the_mask_and_drops_handlers() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let process = thread.process.clone();
    let action = |disposition| Action { disposition, ..Action::default() };
    process.set_action(Signal::INT, action(Disposition::Ignore)).expect("settable");
    process.set_action(Signal::TERM, action(Disposition::Handler(9))).expect("settable");
    thread.set_mask(SigSet::of(Signal::USR1));
    thread.set_pending_word(64);
    thread.set_break_word(68, 1);
    thread.set_clear_tid(72);
    let other = thread.add_thread().expect("room");
    let waiting = process.end_other_threads(&thread);
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    assert!(end_if_doomed(&other) && !thread.killed().is_cancelled());
    waiting.await;
    exec::resolve(&process, b"/prog", vec![], vec![]).expect("runs").commit(&thread);
    assert_eq!(process.action(Signal::INT).disposition, Disposition::Ignore);
    assert_eq!(process.action(Signal::TERM).disposition, Disposition::Default);
    assert_eq!(thread.mask(), SigSet::of(Signal::USR1));
    assert_eq!(
        (thread.pending_word(), thread.break_word(), thread.clear_tid()),
        (None, None, None)
    );
}

#[tokio::test]
async fn a_parent_waits_for_its_children() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let process = parent.process.clone();
    assert_eq!(errno(process.wait_child(Whom::Any, EXITED)), Errno::CHILD);
    let child = fork(&parent);
    let child_pid = child.process.pid;
    assert_eq!(child.process.ppid(), process.pid);
    assert_eq!((child.process.pgid(), child.process.sid()), (process.pgid(), process.sid()));
    assert!(process.wait_child(Whom::Any, EXITED).expect("a child").is_none());
    let news = process.child_news().subscribe();
    let used = crate::process::usage::Cpu { user_ns: 5, system_ns: 2 };
    child.process.add_cpu(used);
    exit(&child, 7);
    news.await;
    let peek = process.wait_child(Whom::Pid(child_pid), EXITED | WaitOptions::NOWAIT);
    assert_eq!(peek.expect("a child").map(|waited| waited.pid), Some(child_pid));
    assert_eq!(process.children_cpu().total_ns(), 0);
    let waited = process.wait_child(Whom::Any, EXITED).expect("a child").expect("ended");
    assert_eq!((waited.pid, waited.uid), (child_pid, 1000));
    assert_eq!(waited.change, Change::Exited(ExitStatus::Code(7)));
    assert_eq!(process.children_cpu(), used);
    assert_eq!(errno(process.wait_child(Whom::Any, EXITED)), Errno::CHILD);
    assert!(machine.kernel.process(child_pid).is_none());
}

#[tokio::test]
async fn who_ignores_sigchld_has_no_zombies() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let ignore = Action { disposition: Disposition::Ignore, ..Action::default() };
    parent.process.set_action(Signal::CHLD, ignore).expect("settable");
    let child = fork(&parent);
    let news = parent.process.child_news().subscribe();
    exit(&child, 0);
    news.await;
    assert_eq!(errno(parent.process.wait_child(Whom::Any, EXITED)), Errno::CHILD);
    assert!(machine.kernel.process(child.process.pid).is_none());
}

#[tokio::test]
async fn orphans_become_inits_and_get_their_death_signal() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let (child, zombie) = (fork(&parent), fork(&parent));
    child.process.with_attributes(|attributes| attributes.parent_death_signal = Some(Signal::TERM));
    exit(&zombie, 0);
    assert!(machine.kernel.process(zombie.process.pid).is_some());
    exit(&parent, 0);
    assert!(machine.kernel.process(zombie.process.pid).is_none());
    assert_eq!(child.process.ppid(), INIT);
    assert!(end_if_doomed(&child));
    assert_eq!(child.process.exit_status(), Some(ExitStatus::Signal(Signal::TERM)));
    assert!(machine.kernel.processes().is_empty());
}

#[tokio::test]
async fn the_tables_are_bounded() {
    let limits = Limits { processes_max: 3, threads_max: 4, ..Limits::default() };
    let machine = Machine::with(limits);
    let parent = machine.spawn(1000);
    let (first, _second) = (fork(&parent), fork(&parent));
    assert_eq!(errno(parent.process.fork(&parent)), Errno::AGAIN);
    let thread = parent.add_thread().expect("the fourth");
    assert_eq!(errno(parent.add_thread()), Errno::AGAIN);
    thread.finish(End::ThreadExit(0));
    parent.add_thread().expect("the fourth again");
    exit(&first, 0);
    // A zombie still counts.
    assert_eq!(errno(parent.process.fork(&parent)), Errno::AGAIN);
    parent.process.wait_child(Whom::Any, EXITED).expect("a child").expect("ended");
    fork(&parent);
}

#[tokio::test]
async fn the_process_ends_with_its_last_thread() {
    let machine = Machine::new();
    let leader = machine.spawn(1000);
    let process = leader.process.clone();
    let other = leader.add_thread().expect("room");
    assert_ne!(other.tid, leader.tid);
    assert_eq!(machine.kernel.owner_of(other.tid).map(|owner| pid(&owner)), Some(process.pid));
    leader.finish(End::ThreadExit(1));
    assert_eq!(process.exit_status(), None);
    other.finish(End::ThreadExit(2));
    assert_eq!(process.wait_exit().await, ExitStatus::Code(2));
}

#[tokio::test]
async fn one_thread_can_end_all_and_the_first_status_counts() {
    let machine = Machine::new();
    let leader = machine.spawn(1000);
    let other = leader.add_thread().expect("room");
    other.finish(End::GroupExit(ExitStatus::Code(9)));
    assert!(leader.killed().is_cancelled());
    assert_eq!(errno(leader.add_thread()), Errno::SRCH);
    leader.finish(End::Fault(Signal::SEGV));
    assert_eq!(leader.process.wait_exit().await, ExitStatus::Code(9));
    let trapped = machine.spawn(1000);
    trapped.finish(End::Fault(Signal::SEGV));
    assert_eq!(trapped.process.wait_exit().await, ExitStatus::Signal(Signal::SEGV));
}

#[tokio::test]
async fn a_sandbox_ends_even_with_a_child_that_never_started() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let unstarted = fork(&parent);
    let end = machine.kernel.end();
    tokio::pin!(end);
    assert!((&mut end).now_or_never().is_none());
    assert!(end_if_doomed(&parent));
    unstarted.process.discard();
    end.await;
    assert!(machine.kernel.processes().is_empty());
}

#[tokio::test]
async fn a_kernel_is_freed_after_its_processes() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let weak = Arc::downgrade(&machine.kernel);
    exit(&thread, 0);
    machine.recorder.0.lock().clear();
    drop((thread, machine));
    assert!(weak.upgrade().is_none());
}
