// The type-independent parts of a declaration: rule texts, violations, durations.
#ifndef DELIVERY_SCHEMA_RULES_H_
#define DELIVERY_SCHEMA_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "provider/schema/schema.h"
#include "provider/value/diagnostics.h"
#include "provider/value/value.h"

namespace delivery::schema {

// Go's duration syntax without a sign: "1h30m", "1.5s", "0", "250ms". Nullopt for anything else.
std::optional<absl::Duration> ParseGoDuration(std::string_view text);
// The shortest Go spelling: "1h30m", "10m", "0s".
std::string FormatGoDuration(absl::Duration duration);

std::string OneOfText(const std::vector<std::string>& values);
std::string BetweenText(int64_t low, int64_t high);
void AddRuleText(std::string& rules_text, const std::string& text);
bool Contains(const std::vector<std::string>& values, const std::string& value);
// HCL spelling of a default value, for the docs.
std::string DefaultText(const value::Value& value);

// "Invalid <attribute>" with the rule and, unless sensitive, the value found.
void AddRuleViolation(const value::Path& path, const std::string& rule, const value::Value& found,
                      bool sensitive, Diagnostics& diagnostics);
// Adds the error that a required attribute is null: hosts refuse only an absent one.
void AddRequiredViolation(const value::Path& path, Diagnostics& diagnostics);

// Contradictions inside a block, its nested blocks and nested attributes: doubled or malformed
// names, required together with optional or computed, no documentation, and the like.
std::vector<std::string> BlockProblems(const Block& block);

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_RULES_H_
