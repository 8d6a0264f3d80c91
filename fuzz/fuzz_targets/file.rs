//! Bytes as a file, read and written.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::fuzzing::file(data));
