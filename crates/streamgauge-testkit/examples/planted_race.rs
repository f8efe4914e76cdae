//! A data race on purpose: two threads write one word, and nothing orders them.
//!
//! `.ci/tsan` runs it under ThreadSanitizer, with the suppressions that the stress tests are run with, and fails if it is not
//! reported. It is run by nothing else.

#![expect(unsafe_code, reason = "a race cannot be planted without it")]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::Barrier;

struct Word(UnsafeCell<u64>);

// SAFETY: there is no reason: this is the fault.
unsafe impl Sync for Word {}

#[inline(never)]
fn race(word: &Word) {
    for _ in 0..10_000 {
        // SAFETY: there is no reason: this is the fault.
        unsafe { *black_box(word.0.get()) += 1 };
    }
}

fn main() {
    let word = Word(UnsafeCell::new(0));
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait();
                race(&word);
            });
        }
    });
    println!("{} of 20000", word.0.into_inner());
}
