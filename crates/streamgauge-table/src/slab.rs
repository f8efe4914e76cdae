//! Memory for entries: large ones in whole cache lines, so that what a lookup reads and a count writes is not one line more
//! than it has to be, small ones without what a general allocator puts between.
//!
//! What takes 33 to 512 bytes is rounded up to a multiple of 64 and is a slot, aligned to 64, of a block of 32 KiB that has
//! only slots of that size, its class. What takes less is rounded up to a multiple of 8, in blocks of its own. The rest is
//! the global allocator's, and so is all of it under Miri, and with `--cfg streamgauge_plain_alloc`, which `.ci/asan` sets:
//! neither Miri nor AddressSanitizer sees into blocks.
//!
//! Blocks are aligned to their size, so a slot's address tells its block. A block has its freed slots in a list, and those
//! that were never used behind them untouched, so resident memory grows with use. A class lists its blocks that have both a
//! free slot and a used one. A block whose last slot is freed goes back to the global allocator; one for each class stays.
//!
//! *What fragmentation can cost.* A block stays as long as one of its slots is in use: at worst 32 KiB for each entry that is
//! left of the largest number that there were. New entries of the class fill such blocks before another is asked for. Rounding up
//! takes at most 63 bytes of a slot, of a small one 7; a block's header and tail are 1 part in 60 of it or less.
//!
//! Any thread allocates and frees, under the lock of the class, and asks the global allocator for blocks and gives them back
//! without it. Cost: the lock and two or three size. A lookup comes by here never.

use std::alloc::{self, Layout};
use std::ptr;

use crate::prefetch::LINE;
use crate::sync::{Mutex, lock};

/// Bytes of a word: small slots are multiples of it, and aligned to it.
const WORD: usize = 8;

/// The largest small slot: what takes more than half a line takes a whole one, and so is in no two.
const LARGEST_SMALL: usize = LINE / 2;

/// Sizes of small slots.
const SMALL: usize = LARGEST_SMALL / WORD;

/// Sizes of slots.
const SIZES: usize = SMALL + LARGEST / LINE;

/// The largest slot.
const LARGEST: usize = 512;

/// What blocks are aligned to. Glibc would map blocks of twice this one by one, and touch two pages more for each.
const BLOCK: usize = 1 << 15;

/// Where the slots of a block begin: behind the header, at a pair of lines, since processors fetch lines in pairs.
const HEADER: usize = 2 * LINE;

/// The layout of a block. Glibc's blocks have 16 bytes in front: with 16 bytes less they stand without a gap.
// SAFETY: the alignment is a power of two, and the size is below it.
const BLOCK_LAYOUT: Layout = unsafe { Layout::from_size_align_unchecked(BLOCK - 16, BLOCK) };

const _: () = assert!(size_of::<Block>() <= HEADER, "slots begin behind the header");

/// Whether all is left to the global allocator.
const IS_PLAIN: bool = cfg!(any(miri, streamgauge_plain_alloc));

/// The slab of all entries.
pub(crate) static ENTRIES: Slab = Slab::new();

/// The slab of all boxes. One of its own: what is asked for together lies together.
pub(crate) static BOXES: Slab = Slab::new();

/// A class: which of the sizes its slots have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Size(usize);

impl Size {
    /// The class of a layout; none if it is the global allocator's.
    fn of(layout: Layout) -> Option<Self> {
        match layout.size() {
            size @ 1..=LARGEST_SMALL if layout.align() <= WORD => Some(Self(size.div_ceil(WORD) - 1)),
            size @ 1..=LARGEST if layout.align() <= LINE => Some(Self(SMALL + size.div_ceil(LINE) - 1)),
            _ => None,
        }
    }

    const fn bytes(self) -> usize {
        if self.0 < SMALL {
            (self.0 + 1) * WORD
        } else {
            (self.0 - SMALL + 1) * LINE
        }
    }

    /// How many slots a block has.
    const fn per_block(self) -> usize {
        (BLOCK_LAYOUT.size() - HEADER) / self.bytes()
    }
}

/// A lock and the blocks for each class.
pub(crate) struct Slab {
    /// By the number of the size.
    classes: [Mutex<Class>; SIZES],
}

impl Slab {
    const fn new() -> Self {
        Self {
            classes: [const { Mutex::new(Class::new()) }; SIZES],
        }
    }

    /// Memory of a layout with bytes in it, as [`std::alloc::alloc`].
    ///
    /// # Safety
    ///
    /// The layout's size is not 0.
    pub(crate) unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Size::of(layout).filter(|_| !IS_PLAIN) {
            Some(class) => self.take(class),
            // SAFETY: as the caller promises.
            None => unsafe { alloc::alloc(layout) },
        }
    }

    /// Frees what [`alloc`](Self::alloc) has given, as [`std::alloc::dealloc`].
    ///
    /// # Safety
    ///
    /// `alloc` of this slab gave it for this very layout; it is freed this once, and used by nobody any more.
    pub(crate) unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        match Size::of(layout).filter(|_| !IS_PLAIN) {
            // SAFETY: as the caller promises: the same layout has the same class.
            Some(class) => unsafe { self.give(class, memory) },
            // SAFETY: as the caller promises: the same layout came here then too.
            None => unsafe { alloc::dealloc(memory, layout) },
        }
    }

    /// A slot; null if the global allocator has no block.
    fn take(&self, size: Size) -> *mut u8 {
        let class = &self.classes[size.0];
        if let Some(slot) = lock(class).take(size) {
            return slot;
        }
        // Not under the lock: it may take its time, and others may have slots to free meanwhile.
        // SAFETY: the layout's size is not 0.
        let block = unsafe { alloc::alloc(BLOCK_LAYOUT) }.cast::<Block>();
        if block.is_null() {
            return ptr::null_mut();
        }
        let mut class = lock(class);
        // SAFETY: the block is new and has the layout of one.
        unsafe {
            block.write(Block::new());
            class.add(block);
            class.take_from(block, size)
        }
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// `take` of this slab gave it for the same class; it is given back this once, and used by nobody any more.
    unsafe fn give(&self, size: Size, slot: *mut u8) {
        // SAFETY: as the caller promises.
        let empty = unsafe { lock(&self.classes[size.0]).give(slot, size) };
        if let Some(block) = empty {
            // SAFETY: `take` allocated it with this layout; it is in no list, and none of its slots is used.
            unsafe { alloc::dealloc(block.cast(), BLOCK_LAYOUT) };
        }
    }
}

