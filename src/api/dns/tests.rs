//! Tests of the name server, asked by hickory's resolver over both transports.

use super::*;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};

async fn started(domain: &str) -> (SocketAddr, CancellationToken) {
    let dns = Dns::bind("127.0.0.1:0".parse().unwrap(), domain, false).await.unwrap();
    let (address, stop) = (dns.address(), CancellationToken::new());
    tokio::spawn(dns.serve(stop.clone()));
    (address, stop)
}

fn client(server: SocketAddr, mut transport: ConnectionConfig) -> TokioResolver {
    transport.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![transport]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
}

async fn addresses(client: &TokioResolver, name: &str, kind: RecordType) -> Vec<String> {
    let found = client.lookup(name, kind).await.unwrap();
    found.answers().iter().map(|record| record.data.to_string()).collect()
}

#[tokio::test]
async fn answers_the_domain_and_everything_below_it() {
    let (server, stop) = started("Sandbox.Example:8080").await;
    for transport in [ConnectionConfig::udp(), ConnectionConfig::tcp()] {
        let client = client(server, transport);
        for name in ["sandbox.example.", "api.SANDBOX.example.", "3000-abc.sandbox.example."] {
            assert_eq!(addresses(&client, name, RecordType::A).await, ["127.0.0.1"], "{name}");
            assert_eq!(addresses(&client, name, RecordType::AAAA).await, ["::1"], "{name}");
            let text = client.lookup(name, RecordType::TXT).await.unwrap_err();
            let NetError::Dns(DnsError::NoRecordsFound(none)) = text else { panic!("{text}") };
            assert_eq!(none.response_code, ResponseCode::NoError);
        }
    }
    stop.cancel();
}

#[tokio::test]
async fn refuses_other_names() {
    let (server, stop) = started("sandbox.example").await;
    let client = client(server, ConnectionConfig::udp());
    for name in ["example.", "evilsandbox.example.", "sandbox.example.evil.test."] {
        let refused = client.lookup(name, RecordType::A).await.unwrap_err();
        let code = match refused {
            NetError::Dns(DnsError::ResponseCode(code)) => code,
            NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(code, ResponseCode::Refused, "{name}");
    }
    stop.cancel();
}

#[tokio::test]
async fn stops_and_gives_its_port_back() {
    let dns = Dns::bind("127.0.0.1:0".parse().unwrap(), "x.test", false).await.unwrap();
    let (address, stop) = (dns.address(), CancellationToken::new());
    let serving = tokio::spawn(dns.serve(stop.clone()));
    let taken = Dns::bind(address, "x.test", false).await;
    assert!(matches!(taken, Err(Error::Host { .. })));
    stop.cancel();
    serving.await.unwrap().unwrap();
    Dns::bind(address, "x.test", false).await.unwrap();
}

#[tokio::test]
async fn bad_arguments() {
    for listen in ["0.0.0.0:0", "192.0.2.1:53", "[::]:0"] {
        let refused = Dns::bind(listen.parse().unwrap(), "x.test", false).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "listen", .. })), "{listen}");
    }
    for domain in ["", ".", "a b", "x.test:", "x.test:99999", "x/y", "a..b", "é.test"] {
        let refused = Dns::bind("127.0.0.1:0".parse().unwrap(), domain, false).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "domain", .. })), "{domain}");
    }
}
