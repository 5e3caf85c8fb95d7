//! Users' programs are compiled in a process of their own with limits; what cannot be compiled or run says why and costs nobody else
//! anything; what was compiled is kept for its owner alone.

use std::time::Duration;

use isolet::{CompileLimits, Config, Egress, Runtime, Sandbox, SandboxConfig};

use crate::guests::{
    block_on, config, machine, machine_of, p1, put, run, runtime, runtime_with, success, wat,
};
use crate::server::data_dir;

/// Runs a program that cannot be: what it says.
async fn refusal(machine: &Sandbox, name: &str, content: &[u8]) -> String {
    put(machine, name, content);
    let (code, stdout, stderr) = run(machine, &format!("./{name}")).await;
    assert_eq!((code, stdout.as_str()), (Some(126), ""), "{stderr}");
    stderr
}

#[test]
fn what_cannot_run_says_why() {
    block_on(async {
        let machine = machine(&[]).await;
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("cut", p1()[..5000].to_vec(), "unexpected end"),
            ("magic", b"\0asm".to_vec(), "unexpected end"),
            ("rubbish", b"\0asm\x01\0\0\0rubbish follows here".to_vec(), "unexpected end"),
            ("library", wat("(module (func (export \"add\")))"), "a library, not a program"),
            (
                "import",
                wat("(module (import \"env\" \"abort\" (func)) (func (export \"_start\")))"),
                "unknown import: `env::abort`",
            ),
            (
                "type",
                wat(
                    "(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func)) (func (export \"_start\")))",
                ),
                "incompatible import type for `wasi_snapshot_preview1::fd_close`",
            ),
            (
                "linux",
                wat(
                    "(module (import \"isolet_v1\" \"fork\" (func (result i32))) (func (export \"_start\")))",
                ),
                "isolet's own images",
            ),
            (
                "start",
                wat("(module (func (export \"_start\") (param i32)))"),
                "its _start is not a function",
            ),
            ("huge-memory", wat("(module (memory 65536) (func (export \"_start\")))"), "memory"),
            ("threads", wat("(module (memory 1 1 shared) (func (export \"_start\")))"), "threads"),
            ("invalid", wat_invalid(), "type mismatch"),
        ];
        for (name, content, expected) in cases {
            let said = refusal(&machine, name, content).await;
            let begins = format!("isolet: ./{name}: cannot run this program: ");
            assert!(said.starts_with(&begins) && said.contains(expected), "{name}: {said}");
        }
        // It is known the next time, and where else it lies.
        let (code, _, said) = run(&machine, "cp library other; ./other").await;
        assert!(code == Some(126) && said.contains("a library"), "{said}");
        machine.kill().await;
    });
}

/// A module that adds nothing to nothing.
fn wat_invalid() -> Vec<u8> {
    let mut module = wat("(module (func (export \"_start\") (drop (i32.const 1))))");
    let at = module.windows(3).position(|w| w == [0x41, 0x01, 0x1a]).expect("i32.const 1, drop");
    module[at..at + 3].copy_from_slice(&[0x01, 0x01, 0x6a]);
    module
}

#[test]
fn machine_code_is_data() {
    block_on(async {
        let machine = machine(&[("guest", p1())]).await;
        success(run(&machine, "./guest exit 0").await);
        // What the cache keeps of that very program, and what wasmtime would load: both are files like any other.
        let kept = kept("").into_iter().next().expect("it was kept");
        let file = std::fs::read(data_dir().join("code").join(&kept)).expect("reads");
        let code = file.windows(4).position(|w| w == b"\x7fELF").expect("machine code is ELF");
        for (name, content) in [("file", file.as_slice()), ("code.cwasm", &file[code..])] {
            put(&machine, name, content);
            let (code, stdout, stderr) = run(&machine, &format!("env ./{name}")).await;
            assert_eq!((code, stdout.as_str()), (Some(126), ""), "{stderr}");
            assert!(stderr.contains("Exec format error"), "{stderr}");
        }
        machine.kill().await;
    });
}

/// Files of users' code whose name contains `part`.
fn kept(part: &str) -> Vec<String> {
    let files = std::fs::read_dir(data_dir().join("code")).expect("is there");
    let names = files.map(|file| file.expect("reads").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.ends_with(".user2") && name.contains(part)).collect()
}

