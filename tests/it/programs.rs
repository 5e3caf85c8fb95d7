//! E2B's web server example as it stands, by the official SDKs: no dispatcher, no patched fetch. In
//! namespaces where `isolet dns` is the resolver and `isolet serve` has its default address.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use crate::namespace::enter;
use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet, start_dns};

const BOUND: Duration = Duration::from_secs(3600);

/// How the program learns where isolet is.
#[derive(Clone, Copy)]
enum Way {
    /// The printed exports, pasted.
    Pasted,
    /// The printed exports without the two URLs: names and TLS alone, as with E2B's own domain.
    Names,
    /// The two URLs, over plain HTTP; `getHost` still gives names under TLS.
    PlainHttp,
}

fn program(test: &str, way: Way, prints: &str, program: impl FnOnce() -> Command) {
    // Outside the namespace, where there is a registry and time: installs and compiles what is needed.
    let program = program();
    isolet();
    enter(test, Ipv4Addr::LOCALHOST.into(), BOUND, || {
        let (_dns, _) = start_dns(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)), "isolet.localhost");
        let server = Server::start("127.0.0.1:8080", "isolet.localhost:8080");
        let url = format!("http://{}", server.address());
        let more = match way {
            Way::Pasted => String::new(),
            Way::Names => "unset E2B_API_URL E2B_SANDBOX_URL".to_owned(),
            Way::PlainHttp => format!("export E2B_API_URL={url} E2B_SANDBOX_URL={url}"),
        };
        let mut program = server.with_exports(&program, &more);
        assert_eq!(run(&mut program, BOUND).success(), prints);
        let (status, log) = server.stop();
        assert!(status.success(), "{status}\n{log}");
    });
}

macro_rules! listings {
    ($($name:ident: $way:expr, $program:expr;)*) => {$(
        #[test]
        fn $name() {
            let test = concat!("programs::", stringify!($name));
            program(test, $way, "listing ok\n", || $program);
        }
    )*};
}

listings! {
    javascript_with_the_exports_pasted: Way::Pasted, sdk::js_program("listing.mjs");
    javascript_by_names_and_tls: Way::Names, sdk::js_program("listing.mjs");
    javascript_over_plain_http: Way::PlainHttp, sdk::js_program("listing.mjs");
    python_with_the_exports_pasted: Way::Pasted, sdk::python_program("listing_sync.py");
    python_by_names_and_tls: Way::Names, sdk::python_program("listing_sync.py");
    python_over_plain_http: Way::PlainHttp, sdk::python_program("listing_sync.py");
    async_python_by_names_and_tls: Way::Names, sdk::python_program("listing_async.py");
    async_python_over_plain_http: Way::PlainHttp, sdk::python_program("listing_async.py");
}

/// A user's component instead of Python's server.
#[test]
fn a_component_serves() {
    program("programs::a_component_serves", Way::Names, "component ok\n", || {
        let file = sdk::cache().join("wasip2.wasm");
        let _held = sdk::lock("wasip2");
        std::fs::write(&file, crate::guests::p2()).expect("the cache is writable");
        let mut program = sdk::js_program("component.mjs");
        program.arg(file);
        program
    });
}
