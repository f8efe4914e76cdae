//! Any bytes, to the replay of captures.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (streamgauge_fuzz::capture::TARGET.run)(data));

#[cfg(not(fuzzing))]
fn main() {
    streamgauge_fuzz::capture::TARGET.run_files();
}
