//! What a guest says first on a connection, as far as that tells whom it means: TLS with its server name, HTTP, or neither.
//!
//! It reads and does not judge, and takes nothing from the connection. TLS: RFC 8446 section 4.1.2; the server name: RFC 6066
//! section 3. Bounded by [`HELLO_BYTES_MAX`], whatever lengths the bytes claim.

/// The longest ClientHello that is read, record headers included.
pub(super) const HELLO_BYTES_MAX: usize = 16 << 10;
/// The longest method of a request.
const METHOD_BYTES_MAX: usize = 24;

const RECORD_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// encrypted_client_hello (RFC 9849).
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The first thing said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// TLS.
    Tls(Hello),
    /// HTTP/1.
    Http1,
    /// HTTP/2 without TLS and without an upgrade ("prior knowledge").
    Http2,
    /// Anything else.
    Other,
}

/// What a ClientHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    /// The server name, as it stands there.
    pub(super) name: Option<Vec<u8>>,
    /// The real server name may be hidden inside.
    pub(super) hides_name: bool,
    /// Protocols that the client offers.
    pub(super) protocols: Vec<Vec<u8>>,
}

/// What `bytes` begin; `None` while that is open.
pub(super) fn look(bytes: &[u8]) -> Option<Opening> {
    const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let first = *bytes.first()?;
    if first == RECORD_HANDSHAKE {
        return match hello(bytes) {
            Err(Stop::More) if bytes.len() < HELLO_BYTES_MAX => None,
            Err(_) => Some(Opening::Other),
            Ok(hello) => Some(Opening::Tls(hello)),
        };
    }
    if bytes.starts_with(HTTP2_PREFACE) {
        return Some(Opening::Http2);
    }
    if HTTP2_PREFACE.starts_with(bytes) {
        return None;
    }
    let head = &bytes[..bytes.len().min(METHOD_BYTES_MAX + 2)];
    let method =
        head.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    match (head.get(method), head.get(method + 1)) {
        (None, _) if method <= METHOD_BYTES_MAX => None,
        (Some(b' '), None) if method > 0 => None,
        // A path, `*`, or an absolute URI; not CONNECT's authority.
        (Some(b' '), Some(b'/' | b'*' | b'h' | b'H')) if method > 0 => Some(Opening::Http1),
        _ => Some(Opening::Other),
    }
}

/// Why there is no ClientHello.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The bytes end too early.
    More,
    /// They are none.
    Wrong,
}

/// Reads big-endian fields off the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(Stop::More)?;
        self.0 = rest;
        Ok(front)
    }

    fn number(&mut self, width: usize) -> Result<usize, Stop> {
        let bytes = self.bytes(width)?;
        Ok(bytes.iter().fold(0, |number, &byte| (number << 8) | usize::from(byte)))
    }

    /// A field with its length, of `width` bytes, before it.
    fn counted(&mut self, width: usize) -> Result<Self, Stop> {
        let count = self.number(width)?;
        self.bytes(count).map(Fields)
    }
}

/// The ClientHello at the front of `bytes`.
fn hello(bytes: &[u8]) -> Result<Hello, Stop> {
    let message = handshake(bytes)?;
    // Inside the message an early end is an error.
    inside(&message).map_err(|_| Stop::Wrong)
}

/// The first handshake message, put together from records.
fn handshake(bytes: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut records = Fields(bytes);
    let mut message = Vec::new();
    loop {
        if records.number(1)? != usize::from(RECORD_HANDSHAKE) || records.number(1)? != 3 {
            return Err(Stop::Wrong);
        }
        records.bytes(1)?;
        let length = records.number(2)?;
        if length == 0 || length > HELLO_BYTES_MAX {
            return Err(Stop::Wrong);
        }
        message.extend_from_slice(records.bytes(length.min(records.0.len()))?);
        let partial = message.len() < 4;
        if !partial && message[0] != CLIENT_HELLO {
            return Err(Stop::Wrong);
        }
        if !partial {
            let wanted = 4 + Fields(&message[1..4]).number(3)?;
            if wanted > HELLO_BYTES_MAX {
                return Err(Stop::Wrong);
            }
            if message.len() >= wanted {
                message.truncate(wanted);
                message.drain(..4);
                return Ok(message);
            }
        }
        if records.0.is_empty() {
            return Err(Stop::More);
        }
    }
}

fn inside(message: &[u8]) -> Result<Hello, Stop> {
    let mut fields = Fields(message);
    fields.bytes(2 + 32)?; // version, random
    fields.counted(1)?; // session id
    fields.counted(2)?; // cipher suites
    fields.counted(1)?; // compression methods
    let mut hello = Hello::default();
    if fields.0.is_empty() {
        return Ok(hello);
    }
    let mut extensions = fields.counted(2)?;
    let mut seen = Vec::new();
    while !extensions.0.is_empty() {
        let kind = u16::try_from(extensions.number(2)?).map_err(|_| Stop::Wrong)?;
        let mut body = extensions.counted(2)?;
        if seen.contains(&kind) {
            return Err(Stop::Wrong); // Two server names, and who knows which one counts.
        }
        seen.push(kind);
        match kind {
            SERVER_NAME => hello.name = Some(server_name(&mut body)?),
            ALPN => {
                let mut list = body.counted(2)?;
                while !list.0.is_empty() {
                    hello.protocols.push(list.counted(1)?.0.to_vec());
                }
            }
            ENCRYPTED_CLIENT_HELLO => hello.hides_name = true,
            _ => {}
        }
    }
    Ok(hello)
}

