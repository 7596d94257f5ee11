#include "provider/metrics/placeholders.h"

#include <array>
#include <functional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace delivery::metrics {
namespace {

constexpr size_t kLongestShown = 40;
// No pod has such a name. The empty text would match samples that have no label of a pod.
constexpr char kNoPods[] = "-no-pods-";

// Prometheus' spelling has no fractions.
std::string PrometheusDuration(absl::Duration duration) {
  int64_t left = std::max<int64_t>(1, absl::ToInt64Milliseconds(duration));
  std::string text;
  for (const auto& [unit, milliseconds] :
       {std::pair<const char*, int64_t>("h", 3'600'000), {"m", 60'000}, {"s", 1'000}, {"ms", 1}}) {
    if (left >= milliseconds) absl::StrAppend(&text, left / milliseconds, unit);
    left %= milliseconds;
  }
  return text;
}

// Without backslashes, which a quoted text of PromQL would take for its own. Names of pods have no
// other character than the full stop that means something.
std::string PodsPattern(const std::vector<Json>& pods) {
  std::vector<std::string> names;
  for (const Json& pod : pods) {
    std::string pattern;
    for (const char c : GetString(GetObject(pod, "metadata"), "name")) {
      const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
      pattern += plain ? std::string(1, c) : c == '.' ? "[.]" : ".";
    }
    if (!pattern.empty()) names.push_back(std::move(pattern));
  }
  return names.empty() ? kNoPods : absl::StrJoin(names, "|");
}

std::string WorkloadService(const Side& side) {
  const bool canary = side.workload == side.canary && side.canary != side.stable;
  return canary && !side.service.empty() ? absl::StrCat(side.service, "-canary") : side.service;
}

struct Placeholder {
  const char* name;
  std::string (*value)(const Side&);
};

constexpr std::array<Placeholder, 9> kPlaceholders = {{
    {"namespace", [](const Side& side) { return side.namespace_name; }},
    {"name", [](const Side& side) { return side.name; }},
    {"workload", [](const Side& side) { return side.workload; }},
    {"canary", [](const Side& side) { return side.canary; }},
    {"stable", [](const Side& side) { return side.stable; }},
    {"service", [](const Side& side) { return side.service; }},
    {"workload_service", WorkloadService},
    {"interval", [](const Side& side) { return PrometheusDuration(side.interval); }},
    {"pods", [](const Side& side) { return PodsPattern(side.pods); }},
}};

const Placeholder* FindPlaceholder(absl::string_view name) {
  for (const Placeholder& placeholder : kPlaceholders) {
    if (name == placeholder.name) return &placeholder;
  }
  return nullptr;
}

std::string KnownNames() {
  return absl::StrJoin(kPlaceholders, " ", [](std::string* out, const Placeholder& placeholder) {
    absl::StrAppend(out, "{{", placeholder.name, "}}");
  });
}

// One piece after the other: plain text, or the inside of a pair of braces.
struct Piece {
  absl::string_view text;
  bool in_braces = false;
  bool open = false;  // the braces do not end
};

std::vector<Piece> Split(std::string_view given) {
  absl::string_view text(given.data(), given.size());
  std::vector<Piece> pieces;
  while (!text.empty()) {
    const size_t begin = text.find("{{");
    pieces.push_back({text.substr(0, begin)});
    if (begin == absl::string_view::npos) break;
    text.remove_prefix(begin + 2);
    const size_t end = text.find("}}");
    const bool open = end == absl::string_view::npos;
    pieces.push_back({text.substr(0, end), true, open});
    text.remove_prefix(open ? text.size() : end + 2);
  }
  return pieces;
}

std::string Expand(std::string_view text, const Side& side,
                   const std::function<std::string(const std::string&)>& write) {
  std::string expanded;
  for (const Piece& piece : Split(text)) {
    const Placeholder* placeholder =
        piece.in_braces ? FindPlaceholder(absl::StripAsciiWhitespace(piece.text)) : nullptr;
    if (placeholder != nullptr) {
      expanded += write(placeholder->value(side));
    } else {
      absl::StrAppend(&expanded, piece.in_braces ? "{{" : "", piece.text,
                      piece.in_braces && !piece.open ? "}}" : "");
    }
  }
  return expanded;
}

std::string PercentEncode(const std::string& text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return encoded;
}

}  // namespace

absl::Status ValidatePlaceholders(std::string_view text) {
  for (const Piece& piece : Split(text)) {
    if (!piece.in_braces) continue;
    if (piece.open) return absl::InvalidArgumentError("a {{ is not closed by }}");
    const absl::string_view name = absl::StripAsciiWhitespace(piece.text);
    if (FindPlaceholder(name) != nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat("there is no placeholder {{",
                                                   name.substr(0, kLongestShown),
                                                   "}}; there are: ", KnownNames()));
  }
  return absl::OkStatus();
}

std::string ExpandPlaceholders(std::string_view text, const Side& side) {
  return Expand(text, side, [](const std::string& value) { return value; });
}

std::string ExpandUrlPlaceholders(std::string_view url, const Side& side) {
  return Expand(url, side, PercentEncode);
}

std::string EncodeForm(const std::vector<std::pair<std::string, std::string>>& fields) {
  return absl::StrJoin(fields, "&", [](std::string* out, const auto& field) {
    absl::StrAppend(out, field.first, "=", PercentEncode(field.second));
  });
}

}  // namespace delivery::metrics
