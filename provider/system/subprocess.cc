#include "provider/system/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/status_macros.h"

namespace delivery::system {
namespace {

constexpr char kStderrPayload[] = "terraform-provider-delivery/stderr";
using SteadyClock = std::chrono::steady_clock;

std::string ErrorText(int error) { return std::generic_category().message(error); }

// A file descriptor that is closed when it goes.
class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~File() { Close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

struct Pipe {
  File read;
  File write;
};

absl::StatusOr<Pipe> MakePipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return absl::FailedPreconditionError("cannot make a pipe: " + ErrorText(errno));
  }
  Pipe made{File(ends[0]), File(ends[1])};
  // Only our end: the child expects a blocking stdout.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return made;
}

// A file in memory from which `text` is read, then its end. Unlike a pipe, it can be filled before
// the program starts, whether the program reads it or not.
absl::StatusOr<File> MakeInput(std::string_view text) {
  File input(memfd_create("stdin", MFD_CLOEXEC));
  if (!input.is_open()) {
    return absl::FailedPreconditionError("cannot make a stdin: " + ErrorText(errno));
  }
  while (!text.empty()) {
    const ssize_t count = write(input.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return absl::FailedPreconditionError("cannot write a stdin: " + ErrorText(errno));
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
  lseek(input.get(), 0, SEEK_SET);
  return input;
}

// The environment of this process with `added` on top, as KEY=VALUE.
std::vector<std::string> MakeEnvironment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (added.count(std::string(text.substr(0, text.find('=')))) == 0) variables.emplace_back(text);
  }
  for (const auto& [name, value] : added) variables.push_back(absl::StrCat(name, "=", value));
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two option objects, set up for a child that inherits nothing but its three files.
class SpawnOptions {
 public:
  SpawnOptions(int stdin_fd, int stdout_fd, int stderr_fd) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, stdin_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, stdout_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, stderr_fd, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

absl::StatusOr<pid_t> Spawn(const ProcessRequest& request, int stdin_fd, int stdout_fd,
                            int stderr_fd) {
  std::vector<std::string> args = request.args;
  args.insert(args.begin(), request.program);
  std::vector<std::string> environment = MakeEnvironment(request.env);
  const std::vector<char*> argv = Pointers(args);
  const std::vector<char*> envp = Pointers(environment);
  const SpawnOptions options(stdin_fd, stdout_fd, stderr_fd);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, request.program.c_str(), options.actions(),
                                options.attributes(), argv.data(), envp.data());
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start ", request.program, ": ", ErrorText(error)));
  }
  return pid;
}

// One running child: collects its output until it ends or must end.
class Child {
 public:
  Child(const ProcessRequest& request, pid_t pid, Pipe out, Pipe err)
      : request_(request),
        pid_(pid),
        // Not in glibc's C++-safe headers of every release, so by number.
        process_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
        out_(std::move(out.read)),
        err_(std::move(err.read)) {}

  ~Child() {
    if (!reaped_) Kill();
  }

  absl::StatusOr<ProcessResult> Wait(const std::stop_token& stop) {
    const File wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback notify(stop, [&wake] {
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(wake.get(), &one, sizeof(one));
    });
    const auto deadline = SteadyClock::now() + absl::ToChronoNanoseconds(request_.timeout);
    while (!ended_) {
      if (stop.stop_requested()) return Abort(absl::CancelledError("stopped"));
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
      if (left.count() <= 0) return Abort(TimedOut());
      DELIVERY_RETURN_IF_ERROR(PollOnce(wake.get(), left.count()));
    }
    return Reap();
  }

 private:
  absl::Status TimedOut() const {
    return absl::DeadlineExceededError(
        absl::StrCat("did not end within ", absl::FormatDuration(request_.timeout)));
  }

