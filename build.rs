//! Gives the shared library its name in the ABI, and keeps it loaded once it is.
//!
//! rustc names no shared library by itself, and a program linked to one without a name looks for it where it
//! was built. The header is not generated here: `cargo xtask header` does that, so that building needs
//! neither cbindgen nor its dependencies.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=abi/SOVERSION");
    // The tests compile C programs for the machine that the library was compiled for.
    println!("cargo::rustc-env=BOLT_TARGET={}", env::var("TARGET")?);

    let number = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("abi/SOVERSION");
    let number = fs::read_to_string(&number).map_err(|error| format!("{}: {error}", number.display()))?;
    let number: u32 = number.trim().parse().map_err(|error| format!("abi/SOVERSION: {error}"))?;
    println!("cargo::rustc-env=BOLT_ABI_NUMBER={number}");
    // cargo-c, which sets this feature, gives the library its name itself.
    let named_elsewhere = env::var_os("CARGO_FEATURE_CAPI").is_some();

    match env::var("CARGO_CFG_TARGET_OS")?.as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" | "illumos" | "solaris" => {
            if !named_elsewhere {
                println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libbolt.so.{number}");
            }
            // Threads may still hold the library's thread-local data, and fork handlers its code, after
            // dlclose.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" | "ios" if !named_elsewhere => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libbolt.{number}.dylib");
        }
        _ => {}
    }
    Ok(())
}
