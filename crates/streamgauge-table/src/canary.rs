//! A mark by which the models find out a read that comes too late.

use loom::cell::UnsafeCell;

/// Whether something was freed. A read that races the making or the free, or comes after the free, panics.
#[derive(Debug)]
pub(crate) struct Canary {
    dead: UnsafeCell<bool>,
}

// SAFETY: loom finds every race on the cell, and fails the model.
unsafe impl Send for Canary {}
// SAFETY: as above.
unsafe impl Sync for Canary {}

impl Canary {
    pub(crate) fn new() -> Self {
        let canary = Self {
            dead: UnsafeCell::new(true),
        };
        // SAFETY: nobody else has the cell yet. Written, and not only made, so that loom wants every look ordered after it.
        canary.dead.with_mut(|dead| unsafe { *dead = false });
        canary
    }

    pub(crate) fn look(&self) {
        // SAFETY: loom fails the model if a write is not ordered before or after this.
        self.dead
            .with(|dead| assert!(!unsafe { *dead }, "used after it was freed"));
    }

    /// Whether it was freed, for who comes after all others.
    #[cfg(test)]
    pub(crate) fn is_dead(&self) -> bool {
        // SAFETY: as in look().
        self.dead.with(|dead| unsafe { *dead })
    }

    pub(crate) fn kill(&self) {
        self.look();
        // SAFETY: loom fails the model if any access is not ordered before or after this.
        self.dead.with_mut(|dead| unsafe { *dead = true });
    }
}
