//! Any bytes, to the limiter by networks, as text.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (streamgauge_fuzz::cidr::TARGET.run)(data));

#[cfg(not(fuzzing))]
fn main() {
    streamgauge_fuzz::cidr::TARGET.run_files();
}
