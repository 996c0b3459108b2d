# SPDX-License-Identifier: Apache-2.0
install(TARGETS dind-init RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The man page is printed by the program from its option table, so the two cannot disagree.
add_custom_command(OUTPUT dind-init.1
  COMMAND dind-init help --man > dind-init.1
  DEPENDS dind-init)
add_custom_target(man ALL DEPENDS dind-init.1)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dind-init.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
