# SPDX-License-Identifier: Apache-2.0
# Warnings and hardening, each flag probed: gcc and clang know different ones. -Werror is for the ci preset
# only, so that nobody's release build breaks on a newer compiler's opinion.
include(CheckCCompilerFlag)
add_library(flags INTERFACE)

function(flags_add)
  foreach(flag IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "HAS_${flag}" name)
    # -Wno-x is accepted silently for any x: probe the positive form.
    string(REGEX REPLACE "^-Wno-" "-W" probe "${flag}")
    set(CMAKE_REQUIRED_FLAGS -Werror)
    check_c_compiler_flag("${probe}" ${name})
    if(${name})
      target_compile_options(flags INTERFACE "${flag}")
    endif()
  endforeach()
endfunction()

flags_add(
  -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla
  -Wcast-qual -Wwrite-strings -Wpointer-arith -Wswitch-enum -Wimplicit-fallthrough=5 -Wconversion -Wno-sign-conversion
  -Wnull-dereference -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wdate-time)

if(DIND_WERROR)
  target_compile_options(flags INTERFACE -Werror)
endif()

if(DIND_SANITIZE)
  target_compile_options(flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined)
  target_link_options(flags INTERFACE -fsanitize=address,undefined)
else()
  flags_add(-fstack-protector-strong -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero)
  if(CMAKE_BUILD_TYPE MATCHES "Rel")
    target_compile_options(flags INTERFACE -U_FORTIFY_SOURCE)
    set(CMAKE_REQUIRED_FLAGS "-Werror -O2 -U_FORTIFY_SOURCE")
    include(CheckCSourceCompiles)
    check_c_source_compiles("#define _FORTIFY_SOURCE 3
      #include <string.h>
      int main(void) { return 0; }" HAS_FORTIFY_3)
    unset(CMAKE_REQUIRED_FLAGS)
    if(HAS_FORTIFY_3)
      target_compile_options(flags INTERFACE -D_FORTIFY_SOURCE=3)
    else()
      target_compile_options(flags INTERFACE -D_FORTIFY_SOURCE=2)
    endif()
  endif()
  target_compile_options(flags INTERFACE -fPIE)
  target_link_options(flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
