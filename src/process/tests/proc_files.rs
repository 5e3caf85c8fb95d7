//! /proc as programs read it, through the file system.

use super::*;
use crate::process::{Object, OpenFile, pipe};
use std::collections::BTreeSet;

impl Machine {
    /// Reads a file as `thread` would.
    fn read(&self, thread: &Thread, path: &str) -> Result<String, Errno> {
        let process = &thread.process;
        let (cred, root) = (process.file_cred(), process.root());
        let context = Context { cred: &cred, root: &root, pid: process.pid };
        let opened =
            self.kernel.vfs.open(&context, &root, path.as_bytes(), OpenFlags::empty(), 0)?;
        let Opened::File(file) = opened else { panic!("{path} is no file") };
        let mut bytes = vec![0; 65536];
        let length = file.read_at(&mut bytes, 0)?;
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    fn readlink(&self, thread: &Thread, path: &str) -> Result<String, Errno> {
        let process = &thread.process;
        let (cred, root) = (process.file_cred(), process.root());
        let context = Context { cred: &cred, root: &root, pid: process.pid };
        let node = self.kernel.vfs.node(&context, &root, path.as_bytes(), false)?;
        node.readlink(&context).map(|text| String::from_utf8_lossy(&text).into_owned())
    }
}

#[tokio::test]
async fn a_process_reads_about_itself() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let pid = thread.tid;
    assert_eq!(machine.readlink(&thread, "/proc/self"), Ok(pid.to_string()));
    assert_eq!(machine.read(&thread, "/proc/self/cmdline").as_deref(), Ok("/prog\0one\0"));
    assert_eq!(machine.read(&thread, "/proc/self/environ").as_deref(), Ok("HOME=/\0"));
    assert_eq!(machine.read(&thread, "/proc/self/comm").as_deref(), Ok("prog\n"));
    assert_eq!(machine.readlink(&thread, "/proc/self/exe").as_deref(), Ok("/prog"));
    assert_eq!(machine.readlink(&thread, "/proc/self/cwd").as_deref(), Ok("/"));
    let stat = machine.read(&thread, "/proc/self/stat").expect("readable");
    let (head, rest) = stat.trim_end().split_once(") ").expect("a name in parentheses");
    assert_eq!(head, format!("{pid} (prog"));
    let fields: Vec<_> = rest.split(' ').collect();
    assert_eq!(fields.len(), 50, "52 fields, two before");
    assert_eq!(fields[..4], ["S".to_owned(), "1".into(), pid.to_string(), pid.to_string()]);
    let status = machine.read(&thread, "/proc/self/status").expect("readable");
    for line in ["Name:\tprog", "Uid:\t1000\t1000\t1000\t1000", "Threads:\t1", "PPid:\t1"] {
        assert!(status.lines().any(|have| have == line), "{line} in {status}");
    }
    let task = format!("/proc/self/task/{pid}/comm");
    assert_eq!(machine.read(&thread, &task).as_deref(), Ok("prog\n"));
}

#[tokio::test]
async fn every_file_can_be_read() {
    let machine = Machine::new();
    let thread = machine.spawn(0);
    let mut seen = BTreeSet::new();
    let mut todo = vec!["/proc".to_owned()];
    while let Some(path) = todo.pop() {
        let (cred, root) = (Cred::root(), machine.kernel.vfs.root());
        let context = Context { cred: &cred, root: &root, pid: thread.tid };
        let node = machine.kernel.vfs.node(&context, &root, path.as_bytes(), false).expect("there");
        let stat = node.stat().expect("it is there");
        assert!(seen.insert(stat.ino), "{path} has an inode number of its own");
        match node.kind() {
            crate::vfs::Kind::Symlink => drop(node.readlink(&context).expect("a target")),
            crate::vfs::Kind::Directory => {
                let opened = node.open(&context, OpenFlags::DIRECTORY).expect("opens");
                let Opened::File(directory) = opened else { panic!("{path} is a directory") };
                directory
                    .list(0, &mut |entry| {
                        let name = String::from_utf8_lossy(entry.name);
                        if name != "." && name != ".." {
                            todo.push(format!("{path}/{name}"));
                        }
                        true
                    })
                    .expect("lists");
            }
            _ => drop(machine.read(&thread, &path).expect("readable")),
        }
    }
    assert!(seen.len() > 60, "{} nodes", seen.len());
}

