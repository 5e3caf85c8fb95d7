//! A connection that is held until the guest has said whom it means, and then to that: to an address that a name lets out, or that
//! a host with a header rule has.
//!
//! Where the guest says nothing in [`SAY_TIMEOUT`], or the server speaks first, a name lets nothing out; what an address lets out
//! goes on without a rule.

use super::dial::{pump, reason_of};
use super::flow::{Flow, Real};
use super::http::{Site, serve};
use super::log::NetVerdict;
use super::peek::{HELLO_BYTES_MAX, Hello, Opening, look};
use super::socks::Target;
use super::tls::{self, Trust};
use super::{Grant, name};
use crate::vnet::stream::Stream;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// How long a guest may take to say whom it means.
const SAY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take, on either side.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a guest turned out to want.
enum Said {
    Opening(Opening),
    /// Nothing in time, or the end.
    Nothing,
    /// The server was first, with these bytes; without any it has closed.
    Server(Vec<u8>),
    /// The server broke off.
    Broken,
}

/// Waits for the guest's first words; takes none of them.
async fn listen(guest: &Stream, real: &mut Option<Real>) -> Said {
    let words = async {
        let mut buf = vec![0; HELLO_BYTES_MAX];
        let mut seen = 0;
        loop {
            match guest.peek(&mut buf, seen).await {
                Ok(count) if count > seen => {
                    if let Some(opening) = look(&buf[..count]) {
                        return Said::Opening(opening);
                    }
                    seen = count;
                }
                // No more comes.
                Ok(_) | Err(_) => return Said::Nothing,
            }
        }
    };
    let server = async {
        let Some(real) = real else { return std::future::pending().await };
        let mut first = vec![0; 1024];
        match real.read(&mut first).await {
            Ok(count @ 1..) => {
                first.truncate(count);
                Said::Server(first)
            }
            Ok(_) => Said::Server(Vec::new()),
            Err(_) => Said::Broken,
        }
    };
    tokio::select! {
        biased;
        said = words => said,
        said = server => said,
        () = tokio::time::sleep(SAY_TIMEOUT) => Said::Nothing,
    }
}

/// Holds a connection until it is known whom the guest means, and to that.
pub(super) async fn hold(flow: &Arc<Flow>, mut guest: Stream, mut real: Option<Real>) {
    let said = listen(&guest, &mut real).await;
    let outcome = match said {
        Said::Opening(Opening::Tls(hello)) => secure(flow, guest, real, &hello).await,
        Said::Opening(Opening::Http1) => requests(flow, guest, real, false).await,
        Said::Opening(Opening::Http2) => requests(flow, guest, real, true).await,
        Said::Server(words) if flow.grant() == Grant::Address => {
            // Where the guest is gone already, the pump finds that out.
            let _ = guest.write_all(&words).await;
            plain(flow, guest, real).await
        }
        Said::Opening(Opening::Other) | Said::Nothing if flow.grant() == Grant::Address => {
            plain(flow, guest, real).await
        }
        // What it said on the socket has been read: the guest would hear of an orderly end.
        Said::Broken => Err((guest, FAILED, "the server broke off")),
        Said::Server(_) => Err((guest, NetVerdict::Denied, "the server spoke first")),
        Said::Nothing => Err((guest, NetVerdict::Denied, "no name was said")),
        Said::Opening(Opening::Other) => {
            Err((guest, NetVerdict::Denied, "neither TLS nor HTTP, which a name does not allow"))
        }
    };
    if let Err((guest, verdict, reason)) = outcome {
        flow.record().turn(verdict, reason);
        guest.reset();
    }
}

