//! One TCP connection to the outside: opened, held to what it was allowed for (`hold`), carried.
//!
//! A connection that an address lets out is carried as it is. One that a name lets out waits until the guest has said whom it
//! means, before a byte of it leaves; so does one to an address of a host with a header rule.

use super::flow::Flow;
use super::hold::hold;
use super::log::NetVerdict;
use super::meter::Wire;
use super::socks::Target;
use crate::errno::Errno;
use crate::vnet::connection::End;
use crate::vnet::stream::Stream;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional_with_sizes;

/// Buffer of each direction of a pump, besides the connection's own queues.
const PUMP_BYTES: usize = 64 << 10;
/// How long a real connection lives on after the guest has closed its end, to flush (Linux's `tcp_fin_timeout`).
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(60);

/// Connects `end` for `flow`, and carries bytes until both directions have ended.
pub(in crate::vnet) fn dial(flow: Arc<Flow>, end: End) {
    flow.attach(|| end.watch());
    let net = flow.net().clone();
    net.runtime.clone().spawn(async move {
        let down = net.down.clone();
        down.run_until_cancelled(Box::pin(carry(flow, end))).await;
    });
}

async fn carry(flow: Arc<Flow>, end: End) {
    let listens = flow.listens();
    if listens && flow.goes_by_proxy() {
        // The proxy is to hear the name, so the guest must speak first.
        end.establish();
        return Box::pin(hold(&flow, Stream::new(end), None)).await;
    }
    let watch = end.watch();
    let abandoned = async {
        loop {
            let waiter = watch.subscribe();
            if watch.is_orphan() {
                return;
            }
            waiter.await;
        }
    };
    let connected = tokio::select! {
        connected = flow.connect(Target::Address(flow.to())) => connected,
        () = abandoned => return,
    };
    match connected {
        Err(errno) => {
            flow.record().turn(NetVerdict::Failed, reason_of(errno));
            end.refuse(errno);
        }
        Ok(real) => {
            end.establish();
            let guest = Stream::new(end);
            if listens {
                Box::pin(hold(&flow, guest, Some(real))).await;
            } else {
                pump(guest, real).await;
            }
        }
    }
}

pub(super) fn reason_of(errno: Errno) -> &'static str {
    match errno {
        Errno::CONNREFUSED => "connection refused",
        Errno::TIMEDOUT => "timed out",
        Errno::NETUNREACH | Errno::HOSTUNREACH => "unreachable",
        _ => "connect failed",
    }
}

/// Carries bytes both ways, half-closes and resets included. Back-pressure is the bounded queues on either side.
pub(in crate::vnet) async fn pump<W: Wire>(mut guest: Stream, mut real: W) {
    let orphaned = guest.orphaned();
    let orphan_timeout = async {
        orphaned.await;
        tokio::time::sleep(ORPHAN_TIMEOUT).await;
    };
    let copied = tokio::select! {
        copied = copy_bidirectional_with_sizes(&mut guest, &mut real, PUMP_BYTES, PUMP_BYTES) => copied,
        () = orphan_timeout => Ok((0, 0)),
    };
    if copied.is_err() {
        real.make_reset(); // The other side learns of it as this one did.
        guest.reset();
    }
}
