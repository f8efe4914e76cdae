//! Any bytes, to the decoder of histories.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (streamgauge_fuzz::history_format::TARGET.run)(data));

#[cfg(not(fuzzing))]
fn main() {
    streamgauge_fuzz::history_format::TARGET.run_files();
}
