//! What may leave a sandbox, as its owner says it: lists of addresses and names, header rules, a proxy, name servers.
//!
//! Lists follow E2B: an allowed entry beats a denied one, what neither names is allowed, `0.0.0.0/0` is all traffic (IPv6
//! too), and only addresses can be denied, since a name cannot be denied to who may ask another name server. Texts of errors
//! that E2B has are E2B's. It looks at nothing but itself: special-purpose ranges are `gate`'s, what a name resolved to is
//! `resolver`'s.

use super::name::{self, Pattern};
use super::rules::Rule;
use super::socks::EgressProxy;
use super::special::unwrapped;
use crate::error::Error;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Entries that a list may have.
const ENTRIES_MAX: usize = 1000;
/// Name servers that a sandbox may have (E2B's).
const NAME_SERVERS_MAX: usize = 10;
/// Hosts that may have rules (E2B's `maxNetworkRuleDomains`).
const RULES_MAX: usize = 10;
/// E2B's sentinel for all traffic.
const ALL_TRAFFIC: &str = "0.0.0.0/0";

/// What may leave a sandbox. Special-purpose ranges and the host's own addresses never may, whatever the lists say.
///
/// ```
/// # use isolet::Egress;
/// # fn main() -> Result<(), isolet::Error> {
/// let egress = Egress::deny_all().allow("pypi.org")?.allow("*.pythonhosted.org")?.allow("1.1.1.0/24")?;
/// # assert_eq!(egress.allowed(), ["pypi.org", "*.pythonhosted.org", "1.1.1.0/24"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    internet: bool,
    allow: Vec<Entry>,
    deny: Vec<Entry>,
    rules: Vec<Rule>,
    proxy: Option<Arc<EgressProxy>>,
    name_servers: Option<Vec<Ipv4Addr>>,
}

/// One entry of a list, as it was written and as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    text: String,
    means: Means,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    All,
    Addresses(IpNet),
    Names(Pattern),
}

impl Means {
    fn covers(&self, ip: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Addresses(range) => {
                range.contains(&ip.to_canonical()) || range.contains(&unwrapped(ip))
            }
            Self::Names(_) => false,
        }
    }
}

/// What a policy says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It may be reached.
    Open,
    /// Only as one that an allowed name resolved to, and by that name.
    ByName,
    /// It may not.
    Denied,
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid { field, problem: problem.into() }
}

/// The addresses that `text` means: one, or a range by its prefix. v4-mapped ones are IPv4.
fn addresses(text: &str) -> Option<IpNet> {
    let net = match text.parse::<IpAddr>() {
        Ok(ip) => IpNet::from(ip),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    Some(match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => IpNet::new(v4.into(), v6.prefix_len() - 96).ok()?.trunc(),
            None => net.trunc(),
        },
        _ => net.trunc(),
    })
}

/// As [`addresses`]; E2B takes no unspecified address but in `0.0.0.0/0`.
fn specified(text: &str) -> Option<Means> {
    if text == ALL_TRAFFIC {
        return Some(Means::All);
    }
    let ip = text.split('/').next().unwrap_or_default().parse::<IpAddr>().ok()?;
    let range = addresses(text)?;
    (!ip.to_canonical().is_unspecified()).then_some(Means::Addresses(range))
}

impl Egress {
    /// Nothing leaves: connects fail with ENETUNREACH, names do not resolve. What is then allowed may.
    #[must_use]
    pub const fn deny_all() -> Self {
        Self::new(false)
    }

    /// Everything may be reached but what is then denied. EACCES is the error for that.
    #[must_use]
    pub const fn internet() -> Self {
        Self::new(true)
    }

    const fn new(internet: bool) -> Self {
        Self {
            internet,
            allow: Vec::new(),
            deny: Vec::new(),
            rules: Vec::new(),
            proxy: None,
            name_servers: None,
        }
    }

