# The archive of libcurl for the static build, which package/static_curl.sh makes when it is not in the
# cache yet: Debian's needs LDAP, Kerberos and SSH, of which it has no archives.
set(options -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_FIND_LIBRARY_SUFFIXES=.a)
if(CMAKE_TOOLCHAIN_FILE)
  list(APPEND options -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE})
endif()
execute_process(
  COMMAND ${PROJECT_SOURCE_DIR}/package/static_curl.sh ${CMAKE_SYSTEM_PROCESSOR} ${options}
  OUTPUT_VARIABLE DELIVERY_CURL_FOLDER
  OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
set(DELIVERY_CURL_FOLDER ${DELIVERY_CURL_FOLDER} CACHE INTERNAL "For package/package.py")
set(CURL_NO_CURL_CMAKE ON)
set(CURL_LIBRARY ${DELIVERY_CURL_FOLDER}/lib/libcurl.a)
set(CURL_INCLUDE_DIR ${DELIVERY_CURL_FOLDER}/include)

# An archive does not say what it needs itself. To be called when the other libraries have been found.
function(delivery_complete_static_curl)
  find_library(DELIVERY_NGHTTP2 nghttp2 REQUIRED)
  find_library(DELIVERY_CARES cares REQUIRED)
  set_target_properties(CURL::libcurl PROPERTIES
    INTERFACE_COMPILE_DEFINITIONS CURL_STATICLIB
    INTERFACE_LINK_LIBRARIES "${DELIVERY_NGHTTP2};${DELIVERY_CARES};OpenSSL::SSL;OpenSSL::Crypto")
endfunction()
