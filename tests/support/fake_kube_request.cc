#include "tests/support/fake_kube_request.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace delivery::testing {
namespace {

using Segments = std::vector<std::string>;

std::string Decode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string PathOf(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t path = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  return path == std::string::npos ? "/" : url.substr(path);
}

void ParseQuery(absl::string_view text, KubeRequest& request) {
  for (const absl::string_view part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    request.query[Decode(pair.first)] = Decode(pair.second);
  }
}

// A namespace's own subresources are not resources in it.
bool IsInNamespace(const Segments& segments) {
  return segments.size() >= 3 && segments[0] == "namespaces" && segments[2] != "status" &&
         segments[2] != "finalize";
}

void ParseResource(Segments segments, const std::string& query, KubeRequest& request) {
  if (IsInNamespace(segments)) {
    request.namespace_name = segments[1];
    segments.erase(segments.begin(), segments.begin() + 2);
  }
  if (!segments.empty()) request.plural = segments[0];
  if (segments.size() > 1) request.name = segments[1];
  if (segments.size() > 2) request.subresource = segments[2];
  if (segments.size() > 3) {
    request.rest = absl::StrCat("/", absl::StrJoin(segments.begin() + 3, segments.end(), "/"),
                                query.empty() ? "" : "?", query);
  }
}

// Commas inside of parentheses belong to a value set.
std::vector<std::string> SplitSelector(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(std::move(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

std::optional<std::string> FieldOf(const Json& object, const std::string& path) {
  const Json* at = &object;
  for (const absl::string_view step : absl::StrSplit(path, '.')) {
    at = delivery::Find(*at, std::string_view(step.data(), step.size()));
    if (at == nullptr) return "";  // an absent field compares as empty
  }
  return at->is_string() ? at->get<std::string>() : at->dump();
}

std::string Trim(absl::string_view text) { return std::string(absl::StripAsciiWhitespace(text)); }

}  // namespace

std::string KubeRequest::Query(const std::string& key) const {
  const auto found = query.find(key);
  return found == query.end() ? "" : found->second;
}

KubeRequest ParseKubeRequest(const http::Request& http) {
  KubeRequest request;
  request.method = http.method;
  request.headers = http.headers;
  request.body = http.body;
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(PathOf(http.url), absl::MaxSplits('?', 1));
  request.path = Decode(parts.first);
  ParseQuery(parts.second, request);
  Segments segments;
  for (const absl::string_view segment : absl::StrSplit(parts.first, '/', absl::SkipEmpty())) {
    segments.push_back(Decode(segment));
  }
  if (segments.size() >= 2 && segments[0] == "api") {
    request.version = segments[1];
    ParseResource({segments.begin() + 2, segments.end()}, parts.second, request);
  } else if (segments.size() >= 3 && segments[0] == "apis") {
    request.group = segments[1];
    request.version = segments[2];
    ParseResource({segments.begin() + 3, segments.end()}, parts.second, request);
  }
  return request;
}

absl::StatusOr<KubeSelectors::Requirement> KubeSelectors::ParseOne(std::string_view text) {
  const std::string trimmed = Trim(absl::string_view(text.data(), text.size()));
  Requirement requirement;
  const size_t open = trimmed.find('(');
  if (open != std::string::npos) {
    const std::vector<std::string> words =
        absl::StrSplit(trimmed.substr(0, open), ' ', absl::SkipEmpty());
    if (words.size() != 2 || trimmed.back() != ')' || (words[1] != "in" && words[1] != "notin")) {
      return absl::InvalidArgumentError(absl::StrCat("unable to parse requirement: ", trimmed));
    }
    requirement.key = words[0];
    requirement.negated = words[1] == "notin";
    const std::string values = trimmed.substr(open + 1, trimmed.size() - open - 2);
    for (const absl::string_view value : absl::StrSplit(values, ',')) {
      requirement.values.push_back(Trim(value));
    }
    return requirement;
  }
  const size_t equals = trimmed.find('=');
  if (equals == std::string::npos) {
    requirement.exists = true;
    requirement.negated = absl::StartsWith(trimmed, "!");
    requirement.key = Trim(absl::StripPrefix(trimmed, "!"));
    return requirement;
  }
  absl::string_view key = absl::string_view(trimmed).substr(0, equals);
  absl::string_view value = absl::string_view(trimmed).substr(equals + 1);
  requirement.negated = absl::ConsumeSuffix(&key, "!");
  absl::ConsumePrefix(&value, "=");
  requirement.key = Trim(key);
  requirement.values.push_back(Trim(value));
  return requirement;
}

absl::StatusOr<KubeSelectors> KubeSelectors::Parse(std::string_view labels,
                                                   std::string_view fields) {
  KubeSelectors selectors;
  const std::pair<std::string_view, std::vector<Requirement>*> sources[] = {
      {labels, &selectors.labels_}, {fields, &selectors.fields_}};
  for (const auto& [text, target] : sources) {
    for (const std::string& part : SplitSelector(text)) {
      absl::StatusOr<Requirement> requirement = ParseOne(part);
      if (!requirement.ok()) return requirement.status();
      target->push_back(*std::move(requirement));
    }
  }
  return selectors;
}

bool KubeSelectors::Satisfied(const Requirement& requirement,
                              const std::optional<std::string>& value) {
  bool satisfied = value.has_value();
  if (satisfied && !requirement.exists) {
    const auto& values = requirement.values;
    satisfied = std::find(values.begin(), values.end(), *value) != values.end();
  }
  return satisfied != requirement.negated;
}

bool KubeSelectors::Match(const Json& object) const {
  const Json& labels = GetObject(GetObject(object, "metadata"), "labels");
  const auto label_of = [&](const std::string& key) -> std::optional<std::string> {
    if (!labels.contains(key)) return std::nullopt;
    return GetString(labels, key);
  };
  return std::all_of(labels_.begin(), labels_.end(),
                     [&](const auto& r) { return Satisfied(r, label_of(r.key)); }) &&
         std::all_of(fields_.begin(), fields_.end(),
                     [&](const auto& r) { return Satisfied(r, FieldOf(object, r.key)); });
}

}  // namespace delivery::testing
