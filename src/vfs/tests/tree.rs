//! Names, links, renames, open files without names, quota, layers, events.

use super::*;
use parking_lot::Mutex as TestMutex;

#[test]
fn inode_numbers_and_content_outlive_names() {
    let user = User::root();
    user.write("/a", b"old").unwrap();
    let open = user.open("/a", OpenFlags::READ_WRITE, 0).unwrap();
    let ino = user.stat("/a").unwrap().ino;
    user.rename("/a", "/b").unwrap();
    assert_eq!(user.stat("/b").unwrap().ino, ino);
    user.unlink("/b").unwrap();
    assert_eq!(user.stat("/b").unwrap_err(), Errno::NOENT);
    assert_eq!(open.append(b" and new"), Ok((8, 11)));
    assert_eq!(open.read_all(100).unwrap().as_ref(), b"old and new");
    assert_eq!(open.stat().unwrap().nlink, 0);
    let before = user.vfs.bytes_used();
    drop(open);
    assert_eq!(user.vfs.bytes_used(), before - 4096, "storage goes with the last user");
}

#[test]
fn links_to_nodes_without_names_are_refused() {
    let user = User::root();
    user.write("/a", b"").unwrap();
    let node = user.node("/a").unwrap();
    user.unlink("/a").unwrap();
    let again = user.vfs.link(&user.context(), &node, &user.root, b"/b");
    assert_eq!(again, Err(Errno::NOENT));
    user.mkdir("/d").unwrap();
    assert_eq!(user.link("/d", "/e"), Err(Errno::PERM));
}

#[test]
fn removed_directories_take_no_names() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    let open = user.open("/d", OpenFlags::DIRECTORY, 0).unwrap();
    let dir = open.dir().unwrap();
    user.rmdir("/d").unwrap();
    let context = user.context();
    let make = user.vfs.open(&context, &dir, b"x", OpenFlags::CREATE, 0o644);
    assert_eq!(make.err(), Some(Errno::NOENT));
    assert_eq!(user.vfs.mkdir(&context, &dir, b"x", 0o755).err(), Some(Errno::NOENT));
    user.write("/f", b"").unwrap();
    let into = user.vfs.rename(&context, (&user.root, b"/f"), (&dir, b"f"), Rename::Replace);
    assert_eq!(into, Err(Errno::NOENT));
    assert_eq!(user.vfs.path_of(&user.root, &dir), Err(Errno::NOENT));
    assert_eq!(open.list(0, &mut |_| true), Err(Errno::NOENT));
    assert_eq!(user.vfs.node(&context, &dir, b".", true).unwrap().stat().unwrap().nlink, 0);
}

#[test]
fn a_directory_never_moves_into_itself() {
    let user = User::root();
    for path in ["/a", "/a/b", "/a/b/c", "/x"] {
        user.mkdir(path).unwrap();
    }
    assert_eq!(user.rename("/a", "/a/b/c/a"), Err(Errno::INVAL));
    assert_eq!(user.rename("/a", "/a/b"), Err(Errno::INVAL));
    assert_eq!(user.rename("/a/b/c", "/a"), Err(Errno::NOTEMPTY));
    assert_eq!(user.rename_how("/a", "/a/b/c", Rename::Exchange), Err(Errno::INVAL));
    assert_eq!(user.rename_how("/a/b/c", "/a", Rename::Exchange), Err(Errno::INVAL));
    user.rename("/a/b", "/x/b").unwrap();
    assert_eq!(user.stat("/a").unwrap().nlink, 2);
    assert_eq!(user.stat("/x").unwrap().nlink, 3);
    assert_eq!(user.stat("/x/b/..").unwrap().ino, user.stat("/x").unwrap().ino);
    let dir = user.node("/x/b/c").unwrap().dir(&user.context()).unwrap();
    assert_eq!(user.vfs.path_of(&user.root, &dir).unwrap(), b"/x/b/c");
}

#[test]
fn exchange_keeps_parents_and_counts_right() {
    let user = User::root();
    for path in ["/p", "/q", "/p/d"] {
        user.mkdir(path).unwrap();
    }
    user.write("/q/f", b"file").unwrap();
    user.rename_how("/p/d", "/q/f", Rename::Exchange).unwrap();
    assert_eq!(user.read("/p/d").unwrap(), b"file");
    assert_eq!(user.stat("/q/f/..").unwrap().ino, user.stat("/q").unwrap().ino);
    assert_eq!(user.stat("/p").unwrap().nlink, 2);
    assert_eq!(user.stat("/q").unwrap().nlink, 3);
    assert_eq!(user.rename_how("/p/d", "/new", Rename::Exchange), Err(Errno::NOENT));
    assert_eq!(user.rename_how("/p/d", "/q", Rename::NoReplace), Err(Errno::EXIST));
}

