#include "provider/oci/reference.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"

namespace delivery::oci {
namespace {

constexpr size_t kLongestText = 1024;
constexpr size_t kLongestRepository = 255;
constexpr size_t kLongestTag = 128;

bool IsLowerOrDigit(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

absl::Status Invalid(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text.substr(0, 200)), "\" ", std::string(why)));
}

bool IsHexIdentifier(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

bool IsHostLabel(const std::string& label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

bool IsHostName(const std::string& host) {
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    return host.size() > 3 && std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
             return absl::ascii_isxdigit(c) || c == ':';
           });
  }
  const std::vector<std::string> labels = absl::StrSplit(host, '.');
  return std::all_of(labels.begin(), labels.end(), IsHostLabel);
}

absl::Status CheckHost(std::string_view text, const std::string& host) {
  const size_t colon = host.rfind(':');
  // A colon inside of the brackets of an IPv6 address begins no port.
  const bool has_port = colon != std::string::npos && host.back() != ']';
  if (!IsHostName(host.substr(0, has_port ? colon : std::string::npos))) {
    return Invalid(text, absl::StrCat("is not an image name: \"", host, "\" is not a host name"));
  }
  uint32_t port = 0;
  const bool digits = has_port && std::all_of(host.begin() + static_cast<ptrdiff_t>(colon) + 1,
                                              host.end(), absl::ascii_isdigit);
  if (has_port &&
      (!digits || !absl::SimpleAtoi(host.substr(colon + 1), &port) || port == 0 || port > 65535)) {
    return Invalid(text, absl::StrCat("is not an image name: the port of \"", host,
                                      "\" is not a number from 1 to 65535"));
  }
  return absl::OkStatus();
}

// One part of a path: [a-z0-9]+ joined by '.', '_', '__' or any number of '-'.
bool IsPathPart(std::string_view part) {
  if (part.empty() || !IsLowerOrDigit(part.front()) || !IsLowerOrDigit(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    if (IsLowerOrDigit(part[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < part.size() && !IsLowerOrDigit(part[end])) ++end;
    const std::string_view separator = part.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    i = end;
  }
  return true;
}

absl::Status CheckRepository(std::string_view text, const std::string& path) {
  if (path.empty()) return Invalid(text, "is not an image name: the repository is missing");
  for (const auto& part : absl::StrSplit(path, '/')) {
    if (IsPathPart({part.data(), part.size()})) continue;
    const bool upper = std::any_of(part.begin(), part.end(), absl::ascii_isupper);
    return Invalid(text,
                   upper ? absl::StrCat("is not an image name: the repository \"", path,
                                        "\" must be in lower case")
                         : absl::StrCat("is not an image name: \"", part,
                                        "\" is not a part of a repository's path (lower-case "
                                        "letters and digits, joined by '.', '_', '__' or '-')"));
  }
  return absl::OkStatus();
}

// Docker's rule for what comes before the first slash.
bool LooksLikeHost(std::string_view part) {
  return part == "localhost" || part.find_first_of(".:") != std::string_view::npos;
}

absl::Status SetName(std::string_view text, std::string_view name, Reference& reference) {
  reference.name = std::string(name);
  const size_t slash = name.find('/');
  const bool has_host = slash != std::string_view::npos && LooksLikeHost(name.substr(0, slash));
  reference.registry = has_host ? std::string(name.substr(0, slash)) : kDockerHub;
  DELIVERY_RETURN_IF_ERROR(CheckHost(text, reference.registry));
  absl::AsciiStrToLower(&reference.registry);
  if (reference.registry == "index.docker.io") reference.registry = kDockerHub;
  reference.repository = std::string(has_host ? name.substr(slash + 1) : name);
  DELIVERY_RETURN_IF_ERROR(CheckRepository(text, reference.repository));
  if (!has_host && IsHexIdentifier(name)) {
    return Invalid(text, "is an image ID, not an image name: only names can be pulled");
  }
  if (reference.registry == kDockerHub && !absl::StrContains(reference.repository, '/')) {
    reference.repository = absl::StrCat("library/", reference.repository);
  }
  if (reference.repository.size() > kLongestRepository) {
    return Invalid(text, absl::StrCat("is not an image name: the repository is longer than ",
                                      kLongestRepository, " characters"));
  }
  return absl::OkStatus();
}

absl::Status SetDigest(std::string_view text, std::string_view digest, Reference& reference) {
  if (!IsDigest(digest)) {
    return Invalid(text,
                   "has a malformed digest: it must be \"sha256:\" and 64, or \"sha512:\" "
                   "and 128 hex digits in lower case");
  }
  reference.digest = std::string(digest);
  return absl::OkStatus();
}

absl::Status SetTag(std::string_view text, std::string_view tag, Reference& reference) {
  if (!IsTag(tag)) {
    return Invalid(text, absl::StrCat("has a malformed tag: it must be 1 to ", kLongestTag,
                                      " letters, digits, '_', '.' and '-', and not begin with '.' "
                                      "or '-'"));
  }
  reference.tag = std::string(tag);
  return absl::OkStatus();
}

}  // namespace

std::string Reference::Text() const {
  return absl::StrCat(name, tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@", digest);
}

Reference Reference::WithTag(std::string_view new_tag) const {
  Reference changed = *this;
  changed.tag = std::string(new_tag);
  changed.digest.clear();
  return changed;
}

Reference Reference::WithDigest(std::string_view new_digest) const {
  Reference changed = *this;
  changed.tag.clear();
  changed.digest = std::string(new_digest);
  return changed;
}

absl::StatusOr<Reference> ParseReference(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("an image name must not be empty");
  if (text.size() > kLongestText) {
    return Invalid(text, absl::StrCat("... is longer than ", kLongestText, " characters"));
  }
  const bool printable = std::all_of(text.begin(), text.end(), absl::ascii_isgraph);
  if (!printable) return absl::InvalidArgumentError("an image name must not contain blanks");
  if (text.find("://") != std::string_view::npos) {
    return Invalid(text, "is not an image name: leave out the scheme (https://)");
  }
  Reference reference;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    DELIVERY_RETURN_IF_ERROR(SetDigest(text, rest.substr(at + 1), reference));
    rest = rest.substr(0, at);
  }
  // A colon before the last slash belongs to the host's port.
  const size_t slash = rest.rfind('/');
  const size_t colon = rest.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    DELIVERY_RETURN_IF_ERROR(SetTag(text, rest.substr(colon + 1), reference));
    rest = rest.substr(0, colon);
  }
  DELIVERY_RETURN_IF_ERROR(SetName(text, rest, reference));
  return reference;
}

absl::StatusOr<Reference> ParseRepository(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(Reference reference, ParseReference(text));
  if (reference.tag.empty() && reference.digest.empty()) return reference;
  return Invalid(text,
                 absl::StrCat("must name a repository only: leave out the ",
                              reference.digest.empty() ? "tag \":" : "digest \"@",
                              reference.digest.empty() ? reference.tag : reference.digest, "\""));
}

Reference WithDefaultTag(Reference reference) {
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

bool IsTag(std::string_view text) {
  return !text.empty() && text.size() <= kLongestTag && text.front() != '.' &&
         text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

std::string CanonicalHost(std::string_view host) {
  const std::string lower = absl::AsciiStrToLower(std::string(host));
  const bool hub = lower == "index.docker.io" || lower == "registry-1.docker.io";
  return hub ? kDockerHub : lower;
}

}  // namespace delivery::oci
