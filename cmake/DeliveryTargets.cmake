# The declarative functions every CMakeLists.txt of the project uses, so that flags and the layer
# rule are stated once.
#
#   delivery_precompiled(<name> HEADERS ... [DEPS ...])    headers that the targets below parse only once
#   delivery_library(<name> LAYER <n> SRCS ... DEPS ...)   static library delivery::<name>
#   delivery_test(<name> SRCS ... DEPS ... [LABELS ...])   GoogleTest executable registered with ctest
#   delivery_bench(<name> SRCS ... DEPS ...)               Google Benchmark executable
#   delivery_fuzz(<name> SRCS ... DEPS ... CORPUS <dir>)   libFuzzer executable and its smoke run
#
# A library may depend only on delivery:: libraries of a lower or its own layer
# (docs/architecture.md, "Layers"); the rule is checked when CMake configures.

function(delivery_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -pthread)
  if(DELIVERY_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(DELIVERY_SANITIZE)
    # For tests whose size must fit what sanitizers make of their time.
    target_compile_definitions(${target} PRIVATE DELIVERY_SANITIZED)
    # What the sanitizers insert makes GCC 12 see uninitialised values where there are none: the
    # builds without them give this warning.
    target_compile_options(${target} PRIVATE -fsanitize=${DELIVERY_SANITIZE} -fno-omit-frame-pointer
                           $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    if(DELIVERY_NO_SANITIZE)
      target_compile_options(${target} PRIVATE -fno-sanitize=${DELIVERY_NO_SANITIZE})
    endif()
    target_link_options(${target} PRIVATE -fsanitize=${DELIVERY_SANITIZE})
  endif()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# For programs of a static build.
function(delivery_static_program target)
  if(DELIVERY_STATIC)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/provider/system/no_modules.cc)
    # The linker warns of the functions that a static program must not call.
    target_link_options(${target} PRIVATE -Wl,--wrap=dlopen -Wl,--fatal-warnings)
  endif()
endfunction()

function(delivery_check_layers name layer)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "^delivery::(.+)$")
      get_property(dep_layer GLOBAL PROPERTY DELIVERY_LAYER_${CMAKE_MATCH_1})
      if("${dep_layer}" STREQUAL "")
        message(FATAL_ERROR "${name} depends on ${dep}, which is not declared before it")
      elseif(dep_layer GREATER layer)
        message(FATAL_ERROR "${name} (layer ${layer}) may not depend on ${dep} (layer ${dep_layer})")
      endif()
    endif()
  endforeach()
endfunction()

# Headers that are parsed once for all targets that use `name`, where DELIVERY_PRECOMPILED is on. What
# users get is compiled without: there each source has to include what it needs.
function(delivery_precompiled name)
  if(NOT DELIVERY_PRECOMPILED)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${name}.cc CONTENT "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cc)
  delivery_compile_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
  delivery_cache_precompiled(${name})
endfunction()

# Lets ccache see through a precompiled header.
function(delivery_cache_precompiled target)
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()

function(delivery_use_precompiled target name)
  if(DELIVERY_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${name})
    delivery_cache_precompiled(${target})
  endif()
endfunction()

function(delivery_library name)
  cmake_parse_arguments(ARG "OWN_PRECOMPILED" "LAYER" "SRCS;DEPS" ${ARGN})
  delivery_check_layers(${name} ${ARG_LAYER} ${ARG_DEPS})
  set_property(GLOBAL PROPERTY DELIVERY_LAYER_${name} ${ARG_LAYER})
  add_library(delivery_${name} STATIC ${ARG_SRCS})
  add_library(delivery::${name} ALIAS delivery_${name})
  delivery_compile_options(delivery_${name})
  target_link_libraries(delivery_${name} PUBLIC ${ARG_DEPS})
  if(NOT ARG_OWN_PRECOMPILED)
    delivery_use_precompiled(delivery_${name} precompiled)
  endif()
endfunction()

function(delivery_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)  # sanitized, on a busy machine
  endif()
  add_executable(${name} ${ARG_SRCS})
  delivery_compile_options(${name})
  # Designated initializers that name only what a case is about are what makes tests readable.
  target_compile_options(${name} PRIVATE -Wno-missing-field-initializers)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock_main)
  delivery_use_precompiled(${name} precompiled_for_tests)
  delivery_static_program(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("unit" IN_LIST ARG_LABELS)
    add_dependencies(unit_tests ${name})
  else()
    add_dependencies(cluster_tests ${name})
  endif()
endfunction()

function(delivery_bench name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  delivery_compile_options(${name})
  target_compile_options(${name} PRIVATE -Wno-missing-field-initializers)  # as in tests
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark_main)
endfunction()

# Without -DDELIVERY_FUZZERS the same entry point is linked to a driver that replays the corpus, so
# that every corpus file is a regression test in every build.
function(delivery_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SRCS;DEPS" ${ARGN})
  if(DELIVERY_FUZZERS)
    if(NOT TARGET fuzzers)
      add_custom_target(fuzzers)
    endif()
    add_executable(${name} ${ARG_SRCS})
    add_dependencies(fuzzers ${name})
    delivery_compile_options(${name})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    # The same inputs on every machine (fewer on a slow one): what a random search finds must not
    # fail somebody else's change. The search itself is `./dev fuzz`.
    add_test(NAME ${name}_smoke
             COMMAND sh -c "rm -rf $1 && mkdir -p $1 && exec $0 -seed=1 -runs=30000 \
-max_total_time=10 -timeout=10 -rss_limit_mb=2048 $1 $2"
                     $<TARGET_FILE:${name}> ${PROJECT_BINARY_DIR}/smoke/${name} ${ARG_CORPUS})
    set_tests_properties(${name}_smoke PROPERTIES LABELS fuzz TIMEOUT 120)
    add_dependencies(unit_tests ${name})
  else()
    add_executable(${name} ${ARG_SRCS} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    delivery_compile_options(${name})
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    add_test(NAME ${name}_replay COMMAND ${name} ${ARG_CORPUS})
    set_tests_properties(${name}_replay PROPERTIES LABELS unit TIMEOUT 60)
    add_dependencies(unit_tests ${name})
  endif()
endfunction()
