//! Who may do what: classes of permission, root, sticky and set-id bits, owners, times, extended attributes.

use super::*;

#[test]
fn the_first_class_that_fits_decides() {
    let root = User::root();
    root.write("/f", b"x").unwrap();
    root.chown("/f", 10, 20).unwrap();
    root.chmod("/f", 0o027).unwrap();
    let access = |uid, gid, groups: &[u32], want| {
        let user = root.other(uid, gid, groups);
        user.node("/f").unwrap().access(&user.context(), want)
    };
    assert_eq!(access(10, 20, &[20], Access::READ), Err(Errno::ACCESS), "owner: nothing");
    assert_eq!(access(11, 20, &[], Access::WRITE), Ok(()), "group: write");
    assert_eq!(access(11, 99, &[20], Access::WRITE), Ok(()), "further group: write");
    assert_eq!(access(11, 20, &[], Access::READ), Err(Errno::ACCESS));
    assert_eq!(access(11, 99, &[], Access::all()), Ok(()), "others: all");
    assert_eq!(access(0, 0, &[], Access::all()), Ok(()));
    root.chmod("/f", 0o666).unwrap();
    assert_eq!(access(0, 0, &[], Access::EXECUTE), Err(Errno::ACCESS), "nobody may run it");
    assert_eq!(access(0, 0, &[], Access::READ | Access::WRITE), Ok(()));
}

#[test]
fn directories_must_be_searched_and_written() {
    let root = User::root();
    root.mkdir_mode("/d", 0o744).unwrap();
    root.write("/d/f", b"x").unwrap();
    root.chmod("/d/f", 0o666).unwrap();
    let user = root.other(5, 5, &[]);
    assert_eq!(user.stat("/d/f").err(), Some(Errno::ACCESS));
    assert_eq!(user.stat("/d/none").err(), Some(Errno::ACCESS));
    assert_eq!(user.list("/d").unwrap(), [".", "..", "f"]);
    root.chmod("/d", 0o711).unwrap();
    assert_eq!(user.read("/d/f").unwrap(), b"x");
    assert_eq!(user.list("/d").err(), Some(Errno::ACCESS));
    assert_eq!(user.unlink("/d/f"), Err(Errno::ACCESS));
    assert_eq!(user.mkdir("/d/x"), Err(Errno::ACCESS));
    assert_eq!(user.mkdir("/d/f"), Err(Errno::EXIST), "what exists is told first");
    assert_eq!(user.rename("/d/f", "/d/g"), Err(Errno::ACCESS));
    assert_eq!(user.write("/d/x", b"").err(), Some(Errno::ACCESS));
    let directory = user.vfs.directory(&user.context(), &user.root, b"/d");
    assert!(directory.is_ok(), "chdir needs search only");
}

#[test]
fn sticky_directories() {
    let root = User::root();
    root.mkdir_mode("/tmp", 0o1777).unwrap();
    let (ann, bob) = (root.other(10, 10, &[]), root.other(11, 11, &[]));
    ann.write("/tmp/ann", b"").unwrap();
    bob.write("/tmp/bob", b"").unwrap();
    assert_eq!(bob.unlink("/tmp/ann"), Err(Errno::PERM));
    assert_eq!(bob.rename("/tmp/ann", "/tmp/x"), Err(Errno::PERM));
    assert_eq!(bob.rename("/tmp/bob", "/tmp/ann"), Err(Errno::PERM));
    assert_eq!(ann.unlink("/tmp/ann"), Ok(()));
    assert_eq!(root.unlink("/tmp/bob"), Ok(()));
}

#[test]
fn set_id_bits() {
    let root = User::root();
    root.mkdir_mode("/g", 0o777).unwrap();
    root.chown("/g", 0, 50).unwrap();
    root.chmod("/g", 0o2777).unwrap();
    let user = root.other(10, 10, &[]);
    user.mkdir_mode("/g/sub", 0o755).unwrap();
    let sub = user.stat("/g/sub").unwrap();
    assert_eq!((sub.gid, sub.mode & 0o7777), (50, 0o2755), "handed down");
    let flags = OpenFlags::CREATE | OpenFlags::WRITE_ONLY;
    user.open("/g/f", flags, 0o2775).unwrap();
    let file = user.stat("/g/f").unwrap();
    assert_eq!((file.gid, file.mode & 0o7777), (50, 0o775), "not in the group");

    user.write("/g/s", b"x").unwrap();
    root.chmod("/g/s", 0o6777).unwrap();
    user.open("/g/s", OpenFlags::WRITE_ONLY, 0).unwrap().write_at(b"y", 0).unwrap();
    assert_eq!(root.stat("/g/s").unwrap().mode & 0o7777, 0o777, "writing drops them");
    root.chmod("/g/s", 0o6777).unwrap();
    root.open("/g/s", OpenFlags::WRITE_ONLY, 0).unwrap().write_at(b"y", 0).unwrap();
    assert_eq!(root.stat("/g/s").unwrap().mode & 0o7777, 0o6777, "but root's does not");
    root.chown("/g/s", 10, 50).unwrap();
    assert_eq!(root.stat("/g/s").unwrap().mode & 0o7777, 0o777, "a new owner does");
    user.chmod("/g/s", 0o2777).unwrap();
    assert_eq!(root.stat("/g/s").unwrap().mode & 0o7777, 0o777, "not in the group");
}

