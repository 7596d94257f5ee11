// What a server asks for with 401: the WWW-Authenticate header (RFC 9110, 11.6.1).
#ifndef DELIVERY_OCI_CHALLENGE_H_
#define DELIVERY_OCI_CHALLENGE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "provider/http/transport.h"

namespace delivery::oci {

struct Challenge {
  std::string scheme;                             // in lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case; the first of each counts

  // Empty when absent.
  std::string Parameter(const std::string& name) const;

  bool operator==(const Challenge&) const = default;
};

// All challenges of one header value, in order. Never fails: what cannot be read is left out, and
// with it what follows in the same value. A token68 after the scheme is ignored.
std::vector<Challenge> ParseChallenges(std::string_view value);

// Those of all WWW-Authenticate headers.
std::vector<Challenge> ChallengesOf(const http::Headers& headers);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_CHALLENGE_H_
