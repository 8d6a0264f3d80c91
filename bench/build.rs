//! Links the library that run.sh built, by its path: what is measured is the shared object of this repository, through
//! the dynamic linker as any C program finds it, and no libbolt that happens to be installed.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBBOLT_DIR");
    if std::env::var_os("CARGO_FEATURE_LIBBOLT").is_none() {
        return;
    }
    let Some(directory) = std::env::var("LIBBOLT_DIR").ok() else {
        println!("cargo::error=LIBBOLT_DIR is not set: use run.sh");
        return;
    };
    println!("cargo::rustc-link-search=native={directory}");
    println!("cargo::rustc-link-lib=dylib=bolt");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{directory}");
}
