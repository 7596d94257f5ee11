// The conditions of a `match` in the words of a router.
#ifndef DELIVERY_ROUTING_REQUEST_MATCH_H_
#define DELIVERY_ROUTING_REQUEST_MATCH_H_

#include <string>

#include "provider/routing/traffic_router.h"

namespace delivery::routing {

// `text` as a regular expression that matches nothing else (RE2, PCRE and Go alike).
std::string QuoteRegex(const std::string& text);
// Some routers match the whole value and some search in it: these mean the same to both.
std::string PrefixRegex(const std::string& prefix);
// Of the Cookie header that has this cookie among others.
std::string CookieRegex(const CookieMatch& cookie);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_REQUEST_MATCH_H_
