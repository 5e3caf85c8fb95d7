//! Which names a sandbox's lookups gave an address for. Bounded; a name is forgotten when its answer is no longer valid.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Pairs of a name and an address that are remembered.
const PAIRS_MAX: usize = 4096;
/// A name is remembered at least this long, so that a short TTL leaves time to connect.
const AGE_MIN: Duration = Duration::from_secs(60);
/// ... and at most this long.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The table of one sandbox.
#[derive(Default)]
pub(super) struct Names(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// The latest answer last.
    by_address: HashMap<IpAddr, Vec<(String, Instant)>>,
    pairs: usize,
}

impl Names {
    /// Remembers that `ip` was an answer for `name`.
    pub(super) fn put(&self, ip: IpAddr, name: &str, ttl: Duration) {
        let now = Instant::now();
        let mut table = self.0.lock();
        table.remove(ip, name);
        if table.pairs >= PAIRS_MAX {
            table.expire(now);
        }
        if table.pairs >= PAIRS_MAX {
            table.drop_soonest();
        }
        let until = now + ttl.clamp(AGE_MIN, AGE_MAX);
        table.by_address.entry(ip.to_canonical()).or_default().push((name.to_owned(), until));
        table.pairs += 1;
    }

    /// Whether `ip` is a valid answer for `name`.
    pub(super) fn holds(&self, ip: IpAddr, name: &str) -> bool {
        self.any(ip, |known| known == name)
    }

    /// Whether `ip` is a valid answer for a name that fits.
    pub(super) fn any(&self, ip: IpAddr, fits: impl Fn(&str) -> bool) -> bool {
        let now = Instant::now();
        let table = self.0.lock();
        let names = table.by_address.get(&ip.to_canonical()).into_iter().flatten();
        names.filter(|(_, until)| *until > now).any(|(name, _)| fits(name))
    }

    /// The name that `ip` was last resolved from, while that answer is valid.
    pub(super) fn latest(&self, ip: IpAddr) -> Option<String> {
        let now = Instant::now();
        let table = self.0.lock();
        let names = table.by_address.get(&ip.to_canonical())?;
        names.iter().rev().find(|(_, until)| *until > now).map(|(name, _)| name.clone())
    }
}

impl Table {
    fn remove(&mut self, ip: IpAddr, name: &str) {
        let ip = ip.to_canonical();
        let Some(names) = self.by_address.get_mut(&ip) else { return };
        let before = names.len();
        names.retain(|(known, _)| known != name);
        self.pairs -= before - names.len();
        if names.is_empty() {
            self.by_address.remove(&ip);
        }
    }

    fn expire(&mut self, now: Instant) {
        self.by_address.retain(|_, names| {
            names.retain(|(_, until)| *until > now);
            !names.is_empty()
        });
        self.pairs = self.by_address.values().map(Vec::len).sum();
    }

    fn drop_soonest(&mut self) {
        let pairs = self
            .by_address
            .iter()
            .flat_map(|(ip, names)| names.iter().map(|(name, until)| (*until, *ip, name.clone())));
        if let Some((_, ip, name)) = pairs.min() {
            self.remove(ip, &name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn pairs_are_bounded() {
        let names = Names::default();
        let ip = |number: u32| IpAddr::from(Ipv4Addr::from(0x0101_0000 + number));
        for number in 0..10_000u32 {
            names.put(ip(number), "x.test", Duration::ZERO);
        }
        let known = (0..10_000).filter(|&number| names.latest(ip(number)).is_some()).count();
        assert_eq!(known, PAIRS_MAX);
        assert!(names.holds(ip(9_999), "x.test"), "the latest is kept");
        for number in 0..10_000u32 {
            names.put(ip(0), &format!("x{number}.test"), Duration::ZERO);
        }
        assert_eq!(names.0.lock().pairs, PAIRS_MAX);
        assert_eq!(names.latest(ip(0)).as_deref(), Some("x9999.test"));
    }

    #[test]
    fn an_address_has_several_names_each_once() {
        let names = Names::default();
        let ip = IpAddr::from([1, 1, 1, 1]);
        for name in ["a.test", "b.test", "a.test"] {
            names.put("::ffff:1.1.1.1".parse().unwrap(), name, Duration::ZERO);
        }
        assert!(
            names.holds(ip, "a.test") && names.holds(ip, "b.test") && !names.holds(ip, "c.test")
        );
        assert_eq!(names.latest(ip).as_deref(), Some("a.test"));
        assert_eq!(names.0.lock().pairs, 2);
    }
}
