//! The way from guests to the public URLs of sandboxes. Names under the server's domain resolve, for guests, to the gateway's address,
//! and connections to the gateway's public ports are handed, in memory, to whoever serves those URLs. No socket of the host is
//! involved, so the rule that nobody dials the host itself has no exception.
//!
//! The policy of the visitor's sandbox holds here as outside: a visit that it does not allow is refused, and cut when it changes.
//! Beyond that nothing is decided about who may visit whom: the router answers a guest as it answers any client.

use super::connection::{End, Watch};
use super::egress::{self, Bucket, Metered, NetVerdict, Tally, Wire};
use super::stream::Stream;
use super::{Egress, GATEWAY_V4, GATEWAY_V6};
use crate::shares::Shares;
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Connections to public URLs that one sandbox may have at a time.
const VISITS_MAX: usize = 64;

/// Those that all sandboxes of one owner may have: as many as one client outside.
const OWNER_VISITS_MAX: usize = 512;

/// Connections of all sandboxes that wait to be served; a further one is refused.
const WAITING_MAX: usize = 256;

/// TTL of the names, in seconds.
const TTL_S: u32 = 60;

/// A guest's connection to a public URL, established.
pub(crate) struct Visit {
    /// The connection, within the sandbox's bandwidth.
    pub(crate) stream: Metered<Stream, Arc<Pass>>,
    /// The guest's socket.
    pub(crate) from: SocketAddr,
    /// The sandbox's right to it, held until it is over.
    pub(crate) pass: Arc<Pass>,
}

/// A sandbox's right to one visit.
pub(crate) struct Pass {
    _permits: [OwnedSemaphorePermit; 2],
    to: SocketAddr,
    watch: Watch,
    cut: AtomicBool,
    record: Arc<egress::Record>,
}

impl Pass {
    /// Where the guest connected to.
    pub(super) fn to(&self) -> SocketAddr {
        self.to
    }

    /// Resets the connection: nothing more is carried.
    pub(super) fn cut(&self) {
        self.record.turn(NetVerdict::Denied, "the policy changed");
        self.cut.store(true, Ordering::Release);
        self.watch.abort();
    }
}

/// The wire is the guest's: what is read from it, it has sent.
impl Tally for Arc<Pass> {
    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn add_read(&self, bytes: usize) {
        self.record.add_sent(bytes);
    }

    fn add_written(&self, bytes: usize) {
        self.record.add_received(bytes);
    }
}

impl Wire for Stream {
    /// [`Pass::cut`] has reset it.
    fn make_reset(&mut self) {}
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("to", &self.to).finish_non_exhaustive()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.record.end();
    }
}

/// The doorway of all sandboxes of a runtime; shut until somebody serves public URLs.
pub(crate) struct Doorway {
    open: OnceLock<Open>,
    owners: Shares,
}

/// How many visits a sandbox may still make, by its own count and by its owner's.
pub(super) struct Visits {
    of_sandbox: Arc<Semaphore>,
    of_owner: Arc<Semaphore>,
}

struct Open {
    domain: String,
    ports: Vec<u16>,
    visits: mpsc::Sender<Visit>,
}

/// A place for a visit.
pub(super) struct Entry<'a> {
    place: mpsc::Permit<'a, Visit>,
    permits: [OwnedSemaphorePermit; 2],
}

impl Entry<'_> {
    /// Lets it in; what is returned tells of it, and does not hold it open.
    pub(super) fn admit(
        self,
        server: End,
        record: Arc<egress::Record>,
        bandwidth: Option<Arc<Bucket>>,
    ) -> Weak<Pass> {
        let (to, from, watch) = (server.local, server.peer, server.watch());
        let cut = AtomicBool::new(false);
        let pass = Arc::new(Pass { _permits: self.permits, to, watch, cut, record });
        let weak = Arc::downgrade(&pass);
        let stream = Metered::new(Stream::new(server), pass.clone(), bandwidth);
        self.place.send(Visit { stream, from, pass });
        weak
    }
}

impl Default for Doorway {
    fn default() -> Self {
        Self { open: OnceLock::new(), owners: Shares::new(OWNER_VISITS_MAX) }
    }
}

impl Doorway {
    /// Opens it for the names `domain` and everything below, on these ports. `None` if it is open already.
    pub(crate) fn open(&self, domain: &str, ports: Vec<u16>) -> Option<mpsc::Receiver<Visit>> {
        let (visits, receiver) = mpsc::channel(WAITING_MAX);
        let open = Open { domain: domain.to_owned(), ports, visits };
        self.open.set(open).ok().map(|()| receiver)
    }

    /// Whether connections to `to` come in here.
    pub(super) fn is_at(&self, to: SocketAddr) -> bool {
        let gateway = [IpAddr::V4(GATEWAY_V4), IpAddr::V6(GATEWAY_V6)].contains(&to.ip());
        gateway && self.open.get().is_some_and(|open| open.ports.contains(&to.port()))
    }

