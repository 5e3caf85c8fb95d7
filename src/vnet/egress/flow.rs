//! A TCP connection's place under the policy: what it was allowed for, what its guest has said since, and how it is cut when the
//! policy turns against it.
//!
//! A change of the policy and a connection that begins, or that names a host, meet in one order or the other: `open` takes its place
//! under the lock that a change takes, `say` remembers before it looks, `set_egress` sets before it looks.

#![expect(clippy::disallowed_methods, reason = "makes the real connections")]

use super::gate::{Fresh, Permit};
use super::log::{NetProtocol, NetVerdict, Owner, Record, Subject};
use super::meter::{Metered, Tally, Wire};
use super::socks::{EgressProxy, Target};
use super::{Denial, Egress, Grant, Says, errno_of};
use crate::errno::Errno;
use crate::vnet::Net;
use crate::vnet::connection::Watch;
use crate::vnet::ports::Kind;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;

/// Hosts that the requests of one connection may name.
const NAMES_MAX: usize = 32;

/// Why a connection was cut.
const TURNED: &str = "the policy changed";

/// A real connection with its flow.
pub(super) type Real = Metered<Box<dyn Wire>, Arc<Flow>>;

/// A connection's place under the policy. It lives as long as the real socket.
pub(in crate::vnet) struct Flow {
    id: u64,
    net: Arc<Net>,
    to: SocketAddr,
    grant: Grant,
    via: Option<Arc<EgressProxy>>,
    record: Arc<Record>,
    /// The names that were said, and allowed when they were.
    said: Mutex<Vec<String>>,
    cut: Arc<AtomicBool>,
    watch: OnceLock<Watch>,
    _permit: Permit,
}

impl Flow {
    /// Checks `to` and takes a place.
    ///
    /// # Errors
    ///
    /// ENETUNREACH with no access at all, EACCES for what is denied, ENOBUFS at the limits.
    pub(in crate::vnet) fn open(
        net: &Arc<Net>,
        to: SocketAddr,
        owner: Owner,
    ) -> Result<Arc<Self>, Errno> {
        loop {
            let egress = net.egress();
            let refuse = |denial: Denial| {
                net.record_denial(NetProtocol::Tcp, to, owner, denial);
                denial.errno
            };
            let grant = net.judge_by(&egress, to, Kind::Stream, Fresh::Now).map_err(refuse)?;
            let full = |errno| refuse(Denial { errno, reason: "too many connections" });
            let permit = Permit::take(&net.real_sockets).map_err(full)?;
            let mut state = net.outside.state.lock();
            if !Arc::ptr_eq(&state.egress, &egress) {
                continue; // It changed meanwhile: ask the new one.
            }
            state.next += 1;
            let latest = net.names.latest(to.ip());
            let flow = Arc::new(Self {
                id: state.next,
                net: net.clone(),
                to,
                grant,
                via: egress.via().cloned(),
                record: net.log.allowed(Subject {
                    owner,
                    protocol: NetProtocol::Tcp,
                    name: latest.as_deref(),
                    question: None,
                    address: Some(to),
                }),
                said: Mutex::default(),
                cut: Arc::default(),
                watch: OnceLock::new(),
                _permit: permit,
            });
            state.flows.insert(flow.id, Arc::downgrade(&flow));
            return Ok(flow);
        }
    }

    /// Whether another policy lets it go on.
    pub(super) fn stands(&self, egress: &Egress) -> bool {
        if egress.via().is_some() && egress.via() != self.via.as_ref() {
            return false; // It would be a way past the proxy.
        }
        match egress.says(self.to.ip()) {
            Says::Open => true,
            Says::Denied => false,
            Says::ByName => match self.said.lock().as_slice() {
                // It is held to the new policy when it says something.
                [] => self.grant == Grant::Names,
                said => said.iter().all(|name| egress.allows_name(name)),
            },
        }
    }

    /// Lets it be cut at the guest's end, from now on.
    pub(super) fn attach(&self, watch: impl FnOnce() -> Watch) {
        let watch = self.watch.get_or_init(watch);
        if self.is_cut() {
            watch.abort();
        }
    }

    /// Resets it, on both sides: nothing more is carried.
    pub(super) fn cut(&self) {
        self.record.turn(NetVerdict::Denied, TURNED);
        self.cut.store(true, Ordering::Release);
        if let Some(watch) = self.watch.get() {
            watch.abort();
        }
    }