    /// Allows an address, a range (`1.1.1.0/24`), a name (`example.com`), the names below one (`*.example.com`), or all names (`*`).
    ///
    /// A name allows TLS and HTTP over TCP, on any port, to the addresses that this sandbox's lookups of it gave, where the TLS
    /// server name or each request's `Host` is that name too. Nothing else is allowed by name: neither datagrams nor protocols in
    /// which the server speaks first.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for anything else, or too many entries.
    pub fn allow(mut self, entry: &str) -> Result<Self, Error> {
        let means = match addresses(entry) {
            Some(_) => specified(entry)
                .ok_or_else(|| invalid("allowOut", format!("invalid allowed address {entry}")))?,
            None => Means::Names(Pattern::parse(entry).ok_or_else(|| {
                let shown: String = entry.chars().take(100).collect();
                let problem = format!(
                    "invalid allowed entry {shown:?}: must be an IP address, a CIDR block, a domain name or *.domain"
                );
                invalid("allowOut", problem)
            })?),
        };
        self.allow.push(Entry { text: entry.to_owned(), means });
        if self.allow.len() > ENTRIES_MAX {
            return Err(invalid("allowOut", format!("allowOut: at most {ENTRIES_MAX} entries")));
        }
        Ok(self)
    }

    /// Denies an address, a range, or all traffic (`0.0.0.0/0`, which is IPv6 too).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for anything else, names among it, or too many entries.
    pub fn deny(mut self, entry: &str) -> Result<Self, Error> {
        let shown: String = entry.chars().take(100).collect();
        let means = specified(entry)
            .ok_or_else(|| invalid("denyOut", format!("invalid denied CIDR {shown}")))?;
        self.deny.push(Entry { text: entry.to_owned(), means });
        if self.deny.len() > ENTRIES_MAX {
            return Err(invalid("denyOut", format!("denyOut: at most {ENTRIES_MAX} entries")));
        }
        Ok(self)
    }

