//! Who compiles when: an owner one program at a time, all together a few. A compilation that others wait for keeps its place for a while only.
//!
//! ```text
//! waits for its owner's turn -> waits for a place -> compiles -> done
//!                                                       | its slice is over and somebody waits for a place
//!                                                       +-> goes on behind the others, at the lowest priority -> done
//!                                                       +-> given up, when as many as may be go on so
//! ```
//!
//! So whatever few owners have compiled, another's program waits for slices, not for the limits of theirs.

use crate::shares::Shares;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one host process.
pub(super) struct Places {
    any: Arc<Semaphore>,
    behind: Arc<Semaphore>,
    slice: Duration,
    /// How many wait for a place.
    waiting: Arc<AtomicUsize>,
    /// One turn for each owner that compiles now.
    owners: Shares,
}

/// The right to compile something now.
#[derive(Debug)]
pub(in crate::wasm) struct Turn {
    /// A place, or one behind.
    place: OwnedSemaphorePermit,
    since: Instant,
    slice: Duration,
    /// Of the places behind; none for who is there.
    behind: Option<Arc<Semaphore>>,
    waiting: Arc<AtomicUsize>,
    _owners: OwnedSemaphorePermit,
}

/// What a turn is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on.
    On,
    /// Go on, from now on behind the others.
    Behind,
    /// Give up: too many go on so already.
    Leave,
}

/// One more that waits, as long as this lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Places {
    /// `at_a_time` places, and `behind` more for those whose slice is over.
    pub(super) fn new(at_a_time: usize, behind: usize, slice: Duration) -> Self {
        Self {
            any: Arc::new(Semaphore::new(at_a_time.max(1))),
            behind: Arc::new(Semaphore::new(behind)),
            slice,
            waiting: Arc::default(),
            owners: Shares::new(1),
        }
    }

    /// Waits until `owner` may compile something.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it waits no longer.
    pub(super) async fn turn(&self, owner: &Arc<str>) -> Result<Turn, tokio::sync::AcquireError> {
        let owners = self.owners.of(owner).acquire_owned().await?;
        let place = {
            let _waits = Waits::new(&self.waiting);
            self.any.clone().acquire_owned().await?
        };
        Ok(Turn {
            place,
            since: Instant::now(),
            slice: self.slice,
            behind: Some(self.behind.clone()),
            waiting: self.waiting.clone(),
            _owners: owners,
        })
    }

    /// Owners that are known now.
    #[cfg(test)]
    pub(super) fn owners(&self) -> usize {
        self.owners.known()
    }
}

impl Turn {
    /// What to do now; when it says [`Next::Behind`] the place is free already.
    pub(super) fn next(&mut self) -> Next {
        let Some(behind) = &self.behind else { return Next::On };
        if self.since.elapsed() < self.slice || self.waiting.load(Ordering::SeqCst) == 0 {
            return Next::On;
        }
        match behind.clone().try_acquire_owned() {
            Ok(place) => {
                self.place = place;
                self.behind = None;
                Next::Behind
            }
            Err(_) => Next::Leave,
        }
    }

    /// How long to wait before asking what is next; none if the answer stays the same.
    pub(super) fn patience(&self) -> Option<Duration> {
        /// How often is looked whether somebody waits.
        const LOOK: Duration = Duration::from_millis(200);
        self.behind.as_ref()?;
        Some(self.slice.saturating_sub(self.since.elapsed()).max(LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Arc<str> {
        name.into()
    }

    #[tokio::test]
    async fn an_owner_compiles_one_at_a_time() {
        let places = Places::new(2, 0, Duration::from_secs(3600));
        let one = places.turn(&owner("a")).await.expect("free");
        let other = places.turn(&owner("b")).await.expect("free");
        let b = owner("b");
        let mut again = Box::pin(places.turn(&b));
        assert!(futures_util::poll!(&mut again).is_pending());
        drop(one);
        assert!(futures_util::poll!(&mut again).is_pending(), "b compiles already");
        drop(other);
        assert!(again.await.is_ok());
        drop(places.turn(&owner("c")).await);
        assert!(places.owners() <= 1, "owners are forgotten");
    }

    #[tokio::test]
    async fn a_place_is_kept_for_a_slice_when_others_wait() {
        let places = Places::new(1, 1, Duration::ZERO);
        let mut first = places.turn(&owner("a")).await.expect("free");
        assert_eq!(first.next(), Next::On, "nobody waits");
        let b = owner("b");
        let mut waits = Box::pin(places.turn(&b));
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert_eq!(first.next(), Next::Behind);
        let mut second = waits.await.expect("the place is free");
        assert_eq!((first.next(), first.patience()), (Next::On, None), "it stays there");
        let c = owner("c");
        let mut waits = Box::pin(places.turn(&c));
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert_eq!(second.next(), Next::Leave, "one goes on behind already");
        drop(first);
        assert_eq!(second.next(), Next::Behind);
        drop(waits.await.expect("the place is free"));
        assert_eq!(places.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn within_its_slice_nobody_is_disturbed() {
        let places = Places::new(1, 1, Duration::from_secs(3600));
        let mut first = places.turn(&owner("a")).await.expect("free");
        let b = owner("b");
        let mut waits = Box::pin(places.turn(&b));
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert_eq!(first.next(), Next::On);
        assert!(first.patience() > Some(Duration::from_secs(3000)));
        drop(waits);
        assert_eq!(places.waiting.load(Ordering::SeqCst), 0, "who is gone waits no longer");
    }
}
