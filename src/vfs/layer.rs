//! Layers: trees that never change again, shared by all sandboxes that stand on them.
//!
//! A layer holds the nodes that differ from its parent, by inode number; a sandbox's tree copies a node from here when it
//! first touches it (only counters move: content and entries are shared until changed). Images are layers, and
//! [`super::Vfs::freeze`] makes one of a running sandbox's tree. The saved form of a layer on disk is to come with snapshots.

use super::inode::State;
use std::collections::HashMap;
use std::sync::Arc;

/// Inode number of the root directory.
pub(super) const ROOT: u64 = 1;

/// An immutable tree.
pub(crate) struct Layer {
    pub(super) parent: Option<Arc<Layer>>,
    /// What this layer has anew or changed; `None`: removed here.
    pub(super) nodes: HashMap<u64, Option<State>>,
    /// The first number not in use here or below.
    pub(super) next_ino: u64,
    /// What of it counts against a quota: bytes, inodes.
    pub(super) used: (u64, u64),
}

impl Layer {
    /// The node, from this layer or the nearest below.
    pub(super) fn get(&self, ino: u64) -> Option<&State> {
        let mut layer = self;
        loop {
            if let Some(found) = layer.nodes.get(&ino) {
                return found.as_ref();
            }
            layer = layer.parent.as_ref()?;
        }
    }

    /// Nodes that this layer itself brings.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layer").field("nodes", &self.len()).field("parent", &self.parent).finish()
    }
}
