//! Changes to a database and to maps alike.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::fuzzing::operations(data));
