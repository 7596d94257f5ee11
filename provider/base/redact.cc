#include "provider/base/redact.h"

#include <algorithm>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"

namespace delivery {
namespace {

constexpr size_t kShortestSecret = 4;

struct Secrets {
  absl::Mutex mutex;
  // Longest first, so that a secret that contains another is replaced whole.
  std::vector<std::string> values ABSL_GUARDED_BY(mutex);
};

Secrets& GetSecrets() {
  static Secrets* const secrets = new Secrets;
  return *secrets;
}

}  // namespace

void RegisterSecret(std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  std::string encoded = absl::Base64Escape({secret.data(), secret.size()});
  while (!encoded.empty() && encoded.back() == '=') encoded.pop_back();
  Secrets& secrets = GetSecrets();
  absl::MutexLock lock(&secrets.mutex);
  for (std::string value : {std::string(secret), std::move(encoded)}) {
    if (std::find(secrets.values.begin(), secrets.values.end(), value) != secrets.values.end()) {
      continue;
    }
    secrets.values.push_back(std::move(value));
  }
  std::stable_sort(secrets.values.begin(), secrets.values.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redact(std::string_view text) {
  std::string result(text);
  Secrets& secrets = GetSecrets();
  absl::MutexLock lock(&secrets.mutex);
  for (const std::string& secret : secrets.values) {
    absl::StrReplaceAll({{secret, "(redacted)"}}, &result);
  }
  return result;
}

}  // namespace delivery
