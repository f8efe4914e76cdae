//! A shared value and the key that it is found by, in one allocation behind one word.
//!
//! An `Arc<(T, Box<[u8]>)>` would be two allocations, and an `Arc` of an unsized pair two words. Here the value comes
//! first, then the reference count and the key's length with 32 bits each, then the key, with nothing between: a lookup
//! compares the length and the key, and has the last words of the value in the same line or the next. Entries of 33 to 512
//! bytes begin with a line, so which of the two it is, the value's size decides.
//!
//! The count works as that of std's `Arc`, without weak references. Readers and droppers are any threads; whoever takes
//! the count from one to nothing frees.

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, offset_of};
use std::ops::Deref;
use std::ptr::{self, NonNull};

use crate::prefetch::{LINE, prefetch};
use crate::slab::ENTRIES;
use crate::sync::{AtomicU32, Ordering, fence};

/// More references than this are taken for an endless leak, and abort.
const MAX_REFERENCES: u32 = 1 << 31;

/// Bytes in front of the key that are wanted with it: the count, the length, and the value's last 24.
const HOT: usize = 32;

// The session of the core is such a value: with an id of up to 24 bytes it takes one line, and that is all that a lookup
// reads and a count writes.
#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = {
    type Session = Inner<[u64; 4]>;
    assert!(Session::KEY + 24 == 64);
};

/// What stands at the front of the allocation; the key's bytes begin at [`Inner::KEY`].
#[repr(C)]
pub(crate) struct Inner<T> {
    value: T,
    references: AtomicU32,
    key_len: u32,
}

impl<T> Inner<T> {
    /// Where the key begins: right behind its length.
    const KEY: usize = offset_of!(Self, key_len) + size_of::<u32>();

    /// The layout of an entry with a key of `len` bytes; `None` if there is none.
    fn layout(len: usize) -> Option<Layout> {
        let size = Self::KEY.checked_add(len)?.max(size_of::<Self>());
        Layout::from_size_align(size, align_of::<Self>()).ok()
    }

    /// The key.
    ///
    /// # Safety
    ///
    /// The entry is there as long as the key is used.
    #[inline]
    pub(crate) unsafe fn key<'e>(entry: NonNull<Self>) -> &'e [u8] {
        // SAFETY: as the caller promises; the length was written by `new`, and never since.
        let len = unsafe { (*entry.as_ptr()).key_len } as usize;
        // SAFETY: `len` bytes from `KEY` on were written by `new`, inside the allocation that the pointer was made from, and
        // nobody writes them again.
        unsafe { std::slice::from_raw_parts(entry.as_ptr().cast::<u8>().add(Self::KEY), len) }
    }

    /// Whether the entry has this key.
    ///
    /// # Safety
    ///
    /// The entry is there for the length of the call.
    #[inline]
    pub(crate) unsafe fn has_key(entry: NonNull<Self>, key: &[u8]) -> bool {
        // SAFETY: as the caller promises; the length was written by `new`, and never since.
        let len = unsafe { (*entry.as_ptr()).key_len } as usize;
        // SAFETY: both have `len` bytes: the key by the comparison, the entry by `new`.
        len == key.len() && unsafe { is_equal(entry.as_ptr().cast::<u8>().add(Self::KEY), key.as_ptr(), len) }
    }

    /// Asks for the lines of the key and of the value's last 24 bytes.
    #[inline]
    pub(crate) fn prefetch(entry: NonNull<Self>) {
        prefetch(entry.as_ptr(), Self::KEY.saturating_sub(HOT));
        // Larger ones begin with a line.
        if Self::KEY + 16 >= LINE {
            prefetch(entry.as_ptr(), Self::KEY + 16);
        }
    }
}

/// Compares two strings of bytes eight at a time, the last eight over again where the length is no multiple. Keys are short:
/// the call of the C library's comparison takes as long as all of this.
///
/// # Safety
///
/// Both have `len` bytes.
#[inline]
unsafe fn is_equal(one: *const u8, other: *const u8, len: usize) -> bool {
    // SAFETY: `at + 8` is at most `len` for each caller below.
    let is_equal_at = |at: usize| unsafe {
        one.add(at).cast::<u64>().read_unaligned() == other.add(at).cast::<u64>().read_unaligned()
    };
    if len < 8 {
        // SAFETY: an index below `len`.
        return (0..len).all(|at| unsafe { one.add(at).read() == other.add(at).read() });
    }
    let (last, mut at) = (len - 8, 0);
    while at < last {
        if !is_equal_at(at) {
            return false;
        }
        at += 8;
    }
    is_equal_at(last)
}

