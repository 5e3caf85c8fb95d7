//! Random histories of one process's signals keep what signal(7) promises.

use crate::process::signal::{
    Action, ActionFlags, DefaultAction, Disposition, SigInfo, SigSet, Signal, Signals,
};
use proptest::prelude::*;

/// `si_code` of sigqueue(3).
const SI_QUEUE: i32 = -1;

const THREADS: [u32; 3] = [10, 11, 12];

#[derive(Clone, Debug)]
enum Step {
    Post(u8, Option<usize>),
    Mask(usize, u64),
    Action(u8, u8, u64),
    Take(usize),
    Accept(usize, u64),
    Suspend(usize, u64),
    EndSuspend(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let signal =
        prop_oneof![Just(1u8), Just(9), Just(15), Just(17), Just(18), Just(19), Just(20), Just(34)];
    let thread = 0..THREADS.len();
    let mask = prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>()];
    prop_oneof![
        4 => (signal.clone(), proptest::option::of(thread.clone())).prop_map(|(s, t)| Step::Post(s, t)),
        2 => (thread.clone(), mask.clone()).prop_map(|(t, m)| Step::Mask(t, m)),
        2 => (signal, 0..3u8, mask.clone()).prop_map(|(s, d, m)| Step::Action(s, d, m)),
        3 => thread.clone().prop_map(Step::Take),
        1 => (thread.clone(), mask.clone()).prop_map(|(t, m)| Step::Accept(t, m)),
        1 => (thread.clone(), mask).prop_map(|(t, m)| Step::Suspend(t, m)),
        1 => (thread, any::<bool>()).prop_map(|(t, k)| Step::EndSuspend(t, k)),
    ]
}

fn signal(number: u8) -> Signal {
    Signal::new(u32::from(number)).expect("1 to 64")
}

fn is_handled(signals: &Signals, signal: Signal) -> bool {
    matches!(signals.action(signal).disposition, Disposition::Handler(_))
}

/// Signals that some thread could act on now.
fn open(signals: &Signals) -> Vec<(u32, Signal)> {
    let mut open = Vec::new();
    for tid in THREADS {
        let (own, shared) = signals.pending_sets(tid);
        for number in 1..=64 {
            let one = signal(number);
            if own.union(shared).contains(one) && !signals.mask(tid).contains(one) {
                open.push((tid, one));
            }
        }
    }
    open
}

/// What must hold after each settled step.
fn check(signals: &Signals) {
    for tid in THREADS {
        assert!(
            !signals.mask(tid).contains(Signal::KILL) && !signals.mask(tid).contains(Signal::STOP)
        );
    }
    let open = open(signals);
    if signals.is_stopped() {
        assert!(THREADS.iter().all(|&tid| !signals.deliverable(tid)));
        return;
    }
    // Default actions are done; what is left waits for a handler, and someone is told.
    assert!(open.iter().all(|&(_, one)| is_handled(signals, one)), "{open:?}");
    assert_eq!(!open.is_empty(), THREADS.iter().any(|&tid| signals.deliverable(tid)));
    for tid in THREADS {
        assert!(!signals.deliverable(tid) || open.iter().any(|&(of, _)| of == tid));
    }
}