#[tokio::test]
async fn others_see_only_what_is_public() {
    let machine = Machine::new();
    let (mine, stranger, root) = (machine.spawn(1000), machine.spawn(1001), machine.spawn(0));
    let path = |name: &str| format!("/proc/{}/{name}", mine.tid);
    assert!(machine.read(&stranger, &path("stat")).is_ok());
    for private in ["environ", "auxv", "io", "maps", "smaps"] {
        assert_eq!(errno(machine.read(&stranger, &path(private))), Errno::ACCESS, "{private}");
        assert!(machine.read(&mine, &path(private)).is_ok(), "{private}");
    }
    assert_eq!(errno(machine.readlink(&stranger, &path("exe"))), Errno::ACCESS);
    assert_eq!(errno(machine.readlink(&stranger, &path("fd/0"))), Errno::ACCESS);
    assert_eq!(machine.readlink(&root, &path("exe")).as_deref(), Ok("/prog"));
    let sibling = machine.spawn(1000);
    assert!(machine.readlink(&sibling, &path("exe")).is_ok());
    mine.process.with_attributes(|attributes| attributes.dumpable = false);
    assert_eq!(errno(machine.readlink(&sibling, &path("exe"))), Errno::ACCESS, "not dumpable");
    assert!(machine.readlink(&mine, &path("exe")).is_ok(), "one's own");
    mine.process.with_attributes(|attributes| {
        attributes.dumpable = true;
        attributes.cred.user.saved = 0;
    });
    assert_eq!(errno(machine.readlink(&sibling, &path("exe"))), Errno::ACCESS, "root for a while");
    assert_eq!(errno(machine.read(&mine, "/proc/31999/stat")), Errno::NOENT);
    assert_eq!(errno(machine.read(&mine, "/proc/01/stat")), Errno::NOENT);
    exit(&mine, 0);
    assert_eq!(errno(machine.read(&stranger, &path("stat"))), Errno::NOENT);
}

#[tokio::test]
async fn descriptors_lead_to_what_is_open() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let (reader, _writer) = pipe::pipe();
    let file = OpenFile::new(Object::Pipe(reader), 0);
    thread.process.fds.lock().replace(5, file.clone(), true).expect("below the limit");
    let text = machine.readlink(&thread, "/proc/self/fd/5").expect("open");
    assert!(text.starts_with("pipe:["), "{text}");
    assert_eq!(errno(machine.readlink(&thread, "/proc/self/fd/6")), Errno::NOENT);
    let info = machine.read(&thread, "/proc/self/fdinfo/5").expect("open");
    assert!(info.contains("flags:\t02000000\n"), "{info}");
    let process = &thread.process;
    let (cred, root) = (process.file_cred(), process.root());
    let context = Context { cred: &cred, root: &root, pid: process.pid };
    let opened = machine.kernel.vfs.open(&context, &root, b"/dev/fd/5", OpenFlags::empty(), 0);
    let Ok(Opened::Object(object)) = opened else { panic!("leads to the pipe") };
    assert!(Arc::ptr_eq(&OpenFile::from_link(object).expect("an open file"), &file));
}

#[tokio::test]
async fn the_machine_describes_itself() {
    let machine = Machine::new();
    let thread = machine.spawn(1000);
    let read = |path: &str| machine.read(&thread, path).expect("readable");
    let total = machine.kernel.memory.max() >> 10;
    assert!(read("/proc/meminfo").starts_with(&format!("MemTotal:{total:>15} kB\n")));
    assert_eq!(read("/proc/cpuinfo").matches("processor\t:").count(), machine.kernel.cpus as usize);
    assert_eq!(read("/proc/sys/kernel/random/boot_id").trim_end().len(), 36);
    assert_ne!(read("/proc/sys/kernel/random/uuid"), read("/proc/sys/kernel/random/uuid"));
    assert_eq!(read("/proc/sys/kernel/hostname"), "isolet\n");
    assert_eq!(read("/proc/mounts").lines().count(), 3);
    assert_eq!(read("/proc/1/comm"), "init\n");
    let family = crate::vnet::Family::Inet;
    let socket = machine
        .kernel
        .net
        .socket(family, crate::vnet::Kind::Stream, crate::vnet::Owner::default())
        .expect("room");
    socket.bind("127.0.0.1:3000".parse().expect("an address")).expect("free");
    socket.listen(1).expect("bound");
    let file = OpenFile::new(Object::Socket(socket), 2);
    let inode = file.socket_inode();
    thread.process.fds.lock().replace(7, file, false).expect("below the limit");
    let tcp = read("/proc/net/tcp");
    let line = tcp.lines().nth(1).expect("one");
    assert!(line.starts_with("   0: 0100007F:0BB8 00000000:0000 0A "), "{tcp}");
    assert_eq!(line.split_whitespace().nth(9), Some(inode.to_string().as_str()), "{tcp}");
    assert_eq!(
        machine.readlink(&thread, "/proc/self/fd/7"),
        Ok(format!("socket:[{inode}]")),
        "the same number as in the table"
    );
    assert_eq!(read("/proc/net/udp").lines().count(), 1);
    assert!(read("/proc/net/sockstat").contains("\nTCP: inuse 1 "));
    let stat = read("/proc/stat");
    assert!(stat.starts_with("cpu  ") && stat.contains("\nprocesses 1\n"), "{stat}");
}
