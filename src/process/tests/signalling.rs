//! Signals between processes: who may, what they do, job control.

use super::*;
use crate::errno::RESTART;
use crate::process::Target;
use crate::process::session::{Session, Terminal};
use crate::process::signal::{Action, ActionFlags, Disposition, SigInfo, SigSet, Signal};
use crate::process::timer::{Notice, Setting, TIMERS_MAX};
use crate::process::tree::{Change, State, WaitOptions, Whom};
use futures_util::FutureExt;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::Instant;

fn handle(thread: &Thread, signal: Signal, flags: ActionFlags) {
    let action = Action { disposition: Disposition::Handler(5), flags, mask: SigSet::default() };
    thread.process.set_action(signal, action).expect("settable");
}

fn send(machine: &Machine, to: &Thread, signal: Signal) {
    machine.kernel.signal(Target::Pid(to.tid), Some(signal), None).expect("sent");
}

#[tokio::test]
async fn a_handled_signal_interrupts_and_is_taken_once() {
    let machine = Machine::new();
    let (thread, sender) = (machine.spawn(1000), machine.spawn(1000));
    handle(&thread, Signal::USR1, ActionFlags::RESTART);
    assert!(thread.interrupted().now_or_never().is_none());
    let waiting = thread.interrupted();
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    let target = Target::Pid(thread.tid);
    machine.kernel.signal(target, Some(Signal::USR1), Some(&sender.process)).expect("allowed");
    waiting.await;
    assert!(thread.deliverable());
    let taken = thread.take_signal().expect("one");
    assert_eq!((taken.handler, taken.flags), (5, ActionFlags::RESTART));
    assert_eq!(
        (taken.info.pid, taken.info.uid, taken.info.code),
        (sender.tid, 1000, SigInfo::USER)
    );
    assert_eq!((taken.old_mask, thread.mask()), (SigSet::default(), SigSet::of(Signal::USR1)));
    assert!(thread.take_signal().is_none() && !thread.deliverable());
    assert!(!thread.killed().is_cancelled());
}

#[tokio::test]
async fn who_may_signal_whom() {
    let machine = Machine::new();
    let (root, user, other) = (machine.spawn(0), machine.spawn(1000), machine.spawn(1001));
    let ask = |from: &Thread, to: Target| machine.kernel.signal(to, None, Some(&from.process));
    assert_eq!(ask(&user, Target::Pid(other.tid)), Err(Errno::PERM));
    assert_eq!(ask(&user, Target::Pid(root.tid)), Err(Errno::PERM));
    assert_eq!(ask(&user, Target::Pid(1)), Err(Errno::PERM));
    assert_eq!(ask(&root, Target::Pid(other.tid)), Ok(()));
    assert_eq!(ask(&user, Target::Pid(31999)), Err(Errno::SRCH));
    assert_eq!(ask(&user, Target::Group(other.tid)), Err(Errno::PERM));
    assert_eq!(ask(&user, Target::Group(31999)), Err(Errno::SRCH));
    assert_eq!(ask(&user, Target::All), Err(Errno::PERM));
    let friend = machine.spawn(1000);
    let all = machine.kernel.signal(Target::All, Some(Signal::TERM), Some(&user.process));
    assert_eq!(all, Ok(()));
    assert!(friend.killed().is_cancelled());
    for spared in [&root, &user, &other] {
        assert!(!spared.killed().is_cancelled());
    }
    // Within a session SIGCONT may always be sent.
    let child = fork(&user);
    child.process.with_attributes(|attributes| {
        attributes.cred = Credentials::new(0, 0, Arc::new([]));
    });
    let cont = user.process.may_signal(&child.process, Some(Signal::CONT));
    assert_eq!((cont, errno(user.process.may_signal(&child.process, None))), (Ok(()), Errno::PERM));
}

