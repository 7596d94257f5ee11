#include "provider/oci/authenticator.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/oci/token.h"

namespace delivery::oci {
namespace {

// How long a credential that does not say so itself is used before it is read again: a helper may
// have a newer one.
constexpr absl::Duration kCredentialLifetime = absl::Minutes(10);
// A token is renewed when this part of its life is over.
constexpr double kUsedLife = 0.9;

// The challenge to meet: a token tells the registry less than a password.
const Challenge* Choose(const std::vector<Challenge>& challenges) {
  for (const char* scheme : {"bearer", "basic"}) {
    const auto found = std::find_if(challenges.begin(), challenges.end(),
                                    [&](const Challenge& each) { return each.scheme == scheme; });
    if (found != challenges.end()) return &*found;
  }
  return nullptr;
}

std::string PullScope(const std::string& repository) {
  return absl::StrCat("repository:", repository, ":pull");
}

}  // namespace

absl::StatusOr<Authenticator::Scheme> Authenticator::SchemeOf(const std::string& registry,
                                                              const Challenge& challenge) const {
  Scheme scheme;
  scheme.bearer = challenge.scheme == "bearer";
  if (!scheme.bearer) return scheme;
  absl::StatusOr<Url> realm = ParseUrl(challenge.Parameter("realm"));
  if (!realm.ok()) {
    return absl::DataLossError(
        absl::StrCat(registry, " asks for a token without a usable address of its token server: ",
                     realm.status().message()));
  }
  if (!realm->https && !hosts_.IsPlainHttp(registry)) {
    return absl::FailedPreconditionError(absl::StrCat(
        registry, " names a token server without TLS (", realm->Shown(),
        "): credentials are not sent there. Correct the registry's configuration (realm)"));
  }
  scheme.realm = *std::move(realm);
  scheme.service = challenge.Parameter("service");
  return scheme;
}

absl::Status Authenticator::WaitForFetch(std::unique_lock<std::mutex>& lock, const Entry& entry,
                                         const Limits& limits) {
  const uint64_t seen = entry.fetches;
  // Bounded, since adding a longer time to the steady clock would overflow.
  const absl::Duration left = std::min(limits.deadline - hosts_.clock().Now(), absl::Hours(24));
  const bool done = fetched_.wait_for(lock, limits.stop, absl::ToChronoNanoseconds(left),
                                      [&] { return entry.fetches != seen; });
  if (limits.stop.stop_requested()) return absl::CancelledError("stopped");
  if (!done) return absl::DeadlineExceededError("no token came in time");
  // How long the other one had is no answer for this one.
  const bool own_end =
      absl::IsCancelled(entry.last_failure) || absl::IsDeadlineExceeded(entry.last_failure);
  return own_end ? absl::OkStatus() : entry.last_failure;
}

absl::StatusOr<Authorization> Authenticator::Get(const Reference& repository,
                                                 const Limits& limits) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[repository.CanonicalName()];
  while (true) {
    const auto found = schemes_.find(repository.registry);
    if (found == schemes_.end()) return Authorization();
    if (hosts_.clock().Now() < entry.fresh_until) return entry.authorization;
    if (!entry.fetching) break;
    DELIVERY_RETURN_IF_ERROR(WaitForFetch(lock, entry, limits));
  }
  const Scheme scheme = schemes_[repository.registry];
  const std::string scope = entry.scope.empty() ? PullScope(repository.repository) : entry.scope;
  entry.fetching = true;
  lock.unlock();
  auto fetched = Fetch(repository, scheme, scope, limits);
  lock.lock();
  entry.fetching = false;
  ++entry.fetches;
  entry.last_failure = fetched.status();
  fetched_.notify_all();
  if (!fetched.ok()) return fetched.status();
  std::tie(entry.authorization, entry.fresh_until) = *std::move(fetched);
  return entry.authorization;
}

absl::StatusOr<std::pair<Authorization, absl::Time>> Authenticator::Fetch(
    const Reference& repository, const Scheme& scheme, const std::string& scope,
    const Limits& limits) {
  const absl::Time started = hosts_.clock().Now();
  absl::StatusOr<Credential> read =
      credentials_->Get(repository.registry, repository.repository, limits.stop);
  if (absl::IsCancelled(read.status())) return read.status();
  Authorization result;
  result.identity.credential_error = read.status();
  if (!read.ok()) {
    log::Warn("registry credentials cannot be read; trying without",
              {{"registry", repository.registry}, {"error", std::string(read.status().message())}});
  }
  const Credential credential = read.ok() ? *std::move(read) : Credential();
  result.identity.known = !credential.IsAnonymous();
  if (!credential.registry_token.empty()) {
    result.header = absl::StrCat("Bearer ", credential.registry_token);
    return std::pair(std::move(result), started + kCredentialLifetime);
  }
  if (!scheme.bearer) {
    result.header = BasicAuthorization(credential);
    if (result.header.empty() && result.identity.known) {
      result.identity.known = false;
      result.identity.credential_error = absl::FailedPreconditionError(
          "only an identity token is known: give username and password");
    }
    return std::pair(std::move(result), started + kCredentialLifetime);
  }
  absl::StatusOr<Token> token = FetchToken(
      hosts_, {repository.registry, scheme.realm, scheme.service, scope, credential}, limits);
  if (!token.ok()) {
    const bool for_credentials =
        absl::IsUnauthenticated(token.status()) && !result.identity.credential_error.ok();
    return for_credentials ? result.identity.credential_error : token.status();
  }
  result.header = absl::StrCat("Bearer ", token->value);
  return std::pair(std::move(result), started + (token->expires - started) * kUsedLife);
}

absl::StatusOr<bool> Authenticator::Refused(const Reference& repository,
                                            const Authorization& refused,
                                            const std::vector<Challenge>& challenges) {
  const Challenge* const challenge = Choose(challenges);
  if (challenge == nullptr) return false;
  DELIVERY_ASSIGN_OR_RETURN(Scheme scheme, SchemeOf(repository.registry, *challenge));
  const std::lock_guard lock(mutex_);
  schemes_[repository.registry] = std::move(scheme);
  Entry& entry = entries_[repository.CanonicalName()];
  const std::string scope = challenge->Parameter("scope");
  if (!scope.empty()) entry.scope = scope;
  // Not one that another request has fetched since.
  if (entry.authorization.header == refused.header) entry.fresh_until = absl::InfinitePast();
  return true;
}

}  // namespace delivery::oci
