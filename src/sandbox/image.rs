//! Images: what sandboxes start from. None are loaded yet, so nothing can be created; the loader comes with the images.

use crate::error::Error;
use crate::vfs::Layer;
use crate::wasm::Digest;
use std::sync::Arc;

/// A read-only root that sandboxes start from.
pub(crate) struct Image {
    name: String,
    layer: Arc<Layer>,
    programs: Vec<ImageProgram>,
}

/// A program of an image.
pub(crate) struct ImageProgram {
    /// SHA-256 of its module.
    pub(crate) digest: Digest,
    /// Where it lies in the image.
    pub(crate) path: String,
}

impl ImageProgram {
    /// Its module.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] when the image's blob is missing or damaged.
    pub(crate) fn wasm(&self) -> Result<Vec<u8>, Error> {
        Err(Error::Image { name: self.path.clone(), problem: "its module is missing".into() })
    }
}

impl Image {
    /// All built-in images.
    ///
    /// # Errors
    ///
    /// [`Error::Image`].
    pub(crate) fn load_all() -> Result<Vec<Arc<Self>>, Error> {
        Ok(Vec::new())
    }

    /// Its name, as templates call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its files.
    pub(crate) fn layer(&self) -> Arc<Layer> {
        self.layer.clone()
    }

    /// Its programs, its base's too.
    pub(crate) fn programs(&self) -> &[ImageProgram] {
        &self.programs
    }
}
