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
install(FILES ${PAGES}/afu.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
