# Defines the targets of libbolt, for an installed libbolt and for one that is built along with the project:
#
#   bolt::shared   the shared library
#   bolt::static   the static one
#   bolt::bolt     the static one where BUILD_SHARED_LIBS is set and false, else the shared one; where only
#                  one of them is there, that one
#
# Who includes this file sets
#
#   _bolt_scope            GLOBAL, or nothing for targets that are seen in the directory alone
#   _bolt_includedir       where bolt.h is
#   _bolt_shared           the shared library's file, or nothing
#   _bolt_soname           the name by which programs look for it
#   _bolt_archive          the static library's file, or nothing
#   _bolt_native_libs      what a program that links the static library links besides

if(_bolt_shared AND NOT TARGET bolt::shared)
  add_library(bolt::shared SHARED IMPORTED ${_bolt_scope})
  set_target_properties(bolt::shared PROPERTIES
    IMPORTED_LOCATION "${_bolt_shared}"
    IMPORTED_SONAME "${_bolt_soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${_bolt_includedir}")
endif()

if(_bolt_archive AND NOT TARGET bolt::static)
  add_library(bolt::static STATIC IMPORTED ${_bolt_scope})
  set_target_properties(bolt::static PROPERTIES
    IMPORTED_LOCATION "${_bolt_archive}"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_COMPILE_DEFINITIONS BOLT_STATIC
    INTERFACE_INCLUDE_DIRECTORIES "${_bolt_includedir}"
    INTERFACE_LINK_LIBRARIES "${_bolt_native_libs}")
endif()

if(NOT TARGET bolt::bolt)
  add_library(bolt::bolt INTERFACE IMPORTED ${_bolt_scope})
  if(TARGET bolt::static
     AND (NOT TARGET bolt::shared OR (DEFINED BUILD_SHARED_LIBS AND NOT BUILD_SHARED_LIBS)))
    set_target_properties(bolt::bolt PROPERTIES INTERFACE_LINK_LIBRARIES bolt::static)
  else()
    set_target_properties(bolt::bolt PROPERTIES INTERFACE_LINK_LIBRARIES bolt::shared)
  endif()
endif()
