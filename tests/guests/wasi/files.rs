//! The file system through std::fs: each step is checked here, so that what a test sees is `ok`.

use crate::text;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Everything, below a directory.
pub fn all(base: &str) {
    let base = Path::new(base);
    let at = |name: &str| base.join(name);
    fs::create_dir(at("d")).expect("makes a directory");
    let again = fs::create_dir(at("d")).expect_err("is there");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);

    reading_and_writing(&at("d/file"));
    names(base);
    times(&at("d/file"));
    many(&at("d/many"));
    errors(base);
    fs::remove_dir_all(at("d")).expect("removes all");
    assert!(!at("d").exists());
    println!("ok");
}

fn reading_and_writing(path: &Path) {
    let mut file = OpenOptions::new();
    let mut file = file.read(true).write(true).create_new(true).open(path).expect("makes");
    file.write_all(b"hello, world").expect("writes");
    assert_eq!(file.stream_position().expect("tells"), 12);
    file.seek(SeekFrom::Start(7)).expect("seeks");
    let mut rest = String::new();
    file.read_to_string(&mut rest).expect("reads");
    assert_eq!(rest, "world");
    file.seek(SeekFrom::End(-5)).expect("seeks");
    file.write_all(b"there").expect("writes");
    assert_eq!(file.seek(SeekFrom::Current(-12)).expect("seeks"), 0);
    assert!(file.seek(SeekFrom::Current(-1)).is_err(), "before the start");
    file.set_len(5).expect("cuts");
    file.set_len(8).expect("grows");
    file.sync_all().expect("syncs");
    file.sync_data().expect("syncs");
    assert_eq!(file.metadata().expect("stats").len(), 8);
    assert_eq!(fs::read(path).expect("reads"), b"hello\0\0\0");
    drop(file);
    let mut file = OpenOptions::new().append(true).open(path).expect("opens");
    file.seek(SeekFrom::Start(0)).expect("seeks");
    file.write_all(b"!").expect("appends");
    drop(file);
    assert_eq!(fs::read(path).expect("reads"), b"hello\0\0\0!");
    let mut reader = File::open(path).expect("opens");
    assert!(reader.write(b"x").is_err(), "not open for writing");
    let mut two = [[0; 3], [0; 3]];
    let [one, other] = &mut two;
    let mut vector = [std::io::IoSliceMut::new(one), std::io::IoSliceMut::new(other)];
    let count = reader.read_vectored(&mut vector).expect("reads");
    assert!(two.concat()[..count] == b"hello\0"[..count] && count >= 3, "{count} {two:?}");
}

fn names(base: &Path) {
    let at = |name: &str| base.join(name);
    fs::write(at("d/a"), "a").expect("writes");
    fs::hard_link(at("d/a"), at("d/b")).expect("links");
    fs::write(at("d/b"), "b").expect("writes");
    assert_eq!(fs::read_to_string(at("d/a")).expect("reads"), "b");
    fs::rename(at("d/a"), at("d/c")).expect("renames");
    assert!(!at("d/a").exists() && at("d/c").exists());
    fs::write(at("d/e"), "e").expect("writes");
    fs::rename(at("d/e"), at("d/c")).expect("replaces");
    assert_eq!(fs::read_to_string(at("d/c")).expect("reads"), "e");
    fs::create_dir_all(at("d/x/y/z")).expect("makes all");
    fs::rename(at("d/x"), at("d/w")).expect("renames a directory");
    assert!(at("d/w/y/z").is_dir());
    fs::copy(at("d/c"), at("d/w/copy")).expect("copies");
    assert_eq!(text(File::open(at("d/w/copy")).expect("opens")), "e");
    // std has no kind for it on WASI.
    let full = fs::remove_dir(at("d/w")).expect_err("is full");
    assert!(full.to_string().contains("not empty"), "{full}");
    fs::remove_file(at("d/b")).expect("removes");
    #[cfg(target_os = "wasi")]
    links(base);
}