    /// Sets headers of HTTP and HTTPS requests to `host`, so that a secret reaches that service and never the guest. It does not
    /// allow the host.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a host that is no name or has rules already, headers that cannot be set, or too many of either.
    pub fn rule<'a>(
        mut self,
        host: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let rule = Rule::new(host, headers).map_err(|problem| invalid("rules", problem))?;
        if self.rules.iter().any(|other| other.host() == rule.host()) {
            return Err(invalid("rules", format!("Rule domain {host:?} is listed twice.")));
        }
        self.rules.push(rule);
        if self.rules.len() > RULES_MAX {
            let problem = format!("Network rules can have at most {RULES_MAX} domains.");
            return Err(invalid("rules", problem));
        }
        Ok(self)
    }

    /// Sends TCP through a SOCKS5 proxy and nothing past it: datagrams are refused, and no proxy means no connection.
    #[must_use]
    pub fn proxy(mut self, proxy: EgressProxy) -> Self {
        self.proxy = Some(Arc::new(proxy));
        self
    }

    /// Looks names up at these servers instead of the host's; none at all with an empty list. With a name in the allow list,
    /// guests may reach the servers themselves too, as E2B has it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for too many, or an address that is none of a server's.
    pub fn name_servers(mut self, servers: Vec<Ipv4Addr>) -> Result<Self, Error> {
        if servers.len() > NAME_SERVERS_MAX {
            let problem = format!("dnsServers: at most {NAME_SERVERS_MAX} servers");
            return Err(invalid("dnsServers", problem));
        }
        self.name_servers = Some(servers);
        Ok(self)
    }

    /// Whether the whole fits together.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where names are allowed and everything else is not denied: they would mean nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.names_any() && !self.denies_rest() {
            let problem = "When specifying allowed domains in allow out, you must include 'ALL_TRAFFIC' in deny out to block all other traffic.";
            return Err(invalid("allowOut", problem));
        }
        Ok(())
    }

    /// Whether it began as [`Self::internet`].
    #[must_use]
    pub fn has_internet(&self) -> bool {
        self.internet
    }

    /// What was allowed, as it was written.
    #[must_use]
    pub fn allowed(&self) -> Vec<&str> {
        self.allow.iter().map(|entry| entry.text.as_str()).collect()
    }

    /// What was denied, as it was written.
    #[must_use]
    pub fn denied(&self) -> Vec<&str> {
        self.deny.iter().map(|entry| entry.text.as_str()).collect()
    }

    /// The name servers, if they are not the host's.
    #[must_use]
    pub fn own_name_servers(&self) -> Option<&[Ipv4Addr]> {
        self.name_servers.as_deref()
    }

    /// The header rules.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The proxy that everything goes through.
    pub(crate) fn via(&self) -> Option<&Arc<EgressProxy>> {
        self.proxy.as_ref()
    }

    /// Whether what the lists do not name is denied.
    fn denies_rest(&self) -> bool {
        !self.internet || self.deny.iter().any(|entry| entry.means == Means::All)
    }

    fn names_any(&self) -> bool {
        self.allow.iter().any(|entry| matches!(entry.means, Means::Names(_)))
    }

    /// Whether nothing at all may leave.
    pub(super) fn is_off(&self) -> bool {
        self.denies_rest() && self.allow.is_empty()
    }

    /// What the lists say about an address.
    pub(super) fn says(&self, ip: IpAddr) -> Says {
        let listed = |list: &[Entry]| list.iter().any(|entry| entry.means.covers(ip));
        let names = self.names_any();
        let server = || match unwrapped(ip) {
            IpAddr::V4(ip) => self.name_servers.iter().flatten().any(|server| *server == ip),
            IpAddr::V6(_) => false,
        };
        if listed(&self.allow) || (names && server()) {
            return Says::Open;
        }
        match (self.internet && !listed(&self.deny), names) {
            (true, _) => Says::Open,
            (false, true) => Says::ByName,
            (false, false) => Says::Denied,
        }
    }

    /// Whether a name, in the strict form, is in the allow list.
    pub(super) fn allows_name(&self, name: &str) -> bool {
        self.allow.iter().any(|entry| match &entry.means {
            Means::Names(pattern) => pattern.matches(name),
            Means::All | Means::Addresses(_) => false,
        })
    }

    /// Whether a lookup of the name may leave.
    pub(in crate::vnet) fn may_look_up(&self, name: &str) -> bool {
        let all = self.allow.iter().any(|entry| entry.means == Means::All);
        all || !self.denies_rest() || self.allows_name(name)
    }

    /// Whether connections to the gateway's address `at` may go to other sandboxes: it is not denied, and there is no proxy that
    /// everything goes through.
    pub(in crate::vnet) fn may_visit(&self, at: IpAddr) -> bool {
        self.says(at) != Says::Denied && self.proxy.is_none()
    }

    /// The rule for a host, in the strict form.
    pub(in crate::vnet) fn rule_for(&self, host: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.host() == host)
    }
}

