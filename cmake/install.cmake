# Installs libbolt. The program that built it does, since it knows what belongs where: bolt.pc names the
# prefix, which `cmake --install --prefix` sets only now. Components: runtime, dev, doc.

foreach(_bolt_component IN ITEMS runtime dev doc)
  install(CODE "
    if(NOT EXISTS \"${bolt_dist}/build-info\")
      message(FATAL_ERROR \"libbolt is not built yet: cmake --build ${CMAKE_BINARY_DIR}\")
    endif()
    set(manifest \"${CMAKE_CURRENT_BINARY_DIR}/installed-${_bolt_component}\")
    execute_process(
      COMMAND \"${bolt_dist}/xtask\" install --component ${_bolt_component} --from \"${bolt_dist}\"
              --prefix \"\${CMAKE_INSTALL_PREFIX}\"
              --libdir \"${CMAKE_INSTALL_LIBDIR}\"
              --includedir \"${CMAKE_INSTALL_INCLUDEDIR}\"
              --mandir \"${CMAKE_INSTALL_MANDIR}\"
              --docdir \"${CMAKE_INSTALL_DATAROOTDIR}/doc/libbolt\"
              --destdir \"\$ENV{DESTDIR}\"
              --manifest \"\${manifest}\"
      RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR \"libbolt was not installed: \${failed}\")
    endif()
    file(STRINGS \"\${manifest}\" files)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \${files})
  " COMPONENT ${_bolt_component})
endforeach()
