// Structured log lines in hclog's JSON form on stderr, the channel that Terraform reads
// (docs/protocol.md, "Logs"). The level comes from TF_LOG_PROVIDER_DELIVERY, else TF_LOG_PROVIDER,
// else TF_LOG; without them nothing below WARN is written. Every line passes through Redact, is
// valid UTF-8 and shorter than the 64 KiB beyond which the host does not parse it.
//
//   log::Info("release complete", {{"resource", "delivery_rollout"}, {"id", id}});
#ifndef DELIVERY_BASE_LOG_H_
#define DELIVERY_BASE_LOG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace delivery::log {

enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kOff };

using Fields = std::vector<std::pair<std::string, std::string>>;

// True when a line of this level would be written; guards costly arguments.
bool IsEnabled(Level level);

// Thread-safe: one line is one write. Never blocks on anything but stderr.
void Write(Level level, std::string_view message, const Fields& fields = {});

inline void Trace(std::string_view message, const Fields& fields = {}) {
  Write(Level::kTrace, message, fields);
}
inline void Debug(std::string_view message, const Fields& fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(std::string_view message, const Fields& fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warn(std::string_view message, const Fields& fields = {}) {
  Write(Level::kWarn, message, fields);
}
inline void Error(std::string_view message, const Fields& fields = {}) {
  Write(Level::kError, message, fields);
}

// The line for a message, without its newline; separate from Write so that it can be tested.
std::string FormatLine(Level level, std::string_view message, const Fields& fields,
                       std::string_view timestamp);

// The level named by `text` in any case ("trace", "DEBUG", "JSON" is trace), kOff when unknown.
Level ParseLevel(std::string_view text);

}  // namespace delivery::log

#endif  // DELIVERY_BASE_LOG_H_