#[test]
fn links_are_followed_forty_times() {
    let user = User::root();
    user.write("/end", b"!").unwrap();
    user.symlink("end", "/l0").unwrap();
    for at in 1..41 {
        user.symlink(&format!("l{}", at - 1), &format!("/l{at}")).unwrap();
    }
    assert_eq!(user.read("/l39").unwrap(), b"!");
    assert_eq!(user.read("/l40"), Err(Errno::LOOP));
    user.symlink("self", "/self").unwrap();
    assert_eq!(user.read("/self"), Err(Errno::LOOP));
    assert_eq!(user.write("/self", b"").err(), Some(Errno::LOOP));
}

#[test]
fn links_made_through() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    user.symlink("d/new", "/to").unwrap();
    user.write("/to", b"through").unwrap();
    assert_eq!(user.read("/d/new").unwrap(), b"through");
    user.symlink("/d", "/dir").unwrap();
    assert_eq!(user.read("/dir/../d/./new").unwrap(), b"through");
    assert_eq!(user.mkdir("/dir/"), Err(Errno::EXIST));
    assert_eq!(user.rmdir("/dir/"), Err(Errno::NOTDIR));
    assert_eq!(user.unlink("/dir/"), Err(Errno::NOTDIR));
    let no_follow = OpenFlags::NO_FOLLOW;
    assert_eq!(user.open("/dir", no_follow, 0).err(), Some(Errno::LOOP));
    let directory = no_follow | OpenFlags::DIRECTORY;
    assert_eq!(user.open("/dir", directory, 0).err(), Some(Errno::NOTDIR));
    let path = user.open("/dir", no_follow | OpenFlags::PATH, 0).unwrap();
    assert_eq!(path.kind(), Kind::Symlink);
    assert_eq!(path.node().readlink(&user.context()).unwrap(), b"/d");
}

#[test]
fn lengths_are_limited() {
    let user = User::root();
    let longest = "n".repeat(NAME_MAX);
    user.write(&longest, b"").unwrap();
    assert_eq!(user.write(&format!("{longest}n"), b"").err(), Some(Errno::NAMETOOLONG));
    assert_eq!(user.stat(&format!("{longest}n")).err(), Some(Errno::NAMETOOLONG));
    let deep = "./".repeat(2047);
    assert!(user.stat(&format!("{deep}.")).is_ok(), "4095 bytes");
    assert_eq!(user.stat(&format!("{deep}./")).err(), Some(Errno::NAMETOOLONG));
    assert_eq!(user.symlink(&"t".repeat(PATH_MAX), "/l"), Err(Errno::NAMETOOLONG));
    assert_eq!(user.stat("").err(), Some(Errno::NOENT));
    assert_eq!(user.symlink("", "/l"), Err(Errno::NOENT));
}

#[test]
fn deep_trees_need_no_stack() {
    let user = User::root();
    let mut here = user.root.clone();
    let (context, depth) = (user.context(), 100_000);
    for _ in 0..depth {
        user.vfs.mkdir(&context, &here, b"d", 0o755).unwrap();
        here = user.vfs.directory(&context, &here, b"d").unwrap();
    }
    assert_eq!(user.vfs.path_of(&user.root, &here), Err(Errno::NAMETOOLONG));
    user.mkdir("/other").unwrap();
    let into = user.vfs.rename(&context, (&user.root, b"d"), (&here, b"x"), Rename::Replace);
    assert_eq!(into, Err(Errno::INVAL), "found by walking up, not down");
    drop(here);
    drop(user);
}

#[test]
fn quota_of_bytes_and_inodes() {
    let user = User::limited(10 * 4096, 5);
    let file = user.write("/a", &[1; 4096]).unwrap();
    assert_eq!(file.write_at(&[2; 20 * 4096], 4096), Ok(9 * 4096), "as much as fits");
    assert_eq!(file.append(b"!"), Err(Errno::NOSPC));
    assert_eq!(user.vfs.statfs().blocks_free, 0);
    assert_eq!(user.write("/b", b"").map(drop), Ok(()), "an empty file still fits");
    assert_eq!(user.symlink("target", "/l"), Err(Errno::NOSPC));
    file.truncate(0).unwrap();
    assert_eq!(user.vfs.bytes_used(), 0);
    user.link("/b", "/c").unwrap();
    user.mkdir("/d").unwrap();
    user.symlink("target", "/l").unwrap();
    assert_eq!(user.mkdir("/e"), Err(Errno::NOSPC));
    assert_eq!(user.link("/b", "/e"), Err(Errno::NOSPC));
    assert_eq!(user.vfs.statfs().files_free, 0);
    for path in ["/a", "/b", "/c", "/l"] {
        user.unlink(path).unwrap();
    }
    user.rmdir("/d").unwrap();
    drop(file);
    let left = user.vfs.statfs();
    assert_eq!((left.files_free, left.blocks_free, user.vfs.bytes_used()), (5, 10, 0));
}

