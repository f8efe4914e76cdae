//! Something to do at the end of a scope, panics included: a test that fails must not leave its other threads waiting.

/// Calls what it holds when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
