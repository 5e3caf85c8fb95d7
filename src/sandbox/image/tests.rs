//! Images built in the test, good and bad, and the built-in ones.

use super::*;
use crate::vfs::{Context, Cred, Dir, File, Kind, OpenFlags, Opened, Stat, Store, Vfs, VfsLimits};

/// One tar entry: type, path, mode, owner, content or target.
type Entry<'a> = (tar::EntryType, &'a str, u32, u64, &'a str);

fn tar_of(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for &(kind, path, mode, owner, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(1000);
        let content = if kind == tar::EntryType::Regular { text } else { "" };
        header.set_size(content.len() as u64);
        if content != text {
            header.set_link_name(text).expect("short");
        }
        // Set directly: the library refuses `..`, which is what one of the tests is about.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("to memory");
    }
    builder.into_inner().expect("to memory")
}

pub(super) struct Source {
    manifests: Vec<(&'static str, String)>,
    blobs: HashMap<String, Bytes>,
}

impl Source {
    fn new() -> Self {
        Self { manifests: Vec::new(), blobs: HashMap::new() }
    }

    fn blob(&mut self, content: &[u8], suffix: &str) -> String {
        let digest: Digest = Sha256::digest(content).into();
        let name = hex::encode(digest);
        // One call, so that the frame tells its size as the packer's does.
        let packed = zstd::bulk::compress(content, 3).expect("compresses");
        self.blobs.insert(format!("{name}.{suffix}"), packed.into());
        name
    }

    fn load(self) -> Result<Vec<Arc<Image>>, Error> {
        self.load_with(&Trees::in_memory())
    }

    pub(super) fn load_with(self, trees: &Trees) -> Result<Vec<Arc<Image>>, Error> {
        let manifests: Vec<_> =
            self.manifests.iter().map(|(path, text)| (*path, text.as_str())).collect();
        Loader::new(&manifests, self.blobs, trees)?.all()
    }

    fn problem(self) -> String {
        self.load().expect_err("must be refused").to_string()
    }
}

pub(super) struct Machine {
    vfs: Arc<Vfs>,
    root: Dir,
    cred: Cred,
}

impl Machine {
    pub(super) fn new(image: &Image) -> Self {
        let vfs =
            Vfs::new(Some(image.layer()), VfsLimits::default(), Store::in_memory()).expect("boots");
        let root = vfs.root();
        Self { vfs, root, cred: Cred::root() }
    }

    fn context(&self) -> Context<'_> {
        Context { cred: &self.cred, root: &self.root, pid: 0 }
    }

    fn stat(&self, path: &str, follow: bool) -> Stat {
        let node = self.vfs.node(&self.context(), &self.root, path.as_bytes(), follow);
        node.unwrap_or_else(|errno| panic!("{path}: {errno}")).stat().expect("stat")
    }

    fn open(&self, path: &str) -> Arc<File> {
        let read = OpenFlags::empty();
        match self.vfs.open(&self.context(), &self.root, path.as_bytes(), read, 0) {
            Ok(Opened::File(file)) => file,
            Ok(_) => panic!("{path} is no file"),
            Err(errno) => panic!("{path}: {errno}"),
        }
    }

    pub(super) fn text(&self, path: &str) -> String {
        let bytes = self.open(path).read_all(1 << 20).expect("reads");
        String::from_utf8(bytes.to_vec()).expect("text")
    }
}

const PROGRAM: &[u8] = b"\0asm\x01\0\0\0 and the rest of a module";

/// An image over another, with every kind of entry.
pub(super) fn two_images() -> Source {
    use tar::EntryType as T;
    let mut source = Source::new();
    let below = tar_of(&[
        (T::Directory, "./", 0o755, 0, ""),
        (T::Directory, "usr/bin/", 0o755, 0, ""),
        (T::Symlink, "bin", 0o777, 0, "usr/bin"),
        (T::Directory, "tmp", 0o1777, 0, ""),
        (T::Directory, "home/user", 0o750, 1000, ""),
        (T::Regular, "home/user/note", 0o640, 1000, "from below"),
        (T::Link, "home/user/same", 0o640, 1000, "home/user/note"),
        (T::Regular, "etc/replaced", 0o644, 0, "old"),
    ]);
    let above = tar_of(&[
        (T::Regular, "etc/replaced", 0o600, 0, "new"),
        (T::Regular, "bin/script", 0o4755, 0, "#!/bin/sh\n"),
    ]);
    let (below, above) = (source.blob(&below, "tar.zst"), source.blob(&above, "tar.zst"));
    let program = source.blob(PROGRAM, "wasm.zst");
    let base = format!("abi = 1\nname = \"below\"\n[[tree]]\nblob = \"{below}\"\n");
    let python = format!(
        "abi = 1\nname = \"above\"\nbase = \"below\"\n[[tree]]\nblob = \"{above}\"\n[[program]]\n\
         path = \"/usr/bin/tool\"\nblob = \"{program}\"\nbytes = {}\nversion = \"1\"\n\
         links = [\"/bin/t\"]\nmode = \"4751\"\n",
        PROGRAM.len()
    );
    source.manifests = vec![("a", python), ("b", base)];
    source
}

