//! Puts the built-in images into the binary: writes the table of manifests (`guest-images/*/image.toml`) and of the blobs
//! that they name, which `src/sandbox/image.rs` includes. It builds no image (guest-images/README.md) and unpacks none.

#![expect(clippy::disallowed_methods, reason = "a build script reads the source tree")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// Where manifests and blobs are, from the crate's root.
const IMAGES: &str = "guest-images";

fn main() {
    println!("cargo::rerun-if-changed={IMAGES}/blobs");
    match table() {
        Ok(table) => {
            let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
            if let Err(error) = fs::write(Path::new(&out).join("images.rs"), table) {
                println!("cargo::error=cannot write the table of images: {error}");
            }
        }
        Err(problem) => println!("cargo::error={problem}"),
    }
}

/// The generated source, or what is wrong with the images.
fn table() -> Result<String, String> {
    let listing = fs::read_dir(IMAGES).map_err(|error| format!("{IMAGES}: {error}"))?;
    let mut manifests = BTreeSet::new();
    for entry in listing.flatten() {
        let directory = format!("{IMAGES}/{}", entry.file_name().to_string_lossy());
        if !entry.path().is_dir() {
            continue;
        }
        let manifest = format!("{directory}/image.toml");
        // Watched even while missing, so that a new image is noticed.
        if Path::new(&manifest).exists() {
            println!("cargo::rerun-if-changed={manifest}");
            manifests.insert(manifest);
        } else {
            println!("cargo::rerun-if-changed={directory}");
        }
    }
    let mut blobs = BTreeSet::new();
    for manifest in &manifests {
        let text = fs::read_to_string(manifest).map_err(|error| format!("{manifest}: {error}"))?;
        for name in named_blobs(&text) {
            let path = format!("{IMAGES}/blobs/{name}");
            if !Path::new(&path).exists() {
                return Err(format!("{manifest} names {path}, which is missing"));
            }
            blobs.insert(name);
        }
    }
    let root = "concat!(env!(\"CARGO_MANIFEST_DIR\"), ";
    let mut table = String::from("/// Manifests: path in the source tree, text.\n");
    table += "pub(super) static MANIFESTS: &[(&str, &str)] = &[\n";
    for manifest in &manifests {
        let _ = writeln!(table, "    ({manifest:?}, include_str!({root}\"/{manifest}\"))),");
    }
    table +=
        "];\n\n/// Blobs: file name, content.\npub(super) static BLOBS: &[(&str, &[u8])] = &[\n";
    for name in &blobs {
        let path = format!("/{IMAGES}/blobs/{name}");
        let _ = writeln!(table, "    ({name:?}, include_bytes!({root}{path:?}))),");
    }
    table += "];\n";
    Ok(table)
}

/// File names of the blobs in a manifest: `blob = "SHA256"` under `[[tree]]` is a tar, under `[[program]]` a module. Only what is
/// needed to find files; the manifest is parsed properly when it is loaded.
fn named_blobs(manifest: &str) -> Vec<String> {
    let mut suffix = "";
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        match line {
            "[[tree]]" => suffix = "tar.zst",
            "[[program]]" => suffix = "wasm.zst",
            _ => {
                let value =
                    line.strip_prefix("blob").and_then(|rest| rest.trim().strip_prefix('='));
                if let Some(digest) = value {
                    names.push(format!("{}.{suffix}", digest.trim().trim_matches('"')));
                }
            }
        }
    }
    names
}
