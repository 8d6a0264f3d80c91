# Finds cargo and rustc, and holds their version against the one that Cargo.toml asks for.

find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" DOC "cargo")
if(NOT CARGO_EXECUTABLE)
  message(FATAL_ERROR
    "libbolt is written in Rust, and cargo, which compiles it, was not found. Install Rust "
    "(https://rustup.rs, or your system's packages cargo and rustc), or say where it is: "
    "-DCARGO_EXECUTABLE=/path/to/cargo")
endif()
get_filename_component(_bolt_cargo_dir "${CARGO_EXECUTABLE}" DIRECTORY)
find_program(RUSTC_EXECUTABLE rustc HINTS "${_bolt_cargo_dir}" DOC "rustc")

file(STRINGS Cargo.toml _bolt_rust_wanted REGEX "^rust-version = " LIMIT_COUNT 1)
string(REGEX REPLACE "[^0-9.]" "" _bolt_rust_wanted "${_bolt_rust_wanted}")
execute_process(
  COMMAND "${RUSTC_EXECUTABLE}" --version
  WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
  OUTPUT_VARIABLE _bolt_rust_said
  ERROR_VARIABLE _bolt_rust_said
  RESULT_VARIABLE _bolt_rust_failed)
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" _bolt_rust_found "${_bolt_rust_said}")
if(_bolt_rust_failed OR NOT _bolt_rust_found)
  message(FATAL_ERROR
    "rustc (${RUSTC_EXECUTABLE}) does not run: ${_bolt_rust_failed}\n${_bolt_rust_said}\nInstall Rust "
    "${_bolt_rust_wanted} or newer, or say where it is: -DRUSTC_EXECUTABLE=/path/to/rustc")
elseif(_bolt_rust_found VERSION_LESS _bolt_rust_wanted)
  message(FATAL_ERROR
    "libbolt needs Rust ${_bolt_rust_wanted} or newer, and ${RUSTC_EXECUTABLE} is ${_bolt_rust_found}. "
    "Update it (rustup update), or name another: -DCARGO_EXECUTABLE=/path/to/cargo "
    "-DRUSTC_EXECUTABLE=/path/to/rustc")
endif()

# The libraries of the system that any static library of Rust's needs. A library of nothing tells them at
# once; xtask asks libbolt's own, for the installed package, and a test compares the two. cargo.rs says why
# libgcc_s is not among them.
set(_bolt_target_flag)
if(BOLT_CARGO_TARGET)
  set(_bolt_target_flag --target "${BOLT_CARGO_TARGET}")
endif()
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.rs" "")
execute_process(
  COMMAND "${RUSTC_EXECUTABLE}" ${_bolt_target_flag} --crate-type staticlib --print native-static-libs
          -o "${CMAKE_CURRENT_BINARY_DIR}/empty.a" empty.rs
  WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
  ERROR_VARIABLE _bolt_rust_said
  RESULT_VARIABLE _bolt_rust_failed)
string(REGEX MATCH "native-static-libs: ([^\n]*)" _bolt_native_libs "${_bolt_rust_said}")
if(_bolt_rust_failed OR NOT _bolt_native_libs)
  message(FATAL_ERROR "${RUSTC_EXECUTABLE} cannot compile a static library:\n${_bolt_rust_said}")
endif()
separate_arguments(_bolt_native_libs UNIX_COMMAND "${CMAKE_MATCH_1}")
list(REMOVE_ITEM _bolt_native_libs -lgcc_s)
file(REMOVE "${CMAKE_CURRENT_BINARY_DIR}/empty.a" "${CMAKE_CURRENT_BINARY_DIR}/empty.rs")
