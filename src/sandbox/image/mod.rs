//! Images: what sandboxes start from, out of the blobs that build.rs put into the binary, and of the operator's folders.
//!
//! A manifest (`image.toml`) names trees (tar archives, unpacked at `/`), programs, and the image below it. Blobs are
//! named by the SHA-256 of their uncompressed content and are checked against it when they are unpacked: trees at the
//! first start with a data directory, programs when somebody first reads them. It compiles nothing and knows no sandbox.
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
//! bytes = 24117248             optional: its length unpacked, where the blob's frame does not tell
//! version = "3.14.7"
//! links = ["/usr/bin/python3"]  optional
//! mode = "4755"                 optional: octal permissions, 0755 otherwise
//! eager = true                  optional: compiled before the first sandbox starts
//! start_image = true            optional: initialised once and started from what its memory was then
//! ```

mod archive;
mod folder;
mod trees;

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

pub(super) use trees::Trees;

include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// The one guest ABI there is.
const ABI: u32 = 1;
/// Most bytes of one blob when unpacked: far above the largest (a Python with numpy is 100 MiB).
const BLOB_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a program that can be read without unpacking it: enough to see what it is.
const HEAD_BYTES: usize = 512;
/// What programs (but for a mode of their own), their links and the root directory are; the time is 2025-01-01, as in the trees.
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
    bytes: Option<u64>,
    #[expect(dead_code, reason = "for people who read the manifest")]
    version: String,
    #[serde(default)]
    links: Vec<String>,
    mode: Option<String>,
    #[serde(default)]
    eager: bool,
    #[serde(default)]
    start_image: bool,
}

/// A read-only root that sandboxes start from.
#[derive(Debug)]
pub(crate) struct Image {
    name: String,
    id: Digest,
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
    /// Whether nearly everybody runs it: compiled before the first sandbox starts.
    pub(crate) eager: bool,
    /// If it is started from an image of itself: the [`Image::id`] of the image in which that is made (`prepare.rs`).
    pub(crate) start_image: Option<Digest>,
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
    /// All built-in images, and those of the operator's `folders`, which may stand on them; their files are kept in `trees`.
    ///
    /// # Errors
    ///
    /// [`Error::Image`]: which, and what is wrong with it; [`Error::Host`] for a folder that cannot be read.
    pub(crate) fn load_all(folders: &[PathBuf], trees: &Trees) -> Result<Vec<Arc<Self>>, Error> {
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
        Loader::new(&manifests, blobs, trees)?.all()
    }

    /// Its name, as templates call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is made of, down to the lowest base: another one if any file or program is another one.
    pub(crate) fn id(&self) -> Digest {
        self.id
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
struct Loader<'a> {
    trees: &'a Trees,
    manifests: BTreeMap<String, Manifest>,
    blobs: HashMap<String, Bytes>,
    loaded: HashMap<String, Arc<Image>>,
    loading: HashSet<String>,
}

impl<'a> Loader<'a> {
    fn new(
        manifests: &[(&str, &str)],
        blobs: HashMap<String, Bytes>,
        trees: &'a Trees,
    ) -> Result<Self, Error> {
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
        let (loaded, loading) = (HashMap::new(), HashSet::new());
        Ok(Self { trees, manifests: parsed, blobs, loaded, loading })
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
            let named = digest(&tree.blob)?;
            self.trees
                .tree(packed, &named)
                .and_then(|tree| archive::add(&mut builder, &tree))
                .map_err(|problem| format!("tree {}: {problem}", tree.blob))?;
        }
        let id = id(manifest, base);
        let mut programs = base.map_or_else(Vec::new, |base| base.programs.clone());
        for entry in &manifest.program {
            let mut program = ImageProgram {
                digest: digest(&entry.blob)?,
                path: entry.path.clone(),
                bytes: 0,
                eager: entry.eager,
                start_image: entry.start_image.then_some(id),
                packed: self.blob(&entry.blob, "wasm.zst")?.clone(),
            };
            add_program(&mut builder, &mut program, entry)
                .map_err(|problem| format!("program {}: {problem}", entry.path))?;
            programs.retain(|other| other.path != program.path);
            programs.push(program);
        }
        Ok(Image { name: manifest.name.clone(), id, layer: builder.finish(), programs })
    }

