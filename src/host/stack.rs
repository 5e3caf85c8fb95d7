//! What a guest's machine stack costs: measured wherever the guest is stopped, charged to its sandbox.
//!
//! A guest's frames lie on a fiber's stack of the host, which linear memory knows nothing of; the pages it has touched stay
//! until the thread ends, so the charge only rises. Not a limit of depth: that is the engine's (`max_wasm_stack`).
//!
//! A user's program pays for its first step before it runs: it may take all other memory and must then be able to go on, and to say so.

use crate::process::account::{Charge, MemoryAccount};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The charge rises in steps of so many bytes.
const STEP: usize = 64 << 10;

/// The stack of one thread's fiber.
pub(crate) struct StackCharge {
    charge: Charge,
    /// The highest address seen on it: about where it begins.
    top: AtomicUsize,
    /// The lowest address that is paid for.
    paid: AtomicUsize,
    /// Another stack is in use for a moment: nothing is measured.
    paused: AtomicBool,
}

impl StackCharge {
    /// A stack that nothing is known of yet; `None` when the account is full.
    pub(crate) fn new(account: &Arc<MemoryAccount>) -> Option<Self> {
        account.charge(0).map(Self::of)
    }

    /// One of which the first step is charged already; `None` when the account has no room for that.
    pub(crate) fn prepaid(account: &Arc<MemoryAccount>) -> Option<Self> {
        account.charge(STEP as u64).map(Self::of)
    }

    fn of(charge: Charge) -> Self {
        let (top, paid) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        Self { charge, top, paid, paused: AtomicBool::new(false) }
    }

    /// A new stack is used from now on: each entry into guest code has a fiber of its own, anywhere in memory.
    pub(crate) fn begin(&self) {
        self.top.store(0, Ordering::Relaxed);
        self.paid.store(usize::MAX, Ordering::Relaxed);
    }

    /// Guest code is entered from a host call, on a fiber of its own, and will return to this one.
    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// The end of [`Self::pause`].
    pub(crate) fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Notes how deep the stack is where this is called. False when the sandbox's memory does not admit that.
    pub(crate) fn note(&self) -> bool {
        let local = 0u8;
        let here = std::ptr::from_ref(&local).addr();
        if here >= self.paid.load(Ordering::Relaxed) || self.paused.load(Ordering::Relaxed) {
            return true;
        }
        let top = self.top.fetch_max(here, Ordering::Relaxed).max(here);
        let depth = (top - here).next_multiple_of(STEP);
        let admitted = self.charge.raise_to(depth as u64);
        if admitted {
            self.paid.store(top.saturating_sub(depth), Ordering::Relaxed);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes down `levels` frames of more than 1 KiB and notes the depth there.
    fn descend(stack: &StackCharge, levels: u32) -> bool {
        let frame = std::hint::black_box([0u8; 1024]);
        let noted = if levels == 0 { stack.note() } else { descend(stack, levels - 1) };
        std::hint::black_box(frame);
        noted
    }

    #[test]
    fn depth_is_charged_once_and_refused_when_it_does_not_fit() {
        let account = MemoryAccount::new(64 << 20);
        let stack = StackCharge::new(&account).expect("it charges nothing yet");
        assert!(stack.note());
        assert!(account.used() <= STEP as u64);
        assert!(descend(&stack, 200));
        let deep = account.used();
        assert!(deep >= 200 << 10, "{deep}");
        assert!(stack.note() && descend(&stack, 100));
        assert_eq!(account.used(), deep, "what was touched stays paid for");
        stack.pause();
        assert!(descend(&stack, 400));
        stack.resume();
        assert_eq!(account.used(), deep, "nothing is measured on another stack");
        drop(stack);
        assert_eq!(account.used(), 0);

        let poor = MemoryAccount::new(deep / 2);
        let stack = StackCharge::new(&poor).expect("it charges nothing yet");
        assert!(stack.note());
        assert!(!descend(&stack, 200), "more than the sandbox has");
        assert!(stack.note(), "what is paid for stays usable");
    }

    #[test]
    fn the_first_step_is_paid_for_before_anything_else() {
        let account = MemoryAccount::new(1 << 20);
        let stack = StackCharge::prepaid(&account).expect("there is room");
        let rest = account.charge((1 << 20) - STEP as u64).expect("there is room");
        assert!(stack.note() && descend(&stack, 4), "as deep as 64 KiB it may be all the same");
        assert!(!descend(&stack, 200));
        assert!(StackCharge::prepaid(&account).is_none(), "another has no room");
        drop(rest);
        assert!(descend(&stack, 200));
    }
}
