// A schema declared once: a Spec<M> names each member of the struct M with its rules, and wire
// schema, decoding, encoding, validation, defaults, plan behaviour and documentation follow.
//
//   struct Step {
//     Attr<int64_t> weight;
//     Attr<std::string> hold;
//     static const Spec<Step>& Declaration() {
//       static const auto* const spec = [] {
//         auto* s = new Spec<Step>("One step of traffic.");
//         s->Field("weight", &Step::weight).Required().Between(1, 100).Doc("Share in percent.");
//         s->Field("hold", &Step::hold).Required().GoDuration().Doc("How long to stay.");
//         return s;
//       }();
//       return *spec;
//     }
//   };
//
// Members are Attr<T> for arguments and computed attributes (Field), Attr<N> for single nested
// blocks (Block), Attr<std::vector<N>> for repeated ones (BlockList), and plain structs whose
// fields belong to the same level (Embed). Problems() checks a declaration in a test, including
// that no member of M was forgotten.
#ifndef DELIVERY_SCHEMA_SPEC_H_
#define DELIVERY_SCHEMA_SPEC_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/schema/arity.h"
#include "provider/schema/attr.h"
#include "provider/schema/codec.h"
#include "provider/schema/rules.h"
#include "provider/schema/schema.h"

namespace delivery::schema {

// What the planner does with a computed attribute that the configuration leaves null.
enum class OnChange {
  kUnknown,    // known after apply whenever the resource changes
  kKeepPrior,  // stays as it is (identifiers)
};

// One declared member of M, without its type.
template <typename M>
class Member {
 public:
  virtual ~Member() = default;
  virtual void Describe(Block& block) const = 0;
  virtual void Decode(const value::Value& object, const value::Path& path, M& model,
                      Diagnostics& diagnostics) const = 0;
  virtual void Encode(const M& model, value::Value::Map& attributes) const = 0;
  virtual void Validate(const M& model, const value::Path& path,
                        Diagnostics& diagnostics) const = 0;
  virtual void ApplyDefaults(M& model) const = 0;
  // Computed members without a configured value become unknown (or `prior`'s).
  virtual void PlanComputed(const M& config, const M* prior, M& planned) const = 0;
};

template <typename M, typename T>
class FieldMember final : public Member<M> {
 public:
  FieldMember(std::string name, Attr<T> M::*member) : member_(member) {
    attribute_.name = std::move(name);
    attribute_.type = Codec<T>::TypeOf();
    if constexpr (Declared<T>) {
      auto nested = std::make_shared<NestedObject>();
      nested->attributes = T::Declaration().Describe().attributes;
      attribute_.nested = std::move(nested);
    }
  }

  FieldMember& Doc(std::string text) { return attribute_.description = std::move(text), *this; }
  FieldMember& Required() { return attribute_.required = true, *this; }
  FieldMember& Optional() { return attribute_.optional = true, *this; }
  FieldMember& Computed(OnChange on_change = OnChange::kUnknown) {
    attribute_.computed = true;
    on_change_ = on_change;
    return *this;
  }
  FieldMember& Sensitive() { return attribute_.sensitive = true, *this; }
  // Optional with a value of ours when the configuration has none.
  FieldMember& Default(T value) {
    attribute_.optional = attribute_.computed = true;
    attribute_.default_text = DefaultText(Codec<T>::Encode(value));
    default_ = std::move(value);
    return *this;
  }
  // A rule over known values; `text` completes "must be ...".
  FieldMember& Must(std::string text, std::function<bool(const T&)> holds) {
    AddRuleText(attribute_.rules_text, text);
    rules_.push_back({std::move(text), std::move(holds)});
    return *this;
  }
  FieldMember& OneOf(std::initializer_list<std::string> values) {
    std::vector<std::string> list(values);
    std::string text = OneOfText(list);
    return Must(std::move(text), [list](const T& value) { return Contains(list, value); });
  }
  FieldMember& Between(int64_t low, int64_t high) {
    return Must(BetweenText(low, high), [=](const T& n) { return n >= low && n <= high; });
  }
  // A Go duration ("90s", "1h30m"), not negative.
  FieldMember& GoDuration() {
    return Must("a duration such as \"90s\" or \"1h30m\"",
                [](const T& text) { return ParseGoDuration(text).has_value(); });
  }

