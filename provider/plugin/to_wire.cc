#include "provider/plugin/to_wire.h"

#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/value/msgpack.h"
#include "provider/value/utf8.h"

namespace delivery::plugin {
namespace {

using value::Value;

constexpr char kMsgpackNil[] = "\xc0";

struct StepToWire {
  tfplugin6::AttributePath::Step& wire;

  void operator()(const value::Path::Attribute& step) const {
    wire.set_attribute_name(WireText(step.name));
  }
  void operator()(const value::Path::Key& step) const {
    wire.set_element_key_string(WireText(step.key));
  }
  void operator()(const value::Path::Index& step) const { wire.set_element_key_int(step.index); }
};

Value EmptyCollection(const schema::BlockType& block) {
  value::Type element = block.block.ImpliedType();
  switch (block.nesting) {
    case schema::Nesting::kList:
      return Value::MakeList(std::move(element), {});
    case schema::Nesting::kSet:
      return Value::MakeSet(std::move(element), {});
    case schema::Nesting::kMap:
      return Value::MakeMap(std::move(element), {});
    case schema::Nesting::kSingle:
      break;
  }
  return Value::Null(std::move(element));
}

Value Rebuilt(const Value& collection, const schema::BlockType& block) {
  const value::Type& element = collection.type().element();
  if (block.nesting == schema::Nesting::kMap) {
    Value::Map entries;
    for (const auto& [key, entry] : collection.entries()) {
      entries.emplace(key, WithEmptyBlocks(entry, block.block));
    }
    return Value::MakeMap(element, std::move(entries));
  }
  Value::List elements;
  for (const Value& entry : collection.elements()) {
    elements.push_back(WithEmptyBlocks(entry, block.block));
  }
  return block.nesting == schema::Nesting::kSet ? Value::MakeSet(element, std::move(elements))
                                                : Value::MakeList(element, std::move(elements));
}

Value BlockWithEmptyBlocks(const Value& found, const schema::BlockType& block) {
  if (found.is_null()) return EmptyCollection(block);
  if (!found.is_known()) return found;
  if (block.nesting == schema::Nesting::kSingle) return WithEmptyBlocks(found, block.block);
  return Rebuilt(found, block);
}

}  // namespace

std::string WireText(std::string_view text) {
  if (value::IsValidUtf8(text)) return std::string(text);
  // The JSON library replaces what is not UTF-8 when it writes; reading that back undoes the rest.
  const absl::StatusOr<Json> clean = ParseJson(DumpJson(Json(std::string(text))));
  return clean.ok() && clean->is_string() ? clean->get<std::string>() : std::string();
}

// Redacted first: a secret with replaced bytes would no longer be recognised.
std::string WireMessage(std::string_view text) { return WireText(Redact(text)); }

absl::Status ValueToWire(const Value& value, const value::Type& type,
                         tfplugin6::DynamicValue& wire) {
  if (value.is_null() && !type.IsDynamic()) {
    wire.set_msgpack(kMsgpackNil);
    return absl::OkStatus();
  }
  DELIVERY_ASSIGN_OR_RETURN(std::string bytes, value::EncodeMsgpack(value, type));
  wire.set_msgpack(std::move(bytes));
  return absl::OkStatus();
}

void PathToWire(const value::Path& path, tfplugin6::AttributePath& wire) {
  for (const value::Path::Step& step : path.steps()) {
    std::visit(StepToWire{*wire.add_steps()}, step);
  }
}

void DiagnosticsToWire(const Diagnostics& diagnostics, WireDiagnostics& wire) {
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    tfplugin6::Diagnostic& added = *wire.Add();
    added.set_severity(diagnostic.severity == Diagnostic::Severity::kError
                           ? tfplugin6::Diagnostic::ERROR
                           : tfplugin6::Diagnostic::WARNING);
    added.set_summary(WireMessage(diagnostic.summary));
    added.set_detail(WireMessage(diagnostic.detail));
    if (!diagnostic.path.empty()) PathToWire(diagnostic.path, *added.mutable_attribute());
  }
}

void AddError(WireDiagnostics& wire, std::string_view summary, std::string_view detail) {
  Diagnostics diagnostics;
  diagnostics.Error({}, std::string(summary), std::string(detail));
  DiagnosticsToWire(diagnostics, wire);
}

bool HasErrors(const WireDiagnostics& wire) {
  for (const tfplugin6::Diagnostic& diagnostic : wire) {
    if (diagnostic.severity() == tfplugin6::Diagnostic::ERROR) return true;
  }
  return false;
}

Value WithEmptyBlocks(const Value& object, const schema::Block& block) {
  if (!object.is_known() || block.blocks.empty()) return object;
  Value::Map attributes = object.entries();
  for (const schema::BlockType& nested : block.blocks) {
    Value& found = attributes[nested.name];
    found = BlockWithEmptyBlocks(found, nested);
  }
  return Value::Object(std::move(attributes));
}

}  // namespace delivery::plugin
