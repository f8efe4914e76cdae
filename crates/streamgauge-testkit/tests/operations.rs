//! Collectors beside the reference model, over scripts that proptest makes.
#![cfg(not(loom))]

use proptest::prelude::{ProptestConfig, TestCaseError};
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use streamgauge_testkit::{Script, trial};

/// How many scripts are run where `PROPTEST_CASES` does not say.
const CASES: u32 = 10_000;

#[test]
fn collectors_answer_as_the_model_does() {
    let seeds = FileFailurePersistence::Direct("proptest-regressions/operations.txt");
    // With a seed of the caller's a failure comes again by itself: mutants leave nothing behind.
    let is_seeded = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let mut config = ProptestConfig {
        failure_persistence: (!is_seeded).then(|| Box::new(seeds) as _),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let held = TestRunner::new(config).run(&Script::strategy(1..60), |script| {
        trial::run(&script).map_err(|failure| TestCaseError::fail(failure.to_string()))
    });
    if let Err(failure) = held {
        panic!("{failure}");
    }
}