/// A shared value and its key. Cloning it counts a reference; it is one word.
///
/// ```
/// use streamgauge_table::Entry;
///
/// let entry = Entry::new(b"viewer-7", 42);
/// let other = entry.clone();
/// assert_eq!((entry.key(), *other), (&b"viewer-7"[..], 42));
/// assert!(Entry::is_same(&entry, &other));
/// assert!(!Entry::is_same(&entry, &Entry::new(b"viewer-7", 42)));
/// ```
pub struct Entry<T> {
    inner: NonNull<Inner<T>>,
    /// It owns a `T`, for the drop check.
    owns: PhantomData<Inner<T>>,
}

// SAFETY: an entry gives `&T` to every thread that has a clone, and drops the `T` on any of them, as `Arc` does.
unsafe impl<T: Send + Sync> Send for Entry<T> {}
// SAFETY: as above; from a `&Entry` another thread can make itself a clone.
unsafe impl<T: Send + Sync> Sync for Entry<T> {}

impl<T> Entry<T> {
    /// An entry of its own for `value`, found by `key`.
    ///
    /// Cost: memory for the value, the key and 8 bytes, rounded up to whole cache lines if that is more than half a line and no
    /// more than eight. A lock then, and now and then an allocation of 32 KiB for many; else an allocation.
    ///
    /// # Panics
    ///
    /// If the key is 4 GiB or longer.
    #[must_use]
    pub fn new(key: &[u8], value: T) -> Self {
        let (Ok(key_len), Some(layout)) = (u32::try_from(key.len()), Inner::<T>::layout(key.len())) else {
            too_long();
        };
        // SAFETY: the layout has at least the eight bytes of the count and the length.
        let Some(inner) = NonNull::new(unsafe { ENTRIES.alloc(layout) }.cast::<Inner<T>>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: the allocation is ours alone, aligned for an `Inner`, and has room for it and, from `KEY` on, for the
        // key, which is elsewhere.
        unsafe {
            (&raw mut (*inner.as_ptr()).references).write(AtomicU32::new(1));
            (&raw mut (*inner.as_ptr()).key_len).write(key_len);
            (&raw mut (*inner.as_ptr()).value).write(value);
            let to = inner.as_ptr().cast::<u8>().add(Inner::<T>::KEY);
            ptr::copy_nonoverlapping(key.as_ptr(), to, key.len());
        }
        Self {
            inner,
            owns: PhantomData,
        }
    }

    /// The key.
    #[must_use]
    #[inline]
    pub fn key(&self) -> &[u8] {
        // SAFETY: an entry that exists holds a reference, so the allocation is there as long as the borrow.
        unsafe { Inner::key(self.inner) }
    }

    /// Whether both are the same entry, not merely equal ones.
    #[must_use]
    #[inline]
    pub fn is_same(one: &Self, other: &Self) -> bool {
        one.inner == other.inner
    }

    /// The entry's address: its own as long as a clone of it is held, and another's afterwards.
    #[must_use]
    pub fn address(&self) -> usize {
        self.inner.addr().get()
    }

    /// How many clones there were at some moment of this call.
    #[must_use]
    pub fn references(&self) -> u32 {
        // Relaxed: a number that may be old when it is read [M7].
        self.counter().load(Ordering::Relaxed)
    }

    /// Asks for the cache lines of the key and of the value's end, ahead of their use. A hint: it does nothing where there
    /// is no instruction for it.
    ///
    /// Cost: an instruction for each line; nothing is read.
    #[inline]
    pub fn prefetch(&self) {
        Inner::prefetch(self.inner);
    }

    /// The entry as a pointer that keeps its reference, until [`from_pointer`](Self::from_pointer) takes it back.
    pub(crate) fn into_pointer(self) -> NonNull<Inner<T>> {
        ManuallyDrop::new(self).inner
    }

    /// The entry itself, as a pointer.
    pub(crate) fn pointer(&self) -> NonNull<Inner<T>> {
        self.inner
    }

    /// An entry of a pointer.
    ///
    /// # Safety
    ///
    /// The pointer was made by `into_pointer`, and the reference that it keeps is the new entry's; or it is not dropped, and
    /// somebody else keeps a reference for as long as it is used.
    #[inline]
    pub(crate) unsafe fn from_pointer(inner: NonNull<Inner<T>>) -> Self {
        Self {
            inner,
            owns: PhantomData,
        }
    }

    fn counter(&self) -> &AtomicU32 {
        // SAFETY: an entry that exists holds a reference, so the allocation is there; the count is only used by shared
        // reference after `new`.
        unsafe { &(*self.inner.as_ptr()).references }
    }
}

#[cold]
#[expect(clippy::panic, reason = "documented: an allocation of that size is no key")]
fn too_long() -> ! {
    panic!("a key of 4 GiB or more");
}

impl<T> Deref for Entry<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: an entry that exists holds a reference, so the value is there, and nobody has a `&mut` to it.
        unsafe { &(*self.inner.as_ptr()).value }
    }
}

