//! Who has which port of a sandbox: binding, conflicts, ephemeral ports, and the lookup of who receives.
//!
//! The table is the sandbox's own: two sandboxes bind the same port, and no port of the host is ever taken.

use super::listener::Listener;
use super::udp::Inbox;
use crate::errno::Errno;
use crate::wait::{WaitQueue, Waiter};
use parking_lot::Mutex;
use rand::Rng;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ports given to those who ask for none: Linux's `net.ipv4.ip_local_port_range`.
pub(super) const EPHEMERAL_PORTS: RangeInclusive<u16> = 32768..=60999;

/// TCP or UDP: each has ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

/// The address part of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// Canonical: an IPv4 address is never written v4-mapped.
    pub(super) ip: IpAddr,
    /// `::` that also takes IPv4 (IPV6_V6ONLY off).
    pub(super) dual: bool,
}

impl At {
    /// A binding to `ip`, which only an unspecified IPv6 address can make dual.
    pub(super) fn new(ip: IpAddr, v6only: bool) -> Self {
        Self { ip, dual: ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !v6only }
    }

    /// How exactly it takes `ip`: higher is more exact, `None` not at all.
    fn covers(self, ip: IpAddr) -> Option<u8> {
        if self.ip == ip {
            return Some(3);
        }
        if !self.ip.is_unspecified() {
            return None;
        }
        if self.ip.is_ipv4() == ip.is_ipv4() {
            return Some(2);
        }
        self.dual.then_some(1)
    }

    /// Whether some address belongs to both.
    fn overlaps(self, other: Self) -> bool {
        self.covers(other.ip).is_some() || other.covers(self.ip).is_some()
    }
}

/// What receives at a binding.
#[derive(Clone)]
pub(super) enum Target {
    /// Nothing: bound, or connected, but not listening.
    None,
    /// Connections.
    Listener(Arc<Listener>),
    /// Datagrams.
    Inbox(Arc<Inbox>),
}

/// Whether a port may be shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reuse {
    /// SO_REUSEADDR.
    pub(super) address: bool,
    /// SO_REUSEPORT.
    pub(super) port: bool,
}

struct Entry {
    id: u64,
    at: At,
    reuse: Reuse,
    target: Target,
    /// Connected UDP: the only address it receives from.
    peer: Option<SocketAddr>,
}

impl Entry {
    /// Linux's `inet_csk_bind_conflict` without users and devices.
    fn conflicts(&self, kind: Kind, at: At, reuse: Reuse) -> bool {
        let listening = kind == Kind::Stream && matches!(self.target, Target::Listener(_));
        let shared =
            (self.reuse.address && reuse.address && !listening) || (self.reuse.port && reuse.port);
        self.at.overlaps(at) && !shared
    }
}

/// A port that is taken; given back with [`Ports::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    id: u64,
    kind: Kind,
    pub(super) port: u16,
}

/// The port table of one sandbox.
#[derive(Default)]
pub(super) struct Ports(Mutex<Table>);

#[derive(Default)]
struct Table {
    bound: HashMap<(Kind, u16), Vec<Entry>>,
    next: u64,
    /// Woken when a listener appears or goes.
    changed: WaitQueue,
}

impl Table {
    fn entry(&mut self, binding: Binding) -> Option<&mut Entry> {
        let entries = self.bound.get_mut(&(binding.kind, binding.port))?;
        entries.iter_mut().find(|entry| entry.id == binding.id)
    }

    fn is_free(&self, kind: Kind, port: u16, at: At, reuse: Reuse) -> bool {
        let taken = self.bound.get(&(kind, port));
        taken.is_none_or(|taken| !taken.iter().any(|entry| entry.conflicts(kind, at, reuse)))
    }

    /// A port that nobody has at an overlapping address, beginning at a random one.
    fn ephemeral(&self, kind: Kind, at: At) -> Option<u16> {
        let (first, last) = (*EPHEMERAL_PORTS.start(), *EPHEMERAL_PORTS.end());
        let count = last - first + 1;
        let start = rand::rng().random_range(0..count);
        let mut ports = (0..count).map(|step| first + (start + step) % count);
        ports.find(|&port| self.is_free(kind, port, at, Reuse::default()))
    }
}

impl Ports {
    /// Takes `port`, or a free ephemeral one for 0.
    ///
    /// # Errors
    ///
    /// EADDRINUSE.
    pub(super) fn bind(
        &self,
        kind: Kind,
        at: At,
        port: u16,
        reuse: Reuse,
        target: Target,
    ) -> Result<Binding, Errno> {
        let mut table = self.0.lock();
        let port = match port {
            0 => table.ephemeral(kind, at).ok_or(Errno::ADDRINUSE)?,
            port if table.is_free(kind, port, at, reuse) => port,
            _ => return Err(Errno::ADDRINUSE),
        };
        table.next += 1;
        let id = table.next;
        let entry = Entry { id, at, reuse, target, peer: None };
        table.bound.entry((kind, port)).or_default().push(entry);
        Ok(Binding { id, kind, port })
    }

    /// Lets a bound TCP port receive connections.
    ///
    /// # Errors
    ///
    /// EADDRINUSE if another socket that shares the address listens already.
    pub(super) fn listen(&self, binding: Binding, listener: Arc<Listener>) -> Result<(), Errno> {
        let mut table = self.0.lock();
        let Some(own) = table.entry(binding) else { return Err(Errno::INVAL) };
        let (at, reuse) = (own.at, own.reuse);
        let others = table.bound.get(&(binding.kind, binding.port)).into_iter().flatten();
        let mut others = others.filter(|entry| entry.id != binding.id);
        let taken = others.any(|entry| {
            let listening = matches!(entry.target, Target::Listener(_));
            listening && entry.conflicts(binding.kind, at, reuse)
        });
        if taken {
            return Err(Errno::ADDRINUSE);
        }
        if let Some(own) = table.entry(binding) {
            own.target = Target::Listener(listener);
        }
        table.changed.wake_all();
        Ok(())
    }

