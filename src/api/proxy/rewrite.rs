//! What of a message passes the router: the request as a guest sees it, an answer as its client sees it, and the trailers of
//! both. Hop-by-hop fields (RFC 9110 section 7.6.1) end here and are made anew; our tokens and routing headers never pass.
//!
//! Where a request comes from is for us to say: `X-Forwarded-For`, `-Proto` and `-Host` are set here, and what the client sent of
//! them is dropped, unless the client is a proxy that the operator trusts: then its own address is added to the list, and its
//! word on the scheme is taken.

use super::TRAFFIC_TOKEN;
use super::tunnel::Switch;
use crate::api::Peer;
use crate::api::envd;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};
use std::borrow::Cow;

/// Headers that are ours and no guest sees.
pub(super) const OURS: [&str; 5] =
    [envd::TOKEN_HEADER, TRAFFIC_TOKEN, "x-api-key", "e2b-sandbox-id", "e2b-sandbox-port"];

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// What a client may not say about where it comes from.
pub(super) const FORWARDED: [&str; 7] = [
    "forwarded",
    FORWARDED_FOR,
    FORWARDED_PROTO,
    FORWARDED_HOST,
    "x-forwarded-port",
    "x-forwarded-server",
    "x-real-ip",
];

/// Headers that end at the next hop, and `Expect`, which we answer ourselves. `Trailer` is left: it tells which trailers of a body
/// in chunks may pass.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// Removes fields that servers of the CGI family (WSGI's too) take for others, which are ours to set: `Content_Length` and
/// `Content-Length` are both CONTENT_LENGTH there.
fn strip_aliases(headers: &mut HeaderMap) {
    let aliases = headers.keys().filter(|name| {
        let name = name.as_str();
        if !name.contains('_') {
            return false;
        }
        let meant = name.replace('_', "-");
        let mut ours =
            OURS.iter().chain(&FORWARDED).chain(&HOP_BY_HOP).chain(&["host", "content-length"]);
        ours.any(|one| *one == meant)
    });
    for alias in aliases.cloned().collect::<Vec<_>>() {
        headers.remove(alias);
    }
}

