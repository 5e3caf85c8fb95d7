//! Random changes of one file against plain bytes: what is read, what it costs, and that clones stay as they were.

use super::*;
use crate::vfs::content::{CHUNK, Content};
use crate::vfs::quota::Usage;
use proptest::collection::vec;
use proptest::prelude::*;

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
    fn files_are_bytes(ops in vec(op(), 1..30), image in 0..3 * CHUNK, lazy in any::<bool>()) {
        let limits = VfsLimits { bytes_max: 1 << 30, inodes_max: 1 };
        let usage = Usage::new(limits, 0, 0);
        let mut model: Vec<u8> = (0..image).map(|at| (at % 251) as u8).collect();
        let bytes = bytes::Bytes::from(model.clone());
        let source = match lazy {
            true => {
                let head = bytes.slice(..image.min(100));
                Source::Lazy(Arc::new(Lazy::new(image as u64, head, move || Ok(bytes.clone()))))
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
        }
        for (mut content, model) in clones {
            check(&mut content, &model);
        }
        content.release(&usage);
        prop_assert_eq!(usage.bytes(), 0);
    }
}

#[test]
fn a_damaged_image_file_is_an_error() {
    let lazy = |unpack: Result<bytes::Bytes, Errno>| {
        let lazy = Lazy::new(1000, bytes::Bytes::from_static(b"head"), move || unpack.clone());
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
