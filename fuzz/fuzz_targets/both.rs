//! Damage to a small file, and what is done with it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::fuzzing::both(data));
