# SPDX-License-Identifier: Apache-2.0
install(TARGETS dind-init RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS dind-client dind-certs RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/dind-init)

# The man page is printed by the program from its option table, so the two cannot disagree.
add_custom_command(OUTPUT dind-init.1
  COMMAND dind-init help --man > dind-init.1
  DEPENDS dind-init)
add_custom_target(man ALL DEPENDS dind-init.1)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dind-init.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# The names by which images and scripts call us: src/cli/personality.c.
set(names dind dockerd-entrypoint.sh docker-entrypoint.sh wrapdocker jenkins-agent jenkins-slave setup-sshd jenkins-sshd
  jenkins-inbound)
if(TARGET docker-init)
  install(TARGETS docker-init RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
else()
  list(APPEND names docker-init)
endif()
foreach(name IN LISTS names)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/links)
  file(CREATE_LINK dind-init ${CMAKE_CURRENT_BINARY_DIR}/links/${name} SYMBOLIC)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/links/${name} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()
