//! Compiled programs on disk: found by content and engine, believed only with our own signature.
//!
//! ```text
//! <data dir>/code/<sha256 of the module>-<engine settings>.isolet
//!   magic "isolet3\n" (8) | image length u64 LE | code length u64 LE | HMAC-SHA256 (32) of its name and all the rest | image | code
//! <data dir>/code/<sha256 of the module>-<digest of the image it was made in>-<engine settings>.start1
//!   the same with a start image's head and memory for image and code
//! <data dir>/code/<owner>-<sha256 of the program>-<engine settings>.user2
//!   the same of a user's program: a letter for what it is, for image
//! ```
//!
//! The key is made at first start and stays in the data directory (mode 0600). A file whose signature is wrong is
//! compiled anew. What is verified is what is loaded: the file is read once, into sealed memory.
//!
//! Not a place for users' artefacts: nothing that came through the API is ever read as code. A user's program is compiled by a process of
//! our own (`compile/`), and found by its owner only.
//!
//! One of two files with `unsafe` code: compiled code is loaded here and nowhere else.
#![expect(unsafe_code, reason = "loads machine code that this host compiled and signed")]

use super::compile::Kind;
use super::memory::Image;
use super::split;
use super::start_image::{Snapshot, StartImage};
use crate::error::Error;
use crate::kept;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use hmac::{Hmac, Mac};
use rustix::fs::{MemfdFlags, SealFlags};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

const MAGIC: &[u8; 8] = b"isolet3\n";
const HEADER: usize = 8 + 8 + 8 + 32;

/// A file larger than this is not one of ours (the largest built-in compiles to some 60 MiB).
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A compiled program and the memory it starts with.
pub(crate) struct Compiled {
    pub(crate) module: Module,
    pub(crate) image: Image,
}

/// Loaded code of a user's program.
pub(super) enum Code {
    Module(Module),
    Component(Component),
}

/// The code cache of one data directory.
pub(crate) struct Cache {
    dir: Dir,
    key: [u8; 32],
}

impl Cache {
    /// Opens or makes the cache below `data`.
    ///
    /// # Errors
    ///
    /// The host's: the directory or the key cannot be made or read.
    pub(crate) fn open(data: &Dir) -> Result<Self, Error> {
        let host = |action: &str| {
            let action = action.to_owned();
            move |source| Error::Host { action, source }
        };
        data.create_dir_all(kept::CODE).map_err(host("make the code cache"))?;
        let dir = data.open_dir(kept::CODE).map_err(host("open the code cache"))?;
        let key = key(data).map_err(host("make or read the code cache's key"))?;
        Ok(Self { dir, key })
    }

    /// The program of `sha256`, from disk or compiled from what `wasm` gives.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the module is not a program or does not compile.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        sha256: &[u8; 32],
        wasm: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Compiled, Error> {
        let name = file_name(engine, sha256, CODE);
        if let Some(compiled) = self.read_code(engine, &name) {
            return Ok(compiled);
        }
        let split = split::split(&wasm()?).map_err(|error| Error::Engine(error.to_string()))?;
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let code = engine.precompile_module(&split.code).map_err(failed)?;
        if let Err(error) = self.write(&name, &split.image, &code) {
            // Without a cache programs still run; they only start slowly next time.
            tracing::warn!(%error, "could not keep compiled code");
        }
        instantiate(engine, &split.image, &code)
            .ok_or_else(|| Error::Engine("compiled code could not be loaded".into()))
    }

    /// Whether a program is on disk, without looking whether it is sound. It counts as used.
    pub(crate) fn has(&self, engine: &Engine, sha256: &[u8; 32]) -> bool {
        kept::open(&self.dir, &file_name(engine, sha256, CODE)).is_ok()
    }

