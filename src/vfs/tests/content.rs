//! Random changes of one file against plain bytes: what is read, what it costs, and that clones stay as they were; with all
//! of it in memory, some, and none; and what a full disk of the host's does.

#![expect(clippy::disallowed_methods, reason = "a device of the host's that is always full")]

use super::*;
use crate::vfs::content::{CHUNK, Content};
use crate::vfs::quota::Usage;
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Files here are a few chunks long.
const LEN: u64 = 5 * CHUNK as u64;

#[derive(Clone, Debug)]
enum Op {
    Write(u64, usize, u8),
    Truncate(u64),
    Punch(u64, u64),
    Allocate(u64, u64, bool),
    Clone,
}

/// Positions near chunk borders are where mistakes are.
fn position() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..LEN,
        (0..6u64, 0..5u64).prop_map(|(chunk, off)| (chunk * CHUNK as u64 + off).saturating_sub(2))
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (position(), 0..2 * CHUNK, 1..=255u8).prop_map(|(at, len, byte)| Op::Write(at, len, byte)),
        2 => position().prop_map(Op::Truncate),
        2 => (position(), 0..LEN).prop_map(|(at, len)| Op::Punch(at, len)),
        1 => (position(), 0..LEN, any::<bool>()).prop_map(|(at, len, keep)| Op::Allocate(at, len, keep)),
        1 => Just(Op::Clone),
    ]
}

/// A store with so much memory, and a spill file.
fn store(memory_max: u64) -> Arc<Store> {
    Store::new(memory_max, Arc::new(tempfile::tempfile))
}

fn usage(store: Arc<Store>) -> Usage {
    Usage::new(VfsLimits { bytes_max: 1 << 30, inodes_max: 1 }, store, 0, 0)
}

fn memory() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(5000), Just(3 * CHUNK as u64), Just(u64::MAX)]
}

fn apply(content: &mut Content, usage: &Usage, model: &mut Vec<u8>, op: &Op) {
    match *op {
        Op::Write(at, len, byte) => {
            assert_eq!(content.write(usage, &vec![byte; len], at), Ok(len));
            if len > 0 {
                let end = at as usize + len;
                model.resize(model.len().max(end), 0);
                model[at as usize..end].fill(byte);
            }
        }
        Op::Truncate(size) => {
            content.truncate(usage, size).expect("small");
            model.resize(size as usize, 0);
        }
        Op::Punch(at, len) => {
            content.punch(usage, at, len).expect("room");
            let end = model.len().min((at + len) as usize);
            if (at as usize) < end {
                model[at as usize..end].fill(0);
            }
        }
        Op::Allocate(at, len, keep) => {
            content.allocate(usage, at, len, keep).expect("room");
            if !keep {
                model.resize(model.len().max((at + len) as usize), 0);
            }
        }
        Op::Clone => {}
    }
}

