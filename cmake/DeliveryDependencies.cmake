# Every third-party library the project links, all from the distribution's packages.

option(DELIVERY_STATIC "Link all libraries statically, the C library included" OFF)
# Half of the time to the handshake is the dynamic loader's with the 50 libraries of abseil and gRPC.
# Where the distribution has archives of them, a release takes these.
option(DELIVERY_STATIC_DEPENDENCIES "Link abseil, gRPC, Protobuf and RE2 statically" ${DELIVERY_STATIC})

if(DELIVERY_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(OPENSSL_USE_STATIC_LIBS ON)
  include(DeliveryStaticCurl)
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
if(DELIVERY_PROVIDER)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
endif()
if(CMAKE_CROSSCOMPILING)
  # That of the other architecture cannot run here.
  find_program(DELIVERY_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
  set_target_properties(gRPC::grpc_cpp_plugin PROPERTIES IMPORTED_LOCATION_NONE ${DELIVERY_GRPC_CPP_PLUGIN})
endif()

function(delivery_take_archive target)
  get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
  foreach(configuration IN LISTS configurations)
    get_target_property(library ${target} IMPORTED_LOCATION_${configuration})
    string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${library}")
    if(archive MATCHES "\\.a$" AND EXISTS "${archive}")
      set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${configuration} "${archive}")
    endif()
  endforeach()
endfunction()

if(DELIVERY_STATIC_DEPENDENCIES)
  get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS imported)
    if(target MATCHES "^(absl|gRPC|protobuf|c-ares)::|^yaml-cpp$")
      delivery_take_archive(${target})
    endif()
  endforeach()
  # Archives are searched in no particular order.
  set(CMAKE_CXX_LINK_EXECUTABLE
      "<CMAKE_CXX_COMPILER> <FLAGS> <CMAKE_CXX_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> -Wl,--start-group <LINK_LIBRARIES> -Wl,--end-group")
endif()

if(DELIVERY_STATIC)
  delivery_complete_static_curl()
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-static -s -Wl,--gc-sections)
endif()