/// Leaves one way to read the length of a message: hyper takes a list of equal lengths for one, others may not.
pub(super) fn one_length(headers: &mut HeaderMap) {
    let mut given = headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(first), second) = (given.next(), given.next()) else { return };
    let plain = first.as_bytes().iter().all(u8::is_ascii_digit) && !first.is_empty();
    if plain && second.is_none() {
        return;
    }
    let lists = headers.get_all(header::CONTENT_LENGTH).iter();
    let texts = lists.map(|value| value.to_str().unwrap_or("?")).collect::<Vec<_>>().join(",");
    let mut lengths = texts.split(',').map(|text| text.trim().parse::<u64>().ok());
    let agreed = lengths.next().flatten().filter(|first| lengths.all(|one| one == Some(*first)));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = agreed {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// Makes one `Cookie` of those that HTTP/2 lets a client send, as a browser does (RFC 9113 section 8.2.3): servers of HTTP/1.1 expect
/// one, and those of the CGI family join several by commas.
fn one_cookie(headers: &mut HeaderMap) {
    let all: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// How a request reaches the guest's server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// HTTP/2, or HTTP/1.1.
    pub(super) version2: bool,
    /// Whether the server speaks TLS.
    pub(super) tls: bool,
    /// Whether the connection is used again after this exchange.
    pub(super) kept: bool,
    /// What `Host` becomes, if not what the client sent.
    pub(super) mask: Option<&'a str>,
}

/// The options that `Connection` names.
pub(super) fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Removes the headers that end here, and those that `Connection` names.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> =
            connection_options(headers).filter_map(|name| name.parse().ok()).collect();
        for name in named {
            // A Connection header cannot take away what makes the message what it is.
            let kept = [header::HOST, header::CONTENT_LENGTH, header::CONTENT_TYPE];
            if !kept.contains(&name) {
                headers.remove(name);
            }
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether the client takes trailers (`TE: trailers`); always over HTTP/2.
fn takes_trailers(headers: &HeaderMap, version: Version) -> bool {
    let values = headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    version == Version::HTTP_2
        || codings.any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// The request as the guest sees it.
///
/// # Errors
///
/// For a path or host that cannot be written again, which `host` has refused before.
pub(super) fn request(
    request: Request,
    peer: &Peer,
    switch: Option<&Switch>,
    way: Way<'_>,
) -> Result<Request, http::Error> {
    let (mut parts, body) = request.into_parts();
    // The whole authority, port and all, is what the guest's server sees as its own name.
    let asked = match parts.headers.get(header::HOST) {
        Some(host) => host.clone(),
        None => {
            HeaderValue::try_from(parts.uri.authority().map_or("", |authority| authority.as_str()))?
        }
    };
    let shown = way.mask.map(HeaderValue::try_from).transpose()?.unwrap_or_else(|| asked.clone());
    let trailers = takes_trailers(&parts.headers, parts.version);
    if parts.version == Version::HTTP_2 && !way.version2 {
        one_cookie(&mut parts.headers);
    }
    let in_chunks = !http_body::Body::is_end_stream(&body)
        && !parts.headers.contains_key(header::CONTENT_LENGTH);
    strip_hop_by_hop(&mut parts.headers);
    strip_aliases(&mut parts.headers);
    one_length(&mut parts.headers);
    forwarded(&mut parts.headers, peer, asked)?;
    for name in OURS {
        parts.headers.remove(name);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if way.version2 {
        let scheme = if way.tls { "https" } else { "http" };
        let authority = shown.to_str().unwrap_or_default();
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
        parts.uri = uri.build()?;
        parts.version = Version::HTTP_2;
        parts.headers.remove(header::HOST);
    } else {
        parts.uri = Uri::try_from(path)?;
        parts.version = Version::HTTP_11;
        parts.headers.insert(header::HOST, shown);
        if in_chunks {
            // hyper sends no body of unknown length with a GET unless it is told to.
            parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        match switch {
            Some(switch) => {
                if switch.is_connect() {
                    parts.method = Method::GET;
                }
                switch.ask(&mut parts.headers);
            }
            None => connection(&mut parts.headers, way.kept, trailers),
        }
    }
    if trailers && switch.is_none() {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    parts.extensions.clear();
    Ok(Request::from_parts(parts, body))
}

/// `Connection` of an HTTP/1.1 request.
fn connection(headers: &mut HeaderMap, kept: bool, trailers: bool) {
    let options = match (kept, trailers) {
        (true, false) => return,
        (true, true) => "te",
        (false, false) => "close",
        (false, true) => "close, te",
    };
    headers.insert(header::CONNECTION, HeaderValue::from_static(options));
}

/// Sets where the request comes from. `asked` is the host that it was sent to.
fn forwarded(headers: &mut HeaderMap, peer: &Peer, asked: HeaderValue) -> Result<(), http::Error> {
    let mut before = String::new();
    let mut scheme = if peer.tls { "https" } else { "http" };
    if peer.trusted {
        let values = headers.get_all(FORWARDED_FOR).iter();
        for value in values.filter_map(|value| value.to_str().ok()) {
            before.push_str(value);
            before.push_str(", ");
        }
        let mut told = headers.get_all(FORWARDED_PROTO).iter();
        match (told.next().map(HeaderValue::as_bytes), told.next()) {
            (Some(b"https"), None) => scheme = "https",
            (Some(b"http"), None) => scheme = "http",
            _ => {}
        }
    }
    for name in FORWARDED {
        headers.remove(name);
    }
    if let Some(address) = peer.address {
        let client = address.ip().to_canonical();
        headers.insert(FORWARDED_FOR, HeaderValue::try_from(format!("{before}{client}"))?);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(FORWARDED_HOST, asked);
    Ok(())
}

/// Takes out of the trailers of a body what could not stand in its head either.
pub(super) fn trailers(trailers: &mut HeaderMap) {
    for name in OURS.iter().chain(&FORWARDED).chain(&HOP_BY_HOP) {
        trailers.remove(*name);
    }
    for name in [header::HOST, header::CONTENT_LENGTH, header::TRAILER] {
        trailers.remove(name);
    }
}

/// `host` with `${PORT}` written out.
pub(super) fn mask(host: &str, port: u16) -> Cow<'_, str> {
    if host.contains(PORT_PLACEHOLDER) {
        Cow::Owned(host.replace(PORT_PLACEHOLDER, &port.to_string()))
    } else {
        Cow::Borrowed(host)
    }
}

/// What stands for the port in `maskRequestHost`.
const PORT_PLACEHOLDER: &str = "${PORT}";

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const CLOSED: Way<'_> = Way { version2: false, tls: false, kept: false, mask: None };

    fn asked(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request =
            Request::builder().uri("http://3000-a.b:8080/x?y=1").body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    fn peer() -> Peer {
        Peer { address: Some("192.0.2.7:5".parse().unwrap()), tls: true, ..Peer::default() }
    }

    fn seen(request: &Request) -> Vec<(&str, &str)> {
        let headers = request.headers().iter();
        let mut all: Vec<(&str, &str)> =
            headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn guests_see_no_tokens_and_no_forged_origins() {
        let mut headers = vec![
            ("authorization", "Bearer guest"),
            ("cookie", "a=b"),
            ("connection", "close, X-Secret"),
        ];
        headers.extend([
            ("x-secret", "1"),
            ("te", "deflate"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "1"),
        ]);
        headers.extend(OURS.iter().chain(&FORWARDED).map(|name| (*name, "forged")));
        let told = request(asked(&headers), &peer(), None, CLOSED).unwrap();
        let expected = [
            ("authorization", "Bearer guest"),
            ("connection", "close"),
            ("cookie", "a=b"),
            ("host", "3000-a.b:8080"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-host", "3000-a.b:8080"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(seen(&told), expected);
        assert_eq!((told.uri().to_string().as_str(), told.version()), ("/x?y=1", Version::HTTP_11));
    }

    #[test]
    fn a_trusted_proxy_says_where_its_clients_are() {
        let headers = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "203.0.113.9, 203.0.113.10"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "evil.example"),
        ];
        let trusted = Peer { trusted: true, ..peer() };
        let told = request(asked(&headers), &trusted, None, CLOSED).unwrap();
        let list = "198.51.100.1, 203.0.113.9, 203.0.113.10, 192.0.2.7";
        assert_eq!(told.headers()[FORWARDED_FOR], list);
        assert_eq!(told.headers()[FORWARDED_PROTO], "http");
        assert_eq!(told.headers()[FORWARDED_HOST], "3000-a.b:8080");
        let odd = [("x-forwarded-proto", "gopher")];
        let told = request(asked(&odd), &trusted, None, CLOSED).unwrap();
        assert_eq!(told.headers()[FORWARDED_PROTO], "https");
    }

    #[test]
    fn a_masked_host_hides_the_name_and_tells_it_elsewhere() {
        let mask = mask("localhost:${PORT}", 3000);
        let way = Way { mask: Some(&mask), kept: true, ..CLOSED };
        let told = request(asked(&[]), &peer(), None, way).unwrap();
        assert_eq!(told.headers()[header::HOST], "localhost:3000");
        assert_eq!(told.headers()[FORWARDED_HOST], "3000-a.b:8080");
        let told = request(asked(&[]), &peer(), None, Way { version2: true, ..way }).unwrap();
        assert_eq!(told.uri().to_string(), "http://localhost:3000/x?y=1");
        assert!(!told.headers().contains_key(header::HOST));
    }

    #[test]
    fn no_field_passes_under_another_spelling() {
        let headers = [
            ("content_length", "5"),
            ("transfer_encoding", "chunked"),
            ("x_forwarded-for", "192.0.2.66"),
            ("x_api_key", "secret"),
            ("my_own", "stays"),
        ];
        let told = request(asked(&headers), &peer(), None, CLOSED).unwrap();
        let names: Vec<&str> = seen(&told).into_iter().map(|(name, _)| name).collect();
        let expected = [
            "connection",
            "host",
            "my_own",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn cookies_of_http_2_become_one() {
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=")];
        let told = |version, way| {
            let mut sent = asked(&crumbs);
            *sent.version_mut() = version;
            let told = request(sent, &peer(), None, way).unwrap();
            let all = told.headers().get_all(header::COOKIE).iter();
            all.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(Version::HTTP_2, CLOSED), ["a=1; b=2; c=3; d="]);
        let apart = crumbs.map(|(_, value)| value);
        assert_eq!(told(Version::HTTP_2, Way { version2: true, ..CLOSED }), apart);
        assert_eq!(told(Version::HTTP_11, CLOSED), apart, "as it was sent");
    }

    #[test]
    fn a_length_is_read_in_one_way() {
        for (given, left) in [
            (&["5"][..], Some("5")),
            (&["5, 5"], Some("5")),
            (&["5", "5"], Some("5")),
            (&["+5"], Some("5")),
            (&["5, 6"], None),
            (&["5", "6"], None),
            (&[""], None),
            (&["x"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            one_length(&mut headers);
            let values: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
            assert_eq!(values, left.into_iter().collect::<Vec<_>>(), "{given:?}");
        }
    }

    #[test]
    fn trailers_are_asked_for_and_cleaned() {
        let told = request(asked(&[("te", "gzip, Trailers")]), &peer(), None, CLOSED).unwrap();
        assert_eq!(told.headers()[header::TE], "trailers");
        assert_eq!(told.headers()[header::CONNECTION], "close, te");
        let names = ["grpc-status", "x-api-key", "host", "content-length", "x-forwarded-for"];
        let value = HeaderValue::from_static("0");
        let named = names.map(|name| (HeaderName::from_static(name), value.clone()));
        let mut map = HeaderMap::from_iter(named);
        trailers(&mut map);
        assert_eq!(map.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["grpc-status"]);
    }

    #[test]
    fn a_body_of_unknown_length_goes_in_chunks_whatever_the_method() {
        let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("x")]);
        let request_in = asked(&[]).map(|_| Body::from_stream(stream));
        let told = request(request_in, &peer(), None, CLOSED).unwrap();
        assert_eq!(told.headers()[header::TRANSFER_ENCODING], "chunked");
    }
}
