//! libbolt for the C tests, with the linter of writes around each of its databases that has a path: built with
//! `--cfg bolt_lint`, the library asks this program for its file system. A broken rule ends the program, with
//! words that say which. `tests/lint/run.sh` builds it and runs the tests.

use std::sync::Once;

use bolt::storage::Namespace;
use bolt::storage::file::FileNamespace;
use crashsim::lint::Rules;

#[path = "../../tests/common/lint.rs"]
#[allow(dead_code, clippy::panic, reason = "the Rust tests use the rest")]
mod lint;

/// The file system for `bolt::storage::file_system`.
// SAFETY: nothing else has this name; `storage/sys.rs` declares it so.
#[unsafe(no_mangle)]
pub fn bolt_lint_file_system(is_synced: bool, older_meta_stays: bool) -> Box<dyn Namespace> {
    static DIES: Once = Once::new();
    // The border to C would turn the panic into a code.
    DIES.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            eprintln!("{panic}");
            std::process::abort();
        }));
    });
    // A planted fault, for the test of the linter itself.
    let is_unsynced = std::env::var_os("BOLT_LINT_FAULT").is_some_and(|fault| fault == "unsynced");
    lint::watched(FileNamespace, Rules { older_meta_stays, is_synced: is_synced || is_unsynced })
}
