//! `/proc/net`: the sockets that processes have open, and what the network looks like, in the formats of proc(5).
//!
//! The tables are made from the descriptor tables, so that the inode numbers are those of `/proc/PID/fd`. A connection that
//! nobody accepted yet is nobody's, with inode 0, as on Linux; a socket that is only in flight between processes is in none.

use crate::process::file::Object;
use crate::process::kernel::Kernel;
use crate::process::unix;
use crate::vnet::{self, Family, GATEWAY_V4, GUEST_V4, GUEST_V6, Kind, Waiting};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// A file of `/proc/net`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Arp,
    Dev,
    Interfaces6,
    Packet,
    Raw,
    Raw6,
    Route,
    Sockstat,
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    Unix,
}

/// Their names.
pub(super) const TABLES: [(&str, Table); 13] = [
    ("arp", Table::Arp),
    ("dev", Table::Dev),
    ("if_inet6", Table::Interfaces6),
    ("packet", Table::Packet),
    ("raw", Table::Raw),
    ("raw6", Table::Raw6),
    ("route", Table::Route),
    ("sockstat", Table::Sockstat),
    ("tcp", Table::Tcp),
    ("tcp6", Table::Tcp6),
    ("udp", Table::Udp),
    ("udp6", Table::Udp6),
    ("unix", Table::Unix),
];

/// A socket with its inode number and the user of who has it.
struct Open<T> {
    socket: Arc<T>,
    inode: u64,
    uid: u32,
}

/// Every socket of a kind that some process has open, once each, by inode number.
fn open<T>(kernel: &Kernel, pick: impl Fn(&Object) -> Option<&Arc<T>>) -> Vec<Open<T>> {
    let mut found: BTreeMap<u64, Open<T>> = BTreeMap::new();
    for process in kernel.processes() {
        let uid = process.cred().user.effective;
        let fds = process.fds.lock();
        for (_, file) in fds.iter() {
            if let Some(socket) = pick(file.object()) {
                let inode = file.socket_inode();
                found.entry(inode).or_insert_with(|| Open { socket: socket.clone(), inode, uid });
            }
        }
    }
    found.into_values().collect()
}

fn internet(kernel: &Kernel, kind: Kind, family: Family) -> Vec<Open<vnet::Socket>> {
    let mut sockets = open(kernel, |object| match object {
        Object::Socket(socket) => Some(socket),
        _ => None,
    });
    sockets.retain(|open| open.socket.kind() == kind && open.socket.family() == family);
    sockets
}

/// A file of `/proc/net`.
pub(super) fn table(kernel: &Kernel, table: Table) -> Vec<u8> {
    match table {
        Table::Arp => {
            b"IP address       HW type     Flags       HW address            Mask     Device\n"
                .to_vec()
        }
        Table::Dev => dev(),
        Table::Interfaces6 => interfaces6(),
        Table::Packet => b"sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n".to_vec(),
        // There are no raw sockets.
        Table::Raw | Table::Raw6 => HEADER_UDP.as_bytes().to_vec(),
        Table::Route => route(),
        Table::Sockstat => sockstat(kernel),
        Table::Tcp => sockets(kernel, Kind::Stream, Family::Inet),
        Table::Tcp6 => sockets(kernel, Kind::Stream, Family::Inet6),
        Table::Udp => sockets(kernel, Kind::Datagram, Family::Inet),
        Table::Udp6 => sockets(kernel, Kind::Datagram, Family::Inet6),
        Table::Unix => unix_sockets(kernel),
    }
}

const HEADER_TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const HEADER_UDP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

/// An address and port in hexadecimal: each four bytes as a number of the machine, which is little-endian.
fn address(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words: String = octets
        .chunks_exact(4)
        .flat_map(|word| word.iter().rev())
        .map(|byte| format!("{byte:02X}"))
        .collect();
    format!("{words}:{:04X}", address.port())
}

/// A line of a table.
struct Row {
    local: SocketAddr,
    peer: SocketAddr,
    state: u8,
    /// Bytes to be read; of a listener, connections to be accepted.
    unread: usize,
    uid: u32,
    inode: u64,
}

