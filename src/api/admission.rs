//! How many connections there may be, in all and from one client. A connection holds a [`Place`] for as long as anything of it
//! lives, a tunnel included.
//!
//! A client is an address, of IPv6 the /64 network that one site has. Loopback is no single client: everything on this machine
//! comes from there, a reverse proxy's clients included.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at a time; more wait in the system's backlog.
const CONNECTIONS_MAX: usize = 4096;

/// Connections of one client at a time; more are closed at once.
const CLIENT_CONNECTIONS_MAX: usize = 512;

/// Connections of all guests to public URLs at a time.
const GUEST_CONNECTIONS_MAX: usize = 2048;

/// Bits of an IPv6 address that are its network.
const NETWORK_BITS: u32 = 64;

/// Connections of each client that has any.
type Clients = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The places of a server.
#[derive(Clone)]
pub(crate) struct Admission {
    free: Arc<Semaphore>,
    clients: Clients,
}

/// A place among all connections, not yet one of a client's.
pub(crate) struct Seat(OwnedSemaphorePermit);

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _seat: OwnedSemaphorePermit,
    client: Option<(IpAddr, Clients)>,
}

impl Admission {
    /// As many places as the constants say, but at most half of `descriptors`: guests' connections and files need some too.
    pub(crate) fn new(descriptors: usize) -> Self {
        let free = Arc::new(Semaphore::new((descriptors / 2).clamp(1, CONNECTIONS_MAX)));
        Self { free, clients: Arc::default() }
    }

    /// The places of connections that need no descriptors, those of guests: apart, so that guests keep no client out.
    pub(crate) fn of_guests() -> Self {
        Self { free: Arc::new(Semaphore::new(GUEST_CONNECTIONS_MAX)), clients: Arc::default() }
    }

    /// Waits until there is a place.
    pub(crate) async fn seat(&self) -> Seat {
        Seat(self.free.clone().acquire_owned().await.expect("the semaphore is never closed"))
    }

    /// Gives the place to a connection from `address`; `None` if that client has too many. Without an address it is nobody's: that of
    /// a proxy that stands for many clients.
    pub(crate) fn admit(&self, seat: Seat, address: Option<IpAddr>) -> Option<Place> {
        let Some(client) = address.and_then(client) else {
            return Some(Place { _seat: seat.0, client: None });
        };
        let mut clients = self.clients.lock();
        let count = clients.entry(client).or_default();
        if *count >= CLIENT_CONNECTIONS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { _seat: seat.0, client: Some((client, self.clients.clone())) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((client, clients)) = &self.client else { return };
        let mut clients = clients.lock();
        if let Some(count) = clients.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(client);
            }
        }
    }
}

/// Whom a connection counts for; nobody on loopback.
fn client(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> NETWORK_BITS << NETWORK_BITS;
            Some(IpAddr::V6(Ipv6Addr::from_bits(network)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_has_its_share_and_gives_it_back() {
        let admission = Admission::new(usize::MAX);
        let admit = async |address: &str| {
            let seat = admission.seat().await;
            admission.admit(seat, Some(address.parse().unwrap()))
        };
        let mut held = Vec::new();
        for _ in 0..CLIENT_CONNECTIONS_MAX {
            held.push(admit("192.0.2.1").await.unwrap());
        }
        assert!(admit("192.0.2.1").await.is_none());
        assert!(admit("::ffff:192.0.2.1").await.is_none(), "the same client");
        held.push(admit("192.0.2.2").await.unwrap());
        for _ in 0..CLIENT_CONNECTIONS_MAX {
            held.push(admit("2001:db8::1").await.unwrap());
        }
        assert!(admit("2001:db8::ffff:2").await.is_none(), "the same network");
        for _ in 0..=CLIENT_CONNECTIONS_MAX {
            held.push(admit("127.0.0.1").await.unwrap());
        }
        drop(held);
        assert!(admit("192.0.2.1").await.is_some());
        assert!(admission.clients.lock().is_empty());
        assert_eq!(admission.free.available_permits(), CONNECTIONS_MAX);
    }

    #[tokio::test]
    async fn places_are_at_most_half_of_the_descriptors() {
        assert_eq!(Admission::new(1024).free.available_permits(), 512);
        assert_eq!(Admission::new(0).free.available_permits(), 1);
    }
}
