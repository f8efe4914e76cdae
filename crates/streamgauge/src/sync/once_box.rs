//! What stands for once_cell's `OnceBox` in the models: a box that is found by who comes after its making.
//!
//! Any other may find it or not, as long as coherence lets it. Of two makers one prevails, as there.

use super::{AtomicBool, Ordering};

/// A value that is made once.
#[derive(Debug)]
pub(crate) struct OnceBox<T> {
    is_made: AtomicBool,
    value: once_cell::race::OnceBox<T>,
}

impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        Self {
            is_made: AtomicBool::new(false),
            value: once_cell::race::OnceBox::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: as once_cell's load. Pairs with Release in get_or_init() [M10].
        if self.is_made.load(Ordering::Acquire) {
            self.value.get()
        } else {
            None
        }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        let value = self.value.get_or_init(make);
        // Release: as once_cell's exchange, where it succeeds; where it fails, this orders no more than there is. Pairs with
        // Acquire in get() [M10].
        self.is_made.store(true, Ordering::Release);
        value
    }
}