#[test]
fn owners() {
    let root = User::root();
    root.mkdir_mode("/w", 0o777).unwrap();
    let (ann, bob) = (root.other(10, 10, &[30]), root.other(11, 11, &[]));
    ann.write("/w/f", b"x").unwrap();
    assert_eq!(bob.chmod("/w/f", 0o777), Err(Errno::PERM));
    assert_eq!(bob.chown("/w/f", 11, 11), Err(Errno::PERM));
    assert_eq!(ann.chown("/w/f", 11, 10), Err(Errno::PERM), "files are not given away");
    assert_eq!(ann.chown("/w/f", 10, 30), Ok(()));
    assert_eq!(ann.chown("/w/f", 10, 31), Err(Errno::PERM));
    let node = ann.node("/w/f").unwrap();
    let past = SetTime::At(Timespec { sec: 1, nsec: 2 });
    assert_eq!(node.set_times(&bob.context(), past, SetTime::Omit), Err(Errno::PERM));
    let now = SetTime::Now;
    assert_eq!(node.set_times(&bob.context(), now, now), Err(Errno::ACCESS));
    assert_eq!(node.set_times(&bob.context(), now, SetTime::Omit), Err(Errno::PERM));
    ann.chmod("/w/f", 0o666).unwrap();
    assert_eq!(node.set_times(&bob.context(), now, now), Ok(()), "writers may touch");
    assert_eq!(node.set_times(&ann.context(), past, past), Ok(()));
    let stat = node.stat().unwrap();
    assert_eq!((stat.atime, stat.mtime), (Timespec { sec: 1, nsec: 2 }, stat.atime));
    assert!(stat.ctime.sec > 1);
    let no_atime = OpenFlags::NO_ATIME;
    assert_eq!(bob.open("/w/f", no_atime, 0).err(), Some(Errno::PERM));
    ann.open("/w/f", no_atime, 0).unwrap().read_at(&mut [0], 0).unwrap();
    assert_eq!(node.stat().unwrap().atime.sec, 1);
    assert_eq!(ann.read("/w/f").unwrap(), b"x");
    ann.open("/w/f", OpenFlags::empty(), 0).unwrap().read_at(&mut [0], 0).unwrap();
    assert!(node.stat().unwrap().atime.sec > 1, "relatime: older than the change");
}

#[test]
fn extended_attributes() {
    let root = User::root();
    root.mkdir_mode("/t", 0o1777).unwrap();
    let user = root.other(10, 10, &[]);
    user.write("/t/f", b"").unwrap();
    let node = user.node("/t/f").unwrap();
    let context = user.context();
    let set = |name: &[u8], value: &[u8], how| node.set_xattr(&context, name, value, how);
    assert_eq!(node.xattr(&context, b"user.a").err(), Some(Errno::NODATA));
    assert_eq!(set(b"user.a", b"1", SetXattr::Replace), Err(Errno::NODATA));
    assert_eq!(set(b"user.a", b"1", SetXattr::Create), Ok(()));
    assert_eq!(set(b"user.a", b"2", SetXattr::Create), Err(Errno::EXIST));
    assert_eq!(set(b"user.a", b"22", SetXattr::Any), Ok(()));
    assert_eq!(node.xattr(&context, b"user.a").unwrap().as_ref(), b"22");
    assert_eq!(node.xattrs(), [b"user.a".to_vec()]);
    assert_eq!(user.vfs.bytes_used(), 8);
    assert_eq!(set(b"trusted.a", b"1", SetXattr::Any), Err(Errno::OPNOTSUPP));
    assert_eq!(set(b"", b"1", SetXattr::Any), Err(Errno::RANGE));
    assert_eq!(set(b"user.b", &vec![0; XATTR_SIZE_MAX + 1], SetXattr::Any), Err(Errno::TOOBIG));
    assert_eq!(set(b"user.b", &vec![0; XATTR_SIZE_MAX], SetXattr::Any), Ok(()));
    assert_eq!(set(b"user.c", &vec![0; XATTR_SIZE_MAX], SetXattr::Any), Err(Errno::NOSPC));
    let other = root.other(11, 11, &[]);
    assert_eq!(node.set_xattr(&other.context(), b"user.a", b"", SetXattr::Any), Err(Errno::ACCESS));
    let sticky = user.node("/t").unwrap();
    assert_eq!(sticky.set_xattr(&context, b"user.a", b"", SetXattr::Any), Err(Errno::PERM));
    assert_eq!(node.remove_xattr(&context, b"user.a"), Ok(()));
    assert_eq!(node.remove_xattr(&context, b"user.a"), Err(Errno::NODATA));
    user.symlink("f", "/t/l").unwrap();
    let link = user.lnode("/t/l").unwrap();
    assert_eq!(link.set_xattr(&context, b"user.a", b"", SetXattr::Any), Err(Errno::PERM));
    drop((node, link));
    user.unlink("/t/f").unwrap();
    user.unlink("/t/l").unwrap();
    assert_eq!(user.vfs.bytes_used(), 0);
}

