# Builds libbolt in bolt_dist, and defines its targets.

set(bolt_dist "${CMAKE_CURRENT_BINARY_DIR}/dist")
set(_bolt_flags)
if(BOLT_OFFLINE)
  set(_bolt_flags --offline)
endif()
set(_bolt_tools "CARGO=${CARGO_EXECUTABLE}" "RUSTC=${RUSTC_EXECUTABLE}" "CC=${CMAKE_C_COMPILER}")
foreach(_bolt_tool IN ITEMS LINKER OBJCOPY AR NM)
  if(CMAKE_${_bolt_tool})
    string(REPLACE LINKER LD _bolt_variable "${_bolt_tool}")
    list(APPEND _bolt_tools "${_bolt_variable}=${CMAKE_${_bolt_tool}}")
  endif()
endforeach()

# xtask runs here, whatever system libbolt is for.
add_custom_target(bolt_build ALL
  COMMAND "${CMAKE_COMMAND}" -E env --unset=CARGO_BUILD_TARGET ${_bolt_tools}
          "${CARGO_EXECUTABLE}" run --quiet --locked ${_bolt_flags} --package xtask --no-default-features
          --target-dir "${BOLT_CARGO_TARGET_DIR}" --
          --repository "${CMAKE_CURRENT_SOURCE_DIR}"
          dist ${_bolt_flags} --out "${bolt_dist}" --target-dir "${BOLT_CARGO_TARGET_DIR}"
          "--target=${BOLT_CARGO_TARGET}" "--docs=${BOLT_DOCS}"
          "$<$<CONFIG:Debug>:--debug>" "$<$<CONFIG:RelWithDebInfo>:--keep-debug>"
  WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
  BYPRODUCTS "${bolt_dist}/lib/libbolt.so.${PROJECT_VERSION}" "${bolt_dist}/lib/libbolt.a"
  COMMENT "Building libbolt ${PROJECT_VERSION}"
  COMMAND_EXPAND_LISTS
  USES_TERMINAL
  VERBATIM)

set(_bolt_scope GLOBAL)
set(_bolt_includedir "${CMAKE_CURRENT_SOURCE_DIR}/include")
set(_bolt_shared "${bolt_dist}/lib/libbolt.so.${PROJECT_VERSION}")
set(_bolt_soname "libbolt.so.${_bolt_abi_number}")
set(_bolt_archive "${bolt_dist}/lib/libbolt.a")
include(cmake/boltTargets.cmake)
add_dependencies(bolt::shared bolt_build)
add_dependencies(bolt::static bolt_build)
