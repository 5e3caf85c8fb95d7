//! What may leave a sandbox, and the only real sockets that carry it.
//!
//! ```text
//! policy     what the owner allows: lists, header rules, proxy;   name, rules, socks: parts of it
//! gate       what nobody may reach: special-purpose ranges, the host itself;   special: the table
//! flow       one TCP connection's place under the policy;   dial: opens and carries it
//!   hold, peek              whom the guest means, before anything leaves
//!   http, tls, authority    requests under a name or a header rule; socks: through a proxy
//! outlet     datagrams
//! meter, log bandwidth and bytes; what was tried
//! ```
//!
//! Every TCP connect and every datagram is checked here on its canonical address, at the moment it is dialled; nothing that
//! was checked earlier counts. Real sockets are unbound clients on the host: none of them listens. When the policy changes,
//! connections that it no longer allows are reset before the change returns.

mod authority;
mod dial;
mod flow;
mod gate;
mod hold;
mod http;
mod log;
mod meter;
mod name;
mod outlet;
mod peek;
mod policy;
mod rules;
mod socks;
mod special;
mod tls;

pub(super) use authority::Authority;
pub(super) use dial::dial;
#[cfg(test)]
pub(super) use dial::pump;
pub(super) use flow::Flow;
pub(crate) use gate::Gate;
pub(super) use gate::{Fresh, Permit, host_permit};
pub(crate) use log::Owner;
pub(super) use log::{Log, Record, Subject};
pub use log::{NetEvent, NetProtocol, NetVerdict};
pub(super) use meter::{Bucket, Metered, Tally, Wire};
pub(super) use name::strict;
pub(super) use outlet::Outlet;
pub use policy::Egress;
pub use socks::EgressProxy;
pub(super) use special::is_denied;
#[cfg(test)]
pub(super) use special::{DENIED_V4, DENIED_V6, unwrapped};

use super::Net;
use super::doorway::Pass;
use super::ports::Kind;
use super::resolver::Resolver;
use crate::errno::Errno;
use crate::error::Error;
use parking_lot::Mutex;
use policy::Says;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};

/// How an address is let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// Whatever is said to it.
    Address,
    /// Only by an allowed name, which must be said.
    Names,
}

/// Why an address is not let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// What the guest sees.
    pub(super) errno: Errno,
    /// What the log says.
    pub(super) reason: &'static str,
}

/// The policy of one sandbox as it is now, and the connections that live under it.
pub(super) struct Outside {
    state: Mutex<State>,
    authority: OnceLock<Authority>,
    /// Peers that its UDP sockets remember.
    peers: AtomicUsize,
}

struct State {
    egress: Arc<Egress>,
    /// Where names are looked up, if not where everybody's are.
    resolver: Option<Arc<Resolver>>,
    flows: HashMap<u64, Weak<Flow>>,
    /// Connections to public URLs of sandboxes.
    visits: Vec<Weak<Pass>>,
    next: u64,
}

impl Outside {
    pub(super) fn new(egress: Egress) -> Self {
        let resolver = own_resolver(&egress);
        let state = State {
            egress: Arc::new(egress),
            resolver,
            flows: HashMap::new(),
            visits: Vec::new(),
            next: 0,
        };
        Self { state: Mutex::new(state), authority: OnceLock::new(), peers: AtomicUsize::new(0) }
    }
}

fn own_resolver(egress: &Egress) -> Option<Arc<Resolver>> {
    egress.own_name_servers().map(Resolver::asking)
}

impl Egress {
    /// Whether this policy fits together, and its name servers pass the gate.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(crate) fn check_at(&self, gate: &Gate) -> Result<(), Error> {
        self.check()?;
        for server in self.own_name_servers().into_iter().flatten() {
            if let Err(reason) = gate.check((*server).into(), Fresh::Now) {
                let problem =
                    format!("dnsServers: {server} cannot be a name server here: {reason}");
                return Err(Error::Invalid { field: "dnsServers", problem });
            }
        }
        Ok(())
    }

    /// Whether its proxy has addresses now, all of which pass the gate. Every connection asks again.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(crate) async fn check_proxy(&self, resolver: &Resolver, gate: &Gate) -> Result<(), Error> {
        let Some(proxy) = self.via() else { return Ok(()) };
        let checked = proxy.addresses(resolver, gate).await;
        checked.map(|_| ()).map_err(|problem| Error::Invalid {
            field: "egressProxy",
            problem: format!("Invalid egress proxy config: {problem}"),
        })
    }
}

impl Net {
    /// The policy as it is now.
    pub(crate) fn egress(&self) -> Arc<Egress> {
        self.outside.state.lock().egress.clone()
    }

    /// Where names are looked up now.
    pub(super) fn lookups_at(&self) -> Arc<Resolver> {
        let own = self.outside.state.lock().resolver.clone();
        own.unwrap_or_else(|| self.resolver.clone())
    }

