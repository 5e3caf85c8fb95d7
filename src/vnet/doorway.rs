//! The way from guests to the public URLs of sandboxes. Names under the server's domain resolve, for guests, to the gateway's address,
//! and connections to the gateway's public ports are handed, in memory, to whoever serves those URLs. No socket of the host is
//! involved, so the rule that nobody dials the host itself has no exception.
//!
//! The policy of the visitor's sandbox holds here as outside: a visit that it does not allow is refused, and cut when it changes.
//! Beyond that nothing is decided about who may visit whom: the router answers a guest as it answers any client.

use super::connection::{End, Watch};
use super::egress::{self, NetVerdict};
use super::stream::Stream;
use super::{Egress, GATEWAY_V4, GATEWAY_V6};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Connections to public URLs that one sandbox may have at a time.
pub(super) const VISITS_MAX: usize = 64;

/// Connections of all sandboxes that wait to be served; a further one is refused.
const WAITING_MAX: usize = 256;

/// TTL of the names, in seconds.
const TTL_S: u32 = 60;

/// A guest's connection to a public URL, established.
pub(crate) struct Visit {
    /// The connection; its peer is the guest's socket.
    pub(crate) stream: Stream,
    /// The sandbox's right to it, held until it is over.
    pub(crate) pass: Arc<Pass>,
}

/// A sandbox's right to one visit.
pub(crate) struct Pass {
    _permit: OwnedSemaphorePermit,
    to: SocketAddr,
    watch: Watch,
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
        self.watch.abort();
    }
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
#[derive(Default)]
pub(crate) struct Doorway(OnceLock<Open>);

struct Open {
    domain: String,
    ports: Vec<u16>,
    visits: mpsc::Sender<Visit>,
}

/// A place for a visit.
pub(super) struct Entry<'a> {
    place: mpsc::Permit<'a, Visit>,
    permit: OwnedSemaphorePermit,
}

impl Entry<'_> {
    /// Lets it in; what is returned tells of it, and does not hold it open.
    pub(super) fn admit(self, server: End, record: Arc<egress::Record>) -> Weak<Pass> {
        let (to, watch) = (server.local, server.watch());
        let pass = Arc::new(Pass { _permit: self.permit, to, watch, record });
        let weak = Arc::downgrade(&pass);
        self.place.send(Visit { stream: Stream::new(server), pass });
        weak
    }
}

impl Doorway {
    /// Opens it for the names `domain` and everything below, on these ports. `None` if it is open already.
    pub(crate) fn open(&self, domain: &str, ports: Vec<u16>) -> Option<mpsc::Receiver<Visit>> {
        let (visits, receiver) = mpsc::channel(WAITING_MAX);
        let open = Open { domain: domain.to_owned(), ports, visits };
        self.0.set(open).ok().map(|()| receiver)
    }

    /// Whether connections to `to` come in here.
    pub(super) fn is_at(&self, to: SocketAddr) -> bool {
        let gateway = [IpAddr::V4(GATEWAY_V4), IpAddr::V6(GATEWAY_V6)].contains(&to.ip());
        gateway && self.0.get().is_some_and(|open| open.ports.contains(&to.port()))
    }

    /// Whether `name`, in lower case and without its last dot, leads here.
    pub(super) fn leads(&self, name: &str) -> bool {
        self.0.get().is_some_and(|open| {
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
        self.0.get().is_some_and(named) && egress.may_visit(at)
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

    /// A place for one more visit of the sandbox whose visits `of_sandbox` counts; `None` when either has too many.
    pub(super) fn enter(&self, of_sandbox: &Arc<Semaphore>) -> Option<Entry<'_>> {
        let permit = of_sandbox.clone().try_acquire_owned().ok()?;
        let place = self.0.get()?.visits.try_reserve().ok()?;
        Some(Entry { place, permit })
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
        let one = Arc::new(Semaphore::new(1));
        assert!(doorway.enter(&one).is_none(), "shut");
        let _visits = doorway.open("sb.test", vec![80]).unwrap();
        let first = doorway.enter(&one).unwrap();
        assert!(doorway.enter(&one).is_none());
        drop(first);
        assert!(doorway.enter(&one).is_some());
    }
}
