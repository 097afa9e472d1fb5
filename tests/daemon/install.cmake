# The installed tree: everything where a distribution expects it, and no configuration overwritten.
# Expects BUILD (the build directory) and WORK (a directory that may be emptied).
function(install_into destdir prefix)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env DESTDIR=${destdir} ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cmake --install failed:\n${output}")
  endif()
endfunction()

function(expect_file path)
  if(NOT EXISTS ${path})
    message(FATAL_ERROR "not installed: ${path}")
  endif()
endfunction()

function(expect_text path text)
  file(READ ${path} content)
  string(FIND "${content}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${path} lacks: ${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
install_into(${WORK}/root /usr)
foreach(path usr/bin/reelkeep usr/lib/systemd/system/reelkeep.service usr/lib/sysusers.d/reelkeep.conf
    usr/lib/tmpfiles.d/reelkeep.conf usr/share/doc/reelkeep/config.example.toml etc/reelkeep/config.toml)
  expect_file(${WORK}/root/${path})
endforeach()
expect_text(${WORK}/root/usr/lib/systemd/system/reelkeep.service "ExecStart=/usr/bin/reelkeep serve\n")

# The pages that the README names are where it says.
set(doc ${WORK}/root/usr/share/doc/reelkeep)
file(READ ${doc}/README.md readme)
string(REGEX MATCHALL "[(][a-z/.]+[.](md|toml)[)]" links "${readme}")
list(LENGTH links count)
if(count LESS 5)
  message(FATAL_ERROR "the installed README names ${count} pages")
endif()
foreach(link ${links})
  string(REGEX REPLACE "[()]" "" page "${link}")
  expect_file(${doc}/${page})
endforeach()

file(WRITE ${WORK}/root/etc/reelkeep/config.toml "# the administrator's own\n")
install_into(${WORK}/root /usr)
expect_text(${WORK}/root/etc/reelkeep/config.toml "# the administrator's own\n")

install_into("" ${WORK}/home)
expect_file(${WORK}/home/etc/reelkeep/config.toml)
expect_text(${WORK}/home/lib/systemd/system/reelkeep.service
  "ExecStart=${WORK}/home/bin/reelkeep serve --config ${WORK}/home/etc/reelkeep/config.toml\n")

execute_process(COMMAND ${WORK}/root/usr/bin/reelkeep --help OUTPUT_VARIABLE help RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT help MATCHES "serve")
  message(FATAL_ERROR "the installed program does not run: ${help}")
endif()
