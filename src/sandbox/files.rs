//! A sandbox's files as its owner sees them, by the rights of one of its users; and who those users are.
//!
//! Paths are absolute. Nothing here waits but for the host's page cache, where content of large files is.

use super::Sandbox;
use crate::errno::Errno;
use crate::error::Error;
use crate::process::Kernel;
use crate::vfs::{self, Access, Cred, Dir, Kind, OpenFlags, Opened, Stat};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// /etc/passwd and /etc/group are read no further: guests write them, and requests wait for them to be parsed.
const ACCOUNTS_BYTES_MAX: usize = 64 << 10;

/// Passes over directories that programs fill while they are removed, in one removal.
const PASSES_MAX: u32 = 64;

/// A user of the sandbox, from its /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// Supplementary groups as a login sets them (initgroups(3)): the primary one and those of /etc/group, in order.
    pub groups: Vec<u32>,
}

/// What stat(2) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// Type and permission bits, as `st_mode`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes.
    pub size: u64,
    /// Time of the last change of content.
    pub modified: SystemTime,
    /// Names it has.
    pub nlink: u32,
}

impl FileStat {
    fn new(stat: &Stat) -> Self {
        let since = Duration::new(u64::try_from(stat.mtime.sec).unwrap_or(0), stat.mtime.nsec);
        Self {
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
            modified: SystemTime::UNIX_EPOCH + since,
            nlink: stat.nlink,
        }
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

/// A sandbox's files.
#[derive(Clone)]
pub struct Files(pub(super) Arc<Kernel>);

/// A file open for reading.
pub struct FileReader {
    file: Arc<vfs::File>,
    path: String,
}

/// A file open for writing, from its start.
pub struct FileWriter {
    file: Arc<vfs::File>,
    path: String,
    at: u64,
}

impl Sandbox {
    /// Its files.
    #[must_use]
    pub fn files(&self) -> Files {
        Files(self.kernel().clone())
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<User> {
        let mut user = self.files().passwd().into_iter().find(|user| user.name == name)?;
        user.groups.push(user.gid);
        for (_, gid, members) in self.files().groups() {
            if gid != user.gid && members.iter().any(|member| member == name) {
                user.groups.push(gid);
            }
        }
        user.groups.sort_unstable();
        Some(user)
    }

    /// Names of all users and groups, as they are now.
    pub(crate) fn accounts(&self) -> Accounts {
        let files = self.files();
        let mut accounts = Accounts::default();
        for user in files.passwd() {
            accounts.users.entry(user.uid).or_insert(user.name);
        }
        for (name, gid, _) in files.groups() {
            accounts.groups.entry(gid).or_insert(name);
        }
        accounts
    }
}

/// Names of users and groups by their numbers; the first line of a number counts.
#[derive(Default)]
pub(crate) struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// Names of a user and a group; the numbers where they have none.
    pub(crate) fn names(&self, uid: u32, gid: u32) -> (String, String) {
        let name =
            |names: &HashMap<u32, String>, id| names.get(&id).cloned().unwrap_or(id.to_string());
        (name(&self.users, uid), name(&self.groups, gid))
    }
}

impl User {
    /// Root, whatever /etc/passwd says of it.
    #[must_use]
    pub fn root() -> Self {
        Self {
            name: "root".into(),
            uid: 0,
            gid: 0,
            home: "/root".into(),
            shell: "/bin/sh".into(),
            groups: vec![0],
        }
    }

    pub(super) fn cred(&self) -> Cred {
        Cred { uid: self.uid, gid: self.gid, groups: self.groups.clone().into() }
    }
}

impl Files {
    /// Runs `action` on the file system with `user`'s rights; its errno becomes an error about `path`.
    pub(super) fn act<T>(
        &self,
        user: &User,
        path: &str,
        action: impl FnOnce(&vfs::Context<'_>, &Dir) -> Result<T, Errno>,
    ) -> Result<T, Error> {
        let cred = user.cred();
        let root = self.0.vfs.root();
        let context = vfs::Context { cred: &cred, root: &root, pid: 0 };
        action(&context, &root).map_err(|errno| file_error(path, errno))
    }

    /// What `path` is; a final symbolic link is followed.
    ///
    /// # Errors
    ///
    /// [`Error::File`] with stat(2)'s errno.
    pub fn stat(&self, user: &User, path: &str) -> Result<FileStat, Error> {
        self.stat_as(user, path, true)
    }

    /// What `path` is; a final symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// [`Error::File`] with lstat(2)'s errno.
    pub fn lstat(&self, user: &User, path: &str) -> Result<FileStat, Error> {
        self.stat_as(user, path, false)
    }

    /// The node at `path`, a final symbolic link followed.
    pub(super) fn node_at(
        &self,
        context: &vfs::Context<'_>,
        root: &Dir,
        path: &str,
    ) -> Result<vfs::Node, Errno> {
        self.0.vfs.node(context, root, path.as_bytes(), true)
    }

    fn stat_as(&self, user: &User, path: &str, follow: bool) -> Result<FileStat, Error> {
        self.act(user, path, |context, root| {
            let node = self.0.vfs.node(context, root, path.as_bytes(), follow)?;
            Ok(FileStat::new(&node.stat()?))
        })
    }

    /// Whether two paths are the same name in the same directory, however each says it; false if either directory is missing.
    pub(crate) fn same_name(&self, one: &str, other: &str) -> bool {
        let place = |path: &str| {
            let (above, name) = path.rsplit_once('/')?;
            let above = format!("{above}/");
            let found = self.act(&User::root(), &above, |context, root| {
                let stat = self.node_at(context, root, &above)?.stat()?;
                Ok((stat.dev, stat.ino))
            });
            Some((found.ok()?, name.to_owned()))
        };
        place(one).is_some_and(|one| place(other) == Some(one))
    }

    /// Names in a directory, without `.` and `..`.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOENT, ENOTDIR, EACCES...
    pub fn list(&self, user: &User, path: &str) -> Result<Vec<String>, Error> {
        let flags = OpenFlags::DIRECTORY;
        let file = self.open_as(user, path, flags, 0)?;
        let mut names = Vec::new();
        let listed = file.list(0, &mut |entry| {
            if entry.name != b"." && entry.name != b".." {
                names.push(String::from_utf8_lossy(entry.name).into_owned());
            }
            true
        });
        listed.map_err(|errno| file_error(path, errno))?;
        Ok(names)
    }

    /// Where a symbolic link points.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: EINVAL for what is no link.
    pub fn read_link(&self, user: &User, path: &str) -> Result<String, Error> {
        self.act(user, path, |context, root| {
            let target =
                self.0.vfs.node(context, root, path.as_bytes(), false)?.readlink(context)?;
            Ok(String::from_utf8_lossy(&target).into_owned())
        })
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: EEXIST, ENOENT, EACCES, ENOSPC...
    pub fn make_dir(&self, user: &User, path: &str, mode: u32) -> Result<(), Error> {
        self.act(user, path, |context, root| {
            self.0.vfs.mkdir(context, root, path.as_bytes(), mode).map(drop)
        })
    }

    /// Makes a directory by root's rights, for `owner`; the one that is made is his, whatever takes its name meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::make_dir`].
    pub(crate) fn make_dir_for(&self, owner: &User, path: &str, mode: u32) -> Result<(), Error> {
        self.act(&User::root(), path, |context, root| {
            let made = self.0.vfs.mkdir(context, root, path.as_bytes(), mode)?;
            made.chown(context, Some(owner.uid), Some(owner.gid))
        })
    }

    /// Renames, over what is there.
    ///
    /// # Errors
    ///
    /// [`Error::File`] with rename(2)'s errno.
    pub fn rename(&self, user: &User, from: &str, to: &str) -> Result<(), Error> {
        self.act(user, from, |context, root| {
            let (from, to) = (from.as_bytes(), to.as_bytes());
            self.0.vfs.rename(context, (root, from), (root, to), vfs::Rename::Replace)
        })
    }

    /// Removes a file or link.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: EISDIR for a directory.
    pub fn remove_file(&self, user: &User, path: &str) -> Result<(), Error> {
        self.act(user, path, |context, root| self.0.vfs.unlink(context, root, path.as_bytes()))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOTEMPTY, ENOTDIR...
    pub fn remove_dir(&self, user: &User, path: &str) -> Result<(), Error> {
        self.act(user, path, |context, root| self.0.vfs.rmdir(context, root, path.as_bytes()))
    }

    /// Removes a file, or a directory with everything in it, whatever the names in it are made of. What is not there is removed
    /// already.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOTEMPTY for a directory that programs fill as fast as it is emptied, EBUSY for one that is the root
    /// or has something mounted, EACCES...
    pub fn remove_all(&self, user: &User, path: &str) -> Result<(), Error> {
        self.act(user, path, |context, root| remove_tree(&self.0.vfs, context, root, path))
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: EISDIR for a directory, EINVAL for a device or FIFO.
    pub fn open(&self, user: &User, path: &str) -> Result<FileReader, Error> {
        let file = self.open_as(user, path, OpenFlags::empty(), 0)?;
        if file.is_dir() {
            return Err(file_error(path, Errno::ISDIR));
        }
        Ok(FileReader { file, path: path.into() })
    }

    /// Creates a file, or empties the one that is there.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: EISDIR, ENOENT for a missing directory, ENOSPC...
    pub fn create(&self, user: &User, path: &str, mode: u32) -> Result<FileWriter, Error> {
        let flags = OpenFlags::WRITE_ONLY | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = self.open_as(user, path, flags, mode)?;
        Ok(FileWriter { file, path: path.into(), at: 0 })
    }

    /// As [`Self::create`] by root's rights; the file, new or not, then belongs to `owner`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub(crate) fn create_for(
        &self,
        owner: &User,
        path: &str,
        mode: u32,
    ) -> Result<FileWriter, Error> {
        let writer = self.create(&User::root(), path, mode)?;
        self.act(&User::root(), path, |context, _| {
            writer.file.node().chown(context, Some(owner.uid), Some(owner.gid))
        })?;
        Ok(writer)
    }

    fn open_as(
        &self,
        user: &User,
        path: &str,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Arc<vfs::File>, Error> {
        self.act(user, path, |context, root| {
            match self.0.vfs.open(context, root, path.as_bytes(), flags, mode)? {
                Opened::File(file) if matches!(file.kind(), Kind::File | Kind::Directory) => {
                    Ok(file)
                }
                Opened::File(_) | Opened::Device(..) | Opened::Fifo(_) | Opened::Object(_) => {
                    Err(Errno::INVAL)
                }
            }
        })
    }

    /// The directory that a command starts in.
    pub(super) fn directory(&self, user: &User, path: &str) -> Result<Dir, Error> {
        self.act(user, path, |context, root| {
            let node = self.0.vfs.node(context, root, path.as_bytes(), true)?;
            if node.kind() != Kind::Directory {
                return Err(Errno::NOTDIR);
            }
            node.access(context, Access::EXECUTE)?;
            node.dir(context)
        })
    }

    /// The first executable file called `name` in the directories of `path`, as execvp(3) finds it.
    pub(super) fn find_program(&self, user: &User, path: &str, name: &str) -> Option<String> {
        path.split(':').filter(|dir| !dir.is_empty()).find_map(|dir| {
            let candidate = format!("{dir}/{name}");
            let runnable = self.act(user, &candidate, |context, root| {
                let node = self.0.vfs.node(context, root, candidate.as_bytes(), true)?;
                if node.kind() != Kind::File {
                    return Err(Errno::ACCESS);
                }
                node.access(context, Access::EXECUTE)
            });
            runnable.is_ok().then_some(candidate)
        })
    }

    fn lines_of(&self, path: &str) -> Vec<String> {
        let Ok(file) = self.open_as(&User::root(), path, OpenFlags::empty(), 0) else {
            return Vec::new();
        };
        let mut text = vec![0; ACCOUNTS_BYTES_MAX];
        let count = file.read_at(&mut text, 0).unwrap_or(0);
        text.truncate(count);
        if count == ACCOUNTS_BYTES_MAX {
            // The last line may be cut, and a number that is cut is another's.
            text.truncate(text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0));
        }
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Users of /etc/passwd; lines that are not of its form (passwd(5)) are skipped.
    fn passwd(&self) -> Vec<User> {
        let parse = |line: &String| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            let home = fields.nth(1)?.to_owned();
            let shell = fields.next().unwrap_or("/bin/sh").to_owned();
            Some(User { name, uid, gid, home, shell, groups: Vec::new() })
        };
        self.lines_of("/etc/passwd").iter().filter_map(parse).collect()
    }

    /// Groups of /etc/group: name, number, members.
    fn groups(&self) -> Vec<(String, u32, Vec<String>)> {
        let parse = |line: &String| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let gid = fields.nth(1)?.parse().ok()?;
            let members = fields.next().unwrap_or("").split(',').map(str::to_owned).collect();
            Some((name, gid, members))
        };
        self.lines_of("/etc/group").iter().filter_map(parse).collect()
    }
}

impl FileReader {
    /// Reads at `offset`; fewer bytes than asked only at the end.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Error> {
        self.file.read_at(into, offset).map_err(|errno| file_error(&self.path, errno))
    }

    /// Its length in bytes now.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.file.len()
    }

    /// Whether it is empty now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FileWriter {
    /// What is written to.
    pub(super) fn node(&self) -> vfs::Node {
        self.file.node()
    }

    /// Its path as it was given.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Appends `bytes` to what was written before.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOSPC when the sandbox's disk is full, EFBIG.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let written = self.file.write_at(bytes, self.at);
            let written = written.map_err(|errno| file_error(&self.path, errno))?;
            self.at += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

/// A directory that is being emptied.
struct Emptying {
    dir: Dir,
    /// Its name in the one above; of the first, its path.
    name: Vec<u8>,
    /// Names that are still to be removed.
    left: Vec<Vec<u8>>,
    /// Whether this pass removed anything.
    removed: bool,
}

impl Emptying {
    /// A first or further pass over the directory `name` of `parent`.
    fn open(
        vfs: &vfs::Vfs,
        context: &vfs::Context<'_>,
        parent: &Dir,
        name: Vec<u8>,
    ) -> Result<Self, Errno> {
        let flags = OpenFlags::DIRECTORY | OpenFlags::NO_FOLLOW;
        let Opened::File(file) = vfs.open(context, parent, &name, flags, 0)? else {
            return Err(Errno::NOTDIR);
        };
        let mut left = Vec::new();
        file.list(0, &mut |entry| {
            if entry.name != b"." && entry.name != b".." {
                left.push(entry.name.to_vec());
            }
            true
        })?;
        Ok(Self { dir: file.dir()?, name, left, removed: false })
    }
}

/// Removes what `path` is, with a list of the directories it is in: how deep they are is the guest's choice. Names are bytes and
/// are looked up from the directory that holds them, so neither their encoding nor the length of a whole path matters.
fn remove_tree(
    vfs: &vfs::Vfs,
    context: &vfs::Context<'_>,
    root: &Dir,
    path: &str,
) -> Result<(), Errno> {
    let mut passes_left = PASSES_MAX;
    let mut levels: Vec<Emptying> = Vec::new();
    let mut next = Some(path.as_bytes().to_vec());
    loop {
        let at = levels.last().map_or(root, |level| &level.dir).clone();
        if let Some(name) = next.take() {
            match remove_one(vfs, context, &at, &name) {
                Ok(()) => levels.last_mut().into_iter().for_each(|level| level.removed = true),
                Err(Errno::NOENT) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    match Emptying::open(vfs, context, &at, name) {
                        Ok(level) => levels.push(level),
                        // Gone, or another thing of that name, since: the next pass sees.
                        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                        Err(errno) => return Err(errno),
                    }
                }
                Err(errno) => return Err(errno),
            }
        }
        let Some(level) = levels.last_mut() else { return Ok(()) };
        next = level.left.pop();
        if next.is_some() {
            continue;
        }
        let Some(done) = levels.pop() else { return Ok(()) };
        let parent = levels.last().map_or(root, |level| &level.dir).clone();
        match remove_one(vfs, context, &parent, &done.name) {
            Ok(()) => levels.last_mut().into_iter().for_each(|level| level.removed = true),
            Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) if done.removed && passes_left > 0 => {
                passes_left -= 1;
                next = Some(done.name);
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Removes a file, a link or an empty directory.
fn remove_one(
    vfs: &vfs::Vfs,
    context: &vfs::Context<'_>,
    at: &Dir,
    name: &[u8],
) -> Result<(), Errno> {
    match vfs.unlink(context, at, name) {
        Err(Errno::ISDIR) => vfs.rmdir(context, at, name),
        done => done,
    }
}

fn file_error(path: &str, errno: Errno) -> Error {
    Error::File { path: path.into(), errno }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Egress, Runtime, SandboxConfig};

    #[tokio::test]
    async fn accounts_are_read_so_far_and_no_further() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let runtime = Runtime::without_programs(config).unwrap();
        let sandbox = runtime.create(SandboxConfig::new("base", Egress::deny_all())).await.unwrap();
        let passwd = |text: &str| {
            let mut file = sandbox.files().create(&User::root(), "/etc/passwd", 0o644).unwrap();
            file.write(text.as_bytes()).unwrap();
        };
        let names = |uid| sandbox.accounts().names(uid, 0).0;
        let first = "one:x:1000:1000::/home/one:/bin/sh\n";
        passwd(&format!("{first}two:x:1000:1000::/:/bin/sh\nno line\n"));
        assert_eq!((names(1000), names(77)), ("one".into(), "77".into()));
        // The bound cuts the last line after the first digit of its number.
        let last = "late:x:12345:0::/:/bin/sh\n";
        let padding = "#".repeat(ACCOUNTS_BYTES_MAX - first.len() - "\nlate:x:1".len());
        passwd(&format!("{first}{padding}\n{last}"));
        assert_eq!(
            (names(1000), names(1), names(12345)),
            ("one".into(), "1".into(), "12345".into())
        );
        assert!(sandbox.user("one").is_some() && sandbox.user("late").is_none());
        sandbox.kill().await;
    }
}
