//! Descriptors of signals and of processes.

use super::*;
use crate::process::file::{Object, OpenFile};
use crate::process::pidfd::PidFd;
use crate::process::signal::{SigInfo, SigSet, Signal};
use crate::process::signalfd::{RECORD_BYTES, SignalFd};
use crate::process::tree::{WaitOptions, Whom};
use crate::wait::Ready;

#[tokio::test]
async fn blocked_signals_are_read_and_waited_for() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let process = &thread.process;
    let set = SigSet::of(Signal::USR1).union(SigSet::of(Signal::CHLD));
    thread.set_mask(set);
    let signals = SignalFd::new(set.union(SigSet::of(Signal::KILL)), process);
    assert_eq!(signals.mask(), set, "SIGKILL is left out");
    let file = OpenFile::new(Object::Signals(signals), 2);
    let Object::Signals(signals) = file.object() else { panic!("made so") };
    let mut records = [0xff; 3 * RECORD_BYTES];
    assert_eq!(file.ready(), Ready::empty());
    assert_eq!(signals.read(&thread, &mut records), Err(Errno::AGAIN));
    assert_eq!(signals.read(&thread, &mut records[..127]), Err(Errno::INVAL));
    let news = file.subscribe().expect("it blocks");
    process.post(SigInfo::user(Signal::USR1, SigInfo::USER, 42, 1000), None).expect("room");
    process.post(SigInfo::user(Signal::CHLD, SigInfo::USER, 43, 1000), None).expect("room");
    news.await;
    assert_eq!(file.ready(), Ready::IN);
    assert_eq!(signals.read(&thread, &mut records), Ok(2 * RECORD_BYTES));
    let word = |at: usize| u32::from_le_bytes(records[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(12), word(16)), (10, 42, 1000));
    assert_eq!((word(RECORD_BYTES), word(RECORD_BYTES + 12)), (17, 43));
    assert_eq!(file.ready(), Ready::empty());
}

#[tokio::test]
async fn a_process_descriptor_tells_of_the_end() {
    let machine = Machine::new();
    let parent = machine.spawn(1000);
    let child = fork(&parent);
    let descriptor = PidFd::new(child.process.clone());
    assert_eq!((descriptor.ready(), descriptor.is_there()), (Ready::empty(), true));
    let news = descriptor.subscribe();
    exit(&child, 3);
    news.await;
    assert_eq!((descriptor.ready(), descriptor.is_there()), (Ready::IN, true));
    assert_eq!(descriptor.pid_shown(), i64::from(child.process.pid));
    let whom = Whom::Pid(child.process.pid);
    let waited = parent.process.wait_child(whom, WaitOptions::EXITED).expect("a child");
    assert!(waited.is_some());
    assert_eq!((descriptor.ready(), descriptor.pid_shown()), (Ready::IN | Ready::HUP, -1));
}
