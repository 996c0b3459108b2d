# SPDX-License-Identifier: Apache-2.0
# docker-init again, as a static program: `docker run --init` mounts it into containers with any C library.
# The same objects as in dind-init, the archives named directly, because pkg-config's targets are shared libraries.
find_library(CAP_ARCHIVE NAMES libcap.a)
if(CAP_ARCHIVE AND NOT DIND_SANITIZE)
  add_executable(docker-init src/docker-init.c)
  target_compile_definitions(docker-init PRIVATE _GNU_SOURCE)
  target_include_directories(docker-init PRIVATE include src)
  target_compile_options(docker-init PRIVATE $<TARGET_PROPERTY:flags,INTERFACE_COMPILE_OPTIONS>)
  target_link_libraries(docker-init PRIVATE $<TARGET_FILE:init> $<TARGET_FILE:supervise> $<TARGET_FILE:base>
    ${CAP_ARCHIVE})
  target_link_options(docker-init PRIVATE -static-pie -Wl,-z,relro,-z,now,-z,noexecstack)
  add_dependencies(docker-init init supervise base)
else()
  message(STATUS "no static libcap: docker-init is only a name of dind-init")
endif()
