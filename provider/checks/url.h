// URLs that a user gave: what to request, and what to show of it.
#ifndef DELIVERY_CHECKS_URL_H_
#define DELIVERY_CHECKS_URL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace delivery::checks {

// A URL, or its path and query, that may be printed.
struct Shown {
  std::string text;                  // every value of the query is "(redacted)"
  std::vector<std::string> secrets;  // what must not appear in other text either

  // `message` without registered secrets, this one's secrets, and `original` in full.
  std::string Hide(std::string_view message, std::string_view original) const;
};

struct Url {
  std::string request;        // without user, password and fragment
  std::string authorization;  // "Basic ..." from user and password; empty without them
  Shown shown;
};

// Registers a password as a secret (provider/base/redact.h). InvalidArgument, without the text
// itself, when it is not http://host... or https://host....
absl::StatusOr<Url> ParseUrl(std::string_view text);

// A path with its query.
Shown ShowPath(std::string_view path);

// InvalidArgument when `path` (with query) is not an absolute path that reaches its server as it
// is: blanks, control characters, a fragment, or "." and ".." segments, which could lead out of the
// API server's proxy.
absl::Status ValidatePath(std::string_view path);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_URL_H_