    fn blob(&self, digest: &str, suffix: &str) -> Result<&Bytes, String> {
        let name = format!("{digest}.{suffix}");
        self.blobs.get(&name).ok_or_else(|| format!("blob {name} is missing"))
    }
}

/// A digest of all that an image is built from.
fn id(manifest: &Manifest, base: Option<&Image>) -> Digest {
    let mut id = Sha256::new();
    id.update(base.map_or_else(Digest::default, Image::id));
    let mut field = |text: &str| {
        id.update((text.len() as u64).to_le_bytes());
        id.update(text);
    };
    manifest.tree.iter().for_each(|tree| field(&tree.blob));
    for program in &manifest.program {
        field(&program.path);
        field(&program.blob);
        field(program.mode.as_deref().unwrap_or_default());
        program.links.iter().for_each(|link| field(link));
    }
    id.finalize().into()
}

/// The 32 bytes of a digest in lower-case hexadecimal.
fn digest(text: &str) -> Result<Digest, String> {
    let wrong = || format!("'{text}' is no SHA-256 in lower-case hexadecimal");
    let mut digest = Digest::default();
    hex::decode_to_slice(text, &mut digest).map_err(|_| wrong())?;
    // Blobs are found by this text, so there is one way to write it.
    if hex::encode(digest) == text { Ok(digest) } else { Err(wrong()) }
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

/// The first bytes of a blob; none if it is damaged.
fn head(packed: &[u8]) -> Bytes {
    let mut head = Vec::new();
    let read = zstd::stream::Decoder::with_buffer(packed)
        .and_then(|decoder| decoder.take(HEAD_BYTES as u64).read_to_end(&mut head));
    if read.is_ok() { head.into() } else { Bytes::new() }
}

/// Puts a program and its links into the tree; it is unpacked later if its size can be told without.
fn add_program(
    builder: &mut LayerBuilder,
    program: &mut ImageProgram,
    entry: &ProgramEntry,
) -> Result<(), String> {
    let owner = match &entry.mode {
        Some(mode) => Owner { mode: permissions(mode)?, ..PROGRAMS },
        None => PROGRAMS,
    };
    let told = || zstd::zstd_safe::get_frame_content_size(&program.packed).ok().flatten();
    let size = entry.bytes.or_else(told);
    let source = match size {
        Some(size) if size <= BLOB_BYTES_MAX => {
            program.bytes = size;
            let (packed, digest) = (program.packed.clone(), program.digest);
            let first = program.packed.clone();
            let whole = move || match unpack(&packed, &digest) {
                Ok(bytes) => Ok(Bytes::from(bytes)),
                Err(problem) => {
                    tracing::error!(problem, "an image's program is damaged");
                    Err(Errno::IO)
                }
            };
            Source::Lazy(Arc::new(Lazy::new(size, move || head(&first), whole)))
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
        .file(program.path.as_bytes(), owner, source, Some(program.digest))
        .map_err(|errno| errno.to_string())?;
    for link in &entry.links {
        absolute(link)?;
        builder
            .symlink(link.as_bytes(), program.path.as_bytes(), PROGRAMS)
            .map_err(|errno| format!("link {link}: {errno}"))?;
    }
    Ok(())
}

/// Permission bits from their octal digits.
fn permissions(mode: &str) -> Result<u32, String> {
    let bits = u32::from_str_radix(mode, 8).ok().filter(|&bits| bits <= 0o7777);
    bits.ok_or_else(|| format!("mode '{mode}' is not of up to four octal digits"))
}

#[cfg(test)]
mod tests;
