#include "provider/plugin/plan_check.h"

#include <functional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/plugin/plan_check_set.h"
#include "provider/plugin/service_answer.h"

namespace delivery::plugin {
namespace {

using schema::Nesting;
using value::Path;
using value::Value;

// One place in the three values that a plan is judged by.
struct Place {
  Value prior;
  Value config;
  Value planned;
  Path path;

  Place Attr(const std::string& name) const {
    return {prior.Get(name), config.Get(name), planned.Get(name), path.Attr(name)};
  }
  Place Entry(const std::string& key) const {
    return {prior.is_mapping() ? prior.Get(key) : Value(), config.Get(key), planned.Get(key),
            path.At(key)};
  }
  // Lists correlate by position; an element that is new has no prior one.
  Place Element(size_t i) const {
    const bool had = prior.is_sequence() && i < prior.elements().size();
    return {had ? prior.elements()[i] : Value(), config.elements()[i], planned.elements()[i],
            path.At(static_cast<int64_t>(i))};
  }
};

class PlanChecker {
 public:
  void Block(const schema::Block& block, const Place& at);
  std::vector<Violation> Take() { return std::move(violations_); }

 private:
  // How an element of a collection is checked, whatever it is part of.
  using CheckElement = std::function<void(PlanChecker&, const Place&)>;

  void Add(const Path& path, std::string rule) { violations_.push_back({path, std::move(rule)}); }
  void Attributes(const std::vector<schema::Attribute>& attributes, const Place& at);
  void Attribute(const schema::Attribute& attribute, const Place& at);
  void Nested(const schema::NestedObject& nested, const Place& at);
  void NestedBlock(const schema::BlockType& block, const Place& at);
  void NestedBlocks(const schema::BlockType& block, const Place& at);
  void Collection(Nesting nesting, const Place& at, const CheckElement& check);
  void List(const Place& at, const CheckElement& check);
  void Map(const Place& at, const CheckElement& check);
  void Set(const Place& at, const CheckElement& check);
  bool SamePresence(const Place& at);