/// The one host name of the extension.
fn server_name(body: &mut Fields<'_>) -> Result<Vec<u8>, Stop> {
    let mut list = body.counted(2)?;
    if list.number(1)? != 0 {
        return Err(Stop::Wrong);
    }
    let name = list.counted(2)?.0.to_vec();
    if list.0.is_empty() && body.0.is_empty() { Ok(name) } else { Err(Stop::Wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// A ClientHello as rustls writes it.
    fn real(name: &str, protocols: &[&str]) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// The same handshake message in records of `size` bytes.
    fn in_records(bytes: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat()
        };
        bytes[5..].chunks(size).flat_map(record).collect()
    }

    #[test]
    fn a_real_hello_is_read_however_it_comes() {
        let whole = real("api.example.com", &["h2", "http/1.1"]);
        let hello = Hello {
            name: Some(b"api.example.com".to_vec()),
            hides_name: false,
            protocols: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        for bytes in
            [whole.clone(), in_records(&whole, 1), in_records(&whole, 3), in_records(&whole, 100)]
        {
            for end in 0..bytes.len() {
                assert_eq!(look(&bytes[..end]), None, "{end} of {}", bytes.len());
            }
            assert_eq!(look(&bytes), Some(Opening::Tls(hello.clone())));
        }
        match look(&real("1.2.3.4", &[])) {
            Some(Opening::Tls(hello)) => assert_eq!(hello.name, None),
            other => panic!("{other:?}"),
        }
    }

    /// A hello with these extensions.
    fn made(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let counted =
            |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let list: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, body)| [&kind.to_be_bytes()[..], &counted(body)].concat())
            .collect();
        let body =
            [&[3, 3][..], &[7; 32], &[0], &counted(&[0x13, 1]), &[1, 0], &counted(&list)].concat();
        let message = [&[1, 0][..], &counted(&body)].concat();
        [&[22, 3, 1][..], &counted(&message)].concat()
    }

    #[test]
    fn a_hello_that_could_mean_two_names_means_none() {
        let name = b"\0\x0e\0\0\x0bexample.com";
        assert!(matches!(look(&made(&[(0, name)])), Some(Opening::Tls(_))));
        let two = b"\0\x1c\0\0\x0bexample.com\0\0\x0bexample.org";
        for wrong in [
            made(&[(0, name), (0, name)]),
            made(&[(0, two)]),
            made(&[(0, b"\0\x0e\x01\0\x0bexample.com")]),
            made(&[(0, b"\0\x0e\0\0\xffexample.com")]),
        ] {
            assert_eq!(look(&wrong), Some(Opening::Other));
        }
        match look(&made(&[(0, name), (0xfe0d, b"x")])) {
            Some(Opening::Tls(hello)) => assert!(hello.hides_name),
            other => panic!("{other:?}"),
        }
        // Lengths that promise more than is ever read.
        assert_eq!(look(b"\x16\x03\x01\xff\xff"), Some(Opening::Other));
        assert_eq!(look(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"), Some(Opening::Other));
        assert_eq!(look(&[22; HELLO_BYTES_MAX]), Some(Opening::Other));
    }

    #[test]
    fn http_is_told_from_the_rest() {
        for (bytes, opening) in [
            (&b"GET / HTTP/1.1\r\n"[..], Some(Opening::Http1)),
            (b"OPTIONS * HTTP/1.1\r\n", Some(Opening::Http1)),
            (b"GET http://a/ HTTP/1.1\r\n", Some(Opening::Http1)),
            (b"PROPFIND /", Some(Opening::Http1)),
            (b"GET ", None),
            (b"G", None),
            (b"", None),
            (b"CONNECT a.b:443 HTTP/1.1\r\n", Some(Opening::Other)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Opening::Http2)),
            (b"PRI * HTTP/2.0\r\n", None),
            (b"SSH-2.0-x\r\n", Some(Opening::Other)),
            (b"EHLO x\r\n", Some(Opening::Other)),
            (b"\0", Some(Opening::Other)),
            (b" ", Some(Opening::Other)),
            (&[b'A'; 60], Some(Opening::Other)),
        ] {
            assert_eq!(look(bytes), opening, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), tls: bool) {
            if tls && bytes.len() > 6 {
                bytes[..6].copy_from_slice(&[22, 3, 1, 2, 0, 1]);
            }
            look(&bytes);
        }
    }
}