fn check(content: &mut Content, model: &[u8]) {
    assert_eq!(content.size(), model.len() as u64);
    assert!(content.whole(u64::MAX).expect("whole") == model, "content differs");
    let mut some = vec![0xee; CHUNK];
    let at = model.len() as u64 / 3;
    let count = content.read(&mut some, at).expect("reads");
    assert!(some[..count] == model[at as usize..at as usize + count]);
    // Data is where it says, holes hold nothing.
    let mut at = 0;
    while let Ok(data) = content.seek_data(at) {
        assert!(model[at as usize..data as usize].iter().all(|&byte| byte == 0), "a hole has data");
        let hole = content.seek_hole(data).expect("within");
        assert!(hole > data);
        at = hole;
    }
    assert!(model[(at as usize).min(model.len())..].iter().all(|&byte| byte == 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn files_are_bytes(ops in vec(op(), 1..30), image in 0..3 * CHUNK, lazy in any::<bool>(), memory in memory()) {
        let store = store(memory);
        let usage = usage(store.clone());
        let mut model: Vec<u8> = (0..image).map(|at| (at % 251) as u8).collect();
        let bytes = bytes::Bytes::from(model.clone());
        let source = match lazy {
            true => {
                let head = bytes.slice(..image.min(100));
                Source::Lazy(Arc::new(Lazy::new(image as u64, || head, move || Ok(bytes.clone()))))
            }
            false => Source::Bytes(bytes),
        };
        let mut content = Content::from_image(source, Some([1; 32]));
        let mut clones = Vec::new();
        for op in &ops {
            if matches!(op, Op::Clone) {
                clones.push((content.clone(), model.clone()));
            }
            apply(&mut content, &usage, &mut model, op);
            check(&mut content, &model);
            prop_assert_eq!(content.charged(), usage.bytes());
            prop_assert!(store.memory() <= memory);
        }
        for (mut content, model) in clones {
            check(&mut content, &model);
        }
        content.release(&usage);
        prop_assert_eq!(usage.bytes(), 0);
        prop_assert_eq!((store.memory(), store.spilled()), (0, (0, 0)), "all is given back");
    }
}

#[test]
fn small_files_and_heads_are_in_memory_and_the_rest_is_not() {
    let store = store(4 << 20);
    let usage = usage(store.clone());
    let mut content = Content::default();
    let bytes: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
    assert_eq!(content.write(&usage, &bytes[..100_000], 0), Ok(100_000));
    assert_eq!(store.spilled().0, 0);
    assert_eq!(content.write(&usage, &bytes, 0), Ok(bytes.len()));
    assert_eq!((store.memory(), store.spilled()), (1 << 20, (32, 2 << 20)));
    assert!(content.whole(u64::MAX).unwrap() == bytes);
    // Reserving takes no block of the host's, and reads as zeros.
    content.allocate(&usage, 0, 64 << 20, false).unwrap();
    assert_eq!(store.spilled(), (63 * 16, 2 << 20));
    let mut end = [1; 10];
    content.read(&mut end, (64 << 20) - 10).unwrap();
    assert_eq!(end, [0; 10]);
    // Another file fills the memory that is left, and then goes on in slots from its first byte.
    let mut others = Vec::new();
    for _ in 0..100 {
        let mut other = Content::default();
        assert_eq!(other.write(&usage, &bytes[..CHUNK], 0), Ok(CHUNK));
        others.push(other);
    }
    assert_eq!((store.memory(), store.spilled().0), (4 << 20, 63 * 16 + 52));
    drop(others);
    content.truncate(&usage, 10).unwrap();
    assert_eq!((store.memory(), store.spilled()), (CHUNK as u64, (0, 0)));
}

#[test]
fn a_slot_that_is_used_again_shows_nothing_of_the_file_before() {
    let store = store(0);
    let usage = usage(store.clone());
    let mut kept = Content::default();
    kept.write(&usage, b"kept", 0).unwrap();
    let mut old = Content::default();
    old.write(&usage, &[0xaa; 3 * CHUNK], 0).unwrap();
    old.truncate(&usage, 1).unwrap();
    let mut new = Content::default();
    new.write(&usage, b"x", CHUNK as u64 + 9000).unwrap();
    old.truncate(&usage, 2 * CHUNK as u64).unwrap();
    old.write(&usage, b"y", CHUNK as u64 - 1).unwrap();
    let zeros_but = |content: &mut Content, at: usize, byte: u8| {
        let all = content.whole(u64::MAX).unwrap();
        let found: Vec<_> = all.iter().enumerate().filter(|(_, byte)| **byte != 0).collect();
        assert_eq!(found[found.len() - 1], (at, &byte));
        found.len()
    };
    assert_eq!(zeros_but(&mut new, CHUNK + 9000, b'x'), 1);
    assert_eq!(zeros_but(&mut old, CHUNK - 1, b'y'), 2);
    assert_eq!(&kept.whole(10).unwrap()[..], b"kept");
}

#[test]
fn files_of_one_store_do_not_meet() {
    let store = store(2 * CHUNK as u64);
    std::thread::scope(|scope| {
        for salt in 0..4_u64 {
            let usage = usage(store.clone());
            scope.spawn(move || {
                let (mut content, mut model) = (Content::default(), Vec::new());
                for step in 0..300_u64 {
                    let at = (step * 7919 + salt * 104_729) % LEN;
                    let op = match step % 7 {
                        0 => Op::Truncate(at),
                        1 => Op::Punch(at, 2 * CHUNK as u64),
                        2 => Op::Allocate(at, CHUNK as u64, step % 2 == 0),
                        _ => Op::Write(
                            at,
                            (step * 613 % 70_000) as usize,
                            (salt * 50 + step % 50) as u8 + 1,
                        ),
                    };
                    apply(&mut content, &usage, &mut model, &op);
                    check(&mut content, &model);
                }
                content.release(&usage);
            });
        }
    });
    assert_eq!((store.memory(), store.spilled()), (0, (0, 0)));
}

#[test]
fn a_fork_has_what_the_first_tree_spilled() {
    let limits = || VfsLimits::default();
    let first = store(0);
    let tree = User::root_of(Vfs::bare(None, limits(), first.clone()));
    let bytes = vec![5; 3 * CHUNK];
    tree.write("/file", &bytes).unwrap();
    let layer = tree.vfs.freeze();
    tree.write("/file", b"changed").unwrap();
    tree.vfs.clear();
    let second = store(0);
    let fork = User::root_of(Vfs::bare(Some(layer.clone()), limits(), second.clone()));
    assert!(fork.read("/file").unwrap() == bytes);
    // It copies what it changes, into its own spill file, and nothing else.
    let file = fork.open("/file", OpenFlags::READ_WRITE, 0).unwrap();
    assert_eq!(file.write_at(b"x", CHUNK as u64), Ok(1));
    assert_eq!((first.spilled().0, second.spilled().0), (3, 1));
    assert!(fork.read("/file").unwrap()[..CHUNK] == bytes[..CHUNK]);
    drop(file);
    drop(layer);
    fork.vfs.clear();
    drop(fork);
    drop(tree);
    assert_eq!((first.spilled(), second.spilled()), ((0, 0), (0, 0)));
}

#[test]
fn a_full_disk_of_the_host_is_told_and_nothing_is_lost() {
    // Every write to this device is refused as on a full disk (full(4)).
    let full = || std::fs::File::options().read(true).write(true).open("/dev/full");
    let store = Store::new(2 * CHUNK as u64, Arc::new(full));
    let usage = usage(store.clone());
    let mut content = Content::default();
    let bytes = vec![7; CHUNK];
    assert_eq!(content.write(&usage, &bytes, 100), Ok(CHUNK));
    let before = (content.whole(u64::MAX).unwrap(), usage.bytes(), store.memory());
    let clone = content.clone();
    for (at, len) in [(0, CHUNK), (100, CHUNK), (5, 1)] {
        assert_eq!(content.write(&usage, &bytes[..len], at), Err(Errno::NOSPC), "a shared chunk");
    }
    assert_eq!(content.truncate(&usage, 60_000), Err(Errno::NOSPC));
    assert_eq!(content.punch(&usage, 10, 10), Err(Errno::NOSPC));
    assert_eq!((content.whole(u64::MAX).unwrap(), usage.bytes(), store.memory()), before);
    drop(clone);
    // What is there goes on, and is cut off where the disk is full.
    assert_eq!(content.write(&usage, &[8; 3 * CHUNK], 0), Ok(2 * CHUNK));
    assert_eq!(content.size(), 2 * CHUNK as u64);
    assert_eq!(content.write(&usage, b"x", 2 * CHUNK as u64), Err(Errno::NOSPC));
    assert_eq!(content.charged(), usage.bytes());
    content.release(&usage);
    assert_eq!((usage.bytes(), store.memory(), store.spilled().0), (0, 0, 0));
}

#[test]
fn a_spill_file_that_cannot_be_made_can_be_later() {
    let broken = Arc::new(AtomicBool::new(true));
    let opener = {
        let broken = broken.clone();
        move || match broken.load(Ordering::SeqCst) {
            true => Err(Error::from(ErrorKind::PermissionDenied)),
            false => tempfile::tempfile(),
        }
    };
    let usage = usage(Store::new(0, Arc::new(opener)));
    let mut content = Content::default();
    assert_eq!(content.write(&usage, b"one", 0), Err(Errno::IO));
    assert_eq!((content.size(), usage.bytes()), (0, 0));
    broken.store(false, Ordering::SeqCst);
    assert_eq!(content.write(&usage, b"one", 0), Ok(3));
    assert_eq!(&content.whole(3).unwrap()[..], b"one");
}

#[test]
fn a_damaged_image_file_is_an_error() {
    let lazy = |unpack: Result<bytes::Bytes, Errno>| {
        let lazy = Lazy::new(1000, || bytes::Bytes::from_static(b"head"), move || unpack.clone());
        Content::from_image(Source::Lazy(Arc::new(lazy)), None)
    };
    let mut damaged = lazy(Err(Errno::IO));
    let mut out = [0; 4];
    assert_eq!(damaged.read(&mut out, 0), Ok(4));
    assert_eq!(&out, b"head");
    assert_eq!(damaged.read(&mut out, 1), Err(Errno::IO));
    assert_eq!(damaged.whole(5000).err(), Some(Errno::IO));
    assert_eq!(damaged.whole(999).err(), Some(Errno::FBIG));
    assert_eq!(lazy(Ok(vec![0; 999].into())).read(&mut out, 1), Err(Errno::IO), "wrong size");
    assert_eq!(lazy(Ok(vec![0; 1000].into())).read(&mut out, 998), Ok(2));
}
