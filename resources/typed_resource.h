// A plugin::Resource over a declared struct: values are decoded on the way in and encoded on the
// way out, field rules and defaults are applied, and the resource itself sees only its own types.
#ifndef DELIVERY_RESOURCES_TYPED_RESOURCE_H_
#define DELIVERY_RESOURCES_TYPED_RESOURCE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/plugin/resource.h"
#include "provider/schema/spec.h"

namespace delivery::resources {

// What a read, an apply or an import leaves: no model means that nothing exists.
template <typename M>
struct TypedState {
  std::optional<M> model;
  std::string private_state;
  Diagnostics diagnostics;
};

template <typename M>
struct TypedPlan {
  M planned;
  std::string private_state;
  std::vector<value::Path> requires_replace;
  Diagnostics diagnostics;
};

// M is declared (schema::Declared). Thread-safe if the typed methods are.
template <typename M>
class TypedResource : public plugin::Resource {
 public:
  explicit TypedResource(std::string type_name, int64_t version = 0)
      : type_name_(std::move(type_name)), schema_{version, M::Declaration().Describe()} {}

  const std::string& type_name() const final { return type_name_; }
  const schema::Schema& schema() const final { return schema_; }

  Diagnostics Validate(const value::Value& config) const final {
    Diagnostics diagnostics;
    const M model = Decode(config, diagnostics);
    M::Declaration().Validate(model, {}, diagnostics);
    ValidateConfig(model, diagnostics);
    return diagnostics;
  }

  plugin::ReadResponse Read(const plugin::CallContext& context,
                            const plugin::ReadRequest& request) const final {
    Diagnostics diagnostics;
    M prior = Decode(request.prior, diagnostics);
    if (diagnostics.HasErrors()) {
      return {request.prior, request.private_state, request.identity, std::move(diagnostics)};
    }
    TypedState<M> state = ReadState(context, std::move(prior), request.private_state);
    return ToRead(std::move(state));
  }

  plugin::PlanResponse Plan(const plugin::CallContext& context,
                            const plugin::PlanRequest& request) const final {
    plugin::PlanResponse response;
    response.private_state = request.private_state;
    if (request.proposed.is_null()) {
      response.planned = value::Value::Null(schema_.block.ImpliedType());
      response.identity = request.prior_identity;
      return response;
    }
    const M config = Decode(request.config, response.diagnostics);
    std::optional<M> prior;
    if (request.prior.is_known()) prior = Decode(request.prior, response.diagnostics);
    // From the configuration, not the host's proposal: that carries the prior value of an argument
    // that was removed, where our default belongs.
    M planned = config;
    M::Declaration().Validate(config, {}, response.diagnostics);
    if (response.diagnostics.HasErrors()) {
      response.planned = request.proposed;
      return response;
    }
    M::Declaration().ApplyDefaults(planned);
    TypedPlan<M> plan =
        PlanChange(context, config, prior, std::move(planned), request.private_state);
    response.planned = M::Declaration().Encode(plan.planned);
    response.private_state = std::move(plan.private_state);
    response.requires_replace = std::move(plan.requires_replace);
    response.identity = IdentityOf(plan.planned);
    response.diagnostics.Append(plan.diagnostics);
    return response;
  }

  plugin::ApplyResponse Apply(const plugin::CallContext& context,
                              const plugin::ApplyRequest& request) const final {
    Diagnostics diagnostics;
    std::optional<M> prior;
    if (request.prior.is_known()) prior = Decode(request.prior, diagnostics);
    std::optional<M> planned;
    if (request.planned.is_known()) planned = Decode(request.planned, diagnostics);
    TypedState<M> state;
    if (!planned.has_value()) {
      state = Delete(context, *prior, request.private_state);
    } else if (!prior.has_value()) {
      state = Create(context, *std::move(planned), request.private_state);
    } else {
      state = Update(context, *std::move(prior), *std::move(planned), request.private_state);
    }
    plugin::ReadResponse read = ToRead(std::move(state));
    diagnostics.Append(read.diagnostics);
    return {std::move(read.state), std::move(read.private_state), std::move(read.identity),
            std::move(diagnostics)};
  }

  plugin::ReadResponse Import(const plugin::CallContext& context,
                              const plugin::ImportRequest& request) const override {
    return ToRead(ImportState(context, request));
  }

  plugin::ReadResponse Move(const plugin::CallContext& context,
                            const plugin::MoveRequest& request) const override {
    return ToRead(MoveState(context, request));
  }

 protected:
  // Rules between fields; field rules were checked. Values may be unknown.
  virtual void ValidateConfig(const M& config, Diagnostics& diagnostics) const = 0;
  virtual TypedState<M> ReadState(const plugin::CallContext& context, M prior,
                                  const std::string& private_state) const = 0;
  // `planned` is the configuration with our defaults; computed attributes are null and must be set.
  // Not called for a destroy.
  virtual TypedPlan<M> PlanChange(const plugin::CallContext& context, const M& config,
                                  const std::optional<M>& prior, M planned,
                                  const std::string& private_state) const = 0;
  virtual TypedState<M> Create(const plugin::CallContext& context, M planned,
                               const std::string& private_state) const = 0;
  virtual TypedState<M> Update(const plugin::CallContext& context, M prior, M planned,
                               const std::string& private_state) const = 0;
  // No model in the answer: it is gone. With a model (and an error): it is still there.
  virtual TypedState<M> Delete(const plugin::CallContext& context, const M& prior,
                               const std::string& private_state) const = 0;
  virtual TypedState<M> ImportState(const plugin::CallContext& context,
                                    const plugin::ImportRequest& request) const = 0;
  // The default refuses.
  virtual TypedState<M> MoveState(const plugin::CallContext&,
                                  const plugin::MoveRequest& request) const {
    TypedState<M> state;
    state.diagnostics.Error({}, "Unsupported move",
                            "A " + request.source_type + " cannot be moved to " + type_name_ + ".");
    return state;
  }
  // Null without an identity schema, or when it is not known yet.
  virtual value::Value IdentityOf(const M&) const { return value::Value(); }

 private:
  static M Decode(const value::Value& object, Diagnostics& diagnostics) {
    return M::Declaration().Decode(object, {}, diagnostics);
  }
  plugin::ReadResponse ToRead(TypedState<M> state) const {
    plugin::ReadResponse response;
    response.private_state = std::move(state.private_state);
    response.diagnostics = std::move(state.diagnostics);
    if (state.model.has_value()) {
      response.state = M::Declaration().Encode(*state.model);
      response.identity = IdentityOf(*state.model);
    } else {
      response.state = value::Value::Null(schema_.block.ImpliedType());
    }
    return response;
  }

  std::string type_name_;
  schema::Schema schema_;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_TYPED_RESOURCE_H_