    /// The start image of a program, if one is on disk. A file that is not ours is removed: another one is made at the next start.
    pub(crate) fn start_image(
        &self,
        engine: &Engine,
        sha256: &[u8; 32],
        made_in: &[u8; 32],
    ) -> Option<StartImage> {
        let name = start_image_name(engine, sha256, made_in);
        let bytes = self.read(&name)?;
        let parts = self.verify(&name, &bytes);
        let image = parts.and_then(|(head, memory)| StartImage::new(head, memory));
        if image.is_none() {
            tracing::warn!(name, "a start image was refused");
            let _gone = self.dir.remove_file(&name);
        }
        image
    }

    /// Whether a start image is on disk, without looking whether it is sound. It counts as used.
    pub(crate) fn has_start_image(
        &self,
        engine: &Engine,
        sha256: &[u8; 32],
        made_in: &[u8; 32],
    ) -> bool {
        kept::open(&self.dir, &start_image_name(engine, sha256, made_in)).is_ok()
    }

    /// Keeps the start image of a program.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(crate) fn keep_start_image(
        &self,
        engine: &Engine,
        sha256: &[u8; 32],
        made_in: &[u8; 32],
        made: &Snapshot,
    ) -> std::io::Result<()> {
        self.write(&start_image_name(engine, sha256, made_in), &made.head, &made.content)
    }

    /// The file of a user's program.
    pub(super) fn user_name(engine: &Engine, owner: &str, sha256: &[u8; 32]) -> String {
        let owner = hex::encode(&Sha256::digest(owner)[..16]);
        format!("{owner}-{}", file_name(engine, sha256, USER))
    }

    /// The code of a user's program, if it is on disk, and its length.
    pub(super) fn load_user(&self, engine: &Engine, name: &str) -> Option<(Code, u64)> {
        let bytes = self.read(name)?;
        let (kind, code) = self.verify(name, &bytes)?;
        let kind = kind.first().copied().and_then(Kind::from_letter)?;
        let loaded = Self::instantiate_user(engine, kind, code)?;
        Some((loaded, code.len() as u64))
    }

    /// Keeps the code of a user's program; what was not used for longest goes, so that all together is at most `bytes_max`.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(super) fn keep_user(
        &self,
        name: &str,
        kind: Kind,
        code: &[u8],
        bytes_max: u64,
    ) -> std::io::Result<()> {
        if code.len() as u64 > bytes_max {
            return Ok(());
        }
        self.write(name, &[kind.letter()], code)?;
        let mut files = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(".user")
                && let Ok(metadata) = entry.metadata()
            {
                files.push((metadata.modified()?, metadata.len(), entry.file_name()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, file) in files {
            if total <= bytes_max {
                break;
            }
            // Another process of ours may have removed it.
            let _gone = self.dir.remove_file(&file);
            total -= bytes;
        }
        Ok(())
    }

    /// Loads machine code that the compiler made of a user's program.
    pub(super) fn instantiate_user(engine: &Engine, kind: Kind, code: &[u8]) -> Option<Code> {
        let loaded = match kind {
            Kind::Module => module(engine, code)?.map(Code::Module),
            // SAFETY: the bytes are what a process of this program compiled (`compile/`), either just now or before
            // under our signature (`verify`); they are copied.
            Kind::Component => unsafe { Component::deserialize(engine, code) }.map(Code::Component),
        };
        match loaded {
            Ok(code) => Some(code),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "compiled code was refused");
                None
            }
        }
    }

    /// Held by the one process that compiles ahead for this directory; the system releases it with the process.
    pub(crate) fn turn(&self) -> Option<File> {
        let file = kept::lock_file(&self.dir, "ahead").ok()?;
        file.try_lock().is_ok().then_some(file)
    }

    /// Waits for the right to make start images for this directory; held by one process at a time.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(crate) fn turn_to_make(&self) -> std::io::Result<File> {
        let file = kept::lock_file(&self.dir, "start")?;
        file.lock()?;
        Ok(file)
    }

    fn read_code(&self, engine: &Engine, name: &str) -> Option<Compiled> {
        let bytes = self.read(name)?;
        let (image, code) = self.verify(name, &bytes)?;
        instantiate(engine, image, code)
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let file = kept::open(&self.dir, name).ok()?;
        if file.metadata().ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The parts of a file that carries our signature under this name.
    fn verify<'a>(&self, name: &str, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (head, body) = bytes.split_at_checked(HEADER)?;
        let word = |at: usize| -> Option<usize> {
            usize::try_from(u64::from_le_bytes(head[at..at + 8].try_into().ok()?)).ok()
        };
        let (image, code) = (word(8)?, word(16)?);
        if &head[..8] != MAGIC || image.checked_add(code)? != body.len() {
            return None;
        }
        let signed = self.sign(name, &head[..24], body);
        signed.verify_slice(&head[24..]).ok()?;
        Some(body.split_at(image))
    }

    fn sign(&self, name: &str, head: &[u8], body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key length will do");
        mac.update(name.as_bytes());
        mac.update(head);
        mac.update(body);
        mac
    }

    /// Writes a temporary file and renames it, so that a reader sees all or nothing.
    fn write(&self, name: &str, image: &[u8], code: &[u8]) -> std::io::Result<()> {
        let mut head = MAGIC.to_vec();
        head.extend((image.len() as u64).to_le_bytes());
        head.extend((code.len() as u64).to_le_bytes());
        let body = [image, code].concat();
        let tag = self.sign(name, &head, &body).finalize().into_bytes();
        head.extend(tag);
        kept::put(&self.dir, name, |file| {
            file.write_all(&head)?;
            file.write_all(&body)
        })
    }
}

