// Docker's credential helpers: programs docker-credential-<name> that keep passwords elsewhere.
#ifndef DELIVERY_OCI_CREDENTIAL_HELPER_H_
#define DELIVERY_OCI_CREDENTIAL_HELPER_H_

#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/oci/credentials.h"

namespace delivery::oci {

struct HelperRequest {
  std::string helper;  // without "docker-credential-"
  std::string
      server_url;    // as docker names it: the host, https://index.docker.io/v1/ for Docker Hub
  std::string path;  // PATH to look for the program in
  absl::Duration timeout = absl::Seconds(30);
};

// Runs `docker-credential-<helper> get`. Anonymous when the helper knows no such server. The
// helper's stdout, which may hold a secret, is never shown. Errors name helper and host:
// FailedPrecondition (not installed), Unauthenticated (failed, or printed what is no credential),
// DeadlineExceeded, Cancelled.
absl::StatusOr<Credential> RunCredentialHelper(const HelperRequest& request,
                                               const std::stop_token& stop);

// What a helper printed: {"Username": ..., "Secret": ...}; the user "<token>" marks an identity
// token. InvalidArgument, without the text, when it is something else.
absl::StatusOr<Credential> ParseHelperOutput(std::string_view text);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_CREDENTIAL_HELPER_H_
