// Short forms for schemas written by hand. The real provider derives its schemas from typed specs;
// here they are plain on purpose, so that sets and dynamic types, which specs do not offer, meet
// the plugin layer too.
#ifndef DELIVERY_CONFORMANCE_PROBE_DECLARE_H_
#define DELIVERY_CONFORMANCE_PROBE_DECLARE_H_

#include <string>
#include <utility>
#include <vector>

#include "provider/schema/schema.h"
#include "provider/value/type.h"
#include "provider/value/value.h"

namespace delivery::conformance {

enum class Use { kRequired, kOptional, kComputed, kOptionalComputed };

schema::Attribute Declare(std::string name, value::Type type, Use use, std::string description);
// A computed attribute with a structure of its own.
schema::Attribute DeclareNested(std::string name, std::vector<schema::Attribute> attributes,
                                std::string description);
schema::BlockType DeclareBlock(std::string name, schema::Nesting nesting, schema::Block block);

// The text of a string attribute; empty when it is null, unknown or absent.
std::string TextOf(const value::Value& object, const std::string& attribute);
bool IsTrue(const value::Value& object, const std::string& attribute);

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_DECLARE_H_
