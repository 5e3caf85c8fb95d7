//! Images: what sandboxes start from, out of the blobs that build.rs put into the binary, and of the operator's folders.
//!
//! A manifest (`image.toml`) names trees (tar archives, unpacked at `/`), programs, and the image below it. Blobs are
//! named by the SHA-256 of their uncompressed content and are checked against it when they are unpacked: trees at
//! start, programs when somebody first reads them. It compiles nothing and knows no sandbox.
//!
//! ```text
//! abi = 1                     the guest ABI that the programs speak (guest-images/sysroot/ABI.md)
//! name = "python"
//! base = "base"               optional
//! [[tree]]
//! blob = "SHA256"             blobs/SHA256.tar.zst
//! [[program]]
//! path = "/usr/bin/python3.14"
//! blob = "SHA256"             blobs/SHA256.wasm.zst
//! version = "3.14.7"
//! links = ["/usr/bin/python3"]
//! ```

mod archive;
mod folder;

use crate::errno::Errno;
use crate::error::Error;
use crate::vfs::{Layer, LayerBuilder, Lazy, Owner, Source, Timespec};
use crate::wasm::Digest;
use bytes::Bytes;
use folder::Folder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// The one guest ABI there is.
const ABI: u32 = 1;
/// Most bytes of one blob when unpacked: far above the largest (a Python with numpy is 100 MiB).
const BLOB_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a program that can be read without unpacking it: enough to see what it is.
const HEAD_BYTES: usize = 512;
/// What programs, their links and the root directory are; the time is 2025-01-01, as in the trees.
const PROGRAMS: Owner =
    Owner { mode: 0o755, uid: 0, gid: 0, time: Timespec { sec: 1_735_689_600, nsec: 0 } };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    abi: u32,
    name: String,
    base: Option<String>,
    #[serde(default)]
    tree: Vec<TreeEntry>,
    #[serde(default)]
    program: Vec<ProgramEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeEntry {
    blob: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramEntry {
    path: String,
    blob: String,
    #[expect(dead_code, reason = "for people who read the manifest")]
    version: String,
    #[serde(default)]
    links: Vec<String>,
}

/// A read-only root that sandboxes start from.
#[derive(Debug)]
pub(crate) struct Image {
    name: String,
    layer: Arc<Layer>,
    programs: Vec<ImageProgram>,
}

/// A program of an image.
#[derive(Clone, Debug)]
pub(crate) struct ImageProgram {
    /// SHA-256 of its module.
    pub(crate) digest: Digest,
    /// Where it lies in the image.
    pub(crate) path: String,
    /// Length of its module.
    pub(crate) bytes: u64,
    packed: Bytes,
}

impl ImageProgram {
    /// Its module.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] when the image's blob is damaged.
    pub(crate) fn wasm(&self) -> Result<Vec<u8>, Error> {
        unpack(&self.packed, &self.digest)
            .map_err(|problem| Error::Image { name: self.path.clone(), problem })
    }
}

impl Image {
    /// All built-in images, and those of the operator's `folders`, which may stand on them.
    ///
    /// # Errors
    ///
    /// [`Error::Image`]: which, and what is wrong with it; [`Error::Host`] for a folder that cannot be read.
    pub(crate) fn load_all(folders: &[PathBuf]) -> Result<Vec<Arc<Self>>, Error> {
        let blobs = BLOBS.iter().map(|&(name, blob)| (name.to_owned(), Bytes::from_static(blob)));
        let mut blobs: HashMap<_, _> = blobs.collect();
        let opened: Vec<(String, Folder)> = folders
            .iter()
            .map(|path| Ok((path.display().to_string(), Folder::open(path)?)))
            .collect::<Result<_, Error>>()?;
        let mut manifests = MANIFESTS.to_vec();
        for (path, folder) in &opened {
            manifests.push((path, &folder.manifest));
            blobs.extend(folder.blobs.iter().cloned());
        }
        Loader::new(&manifests, blobs)?.all()
    }

    /// Its name, as templates call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its files, those of its base below.
    pub(crate) fn layer(&self) -> Arc<Layer> {
        self.layer.clone()
    }

    /// Its programs, its base's too.
    pub(crate) fn programs(&self) -> &[ImageProgram] {
        &self.programs
    }
}

/// Loads images, each after its base and once.
struct Loader {
    manifests: BTreeMap<String, Manifest>,
    blobs: HashMap<String, Bytes>,
    loaded: HashMap<String, Arc<Image>>,
    loading: HashSet<String>,
}

impl Loader {
    fn new(manifests: &[(&str, &str)], blobs: HashMap<String, Bytes>) -> Result<Self, Error> {
        let mut parsed = BTreeMap::new();
        for (path, text) in manifests {
            let failed = |problem| Error::Image { name: (*path).to_owned(), problem };
            let manifest: Manifest =
                toml::from_str(text).map_err(|error| failed(error.to_string()))?;
            if manifest.abi != ABI {
                let found = manifest.abi;
                return Err(failed(format!("its programs speak ABI {found}; this is {ABI}")));
            }
            let name = manifest.name.clone();
            if parsed.insert(name.clone(), manifest).is_some() {
                return Err(failed(format!("there is another image called {name}")));
            }
        }
        Ok(Self { manifests: parsed, blobs, loaded: HashMap::new(), loading: HashSet::new() })
    }

    fn all(mut self) -> Result<Vec<Arc<Image>>, Error> {
        let names: Vec<String> = self.manifests.keys().cloned().collect();
        names.iter().map(|name| self.load(name)).collect()
    }

    fn load(&mut self, name: &str) -> Result<Arc<Image>, Error> {
        if let Some(image) = self.loaded.get(name) {
            return Ok(image.clone());
        }
        if !self.loading.insert(name.to_owned()) {
            let problem = "it is its own base".to_owned();
            return Err(Error::Image { name: name.to_owned(), problem });
        }
        let base = match self.manifests.get(name) {
            Some(manifest) => manifest.base.clone(),
            None => return Err(Error::ImageNotFound(name.to_owned())),
        };
        let base = base.map(|base| self.load(&base)).transpose()?;
        let image = self
            .build(&self.manifests[name], base.as_deref())
            .map_err(|problem| Error::Image { name: name.to_owned(), problem })?;
        self.loaded.insert(name.to_owned(), Arc::new(image));
        Ok(self.loaded[name].clone())
    }

    fn build(&self, manifest: &Manifest, base: Option<&Image>) -> Result<Image, String> {
        let mut builder = LayerBuilder::new(base.map(Image::layer));
        if base.is_none() {
            builder.directory(b"/", PROGRAMS).map_err(|errno| errno.to_string())?;
        }
        for tree in &manifest.tree {
            let packed = self.blob(&tree.blob, "tar.zst")?;
            let archive = unpack(packed, &digest(&tree.blob)?)
                .map_err(|problem| format!("tree {}: {problem}", tree.blob))?;
            archive::add(&mut builder, &archive.into())
                .map_err(|problem| format!("tree {}: {problem}", tree.blob))?;
        }
        let mut programs = base.map_or_else(Vec::new, |base| base.programs.clone());
        for entry in &manifest.program {
            let mut program = ImageProgram {
                digest: digest(&entry.blob)?,
                path: entry.path.clone(),
                bytes: 0,
                packed: self.blob(&entry.blob, "wasm.zst")?.clone(),
            };
            add_program(&mut builder, &mut program, &entry.links)
                .map_err(|problem| format!("program {}: {problem}", entry.path))?;
            programs.retain(|other| other.path != program.path);
            programs.push(program);
        }
        Ok(Image { name: manifest.name.clone(), layer: builder.finish(), programs })
    }

    fn blob(&self, digest: &str, suffix: &str) -> Result<&Bytes, String> {
        let name = format!("{digest}.{suffix}");
        self.blobs.get(&name).ok_or_else(|| format!("blob {name} is missing"))
    }
}

/// The 32 bytes of a digest in lower-case hexadecimal.
fn digest(text: &str) -> Result<Digest, String> {
    let wrong = || format!("'{text}' is no SHA-256 in lower-case hexadecimal");
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 64 || !digits {
        return Err(wrong());
    }
    let mut digest = Digest::default();
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(digest)
}

/// Decompresses a blob, within [`BLOB_BYTES_MAX`], and checks that it is what its name says.
fn unpack(packed: &[u8], expected: &Digest) -> Result<Vec<u8>, String> {
    let damaged = |error: std::io::Error| format!("cannot be decompressed: {error}");
    let mut bytes = Vec::new();
    let decoder = zstd::stream::Decoder::with_buffer(packed).map_err(damaged)?;
    decoder.take(BLOB_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 > BLOB_BYTES_MAX {
        return Err(format!("is larger than {BLOB_BYTES_MAX} bytes"));
    }
    let found: Digest = Sha256::digest(&bytes).into();
    if found == *expected { Ok(bytes) } else { Err("its content is not what its name says".into()) }
}

/// The first bytes of a blob.
fn head(packed: &[u8]) -> Result<Vec<u8>, String> {
    let damaged = |error: std::io::Error| format!("cannot be decompressed: {error}");
    let decoder = zstd::stream::Decoder::with_buffer(packed).map_err(damaged)?;
    let mut head = Vec::new();
    decoder.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(damaged)?;
    Ok(head)
}

/// Puts a program and its links into the tree; it is unpacked later if its size can be told without.
fn add_program(
    builder: &mut LayerBuilder,
    program: &mut ImageProgram,
    links: &[String],
) -> Result<(), String> {
    let size = zstd::zstd_safe::get_frame_content_size(&program.packed).ok().flatten();
    let source = match size {
        Some(size) if size <= BLOB_BYTES_MAX => {
            program.bytes = size;
            let (packed, digest) = (program.packed.clone(), program.digest);
            let whole = move || match unpack(&packed, &digest) {
                Ok(bytes) => Ok(Bytes::from(bytes)),
                Err(problem) => {
                    tracing::error!(problem, "a built-in program is damaged");
                    Err(Errno::IO)
                }
            };
            Source::Lazy(Arc::new(Lazy::new(size, head(&program.packed)?.into(), whole)))
        }
        _ => {
            let module = unpack(&program.packed, &program.digest)?;
            program.bytes = module.len() as u64;
            Source::Bytes(module.into())
        }
    };
    let absolute = |path: &str| match path.starts_with('/') {
        true => Ok(()),
        false => Err(format!("'{path}' is not absolute")),
    };
    absolute(&program.path)?;
    builder
        .file(program.path.as_bytes(), PROGRAMS, source, Some(program.digest))
        .map_err(|errno| errno.to_string())?;
    for link in links {
        absolute(link)?;
        builder
            .symlink(link.as_bytes(), program.path.as_bytes(), PROGRAMS)
            .map_err(|errno| format!("link {link}: {errno}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
