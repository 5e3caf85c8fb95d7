//! `isolet doctor`: good news where everything is there, and for each thing that is missing a line that says so.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::namespace::enter;
use crate::run::run;
use crate::server::{Server, data_dir, isolet, start_dns};

/// The whole test, a server of a debug build included.
const BOUND: Duration = Duration::from_secs(3600);

/// One look; a step takes at most ten seconds.
const LOOK_BOUND: Duration = Duration::from_secs(600);

#[test]
fn a_way_that_stands_is_told_from_one_that_does_not() {
    // Outside the namespace, where there is time: compiles what is needed.
    drop(isolet());
    enter(
        "doctor::a_way_that_stands_is_told_from_one_that_does_not",
        Ipv4Addr::LOCALHOST.into(),
        BOUND,
        || {
            let mut look = isolet();
            look.args(["doctor", "--domain", "isolet.localhost:8080", "--data-dir"])
                .arg(data_dir());
            let nothing = run(&mut look, LOOK_BOUND);
            assert!(!nothing.status.success(), "{}", nothing.transcript());
            for line in [
                "FAIL  server on 127.0.0.1:8080: ",
                "FAIL  names: *.isolet.localhost: ",
                "apt-get install libnss-myhostname",
                "FAIL  SDK variables: E2B_API_URL is not set",
                "FAIL  API key: E2B_API_KEY is not set",
            ] {
                assert!(nothing.stdout.contains(line), "{line}\n{}", nothing.transcript());
            }
            let (_dns, _) =
                start_dns(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)), "isolet.localhost");
            let server = Server::start("127.0.0.1:8080", "isolet.localhost:8080");
            let all = run(&mut server.with_exports(&look, ""), LOOK_BOUND).success();
            assert!(!all.contains("FAIL") && all.matches("ok  ").count() == 7, "{all}");
            // One thing missing at a time.
            for (missing, told) in [
                (
                    "unset NODE_EXTRA_CA_CERTS",
                    "FAIL  trust of programs started here: Node does not",
                ),
                (
                    "unset SSL_CERT_FILE",
                    "FAIL  trust of programs started here: Python and curl do not",
                ),
                ("export E2B_DOMAIN=e2b.app", "FAIL  SDK variables: E2B_DOMAIN is e2b.app"),
                ("export E2B_API_KEY=e2b_00", "FAIL  API key: the server does not know it"),
            ] {
                let output = run(&mut server.with_exports(&look, missing), LOOK_BOUND);
                assert!(
                    !output.status.success() && output.stdout.contains(told),
                    "{}",
                    output.transcript()
                );
                assert_eq!(output.stdout.matches("FAIL").count(), 1, "{}", output.transcript());
            }
        },
    );
}
