# Where a distribution expects things. With the prefixes /usr and /usr/local the configuration is
# /etc/reelkeep, where the program looks for it; with any other prefix it stays below that prefix.
install(TARGETS reelkeep RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Everything else is decided at install time, when the prefix is known for certain.
install(CODE "
  set(source \"${PROJECT_SOURCE_DIR}\")
  set(generated \"${PROJECT_BINARY_DIR}/install\")
  set(bindir \"${CMAKE_INSTALL_BINDIR}\")
  set(docdir \"${CMAKE_INSTALL_DATAROOTDIR}/doc/reelkeep\")
")
install(CODE [[
  set(prefix "${CMAKE_INSTALL_PREFIX}")
  if(prefix MATCHES "^/(usr(/local)?)?/?$")
    set(etc "/etc")
  else()
    set(etc "${prefix}/etc")
  endif()

  # The unit names the program where it really is, and the configuration where that is not the
  # program's own default.
  file(READ "${source}/systemd/reelkeep.service" unit)
  set(start "${prefix}/${bindir}/reelkeep serve")
  string(REGEX REPLACE "^//" "/" start "${start}")
  if(NOT etc STREQUAL "/etc")
    string(APPEND start " --config ${etc}/reelkeep/config.toml")
  endif()
  string(REPLACE "ExecStart=/usr/bin/reelkeep serve" "ExecStart=${start}" unit "${unit}")
  file(WRITE "${generated}/reelkeep.service" "${unit}")
  foreach(kind sysusers tmpfiles)
    configure_file("${source}/systemd/reelkeep.${kind}.conf" "${generated}/${kind}/reelkeep.conf" COPYONLY)
    file(INSTALL "${generated}/${kind}/reelkeep.conf" DESTINATION "${prefix}/lib/${kind}.d")
  endforeach()
  file(INSTALL "${generated}/reelkeep.service" DESTINATION "${prefix}/lib/systemd/system")

  file(INSTALL "${source}/config.example.toml" DESTINATION "${prefix}/${docdir}")
  foreach(page README.md LICENSE)
    if(EXISTS "${source}/${page}")
      file(INSTALL "${source}/${page}" DESTINATION "${prefix}/${docdir}")
    endif()
  endforeach()
  if(EXISTS "${source}/docs")
    file(INSTALL "${source}/docs/" DESTINATION "${prefix}/${docdir}/docs")
  endif()

  # The administrator's file is never touched again.
  set(config "${etc}/reelkeep/config.toml")
  if(EXISTS "$ENV{DESTDIR}${config}")
    message(STATUS "Kept: $ENV{DESTDIR}${config}")
  else()
    configure_file("${source}/config.example.toml" "${generated}/config.toml" COPYONLY)
    file(INSTALL "${generated}/config.toml" DESTINATION "${etc}/reelkeep")
  endif()
]])
