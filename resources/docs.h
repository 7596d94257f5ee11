// The reference documentation in the registry's layout, generated from the schemas and examples.
#ifndef DELIVERY_RESOURCES_DOCS_H_
#define DELIVERY_RESOURCES_DOCS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "provider/plugin/resource.h"

namespace delivery::resources {

// One page as Markdown. `example` and `import_example` are file contents, empty when there are
// none.
std::string ResourcePage(const plugin::Resource& resource, const std::string& example,
                         const std::string& import_example);
std::string DataSourcePage(const plugin::DataSource& source, const std::string& example);
std::string FunctionPage(const plugin::Function& function, const std::string& example);
std::string ProviderPage(const plugin::Provider& provider, const std::string& example);

// Writes index.md, resources/*.md, data-sources/*.md and functions/*.md below <root>/docs, reading
// <root>/examples, and tells each page's path when it is written. NotFound, with the path, when
// something has no example; where there is no folder of examples the pages come without.
absl::Status WriteDocs(const plugin::Provider& provider, const std::string& root,
                       const std::function<void(const std::string&)>& on_page);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_DOCS_H_
