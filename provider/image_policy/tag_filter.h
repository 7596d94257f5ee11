// Which tags a policy looks at, and which part of them it compares.
#ifndef DELIVERY_IMAGE_POLICY_TAG_FILTER_H_
#define DELIVERY_IMAGE_POLICY_TAG_FILTER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace delivery::image_policy {

// A pattern found anywhere in a tag (^ and $ anchor it), and a template of its groups, as
// filterTags of Flux's ImagePolicy. Cheap to copy, immutable and thread-safe; the time to match is
// linear in the tag, the memory for it is bounded.
class TagFilter {
 public:
  // Of pattern and template each.
  static constexpr size_t kMaxLength = 1024;

  // `pattern` in RE2's syntax, which is that of Go. `extract` in that of Go's Regexp.Expand: $name,
  // ${name}, $1, $0 for the whole match, $$ for a dollar; $name takes as many letters, digits and
  // underscores as follow. Empty: the tag itself is what is compared.
  //
  // InvalidArgument when the pattern does not compile, and, unlike in Go, where all of these expand
  // to something that no policy can use, when the template names a group that the pattern does not
  // have, names none at all, or has a dollar that is none of the above.
  static absl::StatusOr<TagFilter> Compile(std::string_view pattern, std::string_view extract);

  bool Matches(std::string_view tag) const;
  // Whether there is a template.
  bool extracts() const { return !template_.empty(); }
  // What the policy compares; nullopt when the tag does not match. A group that took no part in the
  // match is empty.
  std::optional<std::string> Apply(std::string_view tag) const;

 private:
  static constexpr int kLiteral = -1;
  struct Piece {
    std::string literal;
    int group = kLiteral;
  };
  // Fills `template_` and `groups_`.
  absl::Status ParseTemplate(std::string_view extract);
  absl::StatusOr<int> FindGroup(std::string_view name) const;

  std::shared_ptr<const re2::RE2> pattern_;
  std::vector<Piece> template_;
  int groups_ = 0;  // how many of the match the template needs, the whole one included
};

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_TAG_FILTER_H_
