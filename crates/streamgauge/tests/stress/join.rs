//! The end of threads.

use std::thread::ScopedJoinHandle;

/// Joins each thread by itself: the end of a scope would wait for it as well, but ThreadSanitizer would not know.
pub(crate) fn join_all<'scope, T: 'scope>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, T>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}
