// The process-wide list of secret strings (tokens, passwords, key data). Whatever leaves the
// process as text (logs, diagnostics, crash reports) passes through Redact.
#ifndef DELIVERY_BASE_REDACT_H_
#define DELIVERY_BASE_REDACT_H_

#include <string>
#include <string_view>

namespace delivery {

// Remembers `secret`, and its base64 forms, for Redact. Strings shorter than four characters are
// ignored: replacing them would destroy ordinary text. Thread-safe.
void RegisterSecret(std::string_view secret);

// `text` with every registered secret replaced by "(redacted)". Thread-safe.
std::string Redact(std::string_view text);

}  // namespace delivery

#endif  // DELIVERY_BASE_REDACT_H_
