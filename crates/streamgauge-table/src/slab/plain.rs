//! What stands for the slabs in the models: the global allocator. They have locks, which no model is about.

use std::alloc::{self, Layout};

pub(crate) static ENTRIES: Slab = Slab;
pub(crate) static BOXES: Slab = Slab;

pub(crate) struct Slab;

impl Slab {
    /// As [`std::alloc::alloc`].
    ///
    /// # Safety
    ///
    /// The layout's size is not 0.
    pub(crate) unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { alloc::alloc(layout) }
    }

    /// As [`std::alloc::dealloc`].
    ///
    /// # Safety
    ///
    /// `alloc` gave it for this very layout; it is freed this once, and used by nobody any more.
    pub(crate) unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { alloc::dealloc(memory, layout) }
    }
}
