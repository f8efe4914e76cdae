//! M7: references to an entry.

use loom::thread;

use super::{Entry, Value, explore};

/// M7: the free comes after all that any holder of a clone did.
#[test]
fn m7_the_last_clone_frees() {
    explore(|| {
        let entry = Entry::new(b"key", Value::new());
        let other = {
            let entry = entry.clone();
            thread::spawn(move || entry.0.look())
        };
        entry.0.look();
        drop(entry);
        other.join().unwrap();
    });
}