#[test]
fn an_image_over_another() {
    let images = two_images().load().expect("loads");
    let [above, below] = [0, 1].map(|at| images[at].clone());
    assert_eq!((above.name(), below.name()), ("above", "below"));
    let machine = Machine::new(&above);
    assert_eq!(machine.text("/etc/replaced"), "new");
    assert_eq!(machine.stat("/etc/replaced", true).mode & 0o7777, 0o600);
    assert_eq!(machine.text("/home/user/note"), "from below");
    let note = machine.stat("/home/user/note", true);
    assert_eq!((note.uid, note.gid, note.nlink, note.mtime.sec), (1000, 1000, 2, 1000));
    assert_eq!(machine.stat("/home/user/same", true).ino, note.ino);
    assert_eq!(machine.stat("/tmp", true).mode, 0o041_777);
    assert_eq!(machine.stat("/home/user", true).mtime.sec, 1000);
    let script = machine.stat("/usr/bin/script", true);
    assert_eq!(script.mode & 0o7777, 0o4755, "bin is a link and was followed");
    assert_eq!(Machine::new(&below).text("/etc/replaced"), "old", "the base is as it was");
}

#[test]
fn a_program_tells_what_it_is() {
    let images = two_images().load().expect("loads");
    let machine = Machine::new(&images[0]);
    let program = &images[0].programs()[0];
    assert_eq!(program.wasm().expect("unpacks"), PROGRAM);
    let file = machine.open("/bin/t");
    assert_eq!(file.content_id(), Some(program.digest));
    assert_eq!(file.len(), PROGRAM.len() as u64);
    let mut head = [0; 4];
    assert_eq!(file.read_at(&mut head, 0), Ok(4));
    assert_eq!(&head, b"\0asm");
    assert_eq!(file.read_all(1000).expect("reads").as_ref(), PROGRAM);
    assert_eq!(machine.stat("/usr/bin/tool", true).mode, 0o104_751);
    let empty = Vfs::new(None, VfsLimits::default(), Store::in_memory()).expect("boots");
    let used = |vfs: &Vfs| (vfs.bytes_used(), vfs.statfs().files_free);
    assert_eq!(used(&machine.vfs), used(&empty), "an image costs a sandbox nothing");
    assert_eq!(file.append(b"!"), Ok((1, PROGRAM.len() as u64 + 1)));
    assert_eq!(file.content_id(), None, "a written file is no longer the image's");
}

#[test]
fn bad_images_are_refused() {
    use tar::EntryType as T;
    let manifest =
        |tree: &str| ("m", format!("abi = 1\nname = \"x\"\n[[tree]]\nblob = \"{tree}\"\n"));
    let with_tree = |entries: &[Entry<'_>]| {
        let mut source = Source::new();
        let tree = source.blob(&tar_of(entries), "tar.zst");
        source.manifests = vec![manifest(&tree)];
        source
    };
    let problem = with_tree(&[(T::Regular, "a/../../b", 0o644, 0, "x")]).problem();
    assert!(problem.contains("'..'"), "{problem}");
    let problem = with_tree(&[(T::Char, "dev/null", 0o666, 0, "")]).problem();
    assert!(problem.contains("not allowed"), "{problem}");
    let problem = with_tree(&[(T::Link, "a", 0o644, 0, "missing")]).problem();
    assert!(problem.contains('a'), "{problem}");

    let mut source = Source::new();
    source.manifests = vec![manifest(&"0".repeat(64))];
    assert!(source.problem().contains("missing"));

    let mut source = with_tree(&[(T::Directory, "d", 0o755, 0, "")]);
    for blob in source.blobs.values_mut() {
        *blob = zstd::bulk::compress(b"something else", 3).expect("compresses").into();
    }
    assert!(source.problem().contains("not what its name says"));

    let mut source = with_tree(&[(T::Directory, "d", 0o755, 0, "")]);
    for blob in source.blobs.values_mut() {
        *blob = blob.slice(..blob.len() / 2);
    }
    assert!(source.problem().contains("cannot be decompressed"));

    let refused = |text: &str| {
        let manifests = vec![("m", text.to_owned())];
        Source { manifests, blobs: HashMap::new() }.problem()
    };
    assert!(refused("abi = 2\nname = \"x\"\n").contains("ABI 2"));
    assert!(refused("abi = 1\nname = \"x\"\nbase = \"x\"\n").contains("its own base"));
    assert!(refused("abi = 1\nname = \"x\"\nbase = \"y\"\n").contains("'y' not found"));
    assert!(refused("abi = 1\nname = \"x\"\nport = 1\n").contains("port"));
}

#[test]
fn the_built_in_images_load() {
    let images = Image::load_all(&[], &Trees::in_memory()).expect("all load");
    for image in &images {
        let machine = Machine::new(image);
        for program in image.programs() {
            let stat = machine.stat(&program.path, true);
            assert_eq!(
                stat.mode & !0o4000,
                0o100_755,
                "{}: only sudo and its like set the user",
                program.path
            );
            let file = machine.open(&program.path);
            assert_eq!(file.content_id(), Some(program.digest));
            let content = file.read_all(BLOB_BYTES_MAX).expect("unpacks");
            assert!(content.starts_with(b"\0asm"), "{}", program.path);
        }
        assert_eq!(machine.stat("/dev/null", true).mode, Kind::Device.mode_bits() | 0o666);
    }
    assert!(images.iter().any(|image| image.name() == "base"), "there is a base image");
}