#[test]
fn sparse_files_cost_what_is_written() {
    let user = User::limited(1 << 20, 10);
    let file = user.write("/sparse", b"").unwrap();
    file.truncate(1 << 40).unwrap();
    assert_eq!(file.write_at(b"end", (1 << 40) - 3), Ok(3));
    let stat = file.stat().unwrap();
    assert_eq!(stat.size, 1 << 40);
    assert!(stat.blocks * 512 <= 64 << 10);
    assert_eq!(file.seek_data(0), Ok((1 << 40) - (64 << 10)));
    assert_eq!(file.seek_hole(0), Ok(0));
    assert_eq!(file.write_at(b"x", FILE_SIZE_MAX), Err(Errno::FBIG));
    assert_eq!(file.write_at(b"xyz", FILE_SIZE_MAX - 1), Ok(1), "short at the largest size");
    assert_eq!(file.truncate(FILE_SIZE_MAX + 1), Err(Errno::FBIG));
    assert_eq!(file.allocate(Allocate::Extend, 0, 1 << 39), Err(Errno::NOSPC));
    assert!(user.vfs.bytes_used() <= 3 * (64 << 10));
}

#[test]
fn listing_survives_changes() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    for at in 0..100 {
        user.write(&format!("/d/{at}"), b"").unwrap();
    }
    let open = user.open("/d", OpenFlags::DIRECTORY, 0).unwrap();
    let (mut cookie, mut seen) = (0, Vec::new());
    for round in 0.. {
        let before = seen.len();
        let mut room = 7;
        open.list(cookie, &mut |entry| {
            if room == 0 {
                return false;
            }
            room -= 1;
            seen.push(String::from_utf8_lossy(entry.name).into_owned());
            cookie = entry.cookie;
            true
        })
        .unwrap();
        if seen.len() == before {
            break;
        }
        // Odd ones go and others come while the listing runs; even ones stay, one of them replaced.
        let _ = user.unlink(&format!("/d/{}", round * 2 + 1));
        user.write(&format!("/d/new{round}"), b"").unwrap();
        user.write("/spare", b"").unwrap();
        user.rename("/spare", "/d/50").unwrap();
        assert!(round < 1000, "a listing must end");
        if round > 40 {
            user.unlink(&format!("/d/new{round}")).unwrap();
        }
    }
    for at in (0..100).step_by(2) {
        let name = at.to_string();
        assert_eq!(seen.iter().filter(|seen| **seen == name).count(), 1, "{name}");
    }
    assert_eq!(&seen[..2], [".", ".."]);
}

#[test]
fn a_frozen_tree_is_independent() {
    let first = User::root();
    first.mkdir("/d").unwrap();
    first.write("/d/kept", b"kept").unwrap();
    first.write("/d/changed", &[7; 200_000]).unwrap();
    first.write("/gone", b"").unwrap();
    let layer = first.vfs.freeze();
    let second =
        User::root_of(Vfs::bare(Some(layer.clone()), VfsLimits::default(), Store::in_memory()));
    let used = second.vfs.bytes_used();
    assert_eq!(used, first.vfs.bytes_used(), "a copy is charged as its original");
    first.open("/d/changed", OpenFlags::WRITE_ONLY, 0).unwrap().write_at(b"1", 0).unwrap();
    second.open("/d/changed", OpenFlags::WRITE_ONLY, 0).unwrap().write_at(b"2", 0).unwrap();
    second.unlink("/gone").unwrap();
    second.write("/new", b"new").unwrap();
    assert_eq!(first.read("/d/changed").unwrap()[..2], [b'1', 7]);
    assert_eq!(second.read("/d/changed").unwrap()[..2], [b'2', 7]);
    assert!(first.stat("/gone").is_ok());
    assert_eq!(first.stat("/new").err(), Some(Errno::NOENT));
    let third = User::root_of(Vfs::bare(
        Some(second.vfs.freeze()),
        VfsLimits::default(),
        Store::in_memory(),
    ));
    assert_eq!(third.stat("/gone").err(), Some(Errno::NOENT));
    assert_eq!(third.read("/new").unwrap(), b"new");
    assert_eq!(third.read("/d/kept").unwrap(), b"kept");
    assert_eq!(third.stat("/d/kept").unwrap().ino, first.stat("/d/kept").unwrap().ino);
    third.unlink("/d/changed").unwrap();
    third.unlink("/d/kept").unwrap();
    third.unlink("/new").unwrap();
    assert_eq!(third.vfs.bytes_used(), 0, "what was inherited is given back too");
}

#[derive(Default)]
struct Log(TestMutex<Vec<(Events, String)>>);

