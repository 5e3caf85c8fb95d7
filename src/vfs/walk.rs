//! Path resolution, path_resolution(7): from a directory and bytes to a place, with search permission at every step.
//!
//! Iterative: what is left of the path is one string, into which links' targets are put in front. Names are not changed
//! here (names.rs).

use super::attributes::Kind;
use super::dynamic::{Caller, DynamicPlace, Link};
use super::inode::{Access, Data, permission};
use super::tree::{NAME_MAX, Place, Tree};
use super::{Context, Dir};
use crate::errno::Errno;
use std::sync::Arc;

/// Most bytes of a path, its NUL included (Linux's `PATH_MAX`).
pub(crate) const PATH_MAX: usize = 4096;
/// Most links followed in one resolution (Linux's `MAXSYMLINKS`).
const LINKS_MAX: u32 = 40;

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// A name, and whether slashes follow it.
    Name { name: Vec<u8>, slash: bool },
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// No component: the path was `/`.
    Root,
}

/// A resolution in progress.
pub(super) struct Walk<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) context: &'a Context<'a>,
    /// The directory that the rest is relative to.
    pub(super) here: Place,
    rest: Vec<u8>,
    at: usize,
    links: u32,
}

impl<'a> Walk<'a> {
    /// Begins at `from` (or at the root, for an absolute path).
    ///
    /// # Errors
    ///
    /// ENOENT for an empty path, ENAMETOOLONG for one of [`PATH_MAX`] bytes and more, EINVAL with a NUL inside.
    pub(super) fn new(
        tree: &'a mut Tree,
        context: &'a Context<'a>,
        from: &Dir,
        path: &[u8],
    ) -> Result<Self, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        if path.contains(&0) {
            return Err(Errno::INVAL);
        }
        let here = if path[0] == b'/' { &context.root.place } else { &from.place };
        let here = here.clone();
        Ok(Self { tree, context, here, rest: path.to_vec(), at: 0, links: 0 })
    }

    /// For looking up single names in `here`.
    pub(super) fn beside(tree: &'a mut Tree, context: &'a Context<'a>, here: Place) -> Self {
        Self { tree, context, here, rest: Vec::new(), at: 0, links: 0 }
    }

    fn caller(&self) -> Caller {
        self.context.caller()
    }

    fn skip_slashes(&mut self) {
        while self.rest.get(self.at) == Some(&b'/') {
            self.at += 1;
        }
    }

    /// Walks all but the last component; `here` is then the directory that holds it, which the caller may search.
    ///
    /// # Errors
    ///
    /// ENOTDIR, EACCES, ENOENT, ELOOP, ENAMETOOLONG.
    pub(super) fn parent(&mut self) -> Result<Last, Errno> {
        self.skip_slashes();
        if self.at == self.rest.len() {
            return Ok(Last::Root);
        }
        loop {
            self.skip_slashes();
            let start = self.at;
            while self.rest.get(self.at).is_some_and(|&byte| byte != b'/') {
                self.at += 1;
            }
            let name = self.rest[start..self.at].to_vec();
            let slash = self.at < self.rest.len();
            self.skip_slashes();
            self.searchable()?;
            if self.at == self.rest.len() {
                return Ok(match name.as_slice() {
                    b"." => Last::Dot,
                    b".." => Last::DotDot,
                    _ => Last::Name { name, slash },
                });
            }
            self.enter(&name)?;
        }
    }

    /// ENOTDIR or EACCES unless `here` is a directory that the caller may search.
    fn searchable(&mut self) -> Result<(), Errno> {
        match &self.here {
            Place::Inode(inode) if inode.is_directory() => {
                inode.permission(self.context.cred, Access::EXECUTE)
            }
            Place::Dynamic(place) => {
                let about = place.node.attributes(self.caller())?;
                let owner = (about.mode, about.uid, about.gid);
                match about.kind {
                    Kind::Directory => {
                        permission(self.context.cred, owner, about.kind, Access::EXECUTE)
                    }
                    _ => Err(Errno::NOTDIR),
                }
            }
            Place::Inode(_) | Place::Object(_) => Err(Errno::NOTDIR),
        }
    }

    /// One component in the middle: always followed.
    fn enter(&mut self, name: &[u8]) -> Result<(), Errno> {
        match name {
            b"." => {}
            b".." => self.up()?,
            _ => {
                let child = self.child(name)?.ok_or(Errno::NOENT)?;
                if self.is_link(&child)? {
                    self.follow(&child, true)?;
                } else {
                    self.here = child;
                }
            }
        }
        Ok(())
    }

    /// `..`, which stays at the caller's root.
    pub(super) fn up(&mut self) -> Result<(), Errno> {
        if self.here.same(&self.context.root.place) {
            return Ok(());
        }
        self.here = match &self.here {
            Place::Inode(inode) => {
                let parent = inode.directory(|directory| directory.parent)?;
                let parent = self.tree.inode(parent).ok_or(Errno::NOENT)?;
                self.tree.seen(parent)
            }
            Place::Dynamic(place) => place.parent.clone(),
            Place::Object(_) => return Err(Errno::NOTDIR),
        };
        Ok(())
    }

    /// The node `name` in `here`, not followed.
    ///
    /// # Errors
    ///
    /// ENAMETOOLONG and a dynamic node's own.
    pub(super) fn child(&mut self, name: &[u8]) -> Result<Option<Place>, Errno> {
        match &self.here {
            Place::Inode(inode) => {
                let inode = inode.clone();
                let child = self.tree.lookup(&inode, name)?;
                Ok(child.map(|child| self.tree.seen(child)))
            }
            Place::Dynamic(place) => {
                if name.len() > NAME_MAX {
                    return Err(Errno::NAMETOOLONG);
                }
                let node = match place.node.lookup(self.caller(), name) {
                    Err(Errno::NOENT) => return Ok(None),
                    found => found?,
                };
                let parent = Place::Dynamic(place.clone());
                let mount = place.mount.clone();
                let child = DynamicPlace { node, name: name.to_vec(), parent, mount };
                Ok(Some(Place::Dynamic(Arc::new(child))))
            }
            Place::Object(_) => Err(Errno::NOTDIR),
        }
    }

    pub(super) fn kind(&self, place: &Place) -> Result<Kind, Errno> {
        match place {
            Place::Inode(inode) => Ok(inode.kind),
            Place::Dynamic(place) => Ok(place.node.attributes(self.caller())?.kind),
            Place::Object(_) => Ok(Kind::File),
        }
    }

    pub(super) fn is_link(&self, place: &Place) -> Result<bool, Errno> {
        Ok(self.kind(place)? == Kind::Symlink)
    }

    /// Follows a link found in `here`: its target comes in front of the rest. Answers where a link of /proc jumps to, if the
    /// rest is empty; `slash`: the link's name was followed by slashes.
    ///
    /// # Errors
    ///
    /// ELOOP past 40 links, EACCES for one that is not trusted, ENAMETOOLONG, a dynamic node's own.
    pub(super) fn follow(&mut self, link: &Place, slash: bool) -> Result<Option<Place>, Errno> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Errno::LOOP);
        }
        let last = self.at == self.rest.len();
        if let (true, Place::Inode(here), Place::Inode(link)) = (last, &self.here, link) {
            here.trusted_link(self.context.cred, link)?;
        }
        let target = match link {
            Place::Inode(inode) => match &inode.state.lock().data {
                Data::Symlink(target) => target.to_vec(),
                _ => return Err(Errno::INVAL),
            },
            Place::Dynamic(place) => match place.node.link(self.caller())? {
                Link::Path(target) => target,
                Link::Node { node, .. } => return Ok(self.jump(node.place)),
                Link::Object { object, .. } => return Ok(self.jump(Place::Object(object))),
            },
            Place::Object(_) => return Err(Errno::INVAL),
        };
        if target.is_empty() {
            return Err(Errno::NOENT);
        }
        if target[0] == b'/' {
            self.here = self.context.root.place.clone();
        }
        let left = &self.rest[self.at..];
        let mut rest = target;
        if slash || !left.is_empty() {
            rest.push(b'/');
        }
        rest.extend_from_slice(left);
        self.rest = rest;
        self.at = 0;
        Ok(None)
    }

    /// Goes to a place that no path names.
    fn jump(&mut self, place: Place) -> Option<Place> {
        self.here = place.clone();
        (self.at == self.rest.len()).then_some(place)
    }

    /// Walks the whole path; a final link is followed if `follow` or slashes come after it.
    ///
    /// # Errors
    ///
    /// As path_resolution(7).
    pub(super) fn resolve(&mut self, follow: bool) -> Result<Found, Errno> {
        loop {
            match self.parent()? {
                Last::Root | Last::Dot => return Ok(Found::unnamed(self.here.clone())),
                Last::DotDot => {
                    self.up()?;
                    return Ok(Found::unnamed(self.here.clone()));
                }
                Last::Name { name, slash } => {
                    let child = self.child(&name)?.ok_or(Errno::NOENT)?;
                    if (follow || slash) && self.is_link(&child)? {
                        if let Some(place) = self.follow(&child, slash)? {
                            self.directory_if(slash, &place)?;
                            return Ok(Found::unnamed(place));
                        }
                        continue;
                    }
                    self.directory_if(slash, &child)?;
                    let parent = self.here.inode().map(|parent| (parent.ino, name.into()));
                    return Ok(Found { place: child, entry: parent });
                }
            }
        }
    }

    fn directory_if(&self, slash: bool, place: &Place) -> Result<(), Errno> {
        if slash && self.kind(place)? != Kind::Directory { Err(Errno::NOTDIR) } else { Ok(()) }
    }
}

/// Inode of a directory and a name in it.
pub(super) type EntryName = (u64, Arc<[u8]>);

/// Where a path led, and by which name.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) entry: Option<EntryName>,
}

impl Found {
    fn unnamed(place: Place) -> Self {
        Self { place, entry: None }
    }
}