/// The blocks of a class that have a slot to give.
struct Class {
    /// The first of those that have a used slot too.
    first: *mut Block,
    /// One that has none.
    spare: *mut Block,
}

// SAFETY: blocks belong to no thread; whoever has the class has their headers and free slots.
unsafe impl Send for Class {}

impl Class {
    const fn new() -> Self {
        Self {
            first: ptr::null_mut(),
            spare: ptr::null_mut(),
        }
    }

    /// A slot of the blocks that there are.
    fn take(&mut self, size: Size) -> Option<*mut u8> {
        if self.first.is_null() && !self.spare.is_null() {
            let spare = std::mem::replace(&mut self.spare, ptr::null_mut());
            // SAFETY: the spare block is in no list, and is the class's.
            unsafe { self.add(spare) };
        }
        // SAFETY: what is listed has a slot to give.
        (!self.first.is_null()).then(|| unsafe { self.take_from(self.first, size) })
    }

    /// A slot of this block.
    ///
    /// # Safety
    ///
    /// The block is listed here, and `size` is the class's.
    unsafe fn take_from(&mut self, block: *mut Block, size: Size) -> *mut u8 {
        // SAFETY: the block is the class's, and `&mut self` is the only way to it. What its list of free slots leads to are
        // slots that are free. Without one it has slots that were never used, since it is listed: behind the used ones,
        // inside the block.
        unsafe {
            let slot = (*block).free;
            let slot = if slot.is_null() {
                let at = HEADER + (*block).touched * size.bytes();
                (*block).touched += 1;
                block.cast::<u8>().add(at)
            } else {
                (*block).free = (*slot).next;
                slot.cast::<u8>()
            };
            (*block).used += 1;
            if (*block).used == size.per_block() {
                self.remove(block);
            }
            slot
        }
    }

    /// Takes a slot back. Answers with its block if that is empty now, and more than is kept.
    ///
    /// # Safety
    ///
    /// `take` or `take_from` gave the slot, `size` is the class's, and nobody uses the slot.
    unsafe fn give(&mut self, slot: *mut u8, size: Size) -> Option<*mut Block> {
        // The slot's pointer was made of the block's, so it may go back there.
        let block = slot.map_addr(|address| address & !(BLOCK - 1)).cast::<Block>();
        let slot = slot.cast::<Slot>();
        // SAFETY: blocks are aligned to BLOCK and no longer, so that was the slot's block, which is there as long as one of
        // its slots is used. The slot is free, is aligned to a word, and has room for a pointer.
        unsafe {
            slot.write(Slot { next: (*block).free });
            (*block).free = slot;
            if (*block).used == size.per_block() {
                self.add(block);
            }
            (*block).used -= 1;
            if (*block).used > 0 {
                return None;
            }
            self.remove(block);
            if self.spare.is_null() {
                // As new: slots are given in order again.
                block.write(Block::new());
                self.spare = block;
                return None;
            }
        }
        Some(block)
    }

    /// Lists a block.
    ///
    /// # Safety
    ///
    /// The block is there, is this class's, and is in no list.
    unsafe fn add(&mut self, block: *mut Block) {
        // SAFETY: as the caller promises; listed blocks are there.
        unsafe {
            (*block).previous = ptr::null_mut();
            (*block).next = self.first;
            if !self.first.is_null() {
                (*self.first).previous = block;
            }
        }
        self.first = block;
    }

    /// Takes a block out of the list.
    ///
    /// # Safety
    ///
    /// The block is listed here.
    unsafe fn remove(&mut self, block: *mut Block) {
        // SAFETY: as the caller promises; listed blocks are there.
        unsafe {
            let (previous, next) = ((*block).previous, (*block).next);
            if previous.is_null() {
                self.first = next;
            } else {
                (*previous).next = next;
            }
            if !next.is_null() {
                (*next).previous = previous;
            }
        }
    }
}

/// The header of a block.
struct Block {
    previous: *mut Self,
    next: *mut Self,
    /// The first slot that was used and freed.
    free: *mut Slot,
    /// How many slots were ever used.
    touched: usize,
    /// How many are.
    used: usize,
}

impl Block {
    const fn new() -> Self {
        Self {
            previous: ptr::null_mut(),
            next: ptr::null_mut(),
            free: ptr::null_mut(),
            touched: 0,
            used: 0,
        }
    }
}

/// A free slot.
struct Slot {
    next: *mut Self,
}

#[cfg(test)]
mod tests;
