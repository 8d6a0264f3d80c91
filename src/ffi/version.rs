//! The version of the library that runs, and whether it fits the header that the program was compiled with.
#![expect(unsafe_code, reason = "exported names are unsafe attributes")]

use std::ffi::{c_char, c_int};

use super::boundary::guard;
use super::error::BOLT_OK;
use crate::error::{Error, Result};

/// The decimal number in a part of the version.
const fn number(text: &str) -> u32 {
    let digits = text.as_bytes();
    let (mut value, mut index) = (0, 0);
    while index < digits.len() {
        value = value * 10 + (digits[index] - b'0') as u32;
        index += 1;
    }
    value
}

const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

/// The number in the shared library's name.
const ABI_NUMBER: u32 = number(env!("BOLT_ABI_NUMBER"));

/// The version of the library that runs.
///
/// BOLT_VERSION_CHECK() compares it with `BOLT_VERSION_NUMBER`, the version of this header.
///
/// @return major << 16 | minor << 8 | patch; never fails. Any thread may call.
#[unsafe(no_mangle)]
pub extern "C" fn bolt_version() -> u32 {
    VERSION
}

/// The version of the library that runs, as a text such as "0.1.0".
///
/// @return A static text, never NULL. Any thread may call.
#[unsafe(no_mangle)]
pub extern "C" fn bolt_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Whether the library that runs fits the header that the program was compiled with; call it by
/// BOLT_VERSION_CHECK(), which fills in the numbers of the header.
///
/// They fit where the ABI numbers are equal and the library is as new as the header or newer: it then has
/// everything that the program was compiled with, and means the same by it. The number in the shared
/// library's name keeps a program that was linked with it from one of another ABI; a program that loads it by
/// itself, or was compiled with a header of another place, gets what it finds.
///
/// @param abi_number `BOLT_ABI_NUMBER` of the header.
/// @param version `BOLT_VERSION_NUMBER` of the header.
/// @return BOLT_OK; BOLT_MISMATCH, and the error details name both versions and say what to do. Any thread
///     may call.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn bolt_version_check(abi_number: u32, version: u32) -> c_int {
    guard(|| {
        fits(abi_number, version)?;
        Ok(BOLT_OK)
    })
}

fn fits(abi_number: u32, version: u32) -> Result<()> {
    let ours = env!("CARGO_PKG_VERSION");
    let theirs = format!("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff);
    if abi_number != ABI_NUMBER {
        let text = format!(
            "the program was compiled with the bolt.h of libbolt {theirs}, ABI {abi_number}, and runs with \
             libbolt {ours}, ABI {ABI_NUMBER}: compile it anew with the bolt.h of {ours}, or give it a \
             libbolt.so.{abi_number}"
        );
        return Err(Error::Mismatch(text.into()));
    }
    if version > VERSION {
        let text = format!(
            "the program was compiled with the bolt.h of libbolt {theirs} and runs with libbolt {ours}, \
             which is older: install libbolt {theirs} or newer, or compile the program anew with the bolt.h \
             of {ours}"
        );
        return Err(Error::Mismatch(text.into()));
    }
    Ok(())
}

/// The error of a struct that is larger than ours, and has something there.
#[cold]
pub fn unknown_field() -> Error {
    let ours = env!("CARGO_PKG_VERSION");
    let text = format!(
        "the struct has a field that libbolt {ours} does not know: install the libbolt of the program's \
         bolt.h, or compile the program anew with the bolt.h of {ours}"
    );
    Error::Mismatch(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_and_the_text_are_those_of_the_package() {
        assert_eq!(number("120"), 120);
        let parts = [bolt_version() >> 16, bolt_version() >> 8 & 0xff, bolt_version() & 0xff];
        let text = parts.map(|part| part.to_string()).join(".");
        assert_eq!(env!("CARGO_PKG_VERSION"), text);
        // SAFETY: a static text with a zero at its end.
        let c_text = unsafe { std::ffi::CStr::from_ptr(bolt_version_string()) };
        assert_eq!(c_text.to_str().unwrap(), text);
    }
}
