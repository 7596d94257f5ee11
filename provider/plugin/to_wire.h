// Values, diagnostics and paths as they go on the wire.
//
// protobuf drops a whole response over one string that is not UTF-8, so every text passes through
// WireText; summaries and details also through Redact.
#ifndef DELIVERY_PLUGIN_TO_WIRE_H_
#define DELIVERY_PLUGIN_TO_WIRE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proto/tfplugin6.pb.h"
#include "provider/schema/schema.h"
#include "provider/value/diagnostics.h"
#include "provider/value/path.h"
#include "provider/value/value.h"

namespace delivery::plugin {

using WireDiagnostics = google::protobuf::RepeatedPtrField<tfplugin6::Diagnostic>;

// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string WireText(std::string_view text);
// The same without registered secrets.
std::string WireMessage(std::string_view text);

// Writes msgpack. InvalidArgument with the path when `value` does not conform to `type`.
absl::Status ValueToWire(const value::Value& value, const value::Type& type,
                         tfplugin6::DynamicValue& wire);

void PathToWire(const value::Path& path, tfplugin6::AttributePath& wire);
void DiagnosticsToWire(const Diagnostics& diagnostics, WireDiagnostics& wire);
void AddError(WireDiagnostics& wire, std::string_view summary, std::string_view detail);
bool HasErrors(const WireDiagnostics& wire);

// `object` with null collections of blocks made empty, all the way down: hosts never accept a null
// one, but stored state from before a block was declared has it.
value::Value WithEmptyBlocks(const value::Value& object, const schema::Block& block);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_TO_WIRE_H_
