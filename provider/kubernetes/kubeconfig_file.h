// Kubeconfig files: read, checked for shape, and merged as kubectl merges them.
#ifndef DELIVERY_KUBERNETES_KUBECONFIG_FILE_H_
#define DELIVERY_KUBERNETES_KUBECONFIG_FILE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::kubernetes {

// An entry of one of the lists of a kubeconfig, and the file it comes from.
struct KubeconfigEntry {
  Json value;          // an object
  std::string file;    // for messages
  std::string folder;  // relative paths in `value` count from here
};
using KubeconfigEntries = std::map<std::string, KubeconfigEntry>;

struct Kubeconfig {
  std::string current_context;
  KubeconfigEntries contexts;
  KubeconfigEntries clusters;
  KubeconfigEntries users;
};

// Parses the text of one kubeconfig (YAML or JSON). InvalidArgument that names `file`, and line and
// column or the field, never contents.
absl::StatusOr<Kubeconfig> ParseKubeconfig(std::string_view text, const std::string& file);

// Reads and merges: for each name the first file that has an entry of it wins, whole; the first
// file that sets current-context decides it. A missing file is NotFound, unless `skip_missing` and
// another one exists.
absl::StatusOr<Kubeconfig> LoadKubeconfigs(const std::vector<std::string>& files,
                                           bool skip_missing);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_KUBECONFIG_FILE_H_
