//! Target: operations on collectors, beside the reference model.
//!
//! An input is three setups of fourteen bytes and then an operation in each sixteen: the same scripts that the property
//! test of streamgauge-testkit makes, so what one finds the other can run. Every answer has to be the model's.

use streamgauge_testkit::{Script, trial};

use crate::seed::Seed;
use crate::target::Target;

/// Collectors beside the reference model.
pub const TARGET: Target = Target {
    name: "operations",
    run,
    seeds,
};

/// Operations that are looked at: the model's work grows with the square of them.
const MOST_OPERATIONS: usize = 250;

fn run(input: &[u8]) {
    let mut script = Script::from_bytes(input);
    script.operations.truncate(MOST_OPERATIONS);
    if let Err(failure) = trial::run(&script) {
        panic!("{failure}");
    }
}

/// Scripts of any bytes: from none, by way of setups that nothing is done with, to some of sixty operations.
fn seeds() -> Vec<Seed> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    let setups = 3 * 14;
    let lengths = [0, setups]
        .into_iter()
        .chain((1..=30).map(|n| setups + 2 * n * 16));
    let named = |(number, length)| {
        // Every other one has the plainest setups, in which most is counted.
        let plain = if number % 2 == 0 { setups } else { 0 };
        let bytes = (0..length).map(|at| if at < plain { 0 } else { byte() });
        Seed::new(format!("script-{number:02}"), bytes.collect::<Vec<u8>>())
    };
    lengths.enumerate().map(named).collect()
}
