//! M6: bitrates.

use loom::thread;

use super::{Shared, explore};
use crate::collector::core::Bitrate;

/// M6: a reader sees the bitrate of some tick, whole, and never one from before what it saw already.
#[test]
fn m6_a_reader_sees_the_bitrate_of_some_tick() {
    explore(|| {
        let bitrate = Shared::new(Bitrate::default());
        let sampler = {
            let bitrate = Shared::clone(&bitrate);
            thread::spawn(move || {
                bitrate.write(1.5);
                bitrate.write(2.5);
            })
        };
        let [first, second] = [bitrate.read(), bitrate.read()];
        assert!([0.0, 1.5, 2.5].contains(&first) && [0.0, 1.5, 2.5].contains(&second));
        assert!(first <= second, "back from {first} to {second}");
        sampler.join().unwrap();
        assert_eq!(bitrate.read().to_bits(), 2.5_f64.to_bits());
    });
}