/// Whether `text` is a name that a policy can hold (E2B's `IsDNSName`).
pub(super) fn is_name(text: &str) -> Option<String> {
    name::written(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(egress: &Egress, ip: &str) -> Says {
        egress.says(ip.parse().unwrap())
    }

    fn problem<T>(result: Result<T, Error>) -> String {
        match result.map(|_| ()) {
            Err(Error::Invalid { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn allow_beats_deny_and_the_rest_is_open() {
        let egress = Egress::internet()
            .deny("8.8.0.0/16")
            .and_then(|egress| egress.allow("8.8.8.8"))
            .unwrap();
        assert_eq!(says(&egress, "8.8.8.8"), Says::Open);
        assert_eq!(says(&egress, "8.8.4.4"), Says::Denied);
        assert_eq!(says(&egress, "::ffff:8.8.4.4"), Says::Denied);
        assert_eq!(says(&egress, "64:ff9b::8.8.4.4"), Says::Denied);
        assert_eq!(says(&egress, "64:ff9b::8.8.8.8"), Says::Open);
        assert_eq!(says(&egress, "1.1.1.1"), Says::Open);
        assert!(egress.may_look_up("any.example") && !egress.is_off());
    }

    #[test]
    fn all_traffic_is_ipv6_too() {
        let denied = Egress::internet().deny("0.0.0.0/0").unwrap();
        assert!(denied.is_off() && Egress::deny_all().is_off());
        for ip in ["1.1.1.1", "2606:4700::1"] {
            assert_eq!(says(&denied, ip), Says::Denied);
        }
        let opened = denied.allow("2606:4700::/32").unwrap();
        assert_eq!(says(&opened, "2606:4700::1"), Says::Open);
        assert_eq!(says(&opened, "1.1.1.1"), Says::Denied);
        assert!(!opened.may_look_up("one.example"), "no lookup is a way out");
    }

    #[test]
    fn names_need_everything_else_denied() {
        let names = Egress::internet().allow("example.com").unwrap();
        assert!(problem(names.check()).contains("'ALL_TRAFFIC' in deny out"));
        for egress in [names.deny("0.0.0.0/0").unwrap(), Egress::deny_all().allow("*.a.b").unwrap()]
        {
            assert!(egress.check().is_ok());
            assert_eq!(says(&egress, "1.1.1.1"), Says::ByName);
        }
    }

    #[test]
    fn name_servers_are_open_only_beside_names() {
        let servers = vec![Ipv4Addr::new(9, 9, 9, 9)];
        let egress = Egress::deny_all().name_servers(servers).unwrap();
        assert_eq!(says(&egress, "9.9.9.9"), Says::Denied);
        let egress = egress.allow("example.com").unwrap();
        assert_eq!(says(&egress, "9.9.9.9"), Says::Open);
        assert_eq!(says(&egress, "9.9.9.8"), Says::ByName);
        assert!(Egress::internet().name_servers(vec![Ipv4Addr::LOCALHOST; 11]).is_err());
    }

    #[test]
    fn entries_that_mean_nothing_are_refused_in_e2bs_words() {
        for bad in
            ["example.com", "*.example.com", "0.0.0.0", "::", "::/0", "1.2.3.4/33", "1.2.3", ""]
        {
            let message = problem(Egress::internet().deny(bad));
            assert_eq!(message, format!("invalid denied CIDR {bad}"));
        }
        for bad in ["0.0.0.0", "::", "::/0", "0.0.0.0/8"] {
            let message = problem(Egress::deny_all().allow(bad));
            assert_eq!(message, format!("invalid allowed address {bad}"));
        }
        for bad in
            ["", "1.2.3", "10.0.0.0/33", "a b", "a\0.b", "https://a.b", "a.b:443", "*", "fe80::1%2"]
        {
            let allowed = Egress::deny_all().allow(bad);
            assert_eq!(allowed.is_ok(), bad == "*", "{bad:?}");
        }
        let mut egress = Egress::deny_all();
        for _ in 0..ENTRIES_MAX {
            egress = egress.allow("1.1.1.1").unwrap();
        }
        assert!(egress.allow("1.1.1.1").is_err());
    }

    #[test]
    fn addresses_are_written_in_many_ways() {
        for (text, inside, outside) in [
            ("8.8.8.8", "8.8.8.8", "8.8.8.9"),
            ("8.8.8.77/24", "8.8.8.1", "8.8.9.1"),
            ("::ffff:8.8.8.0/120", "8.8.8.1", "8.8.9.1"),
            ("2606:4700::/32", "2606:4700:1::1", "2606:4701::1"),
        ] {
            let egress = Egress::deny_all().allow(text).unwrap();
            assert_eq!(says(&egress, inside), Says::Open, "{text}");
            assert_eq!(says(&egress, outside), Says::Denied, "{text}");
            assert_eq!(egress.allowed(), [text]);
        }
    }
}
