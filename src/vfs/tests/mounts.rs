//! The built-in /dev, and a dynamic file system as procfs is one.

use super::*;

/// A small /proc: `self` by caller, PID directories with a text, a link to an object and one to a node.
enum Proc {
    Root,
    Process(u32),
    Text(u32),
    SelfLink,
    Fd,
    Exe(Node),
}

struct Pipe;

impl Object for Pipe {
    fn stat(&self) -> Result<Stat, Errno> {
        Ok(Stat { ino: 77, mode: Kind::Fifo.mode_bits() | 0o600, ..Stat::default() })
    }
}

fn node_for_exe() -> Node {
    User::root().write("/program", b"text").unwrap().node()
}

impl Dynamic for Proc {
    fn attributes(&self, _caller: Caller) -> Result<Attributes, Errno> {
        let (kind, ino) = match self {
            Proc::Root => (Kind::Directory, 1),
            Proc::Process(pid) => (Kind::Directory, u64::from(*pid) * 100),
            Proc::Text(pid) => (Kind::File, u64::from(*pid) * 100 + 1),
            Proc::SelfLink => (Kind::Symlink, 2),
            Proc::Fd | Proc::Exe(_) => (Kind::Symlink, 3),
        };
        let mode = if kind == Kind::File { 0o444 } else { 0o555 };
        let (uid, gid, nlink, size) = (0, 0, 1, 0);
        let (rdev, time) = (DeviceId::default(), Timespec::default());
        Ok(Attributes { ino, kind, mode, uid, gid, nlink, size, rdev, time })
    }

    fn lookup(&self, _caller: Caller, name: &[u8]) -> Result<Arc<dyn Dynamic>, Errno> {
        Ok(Arc::new(match (self, name) {
            (Proc::Root, b"self") => Proc::SelfLink,
            (Proc::Root, b"7" | b"8") => Proc::Process(u32::from(name[0] - b'0')),
            (Proc::Process(pid), b"status") => Proc::Text(*pid),
            (Proc::Process(_), b"fd") => Proc::Fd,
            (Proc::Process(_), b"exe") => Proc::Exe(node_for_exe()),
            _ => return Err(Errno::NOENT),
        }))
    }

    fn list(&self, _caller: Caller) -> Result<Vec<DynamicEntry>, Errno> {
        let entry = |ino, kind, name: &str| DynamicEntry { ino, kind, name: name.into() };
        match self {
            Proc::Root => {
                Ok(vec![entry(2, Kind::Symlink, "self"), entry(700, Kind::Directory, "7")])
            }
            _ => Err(Errno::NOTDIR),
        }
    }

    fn read(&self, caller: Caller) -> Result<Vec<u8>, Errno> {
        match self {
            Proc::Text(8) => Ok((0..1 << 20).map(|at| (at % 251) as u8).collect()),
            Proc::Text(pid) => Ok(format!("{pid} seen by {}", caller.pid).into_bytes()),
            _ => Err(Errno::INVAL),
        }
    }

    fn link(&self, caller: Caller) -> Result<Link, Errno> {
        match self {
            Proc::SelfLink => Ok(Link::Path(caller.pid.to_string().into_bytes())),
            Proc::Fd => Ok(Link::Object { text: b"pipe:[77]".into(), object: Arc::new(Pipe) }),
            Proc::Exe(node) => Ok(Link::Node { text: b"/program".into(), node: node.clone() }),
            _ => Err(Errno::INVAL),
        }
    }
}

fn machine() -> User {
    let user = User::root_of(Vfs::new(None, VfsLimits::default(), Store::in_memory()).unwrap());
    let mount = DynamicMount::new(Arc::new(Proc::Root), 5, 0x9fa0);
    user.vfs.mount_dynamic(b"/proc", mount).unwrap();
    user
}

#[test]
fn made_up_files() {
    let user = machine();
    let context = Context { pid: 7, ..user.context() };
    let opened = user.vfs.open(&context, &user.root, b"/proc/self/status", OpenFlags::empty(), 0);
    let Ok(Opened::File(file)) = opened else { panic!("a file") };
    let mut text = [0; 4];
    assert_eq!(file.read_at(&mut text, 0), Ok(4));
    assert_eq!(file.read_at(&mut text, 10), Ok(1));
    assert_eq!(&text[..1], b"7");
    let stat = file.stat().unwrap();
    assert_eq!((stat.dev, stat.ino, stat.mode), (5, 701, 0o100_444));
    assert_eq!(
        user.vfs.node(&context, &user.root, b"/proc/self", true).unwrap().id(),
        Ok((5, 700))
    );
    let statfs = user.node("/proc").unwrap().statfs(&user.vfs);
    assert_eq!(statfs.magic, 0x9fa0);
    assert_eq!(user.list("/proc").unwrap(), [".", "..", "self", "7"]);
    assert_eq!(user.list("/").unwrap(), [".", "..", "dev", "proc"]);
}