    /// Whether `name`, in lower case and without its last dot, leads here.
    pub(super) fn leads(&self, name: &str) -> bool {
        self.open.get().is_some_and(|open| {
            let rest = name.strip_suffix(open.domain.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Whether a sandbox with this policy may come in by the gateway's address `at`: one that may ask for any name under the domain,
    /// does not deny the address, and sends nothing through a proxy. The host of a request is not looked at here, so a policy that
    /// allows single names below the domain does not open the door.
    pub(super) fn is_open_to(&self, egress: &Egress, at: IpAddr) -> bool {
        // A label that no name has, so that an entry for one name does not match.
        let any = "x".repeat(64);
        let named = |open: &Open| egress.may_look_up(&format!("{any}.{}", open.domain));
        self.open.get().is_some_and(named) && egress.may_visit(at)
    }

    /// The records for a name that leads here.
    pub(super) fn records(name: &Name, kind: RecordType) -> Vec<Record> {
        let data = match kind {
            RecordType::A => RData::A(A(GATEWAY_V4)),
            RecordType::AAAA => RData::AAAA(AAAA(GATEWAY_V6)),
            _ => return Vec::new(),
        };
        vec![Record::from_rdata(name.clone(), TTL_S, data)]
    }

    /// The visits of a new sandbox of `owner`'s.
    pub(super) fn visits_of(&self, owner: &str) -> Visits {
        let of_sandbox = Arc::new(Semaphore::new(VISITS_MAX));
        Visits { of_sandbox, of_owner: self.owners.of(owner) }
    }

    /// A place for one more of these visits; `None` when the sandbox, its owner or all have too many.
    pub(super) fn enter(&self, visits: &Visits) -> Option<Entry<'_>> {
        let of_sandbox = visits.of_sandbox.clone().try_acquire_owned().ok()?;
        let of_owner = visits.of_owner.clone().try_acquire_owned().ok()?;
        let place = self.open.get()?.visits.try_reserve().ok()?;
        Some(Entry { place, permits: [of_sandbox, of_owner] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_domain_and_what_is_below_it_leads_here() {
        let doorway = Doorway::default();
        assert!(!doorway.leads("sb.test"));
        let _visits = doorway.open("sb.test", vec![8080]).unwrap();
        assert!(doorway.open("other.test", vec![]).is_none());
        for name in ["sb.test", "3000-a.sb.test", "x.y.sb.test"] {
            assert!(doorway.leads(name), "{name}");
        }
        for name in ["notsb.test", "test", "sb.test.example", ""] {
            assert!(!doorway.leads(name), "{name}");
        }
        assert!(doorway.is_at(SocketAddr::new(GATEWAY_V4.into(), 8080)));
        assert!(doorway.is_at(SocketAddr::new(GATEWAY_V6.into(), 8080)));
        assert!(!doorway.is_at(SocketAddr::new(GATEWAY_V4.into(), 22)));
        assert!(!doorway.is_at("127.0.0.1:8080".parse().unwrap()));
    }

    #[test]
    fn the_policy_opens_it_and_shuts_it() {
        let doorway = Doorway::default();
        let v4 = IpAddr::V4(GATEWAY_V4);
        assert!(!doorway.is_open_to(&Egress::internet(), v4), "shut");
        let _visits = doorway.open("sb.test", vec![80]).unwrap();
        let open = |egress: Egress| doorway.is_open_to(&egress, v4);
        let only = |allowed| Egress::internet().deny("0.0.0.0/0").unwrap().allow(allowed).unwrap();
        assert!(open(Egress::internet()));
        assert!(open(only("*.sb.test")) && open(only("*")) && open(only("0.0.0.0/0")));
        assert!(!open(Egress::deny_all()));
        for allowed in ["sb.test", "3000-a.sb.test", "*.other.test", "1.1.1.1", "169.254.0.22"] {
            assert!(!open(only(allowed)), "{allowed}");
        }
        assert!(!open(Egress::internet().deny("169.254.0.0/16").unwrap()));
        assert!(open(Egress::internet().deny("1.1.1.1").unwrap()));
    }

    #[test]
    fn visits_are_counted() {
        let doorway = Doorway::default();
        let one = doorway.visits_of("a");
        assert!(doorway.enter(&one).is_none(), "shut");
        let _visits = doorway.open("sb.test", vec![80]).unwrap();
        let mut held: Vec<_> = (0..VISITS_MAX).map(|_| doorway.enter(&one).unwrap()).collect();
        assert!(doorway.enter(&one).is_none());
        held.pop();
        assert!(doorway.enter(&one).is_some());
    }

    #[test]
    fn an_owner_has_a_share_and_gives_it_back() {
        let doorway = Doorway::default();
        let _visits = doorway.open("sb.test", vec![80]).unwrap();
        let many: Vec<Visits> =
            (0..=OWNER_VISITS_MAX / VISITS_MAX).map(|_| doorway.visits_of("a")).collect();
        let permits = many.iter().flat_map(|visits| {
            std::iter::from_fn(|| {
                let of_sandbox = visits.of_sandbox.clone().try_acquire_owned().ok()?;
                Some([of_sandbox, visits.of_owner.clone().try_acquire_owned().ok()?])
            })
        });
        let permits: Vec<_> = permits.collect();
        assert_eq!(permits.len(), OWNER_VISITS_MAX);
        assert!(doorway.enter(&doorway.visits_of("a")).is_none());
        assert!(doorway.enter(&doorway.visits_of("b")).is_some());
        drop((permits, many));
        assert!(doorway.enter(&doorway.visits_of("a")).is_some());
        drop(doorway.visits_of("c"));
        assert_eq!(doorway.owners.known(), 1, "those without a sandbox are forgotten");
    }
}
