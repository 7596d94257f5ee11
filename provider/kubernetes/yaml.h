// YAML text as JSON values; yaml-cpp and its exceptions end here.
//
// Plain scalars are typed as kubectl types them: true and false, null and ~, integers (0644 and
// 0o644 are octal, 0x1f is hexadecimal), decimal fractions; everything else, and everything quoted,
// is a string. yes, no, on and off are strings. Aliases are copied, `<<` merges.
#ifndef DELIVERY_KUBERNETES_YAML_H_
#define DELIVERY_KUBERNETES_YAML_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::kubernetes {

struct YamlLimits {
  size_t bytes = 16 * 1024 * 1024;
  int depth = 100;
  // Values of all documents, after aliases were copied: a few lines of nested aliases can stand for
  // more than fits into memory.
  size_t values = 1'000'000;
};

// The only document of `text`; null when there is none. InvalidArgument with line and column, and
// without the text itself, when it is malformed, beyond a limit, has a key twice, or holds several
// documents.
absl::StatusOr<Json> ParseYaml(std::string_view text, const YamlLimits& limits = {});

// Every document that is not empty (null), in order.
absl::StatusOr<std::vector<Json>> ParseYamlDocuments(std::string_view text,
                                                     const YamlLimits& limits = {});

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_YAML_H_