#[tokio::test]
async fn stopping_and_going_on_are_reported_once() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let child = fork(&parent);
    let all = WaitOptions::EXITED | WaitOptions::STOPPED | WaitOptions::CONTINUED;
    let wait = || parent.process.wait_child(Whom::Any, all).expect("a child").map(|w| w.change);
    handle(&child, Signal::USR1, ActionFlags::empty());
    send(&machine, &child, Signal::STOP);
    assert!(child.process.is_stopped());
    assert_eq!(wait(), Some(Change::Stopped(Signal::STOP)));
    assert_eq!(wait(), None);
    // Nothing but SIGKILL and SIGCONT acts on a stopped process.
    send(&machine, &child, Signal::USR1);
    assert!(!child.deliverable());
    let stopped = child.stop_point();
    tokio::pin!(stopped);
    assert!((&mut stopped).now_or_never().is_none());
    send(&machine, &child, Signal::CONT);
    stopped.await;
    assert!(child.deliverable());
    assert_eq!(wait(), Some(Change::Continued));
    assert_eq!(wait(), None);
    send(&machine, &child, Signal::STOP);
    send(&machine, &child, Signal::TERM);
    assert!(!child.killed().is_cancelled());
    send(&machine, &child, Signal::KILL);
    assert!(end_if_doomed(&child));
    assert_eq!(wait(), Some(Change::Exited(ExitStatus::Signal(Signal::KILL))));
}

#[tokio::test]
async fn sigchld_tells_what_happened() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    handle(&parent, Signal::CHLD, ActionFlags::NOCLDSTOP);
    let child = fork(&parent);
    send(&machine, &child, Signal::STOP);
    send(&machine, &child, Signal::CONT);
    assert!(!parent.deliverable());
    exit(&child, 4);
    let info = parent.take_signal().expect("SIGCHLD").info;
    assert_eq!((info.signal, info.code, info.pid, info.value), (Signal::CHLD, 1, child.tid, 4));
    let bytes = info.to_bytes();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
    assert_eq!((word(0), word(8), word(12), word(16), word(20)), (17, 1, child.tid, 1000, 4));
}

#[tokio::test]
async fn a_doomed_thread_never_passes_its_stop_point() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    assert!(thread.stop_point().now_or_never().is_some());
    send(&machine, &thread, Signal::KILL);
    assert!(thread.stop_point().now_or_never().is_none());
    assert!(thread.process.is_doomed());
}

#[tokio::test]
async fn an_orphaned_stopped_group_is_hung_up() {
    let machine = Machine::new();
    let shell = machine.spawn(1000);
    let job = fork(&shell);
    shell.process.set_group(job.tid, job.tid).expect("its child");
    let worker = fork(&job);
    handle(&worker, Signal::CONT, ActionFlags::empty());
    handle(&worker, Signal::HUP, ActionFlags::empty());
    send(&machine, &job, Signal::TSTP);
    send(&machine, &worker, Signal::TSTP);
    assert!(job.process.is_stopped() && worker.process.is_stopped());
    exit(&shell, 0);
    // The default of SIGHUP ends the one; the other handles both and goes on.
    assert!(end_if_doomed(&job));
    assert_eq!(job.process.exit_status(), Some(ExitStatus::Signal(Signal::HUP)));
    assert!(!worker.process.is_stopped());
    let taken: Vec<_> =
        std::iter::from_fn(|| worker.take_signal()).map(|t| t.info.signal).collect();
    assert_eq!(taken, [Signal::HUP, Signal::CONT]);
    // Now it is orphaned: stops of the terminal do nothing.
    send(&machine, &worker, Signal::TSTP);
    assert!(!worker.process.is_stopped());
}

#[tokio::test]
async fn groups_and_sessions_follow_the_rules() {
    let machine = Machine::new();
    let shell = machine.spawn(1000);
    let process = &shell.process;
    assert_eq!(process.set_group(process.pid, 0), Err(Errno::PERM));
    assert_eq!(process.new_session(), Err(Errno::PERM));
    let child = fork(&shell);
    assert_eq!(process.set_group(child.tid, 31999), Err(Errno::PERM));
    assert_eq!(process.set_group(child.tid, 0), Ok(()));
    assert_eq!(child.process.pgid(), child.tid);
    assert_eq!(child.process.new_session(), Err(Errno::PERM));
    let leader = fork(&shell);
    leader.process.new_session().expect("leads no group");
    assert_eq!((leader.process.sid(), leader.process.pgid()), (leader.tid, leader.tid));
    assert_eq!(leader.process.session().sid, leader.tid);
    assert_eq!(process.set_group(leader.tid, process.pid), Err(Errno::PERM));
    let executed = fork(&shell);
    exec::resolve(&executed.process, b"/prog", vec![], vec![]).expect("runs").commit(&executed);
    assert_eq!(process.set_group(executed.tid, 0), Err(Errno::ACCESS));
    assert_eq!(process.set_group(1, 0), Err(Errno::SRCH));
}

/// A terminal that only remembers whose it is.
#[derive(Default)]
struct Screen(Mutex<Option<Weak<Session>>>);

