#include "tests/conformance/probe/declare.h"
#include "tests/conformance/probe/thing.h"

namespace delivery::conformance {
namespace {

using schema::Nesting;
using value::Type;

schema::Block Behaviour() {
  schema::Block block;
  block.description = "How the provider is to misbehave.";
  block.attributes = {
      Declare("sleep_ms", Type::Number(), Use::kOptional, "How long apply takes."),
      Declare("stubborn", Type::Bool(), Use::kOptional, "Whether the sleep ignores a stop."),
      Declare("warn", Type::Bool(), Use::kOptional, "Whether create warns."),
      Declare("fail", Type::String(), Use::kOptional,
              "What goes wrong in apply: `state`, `nothing`, `secret`, `utf8`, `throw`, `segv` or "
              "`terminate`."),
  };
  return block;
}

schema::Block Step() {
  schema::Block gate;
  gate.attributes = {
      Declare("query", Type::String(), Use::kRequired, "What is asked."),
      Declare("max", Type::Number(), Use::kOptional, "The largest good answer."),
  };
  schema::Block block;
  block.attributes = {
      Declare("weight", Type::Number(), Use::kRequired, "At most 100."),
      Declare("hold", Type::String(), Use::kOptional, "How long."),
  };
  block.blocks = {DeclareBlock("gate", Nesting::kSingle, std::move(gate))};
  return block;
}

schema::Block Rule() {
  schema::Block block;
  block.attributes = {
      Declare("host", Type::String(), Use::kRequired, "Where."),
      Declare("ports", Type::Set(Type::Number()), Use::kOptional, "On which ports."),
  };
  return block;
}

schema::Attribute Status() {
  return DeclareNested(
      "status",
      {Declare("phase", Type::String(), Use::kComputed, "Ready or Interrupted."),
       Declare("message", Type::String(), Use::kComputed, "Null when there is nothing to say."),
       Declare("steps", Type::List(Type::Number()), Use::kComputed, "Weights of the steps.")},
      "What became of the last apply.");
}

}  // namespace

schema::Schema ThingSchema() {
  schema::Schema result;
  result.version = 1;
  result.block.description = "One of everything. *Markdown*, with ünïcödé.";
  result.block.attributes = {
      Declare("name", Type::String(), Use::kRequired, "Unique; a new one is a new thing."),
      Declare("decimal", Type::Number(), Use::kOptional, "For example 0.1."),
      Declare("big", Type::Number(), Use::kOptional, "Beyond 64 bits."),
      Declare("data", Type::Dynamic(), Use::kOptional, "Anything."),
      Declare("tags", Type::Set(Type::String()), Use::kOptional, "Unordered."),
      Declare("labels", Type::Map(Type::String()), Use::kOptional, "By name."),
      Declare("lines", Type::List(Type::String()), Use::kOptional, "Ordered."),
      Declare("flavour", Type::String(), Use::kOptionalComputed, "`plain` unless given."),
      Declare("id", Type::String(), Use::kComputed, "Stays the same."),
      Declare("applied", Type::Number(), Use::kComputed,
              "How often it was applied; counted in private state."),
      Status(),
  };
  schema::Attribute password =
      Declare("password", Type::String(), Use::kOptional, "Must never be seen.");
  password.sensitive = true;
  result.block.attributes.push_back(std::move(password));
  result.block.blocks = {DeclareBlock("behaviour", Nesting::kSingle, Behaviour()),
                         DeclareBlock("step", Nesting::kList, Step()),
                         DeclareBlock("rule", Nesting::kSet, Rule())};
  return result;
}

}  // namespace delivery::conformance