#[test]
fn code_is_kept_for_its_owner_alone() {
    block_on(async {
        let unique = format!("(module (func (export \"_start\")) (data \"{:032x}\"))", rand());
        let program = wat(&unique);
        let digest = digest(&program);
        for (owner, files) in [("one", 1), ("one", 1), ("two", 2), ("", 3)] {
            let wanted = SandboxConfig::new("base", Egress::deny_all()).owner(owner);
            let machine = machine_of(runtime().await, wanted, &[("p", program.clone())]).await;
            success(run(&machine, "./p").await);
            assert_eq!(kept(&digest).len(), files, "{owner}");
            machine.kill().await;
        }
        // A damaged file is not believed: the program is compiled again.
        let file = data_dir().join("code").join(&kept(&digest)[0]);
        let sound = std::fs::read(&file).expect("reads");
        let mut broken = sound.clone();
        let middle = broken.len() / 2;
        broken[middle] ^= 1;
        std::fs::write(&file, &broken).expect("writes");
        let again = runtime_with(CompileLimits::default()).await;
        for owner in ["one", "two", ""] {
            let wanted = SandboxConfig::new("base", Egress::deny_all()).owner(owner);
            let machine = machine_of(&again, wanted, &[("p", program.clone())]).await;
            success(run(&machine, "./p").await);
            machine.kill().await;
        }
        assert_ne!(std::fs::read(&file).expect("reads"), broken);
    });
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number that no earlier run has used.
fn rand() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_nanos() << 32 | u128::from(std::process::id())
}

/// A module whose compilation takes long: many long functions of nested blocks and locals.
fn bomb() -> Vec<u8> {
    let mut text = format!("(module (data \"{:032x}\")", rand());
    for _ in 0..400 {
        text.push_str("(func (param i64) (result i64) (local i64 i64 i64 i64)");
        for n in 0..1500 {
            let (a, b) = (n % 5, (n * 7 + 3) % 5);
            text.push_str(&format!(
                "(local.set {a} (i64.mul (local.get {b}) (i64.div_u (i64.const {n}) (local.get {a}))))(if (i64.eqz (local.get {b})) (then (local.set {b} (i64.const {n}))))"
            ));
        }
        text.push_str("(local.get 1))");
    }
    text.push_str("(func (export \"_start\")))");
    wat(&text)
}

/// A trivial module takes a few hundredths of that, a bomb many times as much.
const CPU_MAX: Duration = Duration::from_secs(5);

#[test]
fn a_compile_bomb_costs_its_sandbox_an_error() {
    block_on(async {
        let small = CompileLimits { cpu_max: CPU_MAX, at_a_time: 1, ..CompileLimits::default() };
        let own = runtime_with(small).await;
        let wanted = || SandboxConfig::new("base", Egress::deny_all());
        let (bomber, victim) = (
            machine_of(&own, wanted(), &[("bomb", bomb())]).await,
            machine_of(&own, wanted(), &[]).await,
        );
        let attack = run(&bomber, "./bomb");
        let fine = async {
            for _ in 0..5 {
                assert_eq!(success(run(&victim, "echo fine | cat").await), "fine\n");
            }
        };
        let ((code, stdout, stderr), ()) = tokio::join!(attack, fine);
        assert_eq!((code, stdout.as_str()), (Some(126), ""), "{stderr}");
        assert!(stderr.contains("more than 5 s of processor time"), "{stderr}");
        // Its turn is free again.
        put(&victim, "guest", &wat("(module (func (export \"_start\")))"));
        success(run(&victim, "./guest").await);

        let (wasm, code) = (4000, 20_000);
        let tiny = CompileLimits {
            wasm_bytes_max: wasm,
            code_bytes_max: code,
            ..CompileLimits::default()
        };
        let tiny = runtime_with(tiny).await;
        let machine = machine_of(&tiny, wanted(), &[("bomb", bomb())]).await;
        let (_, _, stderr) = run(&machine, "./bomb").await;
        assert!(stderr.contains("it is larger than 0 MiB"), "{stderr}");
        let many = format!(
            "(module (data \"{:032x}\") {} (func (export \"_start\")))",
            rand(),
            "(func (param i32) (result i32) (i32.div_s (i32.const 7) (local.get 0)))".repeat(150)
        );
        let many = wat(&many);
        assert!(many.len() < 4000);
        let said = refusal(&machine, "many", &many).await;
        assert!(said.contains("machine code takes more than"), "{said}");
        for machine in [bomber, victim, machine] {
            machine.kill().await;
        }
    });
}