/// What the names of files end with: compiled code, start images and users' programs as this version of isolet makes and checks them.
const CODE: &str = "isolet";
const START_IMAGE: &str = "start1";
const USER: &str = "user2";

fn file_name(engine: &Engine, sha256: &[u8; 32], kind: &str) -> String {
    format!("{}-{}.{kind}", hex::encode(sha256), settings_of(engine))
}

/// What a program read while it initialised itself is part of its start image: another image of files, another start image.
fn start_image_name(engine: &Engine, sha256: &[u8; 32], made_in: &[u8; 32]) -> String {
    let (program, files) = (hex::encode(sha256), hex::encode(&made_in[..16]));
    format!("{program}-{files}-{}.{START_IMAGE}", settings_of(engine))
}

/// Sixteen hexadecimal digits for all that compiled code depends on: the engine's version and settings, this machine's processor.
pub(super) fn settings_of(engine: &Engine) -> String {
    use std::hash::Hash;
    let mut settings = Settings(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    hex::encode(&settings.0.finalize()[..8])
}

/// Digests what the engine hashes of its settings: the same in every run, unlike std's hashers.
struct Settings(Sha256);

impl std::hash::Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}

/// Reads the key of this installation, or makes it.
fn key(data: &Dir) -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let temporary = format!(".code.key.{:016x}", rand::random::<u64>());
    match data.open("code.key") {
        Ok(mut file) => {
            file.read_exact(&mut key)?;
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            rand::fill(&mut key);
            let mut file = data.open_with(&temporary, &options)?;
            file.write_all(&key)?;
            file.sync_all()?;
            // Of two first starts at once one key wins, and both use it.
            let kept = data.hard_link(&temporary, data, "code.key");
            data.remove_file(&temporary)?;
            match kept {
                Ok(()) => Ok(key),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    data.open("code.key")?.read_exact(&mut key)?;
                    Ok(key)
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Code and memory of a built-in program.
fn instantiate(engine: &Engine, image: &[u8], code: &[u8]) -> Option<Compiled> {
    match module(engine, code)? {
        Ok(module) => Some(Compiled { module, image: Image::new(image).ok()? }),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "compiled code was refused");
            None
        }
    }
}

/// Maps compiled code from a sealed memory file of its own.
fn module(engine: &Engine, code: &[u8]) -> Option<wasmtime::Result<Module>> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create("isolet-code", flags).ok()?);
    file.write_all_at(code, 0).ok()?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals).ok()?;
    // SAFETY: the bytes are what this engine's compiler made (of a user's program in a process of its own), either just now or
    // before under our signature (`verify`), and the file is sealed: nobody can change it under the mapping.
    Some(unsafe { Module::deserialize_open_file(engine, file) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const TEXT: &str = r#"(module (memory (export "memory") 1) (func (export "_start")) (data (i32.const 0) "hi"))"#;

    fn load(cache: &Cache, engine: &Engine, compiled: &Cell<u32>) -> Compiled {
        let wasm = || {
            compiled.set(compiled.get() + 1);
            Ok(wat::parse_str(TEXT).expect("the test's own text"))
        };
        cache.load(engine, &[7; 32], wasm).expect("compiles")
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a data directory of the test's own")]
    fn a_changed_file_is_never_loaded_and_compiled_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = Dir::open_ambient_dir(directory.path(), cap_std::ambient_authority());
        let data = data.expect("opens");
        let engine = Engine::default();
        let cache = Cache::open(&data).expect("opens");
        let compiled = Cell::new(0);
        load(&cache, &engine, &compiled);
        load(&cache, &engine, &compiled);
        assert_eq!(compiled.get(), 1, "the second time it comes from disk");

        let path = format!("code/{}", file_name(&engine, &[7; 32], CODE));
        let sound = data.read(&path).expect("is there");
        for at in [0, 8, 16, 24, 55, 56, 57, sound.len() / 2, sound.len() - 1] {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            data.write(&path, &broken).expect("writes");
            let before = compiled.get();
            let program = load(&cache, &engine, &compiled);
            assert_eq!(compiled.get(), before + 1, "byte {at} was changed and not noticed");
            let mut text = [0; 2];
            program.image.read(0, &mut text);
            assert_eq!(&text, b"hi");
        }
        for length in [0, 1, HEADER, sound.len() - 1] {
            data.write(&path, &sound[..length]).expect("writes");
            let before = compiled.get();
            load(&cache, &engine, &compiled);
            assert_eq!(compiled.get(), before + 1, "a file cut to {length} bytes was believed");
        }

        // A sound file of ours under another program's name is not that program.
        data.write(&path, &sound).expect("writes");
        let foreign = format!("code/{}", file_name(&engine, &[8; 32], CODE));
        data.write(&foreign, &sound).expect("writes");
        let wasm = || Err(Error::Engine("compiled anew".into()));
        assert!(cache.load(&engine, &[8; 32], wasm).is_err(), "a renamed file was believed");

        let other = Cache { dir: data.open_dir("code").expect("opens"), key: [1; 32] };
        let before = compiled.get();
        load(&other, &engine, &compiled);
        assert_eq!(compiled.get(), before + 1, "another installation's file was believed");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a data directory of the test's own")]
    fn a_changed_start_image_is_refused_and_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = Dir::open_ambient_dir(directory.path(), cap_std::ambient_authority());
        let data = data.expect("opens");
        let engine = Engine::default();
        let cache = Cache::open(&data).expect("opens");
        let (digest, files) = ([7; 32], [9; 32]);
        let made = Snapshot::new(64 << 10, &[wasmtime::Val::I32(3)], b"memory".to_vec());
        let made = made.expect("numbers");
        assert!(!cache.has_start_image(&engine, &digest, &files));
        cache.keep_start_image(&engine, &digest, &files, &made).expect("writes");
        assert!(cache.start_image(&engine, &digest, &files).is_some());
        assert!(!cache.has_start_image(&engine, &digest, &[8; 32]), "made among other files");
        let path = format!("code/{}", start_image_name(&engine, &digest, &files));
        let sound = data.read(&path).expect("is there");
        for at in [0, 20, HEADER, sound.len() - 1] {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            data.write(&path, &broken).expect("writes");
            assert!(cache.start_image(&engine, &digest, &files).is_none(), "byte {at} was changed");
            assert!(!cache.has_start_image(&engine, &digest, &files), "another one can be made");
        }
        // Compiled code under a start image's name is none, nor the other way round.
        let code = format!("code/{}", file_name(&engine, &digest, CODE));
        data.write(&code, &sound).expect("writes");
        let wasm = || Err(Error::Engine("compiled anew".into()));
        assert!(cache.load(&engine, &digest, wasm).is_err(), "a start image was run");
    }
}
