# cmake --install build [--prefix FOLDER]: the program, its manual's page, and the completions of three shells. The pages are
# made by the program out of the declarations of its verbs, so they say what its help says.
include(GNUInstallDirs)
set(PAGES ${CMAKE_BINARY_DIR}/pages)
set(PAGE_FILES ${PAGES}/afu.1 ${PAGES}/afu ${PAGES}/_afu ${PAGES}/afu.fish)
file(MAKE_DIRECTORY ${PAGES})
add_custom_command(OUTPUT ${PAGE_FILES}
  COMMAND afu man > ${PAGES}/afu.1
  COMMAND afu completions bash > ${PAGES}/afu
  COMMAND afu completions zsh > ${PAGES}/_afu
  COMMAND afu completions fish > ${PAGES}/afu.fish
  DEPENDS afu COMMENT "Manual and completions" VERBATIM)
add_custom_target(afu_pages ALL DEPENDS ${PAGE_FILES})

set_target_properties(afu PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)  # LibTorch's folder, where it is not the system's
install(TARGETS afu)
install(FILES ${PAGES}/afu.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PAGES}/afu DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PAGES}/_afu DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
# The scenarios and studies, so that what is installed runs without the source tree. Their pages link to what is not installed.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/configs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/configs FILES_MATCHING PATTERN "*.toml")
install(FILES ${PAGES}/afu.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# cpack --config build/CPackConfig.cmake: a package for the Debian it was built on. What it depends on is read from the
# libraries that the program is linked against (dpkg-shlibdeps). It is stripped; an RPATH into somebody's home stays out.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME afu)
set(CPACK_PACKAGE_VENDOR afu)
set(CPACK_PACKAGE_CONTACT "the authors of afu <afu@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# LibTorch asks for some BLAS; of those that Debian has, this one is as fast as the program is measured with.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libopenblas0-pthread)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_PACKAGE_DESCRIPTION "Simulates federations of hospitals, in which clients ask for their data to be
forgotten, on a virtual or a wall clock, and measures what that costs and
achieves beside retraining.")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
# Without it CPack would make a package that depends on nothing, and start nowhere.
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/cmake/package_needs.cmake)
include(CPack)