/// Applies a step and returns whether the process died.
fn apply(signals: &mut Signals, step: &Step) -> bool {
    let before: Vec<_> = open(signals);
    match *step {
        Step::Post(number, thread) => {
            let info = SigInfo::user(signal(number), SigInfo::USER, 1, 0);
            let target = thread.map(|index| THREADS[index]);
            signals.post(info, target).expect("few signals");
            if number < 32 {
                signals.post(info, target).expect("one of a kind is one");
            }
        }
        Step::Mask(thread, mask) => signals.set_mask(THREADS[thread], SigSet::from_bits(mask)),
        Step::Action(number, kind, mask) => {
            let disposition = [Disposition::Default, Disposition::Ignore, Disposition::Handler(7)]
                [usize::from(kind)];
            let action =
                Action { disposition, flags: ActionFlags::empty(), mask: SigSet::from_bits(mask) };
            let set = signals.set_action(signal(number), action);
            assert_eq!(set.is_err(), number == 9 || number == 19);
        }
        Step::Take(thread) => {
            let tid = THREADS[thread];
            if !signals.is_stopped()
                && let Some(taken) = signals.take(tid)
            {
                let one = taken.info.signal;
                assert!(before.contains(&(tid, one)) && is_handled(signals, one));
                assert!(signals.mask(tid).contains(one), "blocked while its handler runs");
                signals.set_mask(tid, taken.old_mask);
            }
        }
        Step::Accept(thread, mask) => {
            let set = SigSet::from_bits(mask);
            if let Some(info) = signals.accept(THREADS[thread], set) {
                assert!(set.contains(info.signal));
            }
        }
        Step::Suspend(thread, mask) => signals.begin_mask(THREADS[thread], SigSet::from_bits(mask)),
        Step::EndSuspend(thread, keep) => signals.end_mask(THREADS[thread], keep),
    }
    let outcome = signals.settle(|| false);
    if let Some(stopped) = outcome.stopped {
        assert_eq!(stopped.default_action(), DefaultAction::Stop);
        assert!(signals.is_stopped());
    }
    if let Some(fatal) = outcome.fatal {
        assert_eq!(fatal.default_action(), DefaultAction::Terminate);
        assert!(fatal == Signal::KILL || !is_handled(signals, fatal));
    }
    if matches!(step, Step::Post(9, _)) {
        assert_eq!(outcome.fatal, Some(Signal::KILL));
    }
    if matches!(step, Step::Post(18, _)) {
        assert!(!signals.is_stopped());
    }
    outcome.fatal.is_some()
}

proptest! {
    #[test]
    fn promises_hold(steps in prop::collection::vec(step(), 1..60)) {
        let mut signals = Signals::new(THREADS[0]);
        signals.add_thread(THREADS[0], THREADS[1]);
        signals.add_thread(THREADS[0], THREADS[2]);
        for step in &steps {
            if apply(&mut signals, step) {
                break;
            }
            check(&signals);
        }
    }
}

#[test]
fn real_time_signals_queue_and_the_queue_is_bounded() {
    use crate::errno::Errno;
    use crate::process::signal::PENDING_MAX;
    let mut signals = Signals::new(1);
    signals.set_mask(1, SigSet::from_bits(u64::MAX));
    let one = |value| SigInfo { value, ..SigInfo::user(signal(40), SI_QUEUE, 1, 0) };
    for value in 0..PENDING_MAX as u32 {
        signals.post(one(value), None).expect("room");
    }
    assert_eq!(signals.post(one(0), None), Err(Errno::AGAIN));
    let set = SigSet::of(signal(40));
    for value in 0..PENDING_MAX as u32 {
        assert_eq!(signals.accept(1, set).map(|info| info.value), Some(value));
    }
    assert_eq!(signals.accept(1, set), None);
}

#[test]
fn the_mask_of_sigsuspend_lasts_until_the_handler_returns() {
    let mut signals = Signals::new(1);
    let (usr, term) = (SigSet::of(Signal::USR1), SigSet::of(Signal::TERM));
    let handler = Action { disposition: Disposition::Handler(3), ..Action::default() };
    signals.set_action(Signal::USR1, handler).expect("settable");
    signals.set_mask(1, usr);
    signals.begin_mask(1, term);
    signals.post(SigInfo::kernel(Signal::USR1), None).expect("room");
    signals.end_mask(1, true);
    let taken = signals.take(1).expect("unblocked by the suspension");
    assert_eq!((taken.old_mask, signals.mask(1)), (usr, usr.union(term)));
    // Nothing to take: the mask comes back at once.
    signals.set_mask(1, usr);
    signals.begin_mask(1, term);
    signals.end_mask(1, true);
    assert_eq!(signals.mask(1), usr);
}