    /// The guest has named a host that the policy allowed a moment ago. Who changes the policy looks at what was said, and what is
    /// said here is held against the policy as it is now, so that a change in between is seen by one of the two.
    ///
    /// # Errors
    ///
    /// Why it may not go on; it is cut then if the policy has turned against it.
    pub(super) fn say(&self, name: &str) -> Result<(), &'static str> {
        {
            let mut said = self.said.lock();
            if !said.iter().any(|one| one == name) {
                if said.len() == NAMES_MAX {
                    return Err("too many hosts on one connection");
                }
                said.push(name.to_owned());
            }
        }
        self.record.set_name(name);
        if !self.stands(&self.net.egress()) {
            self.cut();
            return Err(TURNED);
        }
        Ok(())
    }

    pub(super) fn net(&self) -> &Arc<Net> {
        &self.net
    }

    pub(super) fn to(&self) -> SocketAddr {
        self.to
    }

    pub(super) fn grant(&self) -> Grant {
        self.grant
    }

    pub(super) fn goes_by_proxy(&self) -> bool {
        self.via.is_some()
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Whether what the guest says first is to be looked at.
    pub(super) fn listens(&self) -> bool {
        let egress = self.net.egress();
        let ruled = |name: &str| egress.rule_for(name).is_some_and(|rule| !rule.is_empty());
        self.grant == Grant::Names || self.net.names.any(self.to.ip(), ruled)
    }

    /// Opens the real connection.
    ///
    /// # Errors
    ///
    /// connect(2)'s; ECONNRESET, and nobody is dialled, once it is cut.
    pub(super) async fn connect(self: &Arc<Self>, target: Target<'_>) -> Result<Real, Errno> {
        if self.is_cut() {
            return Err(Errno::CONNRESET);
        }
        let wire: Box<dyn Wire> = match &self.via {
            Some(proxy) => proxy.open(&self.net.resolver, &self.net.gate, target).await?,
            None => {
                let stream = TcpStream::connect(self.to).await;
                let stream = stream.map_err(|error| errno_of(&error))?;
                // What the guest writes leaves at once: its own C library and queue have gathered it already.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
        };
        Ok(Metered::new(wire, self.clone(), self.net.bandwidth.clone()))
    }

    /// Whether the policy has turned against it.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

impl Tally for Arc<Flow> {
    fn is_cut(&self) -> bool {
        (**self).is_cut()
    }

    fn add_read(&self, bytes: usize) {
        self.record.add_received(bytes);
    }

    fn add_written(&self, bytes: usize) {
        self.record.add_sent(bytes);
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.record.end();
        self.net.outside.state.lock().flows.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vnet::egress::Gate;
    use crate::vnet::resolver::Resolver;
    use std::time::Duration;

    const TO: &str = "1.1.1.1:80";

    fn only(names: &[&str]) -> Egress {
        names.iter().fold(Egress::deny_all(), |egress, name| egress.allow(name).unwrap())
    }

    /// A network that lets these names out, with lookups that gave one address for two of them.
    fn net(names: &[&str]) -> Arc<Net> {
        let limits = crate::config::Limits::default();
        let net = Net::new(only(names), Resolver::new(), Gate::default(), &limits, "");
        for name in ["a.example", "b.example"] {
            net.names.put([1, 1, 1, 1].into(), name, Duration::from_secs(600));
        }
        net
    }

    fn flow(net: &Arc<Net>) -> Arc<Flow> {
        Flow::open(net, TO.parse().unwrap(), Owner::default()).unwrap()
    }

    #[tokio::test]
    async fn what_is_said_is_held_against_the_policy_of_that_moment() {
        let net = net(&["a.example"]);
        let flow = flow(&net);
        // It had said nothing when the change looked at it: whoever says it looks again.
        net.set_egress(only(&["b.example"])).unwrap();
        assert!(!flow.is_cut());
        assert_eq!(flow.say("a.example"), Err(TURNED));
        assert!(flow.is_cut());
        // Nobody is dialled for what was cut.
        let dialled = flow.connect(Target::Address(TO.parse().unwrap())).await;
        assert_eq!(dialled.err(), Some(Errno::CONNRESET));
    }

    #[tokio::test]
    async fn every_name_that_was_said_is_held_against_a_new_policy() {
        let net = net(&["a.example", "b.example"]);
        let (both, last) = (flow(&net), flow(&net));
        for name in ["a.example", "b.example", "a.example", "b.example"] {
            both.say(name).unwrap();
        }
        last.say("b.example").unwrap();
        net.set_egress(only(&["b.example", "c.example"])).unwrap();
        assert!(both.is_cut() && !last.is_cut());
    }

    #[tokio::test]
    async fn hosts_without_end_are_not_remembered() {
        let net = net(&["*"]);
        let flow = flow(&net);
        let said = |number: &usize| flow.say(&format!("x{number}.example")).is_ok();
        assert_eq!((0..100).take_while(said).count(), NAMES_MAX);
        assert!(!flow.is_cut() && flow.say("x0.example").is_ok());
    }
}
