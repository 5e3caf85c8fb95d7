//! (being written: placeholder with the names that the process floor uses)
#![allow(dead_code, reason = "placeholder")]
pub(crate) mod attributes;
pub(crate) use attributes::{DeviceId, Kind, Stat, Timespec};

use crate::errno::Errno;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cred {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Arc<[u32]>,
}

#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) cred: &'a Cred,
    pub(crate) root: &'a Dir,
    pub(crate) pid: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access(pub(crate) u32);

#[derive(Clone)]
pub(crate) struct Dir;

pub(crate) struct Vfs;

pub(crate) struct File;

#[derive(Clone)]
pub(crate) struct Node;

impl Vfs {
    pub(crate) fn root(&self) -> Dir {
        Dir
    }

    pub(crate) fn path_of(&self, _root: &Dir, _dir: &Dir) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOENT)
    }
}

impl File {
    pub(crate) fn read_at(&self, _into: &mut [u8], _offset: u64) -> Result<usize, Errno> {
        Err(Errno::IO)
    }

    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        Err(Errno::IO)
    }
}
