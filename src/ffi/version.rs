//! The version of the library that runs, to be compared with the macros of the header that was compiled.
#![expect(unsafe_code, reason = "exported names are unsafe attributes")]

use std::ffi::c_char;

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

/// The version of the library that runs.
///
/// Compare it with `BOLT_VERSION_NUMBER`, the version of this header: equal major numbers fit together
/// (before 1.0: equal major and minor numbers), and a library that is newer than the header is fine.
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
