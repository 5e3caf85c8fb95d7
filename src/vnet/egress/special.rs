//! Addresses that are never dialled, whatever the policy: the IANA special-purpose registries, and IPv6 forms that carry an IPv4 address.
//!
//! Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), multicast (RFC 5771, RFC 4291),
//! site-local (RFC 3879). Every entry is denied, also those that the registry calls globally reachable (AS112, AMT relays).
//! Of IPv6 only the global unicast block 2000::/3 is left, so what IANA has not given out is denied too.
//!
//! Not here: addresses of the host's own interfaces, which [`super::egress`] reads when it dials.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// Denied IPv4 ranges.
pub(in crate::vnet) const DENIED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),       // "this network"
    v4(10, 0, 0, 0, 8),      // private use
    v4(100, 64, 0, 0, 10),   // shared address space (carrier NAT)
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link local, and the clouds' metadata services
    v4(172, 16, 0, 0, 12),   // private use
    v4(192, 0, 0, 0, 24),    // IETF protocol assignments
    v4(192, 0, 2, 0, 24),    // TEST-NET-1
    v4(192, 31, 196, 0, 24), // AS112-v4
    v4(192, 52, 193, 0, 24), // AMT
    v4(192, 88, 99, 0, 24),  // 6to4 relay anycast (deprecated)
    v4(192, 168, 0, 0, 16),  // private use
    v4(192, 175, 48, 0, 24), // direct delegation AS112
    v4(198, 18, 0, 0, 15),   // benchmarking
    v4(198, 51, 100, 0, 24), // TEST-NET-2
    v4(203, 0, 113, 0, 24),  // TEST-NET-3
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, and limited broadcast
];

/// The only IPv6 block from which addresses are dialled: global unicast.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Denied ranges inside [`GLOBAL_V6`]. Outside it everything is: ::, ::1, v4-compatible ::/96, discard 100::/64,
/// local NAT64 64:ff9b:1::/48, segment routing 5f00::/16, unique local fc00::/7, link local fe80::/10, site local, multicast.
pub(in crate::vnet) const DENIED_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID, drone ID
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4: carries an IPv4 address
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // direct delegation AS112
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// NAT64's well-known prefix (RFC 6052): the network behind it turns it into the IPv4 address at its end.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// The address that a packet for `ip` ends up at, where `ip` only wraps another: v4-mapped and NAT64.
pub(in crate::vnet) fn unwrapped(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        canonical => canonical,
    }
}

/// Whether `ip` is never dialled. An address that wraps an IPv4 address is judged by that one, or denied outright.
pub(in crate::vnet) fn is_denied(ip: IpAddr) -> bool {
    match unwrapped(ip) {
        IpAddr::V4(ip) => DENIED_V4.iter().any(|range| range.contains(&ip)),
        IpAddr::V6(ip) => {
            !GLOBAL_V6.contains(&ip) || DENIED_V6.iter().any(|range| range.contains(&ip))
        }
    }
}