    /// Another policy, from now on. Connections that it does not allow are reset when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]; then nothing has changed.
    pub(crate) fn set_egress(&self, egress: Egress) -> Result<(), Error> {
        egress.check_at(&self.gate)?;
        let resolver = own_resolver(&egress);
        let egress = Arc::new(egress);
        let (flows, visits): (Vec<Arc<Flow>>, Vec<Arc<Pass>>) = {
            let mut state = self.outside.state.lock();
            state.egress = egress.clone();
            state.resolver = resolver;
            let flows = state.flows.values().filter_map(Weak::upgrade).collect();
            (flows, state.visits.iter().filter_map(Weak::upgrade).collect())
        };
        for visit in visits {
            if !self.resolver.doorway.is_open_to(&egress, visit.to().ip()) {
                visit.cut();
            }
        }
        for flow in flows {
            if !flow.stands(&egress) {
                flow.cut();
            }
        }
        Ok(())
    }

    /// Holds a visit to the policy: it is cut at once if the policy has changed against it meanwhile, and later when it does.
    pub(super) fn hold_visit(&self, visit: Weak<Pass>) {
        let egress = {
            let mut state = self.outside.state.lock();
            state.visits.retain(|visit| visit.strong_count() > 0);
            state.visits.push(visit.clone());
            state.egress.clone()
        };
        if let Some(visit) = visit.upgrade()
            && !self.resolver.doorway.is_open_to(&egress, visit.to().ip())
        {
            visit.cut();
        }
    }

    /// Whether `to` may be reached now, and how.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn judge(&self, to: SocketAddr, kind: Kind, fresh: Fresh) -> Result<Grant, Denial> {
        self.judge_by(&self.egress(), to, kind, fresh)
    }

    fn judge_by(
        &self,
        egress: &Egress,
        to: SocketAddr,
        kind: Kind,
        fresh: Fresh,
    ) -> Result<Grant, Denial> {
        if egress.is_off() {
            return Err(Denial { errno: Errno::NETUNREACH, reason: "no internet access" });
        }
        let denied = |reason| Denial { errno: Errno::ACCESS, reason };
        self.gate.check(to.ip(), fresh).map_err(denied)?;
        let grant = match egress.says(to.ip()) {
            Says::Open => Grant::Address,
            Says::Denied => return Err(denied("denied address")),
            Says::ByName if kind == Kind::Datagram => {
                return Err(denied("datagrams are not allowed by name"));
            }
            Says::ByName if self.names.any(to.ip(), |name| egress.allows_name(name)) => {
                Grant::Names
            }
            Says::ByName => return Err(denied("no allowed name has this address")),
        };
        if kind == Kind::Datagram && egress.via().is_some() {
            return Err(denied("the proxy carries no datagrams"));
        }
        Ok(grant)
    }

    /// Checks one destination of datagrams; what is refused is recorded.
    ///
    /// # Errors
    ///
    /// ENETUNREACH with no access at all, else EACCES.
    pub(super) fn admit_datagrams(
        &self,
        to: SocketAddr,
        owner: Owner,
        fresh: Fresh,
    ) -> Result<(), Errno> {
        self.judge(to, Kind::Datagram, fresh).map(|_| ()).map_err(|denial| {
            self.record_denial(NetProtocol::Udp, to, owner, denial);
            denial.errno
        })
    }

    fn record_denial(&self, protocol: NetProtocol, to: SocketAddr, owner: Owner, denial: Denial) {
        let name = self.names.latest(to.ip());
        let (name, address) = (name.as_deref(), Some(to));
        let subject = Subject { owner, protocol, name, question: None, address };
        self.log.denied(subject, denial.reason);
    }

    /// Whether a name may resolve to `ip`.
    pub(super) fn may_resolve_to(&self, egress: &Egress, name: &str, ip: IpAddr) -> bool {
        if egress.is_off() || self.gate.check(ip, Fresh::Recent).is_err() {
            return false;
        }
        match egress.says(ip) {
            Says::Open => true,
            Says::ByName => egress.allows_name(name),
            Says::Denied => false,
        }
    }

    /// Takes the bandwidth for a datagram; without it the datagram is lost, as on a full link.
    pub(super) fn may_carry(&self, bytes: usize) -> bool {
        self.bandwidth.as_ref().is_none_or(|bucket| bucket.take_all(bytes))
    }

    /// The sandbox's certificate authority, made when it is first asked for.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub(super) fn authority(&self) -> io::Result<&Authority> {
        if let Some(authority) = self.outside.authority.get() {
            return Ok(authority);
        }
        let made = Authority::new()?;
        Ok(self.outside.authority.get_or_init(|| made))
    }

    /// The authority's certificate (PEM), which the guests of a sandbox with header rules must trust; `None` without rules.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub(crate) fn authority_pem(&self) -> io::Result<Option<String>> {
        if self.egress().rules().is_empty() {
            return Ok(None);
        }
        self.authority().map(|authority| Some(authority.pem().to_owned()))
    }

    /// What was tried, newest last: records with an id above `after`, at most `limit`.
    pub(crate) fn net_events(&self, after: u64, limit: usize) -> Vec<NetEvent> {
        self.log.events(after, limit)
    }
}

/// The guest's error for one of the host's: the number, where there is one.
fn errno_of(error: &io::Error) -> Errno {
    match Errno::from_io_error(error) {
        // The host's own lack of descriptors or ports is not the guest's.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Errno::NOBUFS,
        Some(errno) => errno,
        None => Errno::IO,
    }
}
