//! Network namespaces of a test's own: an "inside", where isolet runs, joined by a veth pair to an
//! "outside", where canaries listen on public and on forbidden addresses. `tests/net/namespace.sh`
//! draws it and makes it.
//!
//! A test that needs one calls [`enter`] with its own name and its body. The first call starts this
//! test binary again inside `unshare`, for that one test; the second, inside, runs the body. Nothing
//! reaches a network of the machine. An unprivileged user namespace is enough; where the machine
//! allows none the test fails and says why, it is never skipped.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::alone::{again, is_inside};
use crate::canary::Canary;
use crate::run::run;
use crate::sdk;

/// Set inside, to the name of the test that entered.
const ENTERED: &str = "ISOLET_TEST_NAMESPACE";

/// The driver's names; see the drawing there.
pub const OUTSIDE: &str = "/run/netns/outside";

/// The address that "inside" has towards the outside, as a host has a public one.
pub const INSIDE_V4: &str = "45.67.89.2";

/// The IPv6 twin of [`INSIDE_V4`].
pub const INSIDE_V6: &str = "2a01:4f8:1::2";

/// Runs `body` inside a namespace of its own. `test` is this test's full name (`module::function`),
/// `nameserver` what resolv.conf names inside, `bound` the time it may take altogether.
pub fn enter(test: &str, nameserver: IpAddr, bound: Duration, body: impl FnOnce()) {
    if is_inside(test, ENTERED) {
        return body();
    }
    let mut command = Command::new("unshare");
    command.args(unshare_arguments().iter());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/net/namespace.sh"));
    command.arg(nameserver.to_string());
    command.arg(std::env::current_exe().expect("this test binary has a path"));
    again(&mut command, test, ENTERED, bound);
}

/// How this machine lets us make namespaces, found out once: directly as root, else through a user
/// namespace. Fails the test with both reasons where neither works.
fn unshare_arguments() -> &'static [&'static str] {
    const AS_ROOT: &[&str] = &["--net", "--mount"];
    const AS_USER: &[&str] = &["--user", "--map-root-user", "--net", "--mount"];
    static FOUND: OnceLock<Result<&[&str], String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        need_ip();
        let mut reasons = String::new();
        for arguments in [AS_ROOT, AS_USER] {
            let mut probe = Command::new("unshare");
            // Making namespaces is not enough: some machines allow that and no mount inside.
            probe.args(arguments).args(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
            let output = run(&mut probe, Duration::from_secs(300));
            if output.status.success() {
                return Ok(arguments);
            }
            reasons.push_str(&format!("unshare {}: {}", arguments.join(" "), output.stderr));
        }
        Err(reasons)
    });
    match found {
        Ok(arguments) => arguments,
        Err(reasons) => panic!(
            "this machine allows no network namespaces, which the network tests need (see \
             user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns):\n{reasons}"
        ),
    }
}

/// What `unshare` is to be called with for a mount namespace alone, of the machine's network.
pub fn mount_arguments() -> impl Iterator<Item = &'static str> {
    unshare_arguments().iter().copied().filter(|argument| *argument != "--net")
}

/// Makes sure that `ip` (Debian's iproute2) is there; as root it may be installed.
fn need_ip() {
    let _held = sdk::lock("iproute2");
    if Command::new("ip").arg("-V").output().is_ok() {
        return;
    }
    assert!(sdk::is_root(), "the network tests need `ip`: apt-get install iproute2");
    sdk::apt_install("iproute2");
}

/// Runs `make` on a thread that has moved to the outside namespace; sockets made there stay there.
pub fn outside<T: Send>(make: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let namespace = File::open(OUTSIDE).expect("the driver has made the outside");
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root of a user namespace may enter its network namespaces");
            make()
        });
        mover.join().expect("making things outside does not panic")
    })
}

#[test]
fn a_canary_hears_every_address_from_inside() {
    let nameserver = "127.0.0.1".parse().expect("an address");
    let name = "namespace::a_canary_hears_every_address_from_inside";
    enter(name, nameserver, Duration::from_secs(900), || {
        let canary = outside(|| Canary::listen(80));
        for address in crate::canary::PUBLIC.iter().chain(crate::canary::DENIED) {
            let address: IpAddr = address.parse().expect("an address");
            canary.assert_hears_host(address);
        }
        for address in [INSIDE_V4, INSIDE_V6] {
            let called = std::net::TcpStream::connect((address, 80));
            assert!(called.is_err(), "the canary is outside: inside nothing listens");
        }
    });
}