/// What is not carried: the guest's end, and why.
type Outcome = Result<(), (Stream, NetVerdict, &'static str)>;

const FAILED: NetVerdict = NetVerdict::Failed;

async fn plain(flow: &Arc<Flow>, guest: Stream, real: Option<Real>) -> Outcome {
    let real = match real {
        Some(real) => real,
        None => match flow.connect(Target::Address(flow.to())).await {
            Ok(real) => real,
            Err(errno) => return Err((guest, FAILED, reason_of(errno))),
        },
    };
    pump(guest, real).await;
    Ok(())
}

/// A guest that speaks TLS: on to the named server, or, where that has a header rule, as that server.
async fn secure(flow: &Arc<Flow>, guest: Stream, real: Option<Real>, hello: &Hello) -> Outcome {
    let egress = flow.net().egress();
    let said = hello.name.as_deref().and_then(name::strict);
    let denied = |guest, reason| Err((guest, NetVerdict::Denied, reason));
    if flow.grant() == Grant::Names {
        let Some(said) = &said else { return denied(guest, "TLS without a server name") };
        if hello.hides_name {
            return denied(guest, "an encrypted server name, which a name does not allow");
        }
        if !egress.allows_name(said) {
            return denied(guest, "the server name is not allowed");
        }
        if !flow.net().names.holds(flow.to().ip(), said) {
            return denied(guest, "the server name does not have this address");
        }
        if let Err(reason) = flow.say(said) {
            return denied(guest, reason);
        }
    }
    let rule = said.as_deref().and_then(|said| egress.rule_for(said));
    let ruled = rule.is_some_and(|rule| !rule.is_empty());
    let by_name = flow.grant() == Grant::Names || ruled;
    let real = match (real, &said) {
        (Some(real), _) => Ok(real),
        (None, Some(said)) if by_name => flow.connect(Target::Name(said, flow.to().port())).await,
        (None, _) => flow.connect(Target::Address(flow.to())).await,
    };
    let real = match real {
        Ok(real) => real,
        Err(errno) => return Err((guest, FAILED, reason_of(errno))),
    };
    match said {
        Some(said) if ruled => {
            if let Err(reason) = flow.say(&said) {
                return denied(guest, reason);
            }
            terminate(flow, guest, real, hello, said).await
        }
        _ => {
            pump(guest, real).await;
            Ok(())
        }
    }
}

/// Speaks TLS with both: as the server to the guest, whose authority is the sandbox's own, and as a client to the server, which
/// must prove its name first.
async fn terminate(
    flow: &Arc<Flow>,
    guest: Stream,
    real: Real,
    hello: &Hello,
    said: String,
) -> Outcome {
    let ours: [&[u8]; 2] = [b"h2", b"http/1.1"];
    let offered = hello.protocols.iter().map(Vec::as_slice).filter(|one| ours.contains(one));
    let offered: Vec<&[u8]> = offered.collect();
    if offered.is_empty() && !hello.protocols.is_empty() {
        return Err((guest, NetVerdict::Denied, "a protocol other than HTTP to a host with rules"));
    }
    let connecting = tls::connect(&Trust::Host, &said, &offered, real);
    let real = match tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting).await {
        Ok(Ok(real)) => real,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a host with header rules was not reached over TLS");
            return Err((guest, FAILED, "the server's TLS or certificate"));
        }
        Err(_) => return Err((guest, FAILED, "timed out")),
    };
    let protocol = real.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let config = flow.net().authority().and_then(|one| one.server(&said, protocol.as_deref()));
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "a certificate could not be made");
            return Err((guest, FAILED, "no certificate"));
        }
    };
    let accepting = TlsAcceptor::from(config).accept(guest);
    let Ok(Ok(guest)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await else {
        flow.record().turn(FAILED, "the guest's TLS");
        return Ok(());
    };
    let version2 = protocol.as_deref() == Some(b"h2");
    serve(guest, real, version2, Site::new(flow.clone(), Some(said), None)).await;
    Ok(())
}

/// A guest that speaks HTTP without TLS: each of its requests is looked at.
async fn requests(flow: &Arc<Flow>, guest: Stream, real: Option<Real>, version2: bool) -> Outcome {
    let (real, sent) = match (real, flow.grant()) {
        (Some(real), _) => (Ok(real), None),
        (None, Grant::Address) => (flow.connect(Target::Address(flow.to())).await, None),
        (None, Grant::Names) => {
            let Some(host) = first_host(&guest).await else {
                return Err((guest, NetVerdict::Denied, "no name was said"));
            };
            let egress = flow.net().egress();
            if !egress.allows_name(&host) || !flow.net().names.holds(flow.to().ip(), &host) {
                return Err((guest, NetVerdict::Denied, "this host is not allowed"));
            }
            let target = Target::Name(&host, flow.to().port());
            (flow.connect(target).await, Some(host))
        }
    };
    match real {
        Ok(real) => serve(guest, real, version2, Site::new(flow.clone(), None, sent)).await,
        Err(errno) => return Err((guest, FAILED, reason_of(errno))),
    }
    Ok(())
}

/// The host of the first request, in HTTP/1, before any of it is taken.
async fn first_host(guest: &Stream) -> Option<String> {
    let work = async {
        let mut buf = vec![0; HELLO_BYTES_MAX];
        let mut seen = 0;
        loop {
            let count = guest.peek(&mut buf, seen).await.ok().filter(|count| *count > seen)?;
            seen = count;
            let mut headers = [httparse::EMPTY_HEADER; 100];
            let mut request = httparse::Request::new(&mut headers);
            if request.parse(&buf[..count]).ok()?.is_partial() {
                continue;
            }
            let mut hosts =
                request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
            let host = hosts.next()?.value;
            let host = host.split(|byte| *byte == b':').next()?;
            return name::strict(host).filter(|_| hosts.next().is_none());
        }
    };
    tokio::time::timeout(SAY_TIMEOUT, work).await.ok()?
}
