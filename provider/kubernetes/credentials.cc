#include "provider/kubernetes/credentials.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/exec_plugin.h"
#include "provider/system/read_file.h"

namespace delivery::kubernetes {
namespace {

constexpr absl::Duration kTokenFileAge = absl::Seconds(60);
constexpr absl::Duration kExecTimeout = absl::Seconds(60);
// Credentials are renewed this long before they expire, so that none expires on its way.
constexpr absl::Duration kRenewBefore = absl::Seconds(10);
constexpr size_t kLongestToken = 1024 * 1024;

std::string Bearer(const std::string& token) { return absl::StrCat("Bearer ", token); }

std::string Basic(const std::string& username, const std::string& password) {
  const std::string encoded = absl::Base64Escape(absl::StrCat(username, ":", password));
  RegisterSecret(encoded);
  return absl::StrCat("Basic ", encoded);
}

// What every credential of this configuration has.
Credential BaseCredential(const ClusterConfig& config) {
  RegisterSecret(config.client_key_pem);
  return {"", config.client_certificate_pem, config.client_key_pem};
}

// A certificate, a token, a user and password, or nothing.
class StaticSource : public CredentialSource {
 public:
  explicit StaticSource(const ClusterConfig& config) : credential_(BaseCredential(config)) {
    RegisterSecret(config.token);
    RegisterSecret(config.password);
    if (!config.token.empty()) {
      credential_.authorization = Bearer(config.token);
    } else if (!config.username.empty()) {
      credential_.authorization = Basic(config.username, config.password);
    }
  }

  absl::StatusOr<Credential> Get(const std::stop_token&) override { return credential_; }
  bool Invalidate() override { return false; }

 private:
  Credential credential_;
};

// A token that somebody else (kubelet) renews in a file.
class TokenFileSource : public CredentialSource {
 public:
  TokenFileSource(const ClusterConfig& config, Clock& clock)
      : file_(config.token_file), base_(BaseCredential(config)), clock_(clock) {
    RegisterSecret(config.token);
    token_ = config.token;
  }

  absl::StatusOr<Credential> Get(const std::stop_token&) override {
    absl::MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    const FileState state = StateOfFile();
    if (!read_at_ || now - *read_at_ >= kTokenFileAge || !(state == state_)) {
      DELIVERY_RETURN_IF_ERROR(Read(now, state));
    }
    Credential credential = base_;
    credential.authorization = Bearer(token_);
    return credential;
  }

  bool Invalidate() override {
    absl::MutexLock lock(&mutex_);
    const std::string before = token_;
    const absl::Status read = Read(clock_.Now(), StateOfFile());
    return read.ok() && token_ != before;
  }

 private:
  // Tells a changed file without reading it. A renewed projected token is another file (inode).
  struct FileState {
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    uint64_t inode = 0;
    int64_t size = -1;
    friend bool operator==(const FileState&, const FileState&) = default;
  };

  FileState StateOfFile() const {
    struct stat info = {};
    if (stat(file_.c_str(), &info) != 0) return {};
    return {info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ino, info.st_size};
  }

  // A file that cannot be read, or is empty while it is being written, leaves the last token.
  absl::Status Read(absl::Time now, const FileState& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::StatusOr<std::string> content = system::ReadFile(file_, kLongestToken);
    if (content.ok()) absl::StripAsciiWhitespace(&*content);
    if (!content.ok() || content->empty() || !IsOneWord(*content)) {
      if (!token_.empty()) return absl::OkStatus();
      const std::string what = content.ok() ? absl::StrCat(file_, " does not hold a token")
                                            : std::string(content.status().message());
      return absl::FailedPreconditionError(
          absl::StrCat("the token file of the cluster's user: ", what));
    }
    token_ = *std::move(content);
    RegisterSecret(token_);
    read_at_ = now;
    state_ = state;
    return absl::OkStatus();
  }

  static bool IsOneWord(const std::string& token) {
    return std::none_of(token.begin(), token.end(),
                        [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  }

  const std::string file_;
  const Credential base_;
  Clock& clock_;
  absl::Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Time> read_at_ ABSL_GUARDED_BY(mutex_);
  FileState state_ ABSL_GUARDED_BY(mutex_);
};

// What an exec plugin prints, kept until it expires. At most one run at a time.
class ExecSource : public CredentialSource {
 public:
  ExecSource(const ClusterConfig& config, Clock& clock)
      : config_(config), base_(BaseCredential(config)), clock_(clock) {}

  absl::StatusOr<Credential> Get(const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    while (true) {
      if (IsFresh()) return ToCredential(*cached_);
      if (run_ == nullptr) return RunPlugin(lock, stop);
      const std::shared_ptr<Run> run = run_;
      if (!changed_.wait(lock, stop, [&run] { return run->done; })) {
        return absl::CancelledError("stopped while waiting for the credential plugin");
      }
      // Who asked for that run was stopped, not we: ask again.
      if (absl::IsCancelled(run->status)) continue;
      if (!run->status.ok()) return run->status;
      // Even if it expires at once: those who waited get what the run they waited for gave.
      return ToCredential(run->credential);
    }
  }

  bool Invalidate() override {
    const std::lock_guard lock(mutex_);
    cached_.reset();
    // A run that goes on may have been asked for before the refusal; its result is newer than what
    // was refused all the same.
    return true;
  }

 private:
  struct Run {
    bool done = false;
    absl::Status status;
    ExecCredential credential;
  };

  bool IsFresh() {
    return cached_ && (!cached_->expires || clock_.Now() + kRenewBefore < *cached_->expires);
  }

  Credential ToCredential(const ExecCredential& from) const {
    Credential credential = base_;
    if (!from.token.empty()) credential.authorization = Bearer(from.token);
    if (!from.client_certificate_pem.empty()) {
      credential.client_certificate_pem = from.client_certificate_pem;
      credential.client_key_pem = from.client_key_pem;
    }
    return credential;
  }

  absl::StatusOr<Credential> RunPlugin(std::unique_lock<std::mutex>& lock,
                                       const std::stop_token& stop) {
    const auto run = std::make_shared<Run>();
    run_ = run;
    lock.unlock();
    absl::StatusOr<ExecCredential> credential = RunExecPlugin(config_, kExecTimeout, stop);
    lock.lock();
    run->done = true;
    run->status = credential.status();
    if (credential.ok()) {
      run->credential = *credential;
      cached_ = *credential;
    }
    run_.reset();
    changed_.notify_all();
    if (!credential.ok()) return credential.status();
    return ToCredential(*credential);
  }

  const ClusterConfig config_;
  const Credential base_;
  Clock& clock_;
  std::mutex mutex_;  // not absl::Mutex: a wait must end on `stop`
  std::condition_variable_any changed_;
  std::optional<ExecCredential> cached_;
  std::shared_ptr<Run> run_;  // null when none goes on
};

}  // namespace

std::unique_ptr<CredentialSource> MakeCredentialSource(const ClusterConfig& config, Clock& clock) {
  if (!config.token_file.empty()) return std::make_unique<TokenFileSource>(config, clock);
  if (config.token.empty() && config.username.empty() && config.exec) {
    return std::make_unique<ExecSource>(config, clock);
  }
  return std::make_unique<StaticSource>(config);
}

}  // namespace delivery::kubernetes
