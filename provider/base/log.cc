#include "provider/base/log.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"

namespace delivery::log {
namespace {

constexpr size_t kLongestText = 8 * 1024;
constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warn", "error"};

Level LevelFromEnvironment() {
  for (const char* name : {"TF_LOG_PROVIDER_DELIVERY", "TF_LOG_PROVIDER", "TF_LOG"}) {
    const char* text = std::getenv(name);
    if (text != nullptr && *text != '\0') return ParseLevel(text);
  }
  return Level::kWarn;
}

// hclog's timestamp: exactly six decimals, and a zone.
std::string Timestamp() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
}

std::string Clean(std::string_view text) {
  std::string redacted = Redact(text);
  if (redacted.size() > kLongestText) {
    redacted.resize(kLongestText);
    redacted += "... (cut)";
  }
  return redacted;
}

}  // namespace

Level ParseLevel(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower({text.data(), text.size()});
  if (lower == "json") return Level::kTrace;
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (lower == kLevelNames[i]) return static_cast<Level>(i);
  }
  return Level::kOff;
}

bool IsEnabled(Level level) {
  static const Level threshold = LevelFromEnvironment();
  return level >= threshold && level != Level::kOff;
}

std::string FormatLine(Level level, std::string_view message, const Fields& fields,
                       std::string_view timestamp) {
  Json line = Json::object();
  for (const auto& [key, value] : fields) line[key] = Clean(value);
  // Last, so that a field cannot replace them: the host crashes when one is not a string.
  line["@level"] = kLevelNames.at(static_cast<size_t>(level));
  line["@message"] = Clean(message);
  line["@module"] = "provider.delivery";
  line["@timestamp"] = timestamp;
  return DumpJson(line);
}

void Write(Level level, std::string_view message, const Fields& fields) {
  if (!IsEnabled(level)) return;
  const std::string line = FormatLine(level, message, fields, Timestamp()) + "\n";
  // One write per line keeps lines of different threads apart; a closed stderr is no error here.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace delivery::log
