#include "provider/oci/challenge.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace delivery::oci {
namespace {

bool IsTokenChar(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return absl::ascii_isalnum(c) || kMarks.find(c) != std::string_view::npos;
}

// Reads a header value from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return broken_ || at_ == text_.size(); }
  size_t position() const { return at_; }
  void Return(size_t position) { at_ = position; }

  void SkipBlanks() {
    while (!AtEnd() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  // Empty elements of a list are allowed.
  void SkipSeparators() {
    while (!AtEnd() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == ',')) ++at_;
  }
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view TakeToken() {
    const size_t start = at_;
    while (!AtEnd() && IsTokenChar(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  // Base64 and the like, up to the next comma or blank.
  void SkipToken68() {
    while (!AtEnd() && text_[at_] != ',' && text_[at_] != ' ' && text_[at_] != '\t') ++at_;
  }
  // A token, or a quoted string with its escapes resolved; nullopt when there is neither.
  std::optional<std::string> TakeValue() {
    if (!Take('"')) {
      const std::string_view token = TakeToken();
      return token.empty() ? std::nullopt : std::optional(std::string(token));
    }
    std::string value;
    while (!AtEnd()) {
      const char c = text_[at_++];
      if (c == '"') return value;
      if (c != '\\') {
        value += c;
      } else if (!AtEnd()) {
        value += text_[at_++];
      }
    }
    // Nothing tells where a string without end was meant to end.
    broken_ = true;
    return std::nullopt;
  }

 private:
  const std::string_view text_;
  size_t at_ = 0;
  bool broken_ = false;
};

// name=value; when it is something else (the next scheme), nothing is read and the result false.
bool ReadParameter(Reader& reader, Challenge& challenge) {
  const size_t start = reader.position();
  const std::string_view name = reader.TakeToken();
  reader.SkipBlanks();
  if (name.empty() || !reader.Take('=')) {
    reader.Return(start);
    return false;
  }
  reader.SkipBlanks();
  std::optional<std::string> value = reader.TakeValue();
  if (!value.has_value()) {
    reader.Return(start);
    return false;
  }
  challenge.parameters.emplace(absl::AsciiStrToLower(std::string(name)), *std::move(value));
  return true;
}

void ReadParameters(Reader& reader, Challenge& challenge) {
  reader.SkipBlanks();
  for (bool first = true;; first = false) {
    const size_t before = reader.position();
    reader.SkipSeparators();
    const bool separated = first || reader.position() != before;
    if (!separated || !ReadParameter(reader, challenge)) {
      reader.Return(before);
      return;
    }
    reader.SkipBlanks();
  }
}

}  // namespace

std::string Challenge::Parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> ParseChallenges(std::string_view value) {
  std::vector<Challenge> challenges;
  Reader reader(value);
  for (reader.SkipSeparators(); !reader.AtEnd(); reader.SkipSeparators()) {
    const std::string_view scheme = reader.TakeToken();
    if (scheme.empty()) break;
    Challenge challenge;
    challenge.scheme = absl::AsciiStrToLower(std::string(scheme));
    ReadParameters(reader, challenge);
    if (challenge.parameters.empty()) reader.SkipToken68();
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

std::vector<Challenge> ChallengesOf(const http::Headers& headers) {
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : headers) {
    if (!absl::EqualsIgnoreCase(name, "WWW-Authenticate")) continue;
    for (Challenge& challenge : ParseChallenges(value)) challenges.push_back(std::move(challenge));
  }
  return challenges;
}

}  // namespace delivery::oci
