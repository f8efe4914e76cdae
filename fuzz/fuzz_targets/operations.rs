//! Any bytes, as operations on collectors beside the reference model.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (streamgauge_fuzz::operations::TARGET.run)(data));

#[cfg(not(fuzzing))]
fn main() {
    streamgauge_fuzz::operations::TARGET.run_files();
}
