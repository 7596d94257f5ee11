// Linked into static programs only. Some functions of the C library load modules at run time, of
// exactly its own version: the loader's, and those that ask the name services (users, hosts). A
// static program that calls them works on the machine it was built on and crashes on another. The
// libraries refer to them in code that we never run (OpenSSL's engines, gRPC's resolver), so here
// they are, and fail. A function that is missing here is an error of the linker
// (cmake/DeliveryTargets.cmake). Host names are resolved by c-ares.
#include <netdb.h>

#include <cerrno>

extern "C" {

// The linker puts it in place of dlopen, of which the C library has a copy for itself.
void* __wrap_dlopen(const char*, int) { return nullptr; }

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) { return EAI_FAIL; }
void freeaddrinfo(addrinfo*) noexcept {}
int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
  return EAI_FAIL;
}
hostent* gethostbyname(const char*) { return nullptr; }
servent* getservbyname(const char*, const char*) { return nullptr; }
int getservbyport_r(int, const char*, servent*, char*, size_t, servent** result) {
  *result = nullptr;
  return ENOENT;
}

}  // extern "C"
