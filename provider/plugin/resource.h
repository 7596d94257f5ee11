// What a provider is made of, as the plugin layer sees it: a provider with resources, data sources
// and functions over untyped values. Implementations never see protobuf or gRPC types.
//
// All methods may be called from several threads at once. None may throw. Values handed in conform
// to the schema's implied type; values handed back must too (plan_check.h asserts the hosts'
// rules).
#ifndef DELIVERY_PLUGIN_RESOURCE_H_
#define DELIVERY_PLUGIN_RESOURCE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "provider/schema/schema.h"
#include "provider/value/diagnostics.h"
#include "provider/value/path.h"
#include "provider/value/value.h"

namespace delivery::plugin {

// What every call that may take time gets. `stop` is requested by StopProvider: return within two
// seconds with what is true then.
struct CallContext {
  std::stop_token stop;
};

struct ReadRequest {
  value::Value prior;
  std::string private_state;
  value::Value identity;  // null when the host has none
};
struct ReadResponse {
  value::Value state;  // null: the object is gone
  std::string private_state;
  value::Value identity;
  Diagnostics diagnostics;
};

struct PlanRequest {
  value::Value config;    // null: destroy
  value::Value prior;     // null: create
  value::Value proposed;  // null: destroy
  std::string private_state;
  value::Value prior_identity;
};
struct PlanResponse {
  value::Value planned;
  std::string private_state;
  value::Value identity;
  std::vector<value::Path> requires_replace;
  Diagnostics diagnostics;
};

struct ApplyRequest {
  value::Value config;   // null: destroy
  value::Value prior;    // null: create
  value::Value planned;  // null: destroy
  std::string private_state;
  value::Value planned_identity;
};
struct ApplyResponse {
  value::Value state;  // null: nothing exists any more (or nothing was created)
  std::string private_state;
  value::Value identity;
  Diagnostics diagnostics;
};

struct ImportRequest {
  std::string id;         // empty when importing by identity
  value::Value identity;  // null when importing by id
};

// A `moved` block from another resource type, or another provider's type.
struct MoveRequest {
  std::string source_provider_address;  // registry host/namespace/name
  std::string source_type;
  int64_t source_schema_version = 0;
  std::string source_state_json;
  std::string source_private_state;
};

class Resource {
 public:
  virtual ~Resource() = default;

  virtual const std::string& type_name() const = 0;
  virtual const schema::Schema& schema() const = 0;
  // Null when the resource has no identity.
  virtual const schema::IdentitySchema* identity_schema() const { return nullptr; }

  virtual Diagnostics Validate(const value::Value& config) const = 0;
  virtual ReadResponse Read(const CallContext& context, const ReadRequest& request) const = 0;
  virtual PlanResponse Plan(const CallContext& context, const PlanRequest& request) const = 0;
  virtual ApplyResponse Apply(const CallContext& context, const ApplyRequest& request) const = 0;
  virtual ReadResponse Import(const CallContext& context, const ImportRequest& request) const = 0;
  virtual ReadResponse Move(const CallContext& context, const MoveRequest& request) const = 0;
  // State of an older schema version, as JSON; `version` is at most schema().version. The default
  // decodes it as the current schema.
  virtual ReadResponse Upgrade(int64_t version, const std::string& state_json) const;
};

class DataSource {
 public:
  virtual ~DataSource() = default;
  virtual const std::string& type_name() const = 0;
  virtual const schema::Schema& schema() const = 0;
  virtual Diagnostics Validate(const value::Value& config) const = 0;
  virtual ReadResponse Read(const CallContext& context, const value::Value& config) const = 0;
};

struct FunctionParameter {
  std::string name;
  value::Type type;
  std::string description;
  bool allow_null = false;
};
struct FunctionResult {
  value::Value value;
  std::string error;                      // empty: success
  std::optional<int64_t> error_argument;  // 0-based
};

class Function {
 public:
  virtual ~Function() = default;
  virtual const std::string& name() const = 0;
  virtual const std::string& summary() const = 0;
  virtual const std::string& description() const = 0;
  virtual const std::vector<FunctionParameter>& parameters() const = 0;
  // Null when the function takes no variadic arguments.
  virtual const FunctionParameter* variadic_parameter() const { return nullptr; }
  virtual const value::Type& return_type() const = 0;
  // Pure: equal arguments give equal results.
  virtual FunctionResult Call(const std::vector<value::Value>& arguments) const = 0;
};

class Provider {
 public:
  virtual ~Provider() = default;

  virtual const schema::Schema& schema() const = 0;
  virtual Diagnostics Validate(const value::Value& config) const = 0;
  // May be called more than once, with unknown values inside. `host_version` is Terraform's.
  virtual Diagnostics Configure(const value::Value& config, const std::string& host_version) = 0;

  // Stable order; the pointers live as long as the provider.
  virtual std::vector<const Resource*> resources() const = 0;
  virtual std::vector<const DataSource*> data_sources() const = 0;
  virtual std::vector<const Function*> functions() const = 0;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_RESOURCE_H_
