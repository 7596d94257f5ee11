// The reference documentation in the registry's layout, generated from the schemas and examples.
#ifndef DELIVERY_RESOURCES_DOCS_H_
#define DELIVERY_RESOURCES_DOCS_H_

#include <string>

#include "absl/status/status.h"
#include "provider/plugin/resource.h"

namespace delivery::resources {

// One page as Markdown. `example` and `import_example` are file contents, empty when there are
// none.
std::string ResourcePage(const plugin::Resource& resource, const std::string& example,
                         const std::string& import_example);
std::string ProviderPage(const plugin::Provider& provider, const std::string& example);

// Writes index.md and resources/*.md below <root>/docs, reading <root>/examples.
absl::Status WriteDocs(const plugin::Provider& provider, const std::string& root);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_DOCS_H_