impl<T> Clone for Entry<T> {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: the reference that this one is made from keeps the entry there [M7].
        let before = self.counter().fetch_add(1, Ordering::Relaxed);
        if before >= MAX_REFERENCES {
            // As std's Arc does: a count that wrapped would free what is in use.
            std::process::abort();
        }
        Self {
            inner: self.inner,
            owns: PhantomData,
        }
    }
}

impl<T> Drop for Entry<T> {
    #[inline]
    fn drop(&mut self) {
        // Release: what this thread did with the value comes before the drop that frees it. Pairs with the Acquire below
        // [M7].
        if self.counter().fetch_sub(1, Ordering::Release) == 1 {
            // Acquire: what every other thread did with the value comes before freeing it. Pairs with the Release above
            // [M7].
            fence(Ordering::Acquire);
            // Acquire: ThreadSanitizer knows of no fences, and is told by a load [M7].
            #[cfg(streamgauge_tsan)]
            self.counter().load(Ordering::Acquire);
            free(self.inner);
        }
    }
}

#[cold]
fn free<T>(inner: NonNull<Inner<T>>) {
    // SAFETY: the last reference is gone, so nobody else reads; the length was written by `new`.
    let len = unsafe { (*inner.as_ptr()).key_len } as usize;
    // SAFETY: as above; the value was written by `new` and is dropped this once.
    unsafe { ptr::drop_in_place(inner.as_ptr()) };
    // Under the models the memory stays, so that a read that comes too late is found out by what the value left.
    if let Some(layout) = Inner::<T>::layout(len).filter(|_| !cfg!(loom)) {
        // SAFETY: `new` allocated with this very layout.
        unsafe { ENTRIES.dealloc(inner.as_ptr().cast(), layout) };
    }
}

impl<T: fmt::Debug> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key())
            .field("value", &**self)
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::Entry;

    #[test]
    fn keys_of_every_length_come_back_whole() {
        for len in [0, 1, 7, 8, 9, 20, 40, 41, 100_000] {
            let key: Vec<u8> = (0..=255).cycle().take(len).collect();
            let entry = Entry::new(&key, (1_u8, 2_u64, 3_u16));
            assert_eq!((entry.key(), *entry), (&key[..], (1, 2, 3)));
        }
    }

    #[test]
    fn the_last_clone_drops_the_value_once() {
        let value = Arc::new(());
        let entry = Entry::new(b"key", Arc::clone(&value));
        let clones: Vec<_> = (0..10).map(|_| entry.clone()).collect();
        assert_eq!((entry.references(), Arc::strong_count(&value)), (11, 2));
        drop(entry);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(clones);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn clones_have_one_address_and_other_entries_another() {
        let (one, other) = (Entry::new(b"key", 1), Entry::new(b"key", 1));
        assert_eq!(one.clone().address(), one.address());
        assert_ne!(one.address(), other.address());
    }

    #[test]
    fn an_entry_is_one_word_whatever_it_holds() {
        assert_eq!(size_of::<Option<Entry<[u64; 9]>>>(), size_of::<usize>());
    }

    #[test]
    fn entries_of_one_to_eight_lines_begin_with_a_line() {
        let is_plain = cfg!(any(miri, streamgauge_plain_alloc));
        for len in [0, 24, 25, 300, 472] {
            let entries: Vec<_> = (0..100).map(|_| Entry::new(&vec![7; len], [0_u64; 4])).collect();
            assert!(is_plain || entries.iter().all(|entry| entry.address() % 64 == 0));
        }
    }

    #[test]
    fn a_value_of_no_bytes_has_its_key_too() {
        let entry = Entry::new(b"k", ());
        assert_eq!(entry.key(), b"k");
    }

    #[test]
    fn threads_share_and_drop_it() {
        let value = Arc::new(());
        let entry = Entry::new(b"key", Arc::clone(&value));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let entry = entry.clone();
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        assert_eq!(entry.clone().key(), b"key");
                    }
                });
            }
        });
        drop(entry);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