/// Symbolic links, which std has for WASI only by another name than for Unix: by the C library.
#[cfg(target_os = "wasi")]
fn links(base: &Path) {
    use std::ffi::CString;
    unsafe extern "C" {
        fn symlink(target: *const std::ffi::c_char, path: *const std::ffi::c_char) -> i32;
    }
    let c = |path: &Path| CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
    let link = base.join("d/link");
    // SAFETY: both end with a NUL.
    let made = unsafe { symlink(c(Path::new("c")).as_ptr(), c(&link).as_ptr()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    assert_eq!(fs::read_link(&link).expect("reads a link"), Path::new("c"));
    assert_eq!(fs::read_to_string(&link).expect("follows"), "e");
    assert!(fs::symlink_metadata(&link).expect("stats").file_type().is_symlink());
    assert!(fs::metadata(&link).expect("stats").is_file());
    // SAFETY: as above.
    let made = unsafe { symlink(c(Path::new("loop")).as_ptr(), c(&base.join("d/loop")).as_ptr()) };
    assert_eq!(made, 0);
    assert!(File::open(base.join("d/loop")).is_err(), "a link to itself");
    fs::remove_file(&link).expect("removes the link");
    assert!(base.join("d/c").exists());
}

fn times(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).expect("opens");
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let later = then + Duration::from_secs(5);
    file.set_times(FileTimes::new().set_accessed(then).set_modified(later)).expect("sets");
    let metadata = fs::metadata(path).expect("stats");
    assert_eq!(metadata.accessed().expect("is told"), then);
    assert_eq!(metadata.modified().expect("is told"), later);
}

/// More names than one call lists.
fn many(directory: &Path) {
    fs::create_dir(directory).expect("makes");
    let mut expected = Vec::new();
    for n in 0..700 {
        let name = format!("{n:04}-{}", "x".repeat(n % 200));
        fs::write(directory.join(&name), "").expect("writes");
        expected.push(name);
    }
    let entries = fs::read_dir(directory).expect("lists").map(|entry| entry.expect("an entry"));
    let mut found: Vec<String> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    found.sort();
    assert_eq!(found, expected);
}

fn errors(base: &Path) {
    let kind = |result: std::io::Result<()>| result.expect_err("an error").kind();
    let missing = base.join("d/missing");
    assert_eq!(kind(File::open(&missing).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(fs::read_dir(base.join("d/file")).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(File::open(base.join("d/file/x")).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(fs::remove_file(&missing)), ErrorKind::NotFound);
    assert_eq!(kind(fs::write(base.join("d"), "x")), ErrorKind::IsADirectory);
    assert!(File::open(base.join("n".repeat(300))).is_err(), "too long a name");
    assert!(File::open(base.join("a/".repeat(3000))).is_err(), "too long a path");
    let secret = kind(File::open("/etc/shadow").map(drop));
    assert_eq!(secret, ErrorKind::PermissionDenied);
    let shared = kind(fs::write("/etc/new", "x"));
    assert_eq!(shared, ErrorKind::PermissionDenied);
}

/// Relative, parent and absolute paths from a working directory.
pub fn relative() {
    println!("{}", fs::read_to_string("here").expect("a relative path").trim());
    println!("{}", fs::read_to_string("./sub/deeper").expect("one with a dot").trim());
    println!("{}", fs::read_to_string("../above").expect("one that goes up").trim());
    println!("{}", fs::read_to_string("/etc/hostname").expect("an absolute one").trim());
    println!("{}", Path::new("/usr/bin").is_dir());
    fs::write("/tmp/absolute", "made").expect("makes an absolute name");
    fs::write("new", "made").expect("makes a relative name");
    fs::create_dir("tmp").expect("makes a name that the root has too");
    fs::write("tmp/inside", "made").expect("makes a name in it");
}

/// Names in a directory, sorted.
pub fn list(directory: &str) {
    let entries = fs::read_dir(directory).expect("lists").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    println!("{}", names.join(" "));
}