  void Describe(Block& block) const override { block.attributes.push_back(attribute_); }
  void Decode(const value::Value& object, const value::Path& path, M& model,
              Diagnostics& diagnostics) const override {
    model.*member_ =
        DecodeAttr<T>(object.Get(attribute_.name), path.Attr(attribute_.name), diagnostics);
  }
  void Encode(const M& model, value::Value::Map& attributes) const override {
    attributes.emplace(attribute_.name, EncodeAttr(model.*member_));
  }
  void Validate(const M& model, const value::Path& path, Diagnostics& diagnostics) const override {
    const Attr<T>& attr = model.*member_;
    if (attribute_.required && attr.is_null()) {
      AddRequiredViolation(path.Attr(attribute_.name), diagnostics);
    }
    if (!attr.is_known()) return;
    for (const Rule& rule : rules_) {
      if (rule.holds(attr.value())) continue;
      AddRuleViolation(path.Attr(attribute_.name), rule.text, EncodeAttr(attr),
                       attribute_.sensitive, diagnostics);
    }
  }
  void ApplyDefaults(M& model) const override {
    if (default_.has_value() && (model.*member_).is_null()) model.*member_ = *default_;
  }
  void PlanComputed(const M& config, const M* prior, M& planned) const override {
    if (!attribute_.computed || default_.has_value() || !(config.*member_).is_null()) return;
    const bool keep = prior != nullptr && on_change_ == OnChange::kKeepPrior;
    planned.*member_ = keep ? prior->*member_ : Attr<T>::Unknown();
  }

 private:
  struct Rule {
    std::string text;
    std::function<bool(const T&)> holds;
  };
  Attr<T> M::*member_;
  Attribute attribute_;
  OnChange on_change_ = OnChange::kUnknown;
  std::optional<T> default_;
  std::vector<Rule> rules_;
};

template <typename M, typename N>
class BlockMember final : public Member<M> {
 public:
  BlockMember(std::string name, Attr<N> M::*member) : member_(member) {
    block_.name = std::move(name);
    block_.nesting = Nesting::kSingle;
    block_.block = N::Declaration().Describe();
  }
  BlockMember& Required() { return block_.required = true, *this; }

  void Describe(Block& block) const override { block.blocks.push_back(block_); }
  void Decode(const value::Value& object, const value::Path& path, M& model,
              Diagnostics& diagnostics) const override {
    model.*member_ = DecodeAttr<N>(object.Get(block_.name), path.Attr(block_.name), diagnostics);
  }
  void Encode(const M& model, value::Value::Map& attributes) const override {
    attributes.emplace(block_.name, EncodeAttr(model.*member_));
  }
  void Validate(const M& model, const value::Path& path, Diagnostics& diagnostics) const override {
    const Attr<N>& attr = model.*member_;
    if (attr.is_known()) {
      N::Declaration().Validate(attr.value(), path.Attr(block_.name), diagnostics);
    }
  }
  void ApplyDefaults(M& model) const override {
    Attr<N>& attr = model.*member_;
    if (attr.is_known()) N::Declaration().ApplyDefaults(attr.value());
  }
  void PlanComputed(const M&, const M*, M&) const override {}

 private:
  Attr<N> M::*member_;
  BlockType block_;
};

template <typename M, typename N>
class BlockListMember final : public Member<M> {
 public:
  BlockListMember(std::string name, Attr<std::vector<N>> M::*member) : member_(member) {
    block_.name = std::move(name);
    block_.nesting = Nesting::kList;
    block_.block = N::Declaration().Describe();
  }
  BlockListMember& Items(int64_t at_least, int64_t at_most) {
    block_.min_items = at_least;
    block_.max_items = at_most;
    return *this;
  }

  void Describe(Block& block) const override { block.blocks.push_back(block_); }
  void Decode(const value::Value& object, const value::Path& path, M& model,
              Diagnostics& diagnostics) const override {
    const value::Value list = object.Get(block_.name);
    if (list.is_unknown()) {
      model.*member_ = Attr<std::vector<N>>::Unknown();
      return;
    }
    std::vector<N> result;
    if (list.is_known()) {
      for (const value::Value& element : list.elements()) {
        const auto index = static_cast<int64_t>(result.size());
        result.push_back(Codec<N>::Decode(element, path.Attr(block_.name).At(index), diagnostics));
      }
    }
    model.*member_ = std::move(result);
  }
  void Encode(const M& model, value::Value::Map& attributes) const override {
    const Attr<std::vector<N>>& attr = model.*member_;
    const value::Type type = Codec<N>::TypeOf();
    if (attr.is_unknown()) {
      attributes.emplace(block_.name, value::Value::Unknown(value::Type::List(type)));
      return;
    }
    value::Value::List elements;
    if (attr.is_known()) {
      for (const N& element : attr.value()) elements.push_back(Codec<N>::Encode(element));
    }
    attributes.emplace(block_.name, value::Value::MakeList(type, std::move(elements)));
  }
  void Validate(const M& model, const value::Path& path, Diagnostics& diagnostics) const override {
    const Attr<std::vector<N>>& attr = model.*member_;
    if (!attr.is_known()) return;
    for (size_t i = 0; i < attr.value().size(); ++i) {
      N::Declaration().Validate(attr.value()[i], path.Attr(block_.name).At(static_cast<int64_t>(i)),
                                diagnostics);
    }
  }
  void ApplyDefaults(M& model) const override {
    Attr<std::vector<N>>& attr = model.*member_;
    if (!attr.is_known()) return;
    for (N& element : attr.value()) N::Declaration().ApplyDefaults(element);
  }
  void PlanComputed(const M&, const M*, M&) const override {}

