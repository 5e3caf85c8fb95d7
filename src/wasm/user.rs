//! Programs that users bring: found by content, compiled once for each owner, kept on disk and for a while in memory.
//!
//! ```text
//! file -> SHA-256 -> in memory? -> on disk, under our signature and the owner's name? -> compiled in a child process
//! ```
//!
//! What cannot be run is a program too, one that says why ([`super::foreign`]): whoever starts it reads the reason. A file of the guest's
//! is only ever WebAssembly: machine code in it, ours included, is refused by the compiler as any other rubbish.

use super::cache::{Cache, Code};
use super::compile::{Artifact, Compiler, Failure};
use super::{Digest, Engine, component};
use crate::errno::Errno;
use crate::host::Context;
use crate::vfs;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::{ExternType, InstancePre, Module};

/// Programs kept in memory after their last process has ended, and the machine code of all of them in bytes.
const KEPT_MAX: usize = 64;
const KEPT_BYTES_MAX: u64 = 128 << 20;
/// Files that are read and digested at a time: each may be as long as the limit.
const READERS_MAX: usize = 4;

/// A user's program, ready to be instantiated or to say why not.
pub(super) struct UserProgram {
    pub(super) code: Result<Runnable, String>,
    /// Bytes of machine code, which each of its processes is charged.
    pub(super) code_bytes: u64,
}

/// What a program is.
pub(super) enum Runnable {
    /// A core module with `_start`, over preview 1.
    Module(InstancePre<Context>),
    /// A component that exports `wasi:cli/run`.
    Component(component::Pre),
}

/// Whose, and which.
type Key = (Arc<str>, Digest);

/// Finds users' programs.
pub(super) struct Users {
    compiler: Compiler,
    readers: Semaphore,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    programs: HashMap<Key, Entry>,
    clock: u64,
}

struct Entry {
    cell: Arc<OnceCell<Arc<UserProgram>>>,
    used: u64,
}

impl Kept {
    /// The place of a program, which others make room for.
    fn cell(&mut self, key: Key) -> Arc<OnceCell<Arc<UserProgram>>> {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.programs.entry(key);
        let entry = entry.or_insert_with(|| Entry { cell: Arc::default(), used: 0 });
        entry.used = clock;
        let cell = entry.cell.clone();
        while self.programs.len() > KEPT_MAX || self.bytes() > KEPT_BYTES_MAX {
            let others = self.programs.iter().filter(|(_, entry)| entry.used != clock);
            let oldest = others.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.programs.remove(&oldest);
        }
        cell
    }

    fn bytes(&self) -> u64 {
        let bytes = |entry: &Entry| entry.cell.get().map_or(0, |program| program.code_bytes);
        self.programs.values().map(bytes).sum()
    }
}

impl Users {
    pub(super) fn new(compiler: Compiler) -> Self {
        Self { compiler, readers: Semaphore::new(READERS_MAX), kept: Mutex::default() }
    }

    /// The program in `file`, for a sandbox of `owner`'s.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    ///
    /// # Cancel safety
    ///
    /// Dropped, what it has begun is given up, unless somebody else waits for it too: that one begins anew.
    pub(super) async fn load(
        &self,
        engine: &Arc<Engine>,
        file: &vfs::File,
        owner: &Arc<str>,
    ) -> Result<Arc<UserProgram>, Errno> {
        let digest = match file.content_id() {
            Some(digest) => digest,
            None => match self.read(file).await? {
                Some((_, digest)) => digest,
                None => return Ok(Arc::new(UserProgram::refused(self.too_large()))),
            },
        };
        let cell = self.kept.lock().cell((owner.clone(), digest));
        let loaded = cell.get_or_try_init(|| self.make(engine, file, owner, digest)).await;
        match loaded {
            Ok(program) => Ok(program.clone()),
            Err(Failure::Refused(why) | Failure::Failed(why)) => {
                tracing::warn!(why, "a program of a user's could not be loaded");
                Ok(Arc::new(UserProgram::refused(why)))
            }
        }
    }

    fn too_large(&self) -> String {
        format!("it is larger than {} MiB", self.compiler.limits().wasm_bytes_max >> 20)
    }

    /// A file's content and its digest; none if it is too large.
    async fn read(&self, file: &vfs::File) -> Result<Option<(bytes::Bytes, Digest)>, Errno> {
        let _reader = self.readers.acquire().await.map_err(|_closed| Errno::IO)?;
        if file.len() > self.compiler.limits().wasm_bytes_max {
            return Ok(None);
        }
        let content = match file.read_all(self.compiler.limits().wasm_bytes_max) {
            Err(Errno::FBIG) => return Ok(None),
            content => content?,
        };
        let digested = tokio::task::spawn_blocking(move || {
            let digest: Digest = Sha256::digest(&content).into();
            (content, digest)
        });
        digested.await.map(Some).map_err(|_panicked| Errno::IO)
    }

