// The provider's `registry` blocks: how container registries are reached, and who asks.
#ifndef DELIVERY_RESOURCES_REGISTRY_BLOCK_H_
#define DELIVERY_RESOURCES_REGISTRY_BLOCK_H_

#include <string>
#include <vector>

#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/registries.h"

namespace delivery::resources {

struct RegistryBlock {
  schema::Attr<std::string> host;
  schema::Attr<std::string> username;
  schema::Attr<std::string> password;
  schema::Attr<std::string> token;
  schema::Attr<std::string> ca_certificate;
  schema::Attr<bool> plain_http;
  schema::Attr<bool> insecure;
  static const schema::Spec<RegistryBlock>& Declaration();
};

// Rules between the fields and between the blocks. Unknown values are passed over.
void ValidateRegistryBlocks(const schema::Attr<std::vector<RegistryBlock>>& blocks,
                            Diagnostics& diagnostics);

// Of wholly known blocks. Registers their secrets for redaction.
std::vector<RegistrySettings> ToRegistrySettings(
    const schema::Attr<std::vector<RegistryBlock>>& blocks);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_REGISTRY_BLOCK_H_
