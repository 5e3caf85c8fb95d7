//! What no guest ever reaches, whatever its policy: special-purpose ranges and the addresses of the host's own interfaces,
//! but for ranges that the operator has opened. And how many real sockets there may be.

use super::special::{is_denied, unwrapped};
use crate::errno::Errno;
use ipnet::IpNet;
use parking_lot::Mutex;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How old the list of the host's addresses may be for a datagram. A connect always reads it anew.
const HOST_ADDRESSES_AGE_MAX: Duration = Duration::from_secs(1);

/// Real sockets of all sandboxes where the host names no limit of descriptors.
const REAL_SOCKETS_OF_HOST_MAX: usize = 1 << 20;

/// How fresh the list of the host's own addresses must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vnet) enum Fresh {
    /// Read now.
    Now,
    /// At most a second old.
    Recent,
}

/// The ranges that the operator has opened. One for all sandboxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    open: Arc<[IpNet]>,
}

impl Gate {
    /// A gate with these ranges open.
    pub(crate) fn new(open: &[IpNet]) -> Self {
        Self { open: open.iter().map(IpNet::trunc).collect() }
    }

    /// Whether `ip` may be dialled at all.
    ///
    /// # Errors
    ///
    /// Why not: a reason for the log.
    pub(super) fn check(&self, ip: IpAddr, fresh: Fresh) -> Result<(), &'static str> {
        let target = unwrapped(ip);
        let open = self.open.iter().filter(|range| range.contains(&target)).map(IpNet::prefix_len);
        let open = open.max();
        if open.is_none() && is_denied(ip) {
            return Err("special-purpose address");
        }
        // The host's own address is opened only by its very self, never by a range around it.
        let whole = if target.is_ipv4() { 32 } else { 128 };
        if open == Some(whole) {
            return Ok(());
        }
        let own = match fresh {
            Fresh::Now => host_addresses(),
            Fresh::Recent => recent_host_addresses(),
        };
        match own {
            Ok(own) if own.contains(&target) => Err("an address of the host"),
            Ok(_) => Ok(()),
            Err(_) => Err("the host's own addresses are not known"),
        }
    }
}

/// The addresses of the host's interfaces now.
fn host_addresses() -> io::Result<Arc<[IpAddr]>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces.into_iter().map(|interface| interface.ip().to_canonical()).collect())
}

/// The same, at most [`HOST_ADDRESSES_AGE_MAX`] old.
fn recent_host_addresses() -> io::Result<Arc<[IpAddr]>> {
    static RECENT: Mutex<Option<(Instant, Arc<[IpAddr]>)>> = Mutex::new(None);
    let mut recent = RECENT.lock();
    if let Some((at, addresses)) = &*recent
        && at.elapsed() < HOST_ADDRESSES_AGE_MAX
    {
        return Ok(addresses.clone());
    }
    let addresses = host_addresses()?;
    *recent = Some((Instant::now(), addresses.clone()));
    Ok(addresses)
}

/// The right to hold one real socket, of a sandbox's and of all sandboxes' share.
pub(in crate::vnet) struct Permit {
    _of_sandbox: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

impl Permit {
    /// Takes one of a sandbox's share.
    ///
    /// # Errors
    ///
    /// ENOBUFS when either share is used up: one guest must not take the descriptors of the others and of the API.
    pub(in crate::vnet) fn take(of_sandbox: &Arc<Semaphore>) -> Result<Self, Errno> {
        let full = |_| Errno::NOBUFS;
        let _of_sandbox = of_sandbox.clone().try_acquire_owned().map_err(full)?;
        Ok(Self { _of_sandbox, _of_host: host_permit()? })
    }
}

/// One of the real sockets of all sandboxes: half of the descriptors that this process may open.
///
/// # Errors
///
/// ENOBUFS when all are taken.
pub(in crate::vnet) fn host_permit() -> Result<OwnedSemaphorePermit, Errno> {
    static SHARE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let share = limit.map_or(REAL_SOCKETS_OF_HOST_MAX, |limit| limit / 2);
        Arc::new(Semaphore::new(share.min(REAL_SOCKETS_OF_HOST_MAX)))
    });
    SHARE.clone().try_acquire_owned().map_err(|_| Errno::NOBUFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(open: &[&str]) -> Gate {
        Gate::new(&open.iter().map(|range| range.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn opened_ranges_open_themselves_only() {
        let gate = gate(&["10.1.0.0/16", "fd00:1::/32"]);
        for (ip, passes) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::10.1.2.3", true),
            ("10.2.0.1", false),
            ("169.254.169.254", false),
            ("fd00:1::5", true),
            ("fd00:2::5", false),
            ("1.1.1.1", true),
        ] {
            assert_eq!(gate.check(ip.parse().unwrap(), Fresh::Now).is_ok(), passes, "{ip}");
        }
        assert!(Gate::default().check("10.1.2.3".parse().unwrap(), Fresh::Now).is_err());
    }

    #[test]
    fn the_hosts_own_address_is_opened_by_itself() {
        let own: IpAddr = [127, 0, 0, 1].into();
        assert_eq!(gate(&["127.0.0.0/8"]).check(own, Fresh::Now), Err("an address of the host"));
        assert_eq!(gate(&["127.0.0.0/8", "127.0.0.1/32"]).check(own, Fresh::Now), Ok(()));
    }
}