  absl::Status PollOnce(int wake, int64_t milliseconds) {
    // Without pidfd_open (before Linux 5.3) the ends of the pipes tell, and a look now and then.
    constexpr int64_t kLook = 50;
    if (!process_.is_open()) milliseconds = std::min(milliseconds, kLook);
    std::array<pollfd, 4> files = {pollfd{wake, POLLIN, 0}, pollfd{process_.get(), POLLIN, 0},
                                   pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0}};
    const int64_t longest = 60'000;
    const int ready =
        poll(files.data(), files.size(), static_cast<int>(std::min(milliseconds, longest)));
    if (ready < 0 && errno != EINTR) {
      return Abort(absl::FailedPreconditionError("cannot wait: " + ErrorText(errno)));
    }
    DELIVERY_RETURN_IF_ERROR(Drain());
    if (HasEnded()) {
      ended_ = true;
      // What it printed between the last look and its end.
      DELIVERY_RETURN_IF_ERROR(Drain());
    }
    return absl::OkStatus();
  }

  // True when the child is a zombie: its id stays ours until it is reaped.
  bool HasEnded() const {
    siginfo_t info = {};
    const int result = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return (result == 0 && info.si_pid == pid_) || (result != 0 && errno == ECHILD);
  }

  // Reads what is there, without waiting: others may hold the pipes open after the child's end.
  absl::Status Drain() {
    if (ReadInto(out_, result_.stdout_text, request_.max_stdout_bytes + 1) >
        request_.max_stdout_bytes) {
      return Abort(absl::ResourceExhaustedError(
          absl::StrCat("printed more than ", request_.max_stdout_bytes, " bytes")));
    }
    // One part at a time, so that an endless stderr cannot hold the loop.
    ReadInto(err_, result_.stderr_tail, result_.stderr_tail.size() + 65536);
    if (result_.stderr_tail.size() > request_.stderr_tail_bytes) {
      result_.stderr_tail.erase(0, result_.stderr_tail.size() - request_.stderr_tail_bytes);
    }
    return absl::OkStatus();
  }

  // Appends until nothing is there or `text` has `limit` bytes; returns its size.
  static size_t ReadInto(File& file, std::string& text, size_t limit) {
    std::array<char, 16384> buffer;
    while (file.is_open() && text.size() < limit) {
      const ssize_t count =
          read(file.get(), buffer.data(), std::min(buffer.size(), limit - text.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) break;
      if (count <= 0) {
        file.Close();
      } else {
        text.append(buffer.data(), static_cast<size_t>(count));
      }
    }
    return text.size();
  }

  absl::Status Abort(absl::Status why) {
    Kill();
    if (!result_.stderr_tail.empty()) {
      why.SetPayload(kStderrPayload, absl::Cord(result_.stderr_tail));
    }
    return why;
  }

  void Kill() {
    kill(-pid_, SIGKILL);
    // Not a member of its group any more when it made a group of its own.
    kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
  }

  absl::StatusOr<ProcessResult> Reap() {
    int status = 0;
    pid_t reaped = -1;
    while ((reaped = waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    if (reaped < 0) {
      return absl::FailedPreconditionError("cannot learn how it ended: " + ErrorText(errno));
    }
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    return std::move(result_);
  }

  const ProcessRequest& request_;
  const pid_t pid_;
  const File process_;
  File out_;
  File err_;
  ProcessResult result_;
  bool ended_ = false;
  bool reaped_ = false;
};

bool IsExecutable(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

absl::StatusOr<ProcessResult> RunProcess(const ProcessRequest& request,
                                         const std::stop_token& stop) {
  if (stop.stop_requested()) return absl::CancelledError("stopped");
  DELIVERY_ASSIGN_OR_RETURN(File in, MakeInput(request.stdin_text));
  DELIVERY_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  DELIVERY_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  DELIVERY_ASSIGN_OR_RETURN(const pid_t pid,
                            Spawn(request, in.get(), out.write.get(), err.write.get()));
  in.Close();
  out.write.Close();
  err.write.Close();
  Child child(request, pid, std::move(out), std::move(err));
  return child.Wait(stop);
}

std::string StderrOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kStderrPayload);
  return payload ? std::string(*payload) : "";
}

std::optional<std::string> FindExecutable(const std::string& command, const std::string& path) {
  if (command.empty()) return std::nullopt;
  if (command.find('/') != std::string::npos) {
    return IsExecutable(command) ? std::optional(command) : std::nullopt;
  }
  for (const auto& folder : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    const std::string candidate = absl::StrCat(folder, "/", command);
    // As Go's exec.LookPath, nothing from the current folder by accident.
    if (candidate.front() == '/' && IsExecutable(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace delivery::system
