# Is the unit sound, and closed enough? Expects UNIT (the unit file) and WORK (a directory).
# `systemd-analyze` reads files only: no running systemd is needed.
find_program(analyze systemd-analyze)
if(NOT analyze)
  message(FATAL_ERROR "systemd-analyze is missing: install the package systemd")
endif()

execute_process(COMMAND ${analyze} --no-pager security --offline=true ${UNIT}
  OUTPUT_VARIABLE report ERROR_VARIABLE report RESULT_VARIABLE status)
if(NOT report MATCHES "Overall exposure level for reelkeep.service: ([0-9.]+)")
  message(FATAL_ERROR "no exposure level (status ${status}):\n${report}")
endif()
set(score ${CMAKE_MATCH_1})
message(STATUS "exposure level ${score}")
if(score GREATER 2.0)
  message(FATAL_ERROR "the exposure level is ${score}, more than 2.0:\n${report}")
endif()

# verify also looks for the program, which is not installed here.
file(READ ${UNIT} text)
string(REPLACE "/usr/bin/reelkeep" "/bin/true" text "${text}")
file(WRITE ${WORK}/reelkeep.service "${text}")
execute_process(COMMAND ${analyze} --no-pager --man=no verify ${WORK}/reelkeep.service
  OUTPUT_VARIABLE report ERROR_VARIABLE report RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR report MATCHES "reelkeep\\.service")
  message(FATAL_ERROR "systemd-analyze verify is not content (status ${status}):\n${report}")
endif()

foreach(line Type=notify NotifyAccess=main User=reelkeep Group=reelkeep StateDirectory=reelkeep
    StateDirectoryMode=0700 Restart=always UMask=0077 ProtectSystem=strict NoNewPrivileges=yes)
  if(NOT text MATCHES "\n${line}\n")
    message(FATAL_ERROR "the unit lacks ${line}")
  endif()
endforeach()
# What is taken away with @resources has to be given back behind it.
if(NOT text MATCHES "\nSystemCallFilter=~[^\n]*@resources.*\nSystemCallFilter=setpriority\n")
  message(FATAL_ERROR "the unit does not let archiving go behind the intake (setpriority)")
endif()
if(NOT text MATCHES "\nWatchdogSec=[1-9]")
  message(FATAL_ERROR "the unit has no watchdog")
endif()