#[test]
fn what_open_files_keep_is_bounded() {
    let user = User::root_of(Vfs::new(None, VfsLimits::default(), Store::in_memory()).unwrap());
    let mount = DynamicMount::new(Arc::new(Proc::Root), 5, 0x9fa0);
    user.vfs.mount_dynamic(b"/proc", mount.clone()).unwrap();
    let (context, kept) = (user.context(), || mount.kept.load(std::sync::atomic::Ordering::SeqCst));
    let open = || {
        user.vfs
            .open(&context, &user.root, b"/proc/8/status", OpenFlags::empty(), 0)
            .expect("there")
    };
    let mut held = Vec::new();
    for _ in 0..20 {
        let Opened::File(file) = open() else { panic!("a file") };
        let mut bytes = [0; 2];
        assert_eq!((file.read_at(&mut bytes, 0), bytes), (Ok(2), [0, 1]));
        assert_eq!((file.read_at(&mut bytes, 252), bytes), (Ok(2), [1, 2]), "kept or not");
        assert_eq!(file.read_at(&mut bytes, 1 << 20), Ok(0));
        held.push(file);
    }
    assert!((1 << 20..=dynamic::KEPT_BYTES_MAX).contains(&kept()), "{}", kept());
    drop(held);
    assert_eq!(kept(), 0);
}

#[test]
fn links_out_of_a_made_up_tree() {
    let user = machine();
    let context = user.context();
    let open = |path: &[u8], flags| user.vfs.open(&context, &user.root, path, flags, 0);
    assert!(matches!(open(b"/proc/7/fd", OpenFlags::empty()), Ok(Opened::Object(_))));
    assert_eq!(user.stat("/proc/7/fd").unwrap().ino, 77);
    assert_eq!(user.stat("/proc/7/fd/x").err(), Some(Errno::NOTDIR));
    assert_eq!(user.stat("/proc/7/fd/").err(), Some(Errno::NOTDIR));
    let link = user.lnode("/proc/7/fd").unwrap();
    assert_eq!(link.readlink(&context).unwrap(), b"pipe:[77]");
    let path = OpenFlags::PATH | OpenFlags::NO_FOLLOW;
    assert!(matches!(open(b"/proc/7/fd", path), Ok(Opened::File(_))));
    assert_eq!(user.read("/proc/7/exe").unwrap(), b"text", "a node that no path here names");
}

#[test]
fn paths_in_and_out_of_mounts() {
    let user = machine();
    let context = user.context();
    let dir = user.vfs.directory(&context, &user.root, b"/proc/7").unwrap();
    assert_eq!(user.vfs.path_of(&user.root, &dir).unwrap(), b"/proc/7");
    let up = user.vfs.directory(&context, &dir, b"../..").unwrap();
    assert_eq!(user.vfs.path_of(&user.root, &up).unwrap(), b"/");
    assert!(user.vfs.node(&context, &dir, b"../../dev/null", true).is_ok());
    assert_eq!(user.mkdir("/proc/x"), Err(Errno::NOENT));
    assert_eq!(user.mkdir("/proc/7"), Err(Errno::EXIST));
    assert_eq!(user.unlink("/proc/7/status"), Err(Errno::PERM));
    assert_eq!(user.other(1000, 1000, &[]).unlink("/proc/7/status"), Err(Errno::ACCESS));
    assert_eq!(user.rmdir("/proc"), Err(Errno::BUSY));
    assert_eq!(user.rename("/proc", "/x"), Err(Errno::BUSY));
    user.write("/f", b"").unwrap();
    assert_eq!(user.rename("/f", "/proc/f"), Err(Errno::XDEV));
    assert_eq!(user.link("/proc/7/status", "/x"), Err(Errno::XDEV));
    assert_eq!(user.write("/proc/x", b"").err(), Some(Errno::NOENT));
    assert_eq!(user.chmod("/proc/7/status", 0o777), Err(Errno::PERM));
}

#[test]
fn devices() {
    let user = machine();
    let open = user.vfs.open(&user.context(), &user.root, b"/dev/null", OpenFlags::READ_WRITE, 0);
    let Ok(Opened::Device(id, node)) = open else { panic!("a device") };
    assert_eq!((id.major, id.minor), (1, 3));
    assert_eq!(node.stat().unwrap().rdev, 0x103);
    assert_eq!(user.stat("/dev/shm").unwrap().mode, 0o041_777);
    let link = user.lnode("/dev/stdout").unwrap();
    assert_eq!(link.readlink(&user.context()).unwrap(), b"/proc/self/fd/1");
    let plain = user.other(1000, 1000, &[]);
    let device = DeviceId { major: 1, minor: 3 };
    let made =
        plain.vfs.mknod(&plain.context(), &plain.root, b"/dev/shm/n", Kind::Device, device, 0);
    assert_eq!(made.err(), Some(Errno::PERM));
    for number in [0, 3, 0x103, 255, 256, 0xf_ffff] {
        let id = DeviceId { major: number & 0xfff, minor: number };
        assert_eq!(DeviceId::decode(id.encode()), id);
    }
}

#[test]
fn what_proc_tells_of_open_files() {
    let user = machine();
    user.mkdir("/d").unwrap();
    let file = user.write("/d/f", b"").unwrap();
    let path = |node: &Node| String::from_utf8(user.vfs.path_of_node(node)).unwrap();
    assert_eq!(path(&file.node()), "/d/f");
    assert_eq!(path(&user.node("/proc/7/status").unwrap()), "/proc/7/status");
    user.unlink("/d/f").unwrap();
    assert_eq!(path(&file.node()), "/d/f (deleted)");
    user.rmdir("/d").unwrap();
    assert!(path(&file.node()).ends_with(" (deleted)"));
}
