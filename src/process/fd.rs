//! Placeholder until the descriptor table lands: same signatures.

use crate::errno::Errno;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An open file description.
pub(crate) struct OpenFile;

/// Descriptors of one process.
pub(crate) struct FdTable {
    slots: BTreeMap<u32, (Arc<OpenFile>, bool)>,
    limit: usize,
}

impl FdTable {
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: BTreeMap::new(), limit }
    }

    pub(crate) fn get(&self, fd: u32) -> Result<Arc<OpenFile>, Errno> {
        self.slots.get(&fd).map(|slot| slot.0.clone()).ok_or(Errno::BADF)
    }

    pub(crate) fn replace(
        &mut self,
        fd: u32,
        file: Arc<OpenFile>,
        cloexec: bool,
    ) -> Result<Option<Arc<OpenFile>>, Errno> {
        if fd as usize >= self.limit {
            return Err(Errno::BADF);
        }
        Ok(self.slots.insert(fd, (file, cloexec)).map(|slot| slot.0))
    }

    pub(crate) fn close(&mut self, fd: u32) -> Result<Arc<OpenFile>, Errno> {
        self.slots.remove(&fd).map(|slot| slot.0).ok_or(Errno::BADF)
    }

    pub(crate) fn close_range(&mut self, first: u32, last: u32) -> Vec<Arc<OpenFile>> {
        let fds: Vec<u32> = self.slots.range(first..=last).map(|(&fd, _)| fd).collect();
        fds.into_iter().filter_map(|fd| self.close(fd).ok()).collect()
    }

    pub(crate) fn cloexec(&self, fd: u32) -> Result<bool, Errno> {
        self.slots.get(&fd).map(|slot| slot.1).ok_or(Errno::BADF)
    }

    pub(crate) fn set_cloexec(&mut self, fd: u32, cloexec: bool) -> Result<(), Errno> {
        self.slots.get_mut(&fd).ok_or(Errno::BADF)?.1 = cloexec;
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<OpenFile>)> {
        self.slots.iter().map(|(&fd, slot)| (fd, &slot.0))
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn fork(&self) -> Self {
        Self { slots: self.slots.clone(), limit: self.limit }
    }

    pub(crate) fn exec(&mut self) -> Vec<Arc<OpenFile>> {
        let closing: Vec<u32> =
            self.slots.iter().filter(|(_, slot)| slot.1).map(|(&fd, _)| fd).collect();
        closing.into_iter().filter_map(|fd| self.close(fd).ok()).collect()
    }

    pub(crate) fn clear(&mut self) -> Vec<Arc<OpenFile>> {
        self.close_range(0, u32::MAX)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }
}