/// A module that does nothing, and that no earlier run has compiled.
fn trivial() -> Vec<u8> {
    wat(&format!("(module (data \"{:032x}\") (func (export \"_start\")))", rand()))
}

/// What a program says that was given up for others.
const GIVEN_UP: &str = "others wait: try again later";

/// A sandbox whose owner's bomb is about to be compiled, another's with a program that compiles at once, and one place for both;
/// `behind` may go on when their slice of a tenth of a second is over.
async fn bomber_and_other(behind: usize) -> (Runtime, Sandbox, Sandbox) {
    let slice = Duration::from_millis(100);
    let limits = CompileLimits { at_a_time: 1, behind, slice, ..CompileLimits::default() };
    let own = runtime_with(limits).await;
    let wanted = |owner: &str| SandboxConfig::new("base", Egress::deny_all()).owner(owner);
    let bomber = machine_of(&own, wanted("bomber"), &[("bomb", bomb())]).await;
    let other = machine_of(&own, wanted("other"), &[("p", trivial())]).await;
    (own, bomber, other)
}

#[test]
fn a_long_compilation_gives_way_to_other_owners() {
    block_on(async {
        let (_own, bomber, other) = bomber_and_other(1).await;
        let long = crate::guests::start(&bomber, "exec ./bomb");
        tokio::time::sleep(Duration::from_millis(300)).await;
        success(run(&other, "./p").await);
        assert!(!long.has_ended(), "it goes on");
        bomber.kill().await;
        other.kill().await;
    });
}

#[test]
fn a_long_compilation_is_given_up_where_too_many_go_on() {
    block_on(async {
        let (_own, bomber, other) = bomber_and_other(0).await;
        let bomb = run(&bomber, "./bomb");
        tokio::pin!(bomb);
        // However late the bomb's turn comes, somebody waits behind it; on a slow machine one of them is given up for the bomb, too.
        let others = async {
            for number in 0.. {
                let name = format!("p{number}");
                put(&other, &name, &trivial());
                let (code, _, stderr) = run(&other, &format!("./{name}")).await;
                assert!(code == Some(0) || stderr.contains(GIVEN_UP), "{code:?} {stderr}");
            }
        };
        let (code, _, stderr) = tokio::select! {
            said = &mut bomb => said,
            () = others => unreachable!("there are always more"),
        };
        assert_eq!(code, Some(126), "{stderr}");
        assert!(stderr.contains(GIVEN_UP), "{stderr}");
        // Nobody is in the way any more.
        success(run(&other, "./p").await);
        bomber.kill().await;
        other.kill().await;
    });
}

#[test]
fn killing_who_waits_for_it_ends_a_compilation() {
    block_on(async {
        let one = CompileLimits { at_a_time: 1, ..CompileLimits::default() };
        let own = runtime_with(one).await;
        let wanted = || SandboxConfig::new("base", Egress::deny_all());
        let bomber = machine_of(&own, wanted(), &[("bomb", bomb())]).await;
        let other = machine_of(&own, wanted().owner("other"), &[("p", trivial())]).await;
        let child = crate::guests::start(&bomber, "exec ./bomb");
        // Whoever comes next waits for the only turn, which is free once the sandbox of the first is killed.
        let killed = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            bomber.kill().await;
        };
        let (_, ran) = tokio::join!(killed, run(&other, "./p"));
        success(ran);
        assert!(child.has_ended());
        other.kill().await;
    });
}

#[test]
fn without_a_compiler_it_says_so() {
    block_on(async {
        let without = Runtime::new(Config { compiler: None, ..config() }).await.expect("starts");
        let broken = Config { compiler: Some("/bin/false".into()), ..config() };
        let broken = Runtime::new(broken).await.expect("starts");
        let fresh = trivial();
        for (runtime, expected) in [
            (&without, "this host has no compiler"),
            (&broken, "the compiler ended with exit status: 1"),
        ] {
            let wanted = SandboxConfig::new("base", Egress::deny_all());
            let machine = machine_of(runtime, wanted, &[]).await;
            let said = refusal(&machine, "p", &fresh).await;
            assert!(said.contains(expected), "{said}");
            machine.kill().await;
        }
    });
}