fn sockets(kernel: &Kernel, kind: Kind, family: Family) -> Vec<u8> {
    /// TCP's states, also of datagram sockets: with a peer, and without.
    const ESTABLISHED: u8 = 1;
    const CLOSE: u8 = 7;
    let nobody = match family {
        Family::Inet => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        Family::Inet6 => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
    };
    let stream = kind == Kind::Stream;
    let mut rows = Vec::new();
    for Open { socket, inode, uid } in internet(kernel, kind, family) {
        let (local, peer) = (socket.local_address(), socket.peer_address().ok());
        let state = match peer {
            _ if stream => socket.tcp_state(),
            Some(_) => ESTABLISHED,
            None => CLOSE,
        };
        // A stream that does nothing, and a datagram socket without a port, are in no table of Linux's either.
        if local.port() == 0 || stream && state == CLOSE {
            continue;
        }
        let waiting = socket.waiting();
        let peer = peer.unwrap_or(nobody);
        let unread = socket.readable_bytes() + waiting.len();
        rows.push(Row { local, peer, state, unread, uid, inode });
        rows.extend(waiting.into_iter().map(|Waiting { local, peer, readable_bytes }| Row {
            local,
            peer,
            state: ESTABLISHED,
            unread: readable_bytes,
            uid: 0,
            inode: 0,
        }));
    }
    let mut text = String::from(if stream { HEADER_TCP } else { HEADER_UDP });
    for (number, row) in rows.iter().enumerate() {
        let Row { state, unread, uid, inode, .. } = row;
        let _infallible = write!(
            text,
            "{number:4}: {} {} {state:02X} 00000000:{unread:08X} 00:00000000 00000000 {uid:5}        0 {inode} ",
            address(row.local),
            address(row.peer),
        );
        text.push_str(if stream {
            "1 0000000000000000 100 0 0 10 0\n"
        } else {
            "2 0000000000000000 0\n"
        });
    }
    text.into_bytes()
}

fn unix_sockets(kernel: &Kernel) -> Vec<u8> {
    /// `__SO_ACCEPTCON`
    const ACCEPTS: u32 = 0x10000;
    let mut text = b"Num       RefCount Protocol Flags    Type St Inode Path\n".to_vec();
    let sockets = open(kernel, |object| match object {
        Object::Unix(socket) => Some(socket),
        _ => None,
    });
    for Open { socket, inode, .. } in sockets {
        let kind = match socket.kind() {
            unix::Kind::Stream => 1,
            unix::Kind::Datagram => 2,
            unix::Kind::Packet => 5,
        };
        let flags = if socket.listens() { ACCEPTS } else { 0 };
        // SS_CONNECTED and SS_UNCONNECTED
        let state = if socket.peer_address().is_ok() { 3 } else { 1 };
        let line = format!(
            "0000000000000000: 00000002 00000000 {flags:08X} {kind:04X} {state:02X} {inode:5}"
        );
        text.extend_from_slice(line.as_bytes());
        match socket.address() {
            unix::Address::Unnamed => {}
            unix::Address::Path(path) => text.extend([b" ", &*path].concat()),
            unix::Address::Abstract(name) => {
                text.extend_from_slice(b" @");
                text.extend(name.iter().map(|&byte| if byte == 0 { b'@' } else { byte }));
            }
        }
        text.push(b'\n');
    }
    text
}

/// The interfaces; what passes them is not counted.
fn dev() -> Vec<u8> {
    let mut text = String::from(
        "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
    );
    for name in ["lo", "eth0"] {
        let _infallible = writeln!(
            text,
            "{name:>6}:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0"
        );
    }
    text.into_bytes()
}

fn interfaces6() -> Vec<u8> {
    let hex = |ip: Ipv6Addr| hex::encode(ip.octets());
    format!(
        "{} 01 80 10 80       lo\n{} 02 40 00 80     eth0\n",
        hex(Ipv6Addr::LOCALHOST),
        hex(GUEST_V6)
    )
    .into_bytes()
}

/// The default route, and the network of the interface.
fn route() -> Vec<u8> {
    let hex = |ip: Ipv4Addr| format!("{:08X}", u32::from_le_bytes(ip.octets()));
    let mask = Ipv4Addr::new(255, 255, 255, 252);
    let network = Ipv4Addr::from_bits(GUEST_V4.to_bits() & mask.to_bits());
    let none = Ipv4Addr::UNSPECIFIED;
    let mut text = format!(
        "{:<127}\n",
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    );
    for (to, by, flags, mask) in [(none, GATEWAY_V4, 3, none), (network, none, 1, mask)] {
        let line =
            format!("eth0\t{}\t{}\t{flags:04}\t0\t0\t0\t{}\t0\t0\t0", hex(to), hex(by), hex(mask));
        let _infallible = writeln!(text, "{line:<127}");
    }
    text.into_bytes()
}

fn sockstat(kernel: &Kernel) -> Vec<u8> {
    let count = |kind| {
        [Family::Inet, Family::Inet6]
            .map(|family| internet(kernel, kind, family).len())
            .iter()
            .sum::<usize>()
    };
    let (tcp, udp) = (count(Kind::Stream), count(Kind::Datagram));
    let unix = open(kernel, |object| match object {
        Object::Unix(socket) => Some(socket),
        _ => None,
    });
    format!(
        "sockets: used {}\nTCP: inuse {tcp} orphan 0 tw 0 alloc {tcp} mem 0\nUDP: inuse {udp} mem 0\n\
         UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
        tcp + udp + unix.len()
    )
    .into_bytes()
}
