// The provider's schema as JSON, in the format of `terraform providers schema -json`.
#ifndef DELIVERY_RESOURCES_SCHEMA_JSON_H_
#define DELIVERY_RESOURCES_SCHEMA_JSON_H_

#include <string>

#include "provider/base/json.h"
#include "provider/plugin/resource.h"

namespace delivery::resources {

// `address` is registry host/namespace/name.
Json SchemaAsJson(const plugin::Provider& provider, const std::string& address);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_SCHEMA_JSON_H_
