//! A value behind one word, in the memory of entries.
//!
//! A `Box` of 64 bytes takes 80 of glibc's, and lies in two lines; here it takes 64, and lies in one. What of a value is not
//! asked for together with its key belongs in one: entries are then smaller, and more of them are in the cache.

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use crate::prefetch::prefetch;
use crate::slab::BOXES;

/// An owned value in memory that is cut from blocks, as that of entries is.
///
/// ```
/// use streamgauge_table::Boxed;
///
/// let boxed = Boxed::new([7_u64; 8]);
/// assert_eq!(boxed[3], 7);
/// ```
pub struct Boxed<T> {
    value: NonNull<T>,
    /// It owns a `T`, for the drop check.
    owns: PhantomData<T>,
}

// SAFETY: it is the only owner of its value, as `Box` is.
unsafe impl<T: Send> Send for Boxed<T> {}
// SAFETY: as above: shared, it gives nothing but `&T`.
unsafe impl<T: Sync> Sync for Boxed<T> {}

impl<T> Boxed<T> {
    const LAYOUT: Layout = {
        let layout = Layout::new::<T>();
        assert!(layout.size() > 0, "a value without bytes needs no memory");
        layout
    };

    /// A value of its own. A type without bytes does not compile.
    ///
    /// Cost: memory for the value, rounded up as that of an [`Entry`](crate::Entry) is. A lock, and now and then an allocation
    /// of 32 KiB for many; an allocation, if it takes more than 512 bytes.
    #[must_use]
    pub fn new(value: T) -> Self {
        // SAFETY: the layout's size is not 0.
        let Some(memory) = NonNull::new(unsafe { BOXES.alloc(Self::LAYOUT) }.cast::<T>()) else {
            handle_alloc_error(Self::LAYOUT);
        };
        // SAFETY: the memory is ours alone, and has the layout of a `T`.
        unsafe { memory.write(value) };
        Self {
            value: memory,
            owns: PhantomData,
        }
    }

    /// Asks for the value's first cache line ahead of its use. A hint, as [`Entry::prefetch`](crate::Entry::prefetch) is.
    ///
    /// Cost: an instruction; nothing is read.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(self.value.as_ptr(), 0);
    }
}

impl<T> Deref for Boxed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value was written by `new` and is there until the drop; nobody has a `&mut` to it.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Boxed<T> {
    fn drop(&mut self) {
        // SAFETY: the value was written by `new`, is dropped this once, and its memory given back with the layout that it was
        // allocated with.
        unsafe {
            ptr::drop_in_place(self.value.as_ptr());
            BOXES.dealloc(self.value.as_ptr().cast(), Self::LAYOUT);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Boxed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::Boxed;

    #[test]
    fn values_of_every_size_come_back_and_are_dropped_once() {
        let counted = Arc::new(());
        let small: Vec<_> = (0..1_000_u64)
            .map(|n| Boxed::new((Arc::clone(&counted), n)))
            .collect();
        let large: Vec<_> = (0..100_u64)
            .map(|n| Boxed::new((Arc::clone(&counted), [n; 100])))
            .collect();
        assert!((0..1_000).zip(&small).all(|(n, boxed)| boxed.1 == n));
        assert!((0..100).zip(&large).all(|(n, boxed)| boxed.1 == [n; 100]));
        assert_eq!(Arc::strong_count(&counted), 1_101);
        drop((small, large));
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn a_box_is_shown_as_its_value() {
        assert_eq!(format!("{:?}", Boxed::new("seven")), "\"seven\"");
    }

    #[test]
    fn a_line_of_words_is_a_line() {
        let is_plain = cfg!(any(miri, streamgauge_plain_alloc));
        let boxes: Vec<_> = (0..1_000_u64).map(|n| Boxed::new([n; 8])).collect();
        let is_line = |boxed: &Boxed<[u64; 8]>| std::ptr::from_ref(&**boxed).addr().is_multiple_of(64);
        assert!(is_plain || boxes.iter().all(is_line));
    }
}