    /// Stops receiving; the port stays taken.
    pub(super) fn unlisten(&self, binding: Binding) {
        let mut table = self.0.lock();
        let old = table.entry(binding).map(|own| std::mem::replace(&mut own.target, Target::None));
        table.changed.wake_all();
        drop(table);
        drop(old);
    }

    /// A UDP socket's own address and the one peer it hears, after connect(2) or its undoing.
    pub(super) fn set_peer(&self, binding: Binding, at: At, peer: Option<SocketAddr>) {
        if let Some(own) = self.0.lock().entry(binding) {
            own.at = at;
            own.peer = peer;
        }
    }

    /// Changes what later binds may share with this one.
    pub(super) fn set_reuse(&self, binding: Binding, reuse: Reuse) {
        if let Some(own) = self.0.lock().entry(binding) {
            own.reuse = reuse;
        }
    }

    /// Gives the port back.
    pub(super) fn remove(&self, binding: Binding) {
        let mut table = self.0.lock();
        let key = (binding.kind, binding.port);
        let mut removed = None;
        if let Some(entries) = table.bound.get_mut(&key) {
            if let Some(index) = entries.iter().position(|entry| entry.id == binding.id) {
                removed = Some(entries.remove(index));
            }
            if entries.is_empty() {
                table.bound.remove(&key);
            }
        }
        table.changed.wake_all();
        drop(table);
        drop(removed); // Outside the lock: a listener's last owner may be here.
    }

    /// The listener for connections to `to`; sockets that share the port take turns by the client's port.
    pub(super) fn listener(&self, to: SocketAddr, client: u16) -> Option<Arc<Listener>> {
        self.best(Kind::Stream, to, None, client, |target| match target {
            Target::Listener(listener) => Some(listener.clone()),
            _ => None,
        })
    }

    /// The inbox for datagrams from `from` to `to`.
    pub(super) fn inbox(&self, from: SocketAddr, to: SocketAddr) -> Option<Arc<Inbox>> {
        self.best(Kind::Datagram, to, Some(from), from.port(), |target| match target {
            Target::Inbox(inbox) => Some(inbox.clone()),
            _ => None,
        })
    }

    fn best<T>(
        &self,
        kind: Kind,
        to: SocketAddr,
        from: Option<SocketAddr>,
        spread: u16,
        pick: impl Fn(&Target) -> Option<T>,
    ) -> Option<T> {
        let table = self.0.lock();
        let mut best: Vec<(bool, T)> = Vec::new();
        let mut best_score = 0;
        for entry in table.bound.get(&(kind, to.port()))? {
            let heard = entry.peer.is_none_or(|peer| Some(peer) == from);
            let (Some(covers), true) = (entry.at.covers(to.ip()), heard) else { continue };
            let Some(target) = pick(&entry.target) else { continue };
            let score = covers + if entry.peer.is_some() { 4 } else { 0 };
            if score > best_score {
                best.clear();
                best_score = score;
            }
            if score == best_score {
                best.push((entry.reuse.port, target));
            }
        }
        // SO_REUSEPORT spreads; of sockets that share by SO_REUSEADDR the last bound receives, as on Linux.
        let index = match best.last()? {
            (true, _) => usize::from(spread) % best.len(),
            (false, _) => best.len() - 1,
        };
        Some(best.swap_remove(index).1)
    }

    /// Where connections are received, an address for each listener.
    pub(super) fn listening(&self) -> Vec<SocketAddr> {
        let table = self.0.lock();
        let mut found = Vec::new();
        for (&(_, port), entries) in &table.bound {
            let listening = entries.iter().filter(|e| matches!(e.target, Target::Listener(_)));
            found.extend(listening.map(|entry| SocketAddr::new(entry.at.ip, port)));
        }
        found.sort();
        found
    }

    /// A waiter for the next change of [`Self::listening`].
    pub(super) fn changed(&self) -> Waiter {
        self.0.lock().changed.subscribe()
    }

    /// Some listener at `port`, the most general address first, and an address at which it is reached.
    pub(super) fn any_listener(&self, port: u16) -> Option<(Arc<Listener>, IpAddr)> {
        let table = self.0.lock();
        let mut found: Vec<(u8, Arc<Listener>, IpAddr)> = Vec::new();
        for entry in table.bound.get(&(Kind::Stream, port))? {
            let Target::Listener(listener) = &entry.target else { continue };
            let (rank, ip) = match entry.at.ip {
                IpAddr::V4(ip) if ip.is_unspecified() => (0, super::GUEST_V4.into()),
                IpAddr::V6(ip) if ip.is_unspecified() && entry.at.dual => {
                    (1, super::GUEST_V4.into())
                }
                IpAddr::V6(ip) if ip.is_unspecified() => (2, super::GUEST_V6.into()),
                ip if ip == IpAddr::V4(Ipv4Addr::LOCALHOST) => (3, ip),
                ip => (4, ip),
            };
            found.push((rank, listener.clone(), ip));
        }
        let best = found.into_iter().min_by_key(|(rank, ..)| *rank)?;
        Some((best.1, best.2))
    }
}
