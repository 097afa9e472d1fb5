# How every component is built: one static library per folder of src/.

add_library(reelkeep_options INTERFACE)
target_include_directories(reelkeep_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_options(reelkeep_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wswitch-enum -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false positives of g++ 12 inside std::string
  $<$<BOOL:${REELKEEP_WARNINGS_AS_ERRORS}>:-Werror>)
target_compile_definitions(reelkeep_options INTERFACE
  _FILE_OFFSET_BITS=64 REELKEEP_VERSION="${PROJECT_VERSION}")
target_link_libraries(reelkeep_options INTERFACE Threads::Threads)
if(REELKEEP_SANITIZERS)
  target_compile_options(reelkeep_options INTERFACE
    -fsanitize=${REELKEEP_SANITIZERS} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(reelkeep_options INTERFACE -fsanitize=${REELKEEP_SANITIZERS})
  if(REELKEEP_FUZZ)
    # RapidJSON adds an offset to the null pointer of its empty stack.
    target_compile_options(reelkeep_options INTERFACE
      -fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow)
  endif()
else()
  target_compile_options(reelkeep_options INTERFACE
    -fstack-protector-strong -fPIE $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
  target_link_options(reelkeep_options INTERFACE -pie -Wl,-z,relro,-z,now)
endif()

# reelkeep_component(NAME SOURCES a.cpp ... LINK targets seen by users ... PRIVATE targets not seen ...)
# The link graph repeats the layering table: PUBLIC for ours, PRIVATE for vendor libraries.
function(reelkeep_component name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE;SYSTEM_INCLUDE" ${ARGN})
  add_library(reelkeep_${name} STATIC ${ARG_SOURCES})
  target_include_directories(reelkeep_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(reelkeep_${name} PUBLIC reelkeep_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
  if(ARG_SYSTEM_INCLUDE)
    target_include_directories(reelkeep_${name} SYSTEM PRIVATE ${ARG_SYSTEM_INCLUDE})
  endif()
endfunction()
