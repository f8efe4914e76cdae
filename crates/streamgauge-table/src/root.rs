//! Which directory is the table's.

use std::ptr::NonNull;

use crate::directory::Directory;
use crate::sync::{AtomicPtr, Ordering};

/// The one pointer that a lookup starts from.
pub(crate) struct Root<T> {
    directory: AtomicPtr<Directory<T>>,
}

impl<T> Root<T> {
    pub(crate) fn new(directory: NonNull<Directory<T>>) -> Self {
        Self {
            directory: AtomicPtr::new(directory.as_ptr()),
        }
    }

    /// The directory. It stays as long as the caller's pin, taken before, is held.
    #[inline]
    pub(crate) fn directory(&self) -> &Directory<T> {
        // Acquire: what stands in the directory. Pairs with Release in publish() [M8].
        let directory = self.directory.load(Ordering::Acquire);
        // SAFETY: the table always has a directory, and one that was replaced is freed when no pin that could have seen it is
        // left.
        unsafe { &*directory }
    }

    /// Makes another directory the table's. For the holder of the writer lock.
    pub(crate) fn publish(&self, directory: NonNull<Directory<T>>) {
        // Release: the directory and the copies that it leads to are whole before they can be found. Pairs with Acquire in
        // directory() [M8].
        self.directory.store(directory.as_ptr(), Ordering::Release);
    }
}