impl Terminal for Screen {
    fn device(&self) -> (u32, u32) {
        (136, 0)
    }

    fn set_session(&self, session: Option<Weak<Session>>) {
        *self.0.lock() = session;
    }
}

#[tokio::test]
async fn the_terminal_has_a_foreground_group() {
    let machine = Machine::new();
    let shell = machine.spawn(1000);
    let screen = Arc::new(Screen::default());
    let session = shell.process.session();
    session.set_terminal(screen.clone(), shell.tid).expect("has none");
    assert_eq!(session.set_terminal(Arc::new(Screen::default()), 1), Err(Errno::PERM));
    let job = fork(&shell);
    shell.process.set_group(job.tid, 0).expect("its child");
    // In the background: reading stops it, and the call is made again later.
    assert_eq!(session.admit(&job, Signal::TTIN), Err(RESTART));
    assert!(job.process.is_stopped());
    send(&machine, &job, Signal::CONT);
    job.set_mask(SigSet::of(Signal::TTIN).union(SigSet::of(Signal::TTOU)));
    assert_eq!(session.admit(&job, Signal::TTIN), Err(Errno::IO));
    assert_eq!(session.admit(&job, Signal::TTOU), Ok(()));
    assert_eq!(session.set_foreground(31999), Err(Errno::PERM));
    session.set_foreground(job.tid).expect("in the session");
    assert_eq!(session.admit(&job, Signal::TTIN), Ok(()));
    session.signal_foreground(Signal::INT);
    assert!(job.killed().is_cancelled() && !shell.killed().is_cancelled());
    end_if_doomed(&job);
    let last = fork(&shell);
    shell.process.set_group(last.tid, 0).expect("its child");
    session.set_foreground(last.tid).expect("in the session");
    exit(&shell, 0);
    assert!(screen.0.lock().is_none() && session.terminal().is_none());
    assert!(end_if_doomed(&last));
    assert_eq!(last.process.exit_status(), Some(ExitStatus::Signal(Signal::HUP)));
}

#[tokio::test]
async fn a_zombie_takes_signals_without_effect() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let child = fork(&parent);
    exit(&child, 5);
    send(&machine, &child, Signal::KILL);
    assert_eq!(machine.kernel.state(child.tid), Some(State::Zombie(ExitStatus::Code(5))));
}

#[tokio::test]
async fn an_interval_timer_fires_again_until_it_is_set_anew() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let process = &thread.process;
    handle(&thread, Signal::ALRM, ActionFlags::empty());
    let every = Duration::from_millis(2);
    let soon = || Some(Instant::now() + every);
    assert_eq!(process.alarm.set(process, soon(), every), Setting::default());
    for _ in 0..3 {
        thread.interrupted().await;
        assert_eq!(thread.take_signal().map(|taken| taken.info.signal), Some(Signal::ALRM));
        thread.set_mask(SigSet::default());
    }
    let later = Some(Instant::now() + Duration::from_secs(3600));
    assert_eq!(process.alarm.set(process, later, Duration::ZERO).interval, every);
    assert!(process.alarm.get().value > Duration::from_secs(1800));
    process.alarm.set(process, None, Duration::ZERO);
    assert_eq!(process.alarm.get(), Setting::default());
}

#[tokio::test]
async fn a_timer_counts_what_its_pending_signal_stands_for() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let process = &thread.process;
    let signal = Signal::new(40).expect("real time");
    handle(&thread, signal, ActionFlags::empty());
    thread.set_mask(SigSet::of(signal));
    let notice = |id| {
        let info = SigInfo { value: 77, ..SigInfo::user(signal, SigInfo::TIMER, id, 0) };
        Some(Notice { info, tid: Some(thread.tid) })
    };
    let id = process.timers.create(1, notice).expect("room");
    let timer = process.timers.get(id).expect("made");
    let every = Duration::from_millis(1);
    timer.set(process, Some(Instant::now()), every);
    while timer.overrun() < 2 {
        tokio::time::sleep(every).await;
    }
    thread.set_mask(SigSet::default());
    let info = thread.take_signal().expect("one for all").info;
    assert_eq!((info.code, info.pid, info.value), (SigInfo::TIMER, id, 77));
    process.timers.delete(id).expect("made");
    assert_eq!(process.timers.delete(id), Err(Errno::INVAL));
    for _ in 0..TIMERS_MAX {
        process.timers.create(0, |_| None).expect("room");
    }
    assert_eq!(process.timers.create(0, |_| None), Err(Errno::AGAIN));
}
