// The rules of the NO_PROXY environment variable.
#ifndef DELIVERY_HTTP_NO_PROXY_H_
#define DELIVERY_HTTP_NO_PROXY_H_

#include <string_view>

namespace delivery::http {

// True when `host` (a name, or an IPv4 or IPv6 address without brackets) is to be reached without
// a proxy according to `rules`: a list, separated by commas or blanks, of "*", names that cover
// themselves and their subdomains (with or without a leading dot), addresses, and networks in CIDR
// form. libcurl has the same rules but applies them to the URL's host, which is not the host we
// connect to when a tls_server_name is set.
bool IsExemptFromProxy(std::string_view rules, std::string_view host);

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_NO_PROXY_H_
