//! poll_oneoff: waiting for clocks and descriptors. What is wrong with one subscription is told in its event, at once.

use super::abi::{CLOCK_MONOTONIC, CLOCK_REALTIME, Event, Subscription, number};
use super::{P1, system};
use crate::errno::Errno;
use crate::host::poll::wait_for;
use crate::process::OpenFile;
use crate::process::file::Waiters;
use crate::wait::Ready;
use std::sync::Arc;
use std::time::Duration;

/// Subscriptions of one call.
const SUBSCRIPTIONS_MAX: u32 = 4096;
/// `$eventtype`
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;
/// `$subclockflags`
const ABSOLUTE: u16 = 1;
/// `$eventrwflags`
const HANGUP: u16 = 1;

/// What one subscription waits for.
enum Wanted {
    /// The sandbox's monotonic clock, in nanoseconds.
    Time(u64),
    Read(Arc<OpenFile>),
    Write(Arc<OpenFile>),
    Wrong(Errno),
}

fn wanted(p1: &P1<'_>, subscription: &Subscription) -> Wanted {
    let file = || p1.call.process().fds.lock().get(subscription.id);
    match subscription.tag {
        CLOCK => {
            let clock = subscription.id;
            if !matches!(clock, CLOCK_REALTIME | CLOCK_MONOTONIC) {
                return Wanted::Wrong(Errno::INVAL);
            }
            let left = match subscription.flags {
                0 => Ok(subscription.timeout),
                ABSOLUTE => {
                    system::now(p1, clock).map(|now| subscription.timeout.saturating_sub(now))
                }
                _ => Err(Errno::INVAL),
            };
            let age = p1.call.kernel().age_ns();
            left.map_or_else(Wanted::Wrong, |left| Wanted::Time(age.saturating_add(left)))
        }
        FD_READ => file().map_or_else(Wanted::Wrong, Wanted::Read),
        FD_WRITE => file().map_or_else(Wanted::Wrong, Wanted::Write),
        _ => Wanted::Wrong(Errno::INVAL),
    }
}

impl Wanted {
    /// The event, if it has happened by `age`.
    fn event(&self, subscription: &Subscription, age: u64) -> Option<Event> {
        let event = Event {
            userdata: subscription.userdata,
            error: 0,
            tag: subscription.tag,
            padding: [0; 5],
            bytes: 0,
            flags: 0,
            padding2: [0; 6],
        };
        match self {
            Self::Wrong(errno) => Some(Event { error: number(*errno) as u16, ..event }),
            Self::Time(at) => (*at <= age).then_some(event),
            Self::Read(file) => {
                let ready = file.ready();
                let readable = Ready::IN | Ready::HUP | Ready::RDHUP | Ready::ERR;
                ready.intersects(readable).then(|| Event {
                    bytes: file.available().unwrap_or(1),
                    flags: if ready.intersects(Ready::HUP | Ready::RDHUP) { HANGUP } else { 0 },
                    ..event
                })
            }
            Self::Write(file) => {
                let ready = file.ready();
                ready.intersects(Ready::OUT | Ready::HUP | Ready::ERR).then(|| Event {
                    bytes: 1,
                    flags: if ready.contains(Ready::HUP) { HANGUP } else { 0 },
                    ..event
                })
            }
        }
    }
}

pub(super) async fn poll_oneoff(p1: &mut P1<'_>) -> Result<(), Errno> {
    let [subscriptions, events, count] = [0, 1, 2].map(|at| p1.u32(at));
    if count == 0 || count > SUBSCRIPTIONS_MAX {
        return Err(Errno::INVAL);
    }
    p1.call.bytes(events, count as usize * size_of::<Event>())?;
    let given = p1.call.bytes(subscriptions, count as usize * size_of::<Subscription>())?;
    let given = given.chunks_exact(size_of::<Subscription>());
    let given: Vec<Subscription> = given.map(bytemuck::pod_read_unaligned).collect();
    let all: Vec<Wanted> = given.iter().map(|subscription| wanted(p1, subscription)).collect();
    let kernel = p1.call.kernel().clone();
    let times = all.iter().filter_map(|wanted| match wanted {
        Wanted::Time(at) => Some(*at),
        _ => None,
    });
    let first = times.min();
    let look = || {
        let age = kernel.age_ns();
        let pairs = all.iter().zip(&given);
        let happened: Vec<Event> =
            pairs.filter_map(|(wanted, subscription)| wanted.event(subscription, age)).collect();
        (!happened.is_empty()).then_some(happened)
    };
    let subscribe = || {
        let mut waiters = Waiters::default();
        for wanted in &all {
            if let Wanted::Read(file) | Wanted::Write(file) = wanted {
                file.waiters(&mut waiters);
            }
        }
        waiters.into_list()
    };
    // A timer may be early by what the clock that it is set by cannot tell.
    let happened = loop {
        let left = first.map(|at| at.saturating_sub(kernel.age_ns()).max(1));
        let left = left.map(Duration::from_nanos);
        if let Some(happened) = wait_for(&mut p1.call, None, left, &subscribe, look).await? {
            break happened;
        }
    };
    let bytes: &[u8] = bytemuck::cast_slice(&happened);
    p1.call.bytes(events, bytes.len())?.copy_from_slice(bytes);
    p1.put(3, &(happened.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    #[test]
    fn what_is_wrong_is_an_event_and_time_comes() {
        let mut subscription = Subscription::zeroed();
        subscription.userdata = 7;
        let wrong = Wanted::Wrong(Errno::BADF).event(&subscription, 0).expect("at once");
        assert_eq!((wrong.userdata, wrong.error), (7, 8));
        let time = Wanted::Time(10);
        assert_eq!(time.event(&subscription, 9), None);
        assert!(time.event(&subscription, 10).is_some());
        assert_eq!(Wanted::Time(u64::MAX).event(&subscription, u64::MAX - 1), None);
    }
}
