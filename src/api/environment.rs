//! What a person needs to point the official SDKs at this server: `export` lines, and a hint when names do not resolve.
//!
//! With these lines the API and envd go to the address itself and need neither DNS nor certificates; `getHost()` gives names
//! under the domain, which clients must resolve and whose certificates they must trust. `SSL_CERT_FILE` replaces the roots
//! of Python and others, so it names the system's roots and ours together.

use super::serve::{Identity, ServeOptions};
use crate::Error;
use rand::Rng;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A resolver that takes longer than this does not know the name, for our purpose.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The `export` lines for a server with these options, made without starting it; what it keeps on disk is made if missing.
///
/// # Errors
///
/// As [`Identity::open`]; [`Error::Invalid`] for port 0, which is known only once the server listens.
pub fn print_env(options: &ServeOptions) -> Result<String, Error> {
    if options.listen.port() == 0 {
        let problem = "must have a port other than 0 for --print-env".into();
        return Err(Error::Invalid { field: "listen", problem });
    }
    Ok(exports(&Identity::open(options, options.listen)?, options.listen))
}

/// The `export` lines for a server that listens on `address`.
pub(crate) fn exports(identity: &Identity, address: SocketAddr) -> String {
    let url = url(address);
    let mut lines = String::new();
    let mut export = |name: &str, value: &str| {
        writeln!(lines, "export {name}={}", quoted(value)).expect("a string takes everything");
    };
    if let Some(key) = identity.api_keys.first() {
        export("E2B_API_KEY", key);
    }
    export("E2B_API_URL", &url);
    export("E2B_SANDBOX_URL", &url);
    export("E2B_DOMAIN", identity.domain.shown());
    if let Some(trust) = &identity.tls.trust {
        export("NODE_EXTRA_CA_CERTS", &trust.authority.to_string_lossy());
        export("SSL_CERT_FILE", &trust.bundle.to_string_lossy());
    }
    lines
}

/// Where clients on this machine reach the server: plain HTTP over loopback, TLS over anything else.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if ip.is_loopback() { "http" } else { "https" };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// A word of the shell.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A label that nobody has looked up before.
pub(crate) fn random_label() -> String {
    let mut random = rand::rng();
    (0..12).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect()
}

/// What to do if the system's resolver does not know names under `domain`; `None` if it does.
#[expect(clippy::disallowed_methods, reason = "it asks whether the host's resolver knows us")]
pub(crate) async fn resolver_hint(domain: &str) -> Option<String> {
    let name = format!("{}.{domain}", random_label());
    let lookup = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, 0))).await;
    if lookup.is_ok_and(|found| found.is_ok_and(|mut addresses| addresses.next().is_some())) {
        return None;
    }
    let what = format!(
        "This system does not resolve *.{domain}; getHost() URLs need it (the API works without)."
    );
    let how = if domain == "localhost" || domain.ends_with(".localhost") {
        "To resolve it: apt-get install libnss-myhostname"
    } else {
        "To resolve it: run `isolet dns` and point the system's resolver there: isolet doctor --names"
    };
    Some(format!("{what}\n{how}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn options(data_dir: &Path, listen: &str) -> ServeOptions {
        ServeOptions {
            api_keys: vec!["it's".into()],
            ..ServeOptions::new(listen.parse().unwrap(), data_dir.into())
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a shell reads the lines")]
    fn the_lines_can_be_pasted() {
        let data = tempfile::tempdir().unwrap();
        let lines = print_env(&options(data.path(), "127.0.0.1:8080")).unwrap();
        let script =
            format!("{lines}\nprintf '%s\\n' \"$E2B_API_KEY\" \"$E2B_API_URL\" \"$E2B_DOMAIN\"");
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        let expected = "it's\nhttp://127.0.0.1:8080\nisolet.localhost:8080\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        for name in ["E2B_SANDBOX_URL", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
            assert!(lines.contains(&format!("export {name}=")), "{name}");
        }
    }

    #[test]
    fn addresses_are_ones_that_clients_can_dial() {
        for (listen, expected) in [
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::]:1", "http://[::1]:1"),
            ("192.0.2.1:1", "https://192.0.2.1:1"),
        ] {
            assert_eq!(url(listen.parse().unwrap()), expected);
        }
        let data = tempfile::tempdir().unwrap();
        assert!(print_env(&options(data.path(), "127.0.0.1:0")).is_err());
    }

    #[tokio::test]
    async fn a_domain_that_nobody_knows_gets_a_hint() {
        // RFC 6761: resolvers answer "invalid" with no such name; needs no network.
        let hint = resolver_hint("isolet.invalid").await.unwrap();
        assert!(hint.contains("isolet dns") && hint.contains("*.isolet.invalid"));
    }
}
