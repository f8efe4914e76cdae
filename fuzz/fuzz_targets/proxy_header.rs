//! Any bytes, to the codec of PROXY headers.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (streamgauge_fuzz::proxy_header::TARGET.run)(data));

#[cfg(not(fuzzing))]
fn main() {
    streamgauge_fuzz::proxy_header::TARGET.run_files();
}