#[test]
fn a_changed_root_holds() {
    let root = User::root();
    root.mkdir("/jail").unwrap();
    root.mkdir("/jail/in").unwrap();
    root.write("/secret", b"").unwrap();
    root.symlink("/secret", "/jail/link").unwrap();
    let jail = root.vfs.directory(&root.context(), &root.root, b"/jail").unwrap();
    let inside = User { root: jail.clone(), ..root.other(0, 0, &[]) };
    for path in ["/secret", "/../secret", "/in/../../secret", "/link", "../../secret"] {
        assert_eq!(inside.stat(path).err(), Some(Errno::NOENT), "{path}");
    }
    assert_eq!(inside.list("/..").unwrap(), [".", "..", "in", "link"]);
    let below = inside.vfs.directory(&inside.context(), &jail, b"in").unwrap();
    assert_eq!(inside.vfs.path_of(&jail, &below).unwrap(), b"/in");
    assert_eq!(inside.vfs.path_of(&jail, &root.root), Err(Errno::NOENT), "outside");
}

#[test]
fn links_to_what_belongs_to_others_are_protected() {
    let root = User::root();
    let (ann, bob) = (root.other(1, 1, &[]), root.other(2, 2, &[]));
    root.chmod("/", 0o777).unwrap();
    for (name, mode) in [("none", 0o600), ("read", 0o644), ("both", 0o666), ("suid", 0o4666)] {
        root.write(name, b"x").unwrap();
        root.chmod(name, mode).unwrap();
    }
    root.write("sgid", b"x").unwrap();
    root.chmod("sgid", 0o2676).unwrap();
    for name in ["none", "read", "suid", "sgid"] {
        assert_eq!(ann.link(name, "mine"), Err(Errno::PERM), "{name}");
        assert_eq!(root.link(name, &format!("{name}2")), Ok(()), "root may");
    }
    assert_eq!(ann.link("both", "mine"), Ok(()));
    ann.write("own", b"x").unwrap();
    ann.chmod("own", 0).unwrap();
    assert_eq!(ann.link("own", "own2"), Ok(()), "one's own, whatever its mode");

    // A link in a sticky directory that all may write to leads only its owner on, and whom the directory's owner made it for.
    root.mkdir("/tmp").unwrap();
    root.chmod("/tmp", 0o1777).unwrap();
    root.write("/there", b"x").unwrap();
    root.mkdir("/folder").unwrap();
    root.write("/folder/f", b"x").unwrap();
    ann.symlink("/there", "/tmp/a").unwrap();
    ann.symlink("/folder", "/tmp/d").unwrap();
    root.symlink("/there", "/tmp/r").unwrap();
    assert_eq!(ann.read("/tmp/a").unwrap(), b"x");
    assert_eq!(bob.read("/tmp/a"), Err(Errno::ACCESS));
    assert_eq!(root.read("/tmp/a"), Err(Errno::ACCESS), "root too");
    assert!(bob.lnode("/tmp/a").is_ok(), "not followed");
    assert_eq!(bob.read("/tmp/r").unwrap(), b"x", "the directory's owner's");
    assert_eq!(bob.read("/tmp/d/f").unwrap(), b"x", "not the last of the path");
    root.chmod("/tmp", 0o777).unwrap();
    assert_eq!(bob.read("/tmp/a").unwrap(), b"x", "not sticky");
}