 private:
  Attr<std::vector<N>> M::*member_;
  BlockType block_;
};

template <typename M, typename E>
class EmbeddedMember final : public Member<M> {
 public:
  explicit EmbeddedMember(E M::*member) : member_(member) {}

  void Describe(Block& block) const override {
    Block inner = E::Declaration().Describe();
    for (Attribute& attribute : inner.attributes) block.attributes.push_back(std::move(attribute));
    for (BlockType& nested : inner.blocks) block.blocks.push_back(std::move(nested));
  }
  void Decode(const value::Value& object, const value::Path& path, M& model,
              Diagnostics& diagnostics) const override {
    model.*member_ = E::Declaration().Decode(object, path, diagnostics);
  }
  void Encode(const M& model, value::Value::Map& attributes) const override {
    E::Declaration().EncodeInto(model.*member_, attributes);
  }
  void Validate(const M& model, const value::Path& path, Diagnostics& diagnostics) const override {
    E::Declaration().Validate(model.*member_, path, diagnostics);
  }
  void ApplyDefaults(M& model) const override { E::Declaration().ApplyDefaults(model.*member_); }
  void PlanComputed(const M& config, const M* prior, M& planned) const override {
    E::Declaration().PlanComputed(config.*member_, prior == nullptr ? nullptr : &(prior->*member_),
                                  planned.*member_);
  }

 private:
  E M::*member_;
};

// Built once, then immutable and safe to share.
template <typename M>
class Spec {
 public:
  explicit Spec(std::string doc) : doc_(std::move(doc)) {}

  template <typename T>
  FieldMember<M, T>& Field(std::string name, Attr<T> M::*member) {
    return Add(std::make_unique<FieldMember<M, T>>(std::move(name), member));
  }
  template <typename N>
  BlockMember<M, N>& Block(std::string name, Attr<N> M::*member) {
    return Add(std::make_unique<BlockMember<M, N>>(std::move(name), member));
  }
  template <typename N>
  BlockListMember<M, N>& BlockList(std::string name, Attr<std::vector<N>> M::*member) {
    return Add(std::make_unique<BlockListMember<M, N>>(std::move(name), member));
  }
  template <typename E>
  void Embed(E M::*member) {
    members_.push_back(std::make_unique<EmbeddedMember<M, E>>(member));
  }

  schema::Block Describe() const {
    schema::Block block;
    block.description = doc_;
    for (const auto& member : members_) member->Describe(block);
    return block;
  }
  value::Type ImpliedType() const { return Describe().ImpliedType(); }

  // `object` is known. Type problems go to `diagnostics` with paths below `path`.
  M Decode(const value::Value& object, const value::Path& path, Diagnostics& diagnostics) const {
    M model;
    for (const auto& member : members_) member->Decode(object, path, model, diagnostics);
    return model;
  }
  value::Value Encode(const M& model) const {
    value::Value::Map attributes;
    EncodeInto(model, attributes);
    return value::Value::Object(std::move(attributes));
  }
  void EncodeInto(const M& model, value::Value::Map& attributes) const {
    for (const auto& member : members_) member->Encode(model, attributes);
  }
  // All violations of field rules, with paths; unknown values are passed over.
  void Validate(const M& model, const value::Path& path, Diagnostics& diagnostics) const {
    for (const auto& member : members_) member->Validate(model, path, diagnostics);
  }
  void ApplyDefaults(M& model) const {
    for (const auto& member : members_) member->ApplyDefaults(model);
  }
  void PlanComputed(const M& config, const M* prior, M& planned) const {
    for (const auto& member : members_) member->PlanComputed(config, prior, planned);
  }

  // What is wrong with the declaration itself; empty when nothing is. Run by a test.
  std::vector<std::string> Problems() const {
    std::vector<std::string> problems = BlockProblems(Describe());
    if (members_.size() != kArity<M>) {
      problems.push_back("the struct has " + std::to_string(kArity<M>) + " members, declared are " +
                         std::to_string(members_.size()));
    }
    return problems;
  }

 private:
  template <typename D>
  D& Add(std::unique_ptr<D> member) {
    D& added = *member;
    members_.push_back(std::move(member));
    return added;
  }

  std::string doc_;
  std::vector<std::unique_ptr<Member<M>>> members_;
};

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_SPEC_H_
