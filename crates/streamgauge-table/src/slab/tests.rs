//! Slabs of their own, so that what other tests allocate is in none of them.

use std::alloc::{self, Layout};
use std::collections::HashSet;
use std::ptr;
use std::sync::mpsc;

use super::{BLOCK_LAYOUT, Block, Class, LARGEST, LARGEST_SMALL, LINE, SIZES, SMALL, Size, Slab, WORD};
use crate::sync::lock;

/// A slab that leaves nothing behind.
struct Own(Slab);

impl Drop for Own {
    fn drop(&mut self) {
        for class in &self.0.classes {
            let class = lock(class);
            assert!(class.first.is_null(), "every slot was given back");
            if !class.spare.is_null() {
                // SAFETY: the slab allocated it, and nobody has the slab any more.
                unsafe { alloc::dealloc(class.spare.cast(), BLOCK_LAYOUT) };
            }
        }
    }
}

impl Own {
    fn new() -> Self {
        Self(Slab::new())
    }

    fn give_all(&self, class: Size, slots: impl IntoIterator<Item = *mut u8>) {
        for slot in slots {
            // SAFETY: the callers have the slots of `take`, for this class, and do not use them any more.
            unsafe { self.0.give(class, slot) };
        }
    }
}

fn classes() -> impl Iterator<Item = Size> {
    (0..SIZES).map(Size)
}

#[test]
fn there_is_a_class_for_each_size_and_none_beside_them() {
    let of = |size| Size::of(Layout::from_size_align(size, WORD).unwrap());
    assert_eq!(
        (of(LARGEST_SMALL), of(LARGEST)),
        (Some(Size(SMALL - 1)), Some(Size(SIZES - 1)))
    );
    assert_eq!(of(LARGEST + 1), None);
}

#[test]
fn classes_begin_and_end_where_words_and_lines_do() {
    let of = |size, align| Size::of(Layout::from_size_align(size, align).unwrap()).map(Size::bytes);
    for (size, bytes) in [
        (33, 64),
        (64, 64),
        (65, 128),
        (128, 128),
        (129, 192),
        (192, 192),
        (193, 256),
        (449, 512),
        (512, 512),
    ] {
        assert_eq!((of(size, 1), of(size, 64)), (Some(bytes), Some(bytes)));
    }
    for (size, bytes) in [(1, 8), (8, 8), (9, 16), (23, 24), (25, 32), (32, 32)] {
        assert_eq!((of(size, 1), of(size, 8)), (Some(bytes), Some(bytes)));
        assert_eq!(of(size, 16), Some(64));
    }
    for (size, align) in [(0, 1), (513, 8), (65, 128), (4_096, 4_096)] {
        assert_eq!(of(size, align), None);
    }
}

#[test]
fn slots_are_words_or_lines_of_their_own() {
    let slab = Own::new();
    for class in classes() {
        let mut slots: Vec<_> = (0..3 * class.per_block()).map(|_| slab.0.take(class)).collect();
        slots.sort_unstable();
        let align = if class.0 < SMALL { WORD } else { LINE };
        assert!(slots.iter().all(|slot| slot.addr() % align == 0));
        assert!(
            slots
                .windows(2)
                .all(|pair| pair[1].addr() - pair[0].addr() >= class.bytes())
        );
        for slot in &slots {
            // SAFETY: a slot has that many bytes; Miri and a damaged header would tell if it had not.
            unsafe { slot.write_bytes(0xff, class.bytes()) };
        }
        slab.give_all(class, slots);
    }
}

#[test]
fn a_freed_slot_is_the_next_that_is_given() {
    let slab = Own::new();
    for class in classes() {
        // The first of two full blocks, and one with room.
        let slots: Vec<_> = (0..2 * class.per_block() + 2)
            .map(|_| slab.0.take(class))
            .collect();
        for at in [0, 1, class.per_block(), slots.len() - 1] {
            slab.give_all(class, [slots[at]]);
            assert_eq!(slab.0.take(class), slots[at]);
        }
        slab.give_all(class, slots);
    }
}