    async fn make(
        &self,
        engine: &Arc<Engine>,
        file: &vfs::File,
        owner: &Arc<str>,
        digest: Digest,
    ) -> Result<Arc<UserProgram>, Failure> {
        let name = Cache::user_name(&engine.engine, owner, &digest);
        if let Some(program) = from_disk(engine, &name).await {
            return Ok(Arc::new(program));
        }
        let turn = match self.compiler.turn(owner).await {
            Err(Failure::Refused(why)) => return Ok(Arc::new(UserProgram::refused(why))),
            turn => turn?,
        };
        // Another sandbox of the owner's may have had it compiled meanwhile, under another file's name.
        if let Some(program) = from_disk(engine, &name).await {
            return Ok(Arc::new(program));
        }
        let failed = |errno: Errno| Failure::Failed(format!("it cannot be read: {errno}"));
        let Some((wasm, now)) = self.read(file).await.map_err(failed)? else {
            return Err(Failure::Failed("it was changed while it was loaded".into()));
        };
        if now != digest {
            return Err(Failure::Failed("it was changed while it was loaded".into()));
        }
        let settings = super::cache::settings_of(&engine.engine);
        match self.compiler.compile(turn, &wasm, &settings).await {
            Ok(artifact) => {
                drop(wasm);
                keep(engine, name, artifact, self.compiler.limits().kept_bytes_max).await
            }
            // The next one to start it is told at once.
            Err(Failure::Refused(why)) => Ok(Arc::new(UserProgram::refused(why))),
            Err(failure) => Err(failure),
        }
    }
}

/// A program that is on disk.
async fn from_disk(engine: &Arc<Engine>, name: &str) -> Option<UserProgram> {
    let (engine, name) = (engine.clone(), name.to_owned());
    let load = move || {
        let (code, bytes) = engine.cache.load_user(&engine.engine, &name)?;
        Some(UserProgram::new(&engine, code, bytes))
    };
    tokio::task::spawn_blocking(load).await.ok().flatten()
}

/// Writes compiled code to disk and loads it.
async fn keep(
    engine: &Arc<Engine>,
    name: String,
    artifact: Artifact,
    kept_bytes_max: u64,
) -> Result<Arc<UserProgram>, Failure> {
    let engine = engine.clone();
    let load = move || {
        let Artifact { kind, code } = artifact;
        if let Err(error) = engine.cache.keep_user(&name, kind, &code, kept_bytes_max) {
            // It runs all the same, and is compiled again next time.
            tracing::warn!(%error, "could not keep compiled code of a user's program");
        }
        let bytes = code.len() as u64;
        let loaded = Cache::instantiate_user(&engine.engine, kind, &code);
        loaded.map(|code| Arc::new(UserProgram::new(&engine, code, bytes)))
    };
    let loaded = tokio::task::spawn_blocking(load).await.ok().flatten();
    loaded.ok_or_else(|| Failure::Failed("its compiled code could not be loaded".into()))
}

impl UserProgram {
    fn refused(why: String) -> Self {
        Self { code: Err(why), code_bytes: 0 }
    }

    fn new(engine: &Engine, code: Code, code_bytes: u64) -> Self {
        let code = match code {
            Code::Module(module) => module_program(engine, &module).map(Runnable::Module),
            Code::Component(component) => {
                engine.components.prepare(&component).map(Runnable::Component)
            }
        };
        Self { code, code_bytes }
    }
}

/// Links a module's imports; that it exports `_start` was seen before it was compiled.
fn module_program(engine: &Engine, module: &Module) -> Result<InstancePre<Context>, String> {
    match module.get_export("_start") {
        Some(ExternType::Func(start)) if start.params().len() + start.results().len() == 0 => {}
        _ => return Err("its _start is not a function without arguments and results".into()),
    }
    if let Some(memory) = module.get_export("memory")
        && !matches!(memory, ExternType::Memory(_))
    {
        return Err("its export named memory is no memory".into());
    }
    engine.foreign.instantiate_pre(module).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_is_forgotten_first() {
        let mut kept = Kept::default();
        let owner: Arc<str> = "o".into();
        let key = |n: usize| {
            let mut digest = [0; 32];
            digest[0] = n as u8;
            (owner.clone(), digest)
        };
        let first = kept.cell(key(0));
        for n in 1..KEPT_MAX {
            kept.cell(key(n));
        }
        assert!(Arc::ptr_eq(&first, &kept.cell(key(0))), "there was room for all");
        kept.cell(key(KEPT_MAX));
        assert!(Arc::ptr_eq(&first, &kept.cell(key(0))), "it was used just before");
        assert!(!kept.programs.contains_key(&key(1)));
        let other = kept.cell(("p".into(), key(0).1));
        assert!(!Arc::ptr_eq(&first, &other), "another owner's is another");

        let large = |bytes| Arc::new(UserProgram { code: Err(String::new()), code_bytes: bytes });
        let cell = kept.cell(key(1));
        assert!(cell.set(large(KEPT_BYTES_MAX + 1)).is_ok());
        kept.cell(key(2));
        assert!(!kept.programs.contains_key(&key(1)), "too many bytes");
    }
}
