// Runs another program and waits for it, bounded in time and memory.
#ifndef DELIVERY_SYSTEM_SUBPROCESS_H_
#define DELIVERY_SYSTEM_SUBPROCESS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace delivery::system {

struct ProcessRequest {
  std::string program;                     // a path
  std::vector<std::string> args;           // without the program's name
  std::map<std::string, std::string> env;  // added to this process' environment
  std::string stdin_text = {};             // what the program reads; a small text
  absl::Duration timeout = absl::Seconds(60);
  size_t max_stdout_bytes = 1024 * 1024;
  size_t stderr_tail_bytes = 4096;
};

struct ProcessResult {
  int exit_code = 0;  // of an ended process
  int signal = 0;     // that killed it, zero when it ended by itself
  std::string stdout_text;
  std::string stderr_tail;  // the last bytes
};

// Starts the program in a process group of its own, with `stdin_text` as its stdin and no other
// file of ours, and waits until it ends. Safe with other threads. However it ends is a result; an
// error is: FailedPrecondition when it cannot be started, DeadlineExceeded after `timeout`,
// Cancelled when `stop` is requested, ResourceExhausted when it prints too much. After these the
// whole process group has been killed. DeadlineExceeded carries the end of stderr as its payload
// (StderrOf).
absl::StatusOr<ProcessResult> RunProcess(const ProcessRequest& request,
                                         const std::stop_token& stop);

// The stderr tail of a process that did not end by itself; empty when unknown.
std::string StderrOf(const absl::Status& status);

// The executable that `command` means: itself when it contains a slash, else the first in `path`
// (as PATH). Nullopt when there is none.
std::optional<std::string> FindExecutable(const std::string& command, const std::string& path);

}  // namespace delivery::system

#endif  // DELIVERY_SYSTEM_SUBPROCESS_H_
