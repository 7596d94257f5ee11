// Arbitrary text as a kubeconfig: nothing throws, hangs or crashes, and what parses once parses
// again after a way through JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "provider/kubernetes/exec_plugin.h"
#include "provider/kubernetes/kubeconfig_file.h"
#include "provider/kubernetes/yaml.h"

namespace {

using delivery::kubernetes::ParseExecCredential;
using delivery::kubernetes::ParseKubeconfig;
using delivery::kubernetes::ParseYamlDocuments;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = ParseYamlDocuments(text, {.bytes = 65536, .depth = 100, .values = 20000});
  if (documents.ok()) {
    for (const delivery::Json& document : *documents) {
      if (!delivery::ParseJson(delivery::DumpJson(document)).ok()) std::abort();
    }
  }
  const auto config = ParseKubeconfig(text, "fuzz");
  if (config.ok() && documents.ok() && documents->size() > 1) std::abort();
  (void)ParseExecCredential(text, "client.authentication.k8s.io/v1");
  return 0;
}
