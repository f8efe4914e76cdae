//! How long a test goes on.

use std::time::{Duration, Instant};

/// Runs a test once, or again and again with other seeds for as many seconds as `STREAMGAUGE_STRESS_SECONDS` says. What is
/// to be shown is shown by each round; time decides how many there are and nothing else.
///
/// # Panics
///
/// Panics where a round does, and where the variable is no number.
#[expect(
    clippy::expect_used,
    reason = "a test that is asked for what is no number fails"
)]
pub fn rounds(mut round: impl FnMut(u64)) {
    let seconds = std::env::var("STREAMGAUGE_STRESS_SECONDS").map_or(0, |seconds| {
        seconds
            .parse()
            .expect("STREAMGAUGE_STRESS_SECONDS is a number of seconds")
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the test goes on is nothing that it asks"
    )]
    let began = Instant::now();
    let mut seed = 0;
    loop {
        round(seed);
        seed += 1;
        if began.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    if seconds > 0 {
        println!("{seed} rounds");
    }
}