#[test]
fn gaps_are_filled_before_there_is_another_block() {
    let (slab, class) = (Own::new(), Size(SMALL));
    let mut slots: Vec<_> = (0..4 * class.per_block()).map(|_| slab.0.take(class)).collect();
    let freed: HashSet<_> = slots.iter().copied().step_by(3).collect();
    slab.give_all(class, freed.iter().copied());
    let again: HashSet<_> = freed.iter().map(|_| slab.0.take(class)).collect();
    assert_eq!(again, freed);
    // Another order of frees than of allocations.
    slots.rotate_left(class.per_block() / 2);
    slab.give_all(class, slots.into_iter().rev());
}

#[test]
fn all_but_one_of_the_empty_blocks_are_given_back() {
    let lines = Size(SMALL);
    let mut class = Class::new();
    let mut slots = Vec::new();
    for _ in 0..3 {
        // SAFETY: the layout's size is not 0; the block is new, and has the layout of one.
        let block = unsafe {
            let block = alloc::alloc(BLOCK_LAYOUT).cast::<Block>();
            block.write(Block::new());
            class.add(block);
            block
        };
        while !class.first.is_null() {
            // SAFETY: the block is the one that is listed.
            slots.push(unsafe { class.take_from(block, lines) });
        }
    }
    assert_eq!((slots.len(), class.take(lines)), (3 * lines.per_block(), None));
    let mut given_back = HashSet::new();
    for (index, slot) in slots.into_iter().enumerate() {
        // SAFETY: the slot is the class's, and is not used.
        if let Some(block) = unsafe { class.give(slot, lines) } {
            assert_eq!((index + 1) % lines.per_block(), 0, "its last slot was freed");
            assert!(given_back.insert(block) && block != class.spare);
            // SAFETY: allocated above with this layout, and the class does not have it any more.
            unsafe { alloc::dealloc(block.cast(), BLOCK_LAYOUT) };
        }
    }
    assert_eq!((given_back.len(), class.first), (2, ptr::null_mut()));
    // The one that stayed is used before there is another, and is empty again.
    let kept = class.spare;
    let slot = class.take(lines).unwrap();
    assert_eq!((class.first, class.spare), (kept, ptr::null_mut()));
    // SAFETY: as above.
    assert_eq!((unsafe { class.give(slot, lines) }, class.spare), (None, kept));
    // SAFETY: as above.
    unsafe { alloc::dealloc(kept.cast(), BLOCK_LAYOUT) };
}

/// A slot that goes to another thread.
struct Sent(*mut u8, Size, u8);

// SAFETY: slots belong to no thread; the channel orders what both do.
unsafe impl Send for Sent {}

impl Sent {
    fn new(slab: &Own, class: Size, mark: u8) -> Self {
        let slot = slab.0.take(class);
        // SAFETY: a slot has that many bytes, and is this thread's alone.
        unsafe { slot.write_bytes(mark, class.bytes()) };
        Self(slot, class, mark)
    }

    fn check_and_free(self, slab: &Own) {
        // SAFETY: the slot was filled above, and nobody else has it.
        let bytes = unsafe { std::slice::from_raw_parts(self.0, self.1.bytes()) };
        assert!(bytes.iter().all(|&byte| byte == self.2));
        slab.give_all(self.1, [self.0]);
    }
}

#[test]
fn threads_free_what_others_allocate() {
    const THREADS: u8 = 4;
    let rounds = if cfg!(miri) { 50 } else { 20_000 };
    let slab = Own::new();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel::<Sent>()).unzip();
    std::thread::scope(|scope| {
        for (thread, receiver) in (0_u8..).zip(receivers) {
            let next = senders[usize::from((thread + 1) % THREADS)].clone();
            let slab = &slab;
            scope.spawn(move || {
                let mut kept = Vec::new();
                for round in 0..rounds {
                    let class = Size((round * 5 + usize::from(thread)) % SIZES);
                    let mark = thread.wrapping_mul(61) ^ round.to_le_bytes()[0];
                    let sent = Sent::new(slab, class, mark);
                    if round % 3 == 0 {
                        next.send(sent).unwrap();
                    } else {
                        kept.push(sent);
                    }
                    if round % 1_000 == 999 {
                        kept.drain(..).for_each(|sent| sent.check_and_free(slab));
                    }
                    receiver.try_iter().for_each(|sent| sent.check_and_free(slab));
                }
                drop(next);
                kept.into_iter()
                    .chain(receiver)
                    .for_each(|sent| sent.check_and_free(slab));
            });
        }
        drop(senders);
    });
}
