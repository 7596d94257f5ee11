// Declarations as they go on the wire.
#ifndef DELIVERY_PLUGIN_SCHEMA_TO_WIRE_H_
#define DELIVERY_PLUGIN_SCHEMA_TO_WIRE_H_

#include "proto/tfplugin6.pb.h"
#include "provider/plugin/resource.h"
#include "provider/schema/schema.h"

namespace delivery::plugin {

// Always sets the block, even an empty one: the host crashes without it.
void SchemaToWire(const schema::Schema& schema, tfplugin6::Schema& wire);
void IdentitySchemaToWire(const schema::IdentitySchema& schema,
                          tfplugin6::ResourceIdentitySchema& wire);
// Always sets the return type, for the same reason.
void FunctionToWire(const Function& function, tfplugin6::Function& wire);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SCHEMA_TO_WIRE_H_