impl Watcher for Log {
    fn changed(&self, change: &Change<'_>) {
        let name = change.entry.map_or("", |(_, name)| std::str::from_utf8(name).unwrap());
        self.0.lock().push((change.events, name.to_owned()));
    }

    fn wants(&self) -> Events {
        Events::all()
    }
}

#[test]
fn watchers_hear_of_changes() {
    let user = User::root();
    let log = Arc::new(Log::default());
    let watcher: Arc<dyn Watcher> = log.clone();
    user.vfs.watch(&watcher);
    user.write("/a", b"text").unwrap();
    user.chmod("/a", 0o600).unwrap();
    user.rename("/a", "/b").unwrap();
    user.unlink("/b").unwrap();
    user.mkdir("/d").unwrap();
    let heard = std::mem::take(&mut *log.0.lock());
    let expected = [
        (Events::CREATE, "a"),
        (Events::OPEN, "a"),
        (Events::MODIFY, "a"),
        (Events::CLOSE_WRITE, "a"),
        (Events::ATTRIB, "a"),
        (Events::MOVED_FROM, "a"),
        (Events::MOVED_TO, "b"),
        (Events::MOVE_SELF, ""),
        (Events::ATTRIB, ""),
        (Events::DELETE_SELF, ""),
        (Events::DELETE, "b"),
        (Events::CREATE, "d"),
    ];
    let expected: Vec<_> = expected.map(|(kind, name)| (kind, name.to_owned())).into();
    assert_eq!(heard, expected);
    drop(watcher);
    let weak = Arc::downgrade(&log);
    drop(log);
    user.rmdir("/d").unwrap();
    assert!(weak.upgrade().is_none(), "a watcher is not kept alive");
    assert!(!user.vfs.shared.watchers.want(Events::all()), "and nobody is told any more");
}

#[test]
fn kernel_objects_live_with_nodes() {
    let user = User::root();
    let device = DeviceId::default();
    let context = user.context();
    user.vfs.mknod(&context, &user.root, b"/fifo", Kind::Fifo, device, 0o600).unwrap();
    let first = user.node("/fifo").unwrap().attach(|| 1u64).unwrap();
    let again = user.node("/fifo").unwrap().attach(|| 2u64).unwrap();
    assert_eq!((*first, *again), (1, 1));
    assert_eq!(user.node("/fifo").unwrap().attached::<String>(), None);
    user.rename("/fifo", "/moved").unwrap();
    assert_eq!(user.node("/moved").unwrap().attached::<u64>().as_deref(), Some(&1));
    let open = user.vfs.open(&context, &user.root, b"/moved", OpenFlags::empty(), 0).unwrap();
    assert!(matches!(open, Opened::Fifo(_)));
    user.vfs.mknod(&context, &user.root, b"/s", Kind::Socket, device, 0o600).unwrap();
    let open = user.vfs.open(&context, &user.root, b"/s", OpenFlags::empty(), 0);
    assert_eq!(open.err(), Some(Errno::NXIO));
}

/// Several threads at once in one small tree: every call ends, and at the end nothing is left over or lost.
#[test]
fn threads_neither_block_nor_leak() {
    let user = User::limited(1 << 22, 200);
    let names = ["/a", "/b", "/c", "/a/x", "/b/x", "/a/x/y"];
    let work = |seed: u64| {
        let user = user.other(0, 0, &[]);
        let mut state = seed;
        let mut pick = |max: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % max
        };
        for _ in 0..4000 {
            let (one, two) = (names[pick(names.len())], names[pick(names.len())]);
            match pick(9) {
                0 => drop(user.mkdir(one)),
                1 => drop(user.rmdir(one)),
                2 => drop(user.unlink(one)),
                3 => drop(user.rename(one, two)),
                4 => drop(user.rename_how(one, two, Rename::Exchange)),
                5 => drop(user.link(one, two)),
                6 => drop(user.list(one)),
                7 => drop(user.symlink(two, one)),
                _ => {
                    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
                    if let Ok(file) = user.open(one, flags, 0o644) {
                        let _ = file.append(&[1; 5000]);
                        let _ = file.truncate(pick(100_000) as u64);
                        let _ = file.read_all(1 << 20);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || work(seed));
        }
    });
    // Each round takes at least the leaves away.
    while user.list("/").unwrap().len() > 2 {
        let mut waiting = vec![String::new()];
        while let Some(above) = waiting.pop() {
            for name in user.list(&format!("{above}/")).unwrap().iter().skip(2) {
                let path = format!("{above}/{name}");
                if user.unlink(&path).is_err() && user.rmdir(&path).is_err() {
                    waiting.push(path);
                }
            }
        }
    }
    assert_eq!(user.stat("/").unwrap().nlink, 2);
    assert_eq!((user.vfs.bytes_used(), user.vfs.statfs().files_free), (0, 200));
}