  std::vector<Violation> violations_;
};

// False when one of configuration and plan is there and the other is not, or neither is.
bool PlanChecker::SamePresence(const Place& at) {
  if (at.planned.is_null() && !at.config.is_null()) {
    Add(at.path, "planned to be absent, but it is configured");
  } else if (!at.planned.is_null() && at.config.is_null()) {
    Add(at.path, "planned to exist, but it is not configured");
  } else if (at.planned.is_unknown()) {
    Add(at.path, "planned as unknown as a whole; only what is inside may be unknown");
  } else {
    return at.planned.is_known() && at.config.is_known();
  }
  return false;
}

void PlanChecker::Block(const schema::Block& block, const Place& at) {
  if (!SamePresence(at)) return;
  Attributes(block.attributes, at);
  for (const schema::BlockType& nested : block.blocks) NestedBlock(nested, at.Attr(nested.name));
}

void PlanChecker::Attributes(const std::vector<schema::Attribute>& attributes, const Place& at) {
  for (const schema::Attribute& attribute : attributes) {
    Attribute(attribute, at.Attr(attribute.name));
  }
}

void PlanChecker::Attribute(const schema::Attribute& attribute, const Place& at) {
  if (at.planned == at.config) return;
  if (at.config.is_null()) {
    if (at.planned.is_null() || attribute.computed) return;
    Add(at.path, "planned a value for an attribute that is not computed and not configured");
    return;
  }
  // The prior value instead of the configured one says that both mean the same.
  if (!at.prior.is_null() && at.planned == at.prior) return;
  if (attribute.nested != nullptr && at.config.is_known()) {
    Nested(*attribute.nested, at);
    return;
  }
  Add(at.path, "planned neither the configured nor the prior value");
}

void PlanChecker::Nested(const schema::NestedObject& nested, const Place& at) {
  if (!SamePresence(at)) return;
  const auto object = [&nested](PlanChecker& checker, const Place& place) {
    if (checker.SamePresence(place)) checker.Attributes(nested.attributes, place);
  };
  if (nested.nesting == Nesting::kSingle) {
    Attributes(nested.attributes, at);
  } else {
    Collection(nested.nesting, at, object);
  }
}

void PlanChecker::NestedBlock(const schema::BlockType& block, const Place& at) {
  // The place of a dynamic block whose number is not known yet must stay as it is.
  if (at.config.is_unknown()) {
    if (!at.planned.is_unknown()) Add(at.path, "planned blocks whose number is not known yet");
  } else if (at.planned.is_unknown()) {
    Add(at.path, "planned a block as unknown; only what is inside may be unknown");
  } else if (block.nesting == Nesting::kSingle) {
    if (!at.planned.is_null() || !at.config.is_null()) Block(block.block, at);
  } else {
    NestedBlocks(block, at);
  }
}

void PlanChecker::NestedBlocks(const schema::BlockType& block, const Place& at) {
  if (at.planned.is_null()) {
    Add(at.path, "planned null for blocks; no blocks are an empty collection");
    return;
  }
  // Hosts never send null here; nothing can be compared then.
  if (at.config.is_null()) return;
  Collection(block.nesting, at, [&block](PlanChecker& checker, const Place& place) {
    checker.Block(block.block, place);
  });
}

void PlanChecker::Collection(Nesting nesting, const Place& at, const CheckElement& check) {
  if (nesting == Nesting::kMap) return Map(at, check);
  if (nesting == Nesting::kSet) return Set(at, check);
  List(at, check);
}

void PlanChecker::List(const Place& at, const CheckElement& check) {
  const size_t planned = at.planned.elements().size();
  const size_t configured = at.config.elements().size();
  if (planned != configured) {
    Add(at.path, absl::StrCat("planned ", planned, " elements, configured are ", configured));
    return;
  }
  for (size_t i = 0; i < planned; ++i) check(*this, at.Element(i));
}

void PlanChecker::Map(const Place& at, const CheckElement& check) {
  for (const auto& [key, planned] : at.planned.entries()) {
    if (at.config.Has(key)) {
      check(*this, at.Entry(key));
    } else {
      Add(at.path.At(key), "planned an element that is not configured");
    }
  }
  for (const auto& [key, configured] : at.config.entries()) {
    if (!at.planned.Has(key)) Add(at.path.At(key), "planned no element for a configured one");
  }
}

void PlanChecker::Set(const Place& at, const CheckElement& check) {
  const auto fits = [&](const Value& planned, const Value& configured) {
    // Elements of a set have no key by which a prior one could be found.
    PlanChecker inner;
    check(inner, Place{Value(), configured, planned, at.path});
    return inner.violations_.empty();
  };
  if (at.planned.elements().size() != at.config.elements().size()) {
    Add(at.path, absl::StrCat("planned ", at.planned.elements().size(),
                              " elements of a set, configured are ", at.config.elements().size()));
  } else if (!SetsCorrelate(at.planned, at.config, fits)) {
    Add(at.path, "planned elements of a set that are not the configured ones");
  }
}

// Whether `path` leads somewhere in `value`, be it to a null.
bool Exists(const Value& value, const Path& path) {
  Value at = value;
  for (const Path::Step& step : path.steps()) {
    if (const auto* index = std::get_if<Path::Index>(&step)) {
      if (!at.is_sequence() || index->index < 0 ||
          index->index >= static_cast<int64_t>(at.elements().size())) {
        return false;
      }
      at = Value(at.elements()[static_cast<size_t>(index->index)]);
      continue;
    }
    const auto* attribute = std::get_if<Path::Attribute>(&step);
    const std::string& name =
        attribute != nullptr ? attribute->name : std::get<Path::Key>(step).key;
    if (!at.is_mapping() || !at.Has(name)) return false;
    at = at.Get(name);
  }
  return true;
}

// Hosts ignore the paths when there is nothing to replace.
void CheckReplacePaths(const Value& prior, const Value& planned, const std::vector<Path>& paths,
                       std::vector<Violation>& violations) {
  if (prior.is_null()) return;
  for (const Path& path : paths) {
    if (Exists(prior, path) || Exists(planned, path)) continue;
    violations.push_back({path, "requires replacement, but the path exists nowhere"});
  }
}

}  // namespace

std::vector<Violation> CheckPlanned(const schema::Schema& schema, const Value& config,
                                    const Value& prior, const Value& planned,
                                    const std::vector<Path>& requires_replace) {
  if (!planned.type().ConformsTo(schema.block.ImpliedType())) {
    return {{Path(), "the planned value does not have the schema's type"}};
  }
  PlanChecker checker;
  checker.Block(schema.block, Place{prior, config, planned, Path()});
  std::vector<Violation> violations = checker.Take();
  CheckReplacePaths(prior, planned, requires_replace, violations);
  return violations;
}

std::vector<Violation> CheckRead(const schema::Schema& schema, const Value& state) {
  if (state.is_null()) return {};
  if (!state.type().ConformsTo(schema.block.ImpliedType())) {
    return {{Path(), "the state that was read does not have the schema's type"}};
  }
  if (state.IsWhollyKnown()) return {};
  return {{Path(), "the state that was read has unknown values"}};
}

void AddViolations(const std::vector<Violation>& violations, WireDiagnostics& wire) {
  Diagnostics diagnostics;
  for (const Violation& violation : violations) {
    const std::string place = violation.path.ToString();
    diagnostics.Error(violation.path, absl::StrCat(kProviderBug, ": ", violation.rule),
                      absl::StrCat("At ", place.empty() ? "the object itself" : place,
                                   ", the provider's answer breaks the rules of the protocol. "
                                   "This is a bug in the provider; please report it."));
  }
  DiagnosticsToWire(diagnostics, wire);
}

}  // namespace delivery::plugin
