//! What one team may ask of the control plane: requests a second, requests at a time, sandboxes at a time. Past that it is told
//! to come back, with 429; that the whole host is full is 503 and another matter (`Error::HostFull`).

use super::error::ApiError;
use super::teams::Tenant;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests that may come at once after a silence, in seconds' worth.
const BURST_SECONDS: f64 = 2.0;

/// Limits of one team on the control plane.
#[derive(Clone, Debug)]
pub struct TeamLimits {
    /// Requests a second, on average.
    pub requests_per_second: u32,
    /// Requests that are being answered.
    pub requests_max: usize,
    /// Sandboxes at a time; `None` leaves it at the host's limit.
    pub sandboxes_max: Option<usize>,
}

impl Default for TeamLimits {
    fn default() -> Self {
        Self { requests_per_second: 1000, requests_max: 256, sandboxes_max: None }
    }
}

/// What every team has left.
#[derive(Clone)]
pub(crate) struct Quotas(Arc<Shared>);

struct Shared {
    limits: TeamLimits,
    // Bounded by the number of teams.
    shares: Mutex<HashMap<Tenant, Share>>,
    /// Held from counting a team's sandboxes to making one more.
    creating: Mutex<()>,
}

/// What one team has left.
struct Share {
    /// Requests that it may send now; as many fractions as time has passed.
    tokens: f64,
    at: Instant,
    running: usize,
}

/// A request's place; given back when dropped.
pub(crate) struct Pass {
    shared: Arc<Shared>,
    tenant: Tenant,
}

impl Quotas {
    /// Full shares for all.
    pub(crate) fn new(limits: TeamLimits) -> Self {
        Self(Arc::new(Shared { limits, shares: Mutex::default(), creating: Mutex::new(()) }))
    }

    /// Lets a request of `tenant` in.
    ///
    /// # Errors
    ///
    /// 429 with the time to wait.
    pub(crate) fn enter(&self, tenant: Tenant) -> Result<Pass, ApiError> {
        self.enter_at(tenant, Instant::now())
    }

    fn enter_at(&self, tenant: Tenant, now: Instant) -> Result<Pass, ApiError> {
        let limits = &self.0.limits;
        let rate = f64::from(limits.requests_per_second.max(1));
        let full = (rate * BURST_SECONDS).max(1.0);
        let mut shares = self.0.shares.lock();
        let share = shares.entry(tenant).or_insert(Share { tokens: full, at: now, running: 0 });
        let passed = now.saturating_duration_since(share.at).as_secs_f64();
        share.tokens = (share.tokens + passed * rate).min(full);
        share.at = now;
        if share.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - share.tokens) / rate);
            let message = format!(
                "more than {} requests a second with this key's team",
                limits.requests_per_second
            );
            return Err(ApiError::too_many(message, wait));
        }
        if share.running >= limits.requests_max {
            let message =
                format!("{} requests of this key's team are being answered", limits.requests_max);
            return Err(ApiError::too_many(message, Duration::from_secs(1)));
        }
        share.tokens -= 1.0;
        share.running += 1;
        Ok(Pass { shared: self.0.clone(), tenant })
    }

    /// Makes a sandbox for a team that has `count` now, unless that is all that it may have.
    ///
    /// # Errors
    ///
    /// 429, or that of `make`.
    pub(crate) fn create<T>(
        &self,
        count: impl FnOnce() -> usize,
        make: impl FnOnce() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let Some(max) = self.0.limits.sandboxes_max else { return make() };
        let _one_at_a_time = self.0.creating.lock();
        if count() >= max {
            let message = format!("this key's team has {max} sandboxes, the most it may have");
            return Err(ApiError::too_many(message, Duration::from_secs(5)));
        }
        make()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(share) = self.shared.shares.lock().get_mut(&self.tenant) {
            share.running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::teams::ApiKeys;

    fn tenants() -> (Tenant, Tenant) {
        let keys = ApiKeys::new(["one".into(), "two".into()], None);
        (keys.caller(b"one").unwrap().tenant, keys.caller(b"two").unwrap().tenant)
    }

    #[test]
    fn a_team_has_its_rate_and_no_other_pays_for_it() {
        let limits = TeamLimits { requests_per_second: 10, ..TeamLimits::default() };
        let (quotas, (one, two), start) = (Quotas::new(limits), tenants(), Instant::now());
        let ask = |tenant, ms| quotas.enter_at(tenant, start + Duration::from_millis(ms)).is_ok();
        assert_eq!((0..50).filter(|_| ask(one, 0)).count(), 20, "two seconds' worth at once");
        assert!(ask(two, 0));
        assert!(!ask(one, 99) && ask(one, 200) && ask(one, 200) && !ask(one, 200));
        assert_eq!((0..50).filter(|_| ask(one, 100_000)).count(), 20, "no more is saved up");
    }

    #[test]
    fn places_are_given_back() {
        let limits = TeamLimits { requests_max: 2, ..TeamLimits::default() };
        let (quotas, (one, two)) = (Quotas::new(limits), tenants());
        let (first, second) = (quotas.enter(one).unwrap(), quotas.enter(one).unwrap());
        assert!(quotas.enter(one).is_err() && quotas.enter(two).is_ok());
        drop(first);
        assert!(quotas.enter(one).is_ok());
        drop(second);
    }

    #[test]
    fn sandboxes_are_counted_before_one_is_made() {
        let limits = TeamLimits { sandboxes_max: Some(2), ..TeamLimits::default() };
        let quotas = Quotas::new(limits);
        assert!(quotas.create(|| 1, || Ok(())).is_ok());
        assert!(quotas.create::<()>(|| 2, || panic!("one too many")).is_err());
        let none = Quotas::new(TeamLimits::default());
        assert!(none.create(|| panic!("nobody asks"), || Ok(())).is_ok());
    }
}
