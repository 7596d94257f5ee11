// Tokens of registries' token servers (distribution: spec/auth/token.md and oauth.md).
#ifndef DELIVERY_OCI_TOKEN_H_
#define DELIVERY_OCI_TOKEN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/oci/credentials.h"
#include "provider/oci/hosts.h"
#include "provider/oci/url.h"

namespace delivery::oci {

struct Token {
  std::string value;
  absl::Time expires;
};

struct TokenRequest {
  std::string registry;
  Url realm;
  std::string service;
  std::string scope;  // several are separated by blanks
  Credential credential;
};

// What a token server answered at `now`. Without expires_in a token lives for 60 s. Registers the
// token as a secret. InvalidArgument when there is no token.
absl::StatusOr<Token> ParseToken(std::string_view text, absl::Time now);

// With an identity token by POST (OAuth2, grant refresh_token), else by GET with user and password,
// if there are any. Unauthenticated when the credential is refused, or none is given and one is
// needed; other errors as those of Client.
absl::StatusOr<Token> FetchToken(Hosts& hosts, const TokenRequest& request, const Limits& limits);

// "Basic ..." for user and password, registered as a secret.
std::string BasicAuthorization(const Credential& credential);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_TOKEN_H_
