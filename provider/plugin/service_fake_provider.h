// A small provider for tests of the service. Its resource's behaviour follows from the attribute
// `name`, so that a test can ask for it over the wire.
#ifndef DELIVERY_PLUGIN_SERVICE_FAKE_PROVIDER_H_
#define DELIVERY_PLUGIN_SERVICE_FAKE_PROVIDER_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "provider/plugin/resource.h"

namespace delivery::plugin {

// Resource fake_thing: `name` (required), `note` (optional), `id` (computed), blocks `check`.
// Identity: `name`. Names with a meaning:
//   "wait"   Apply waits for a stop and then answers with an error and its state
//   "throw"  every call throws
//   "bytes"  Validate answers with text that is not UTF-8
//   "break"  Apply and Plan answer with another name
//   "silent" answers leave private state and identity to the service
class FakeResource final : public Resource {
 public:
  FakeResource();
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  const schema::IdentitySchema* identity_schema() const override { return &identity_; }
  Diagnostics Validate(const value::Value& config) const override;
  ReadResponse Read(const CallContext&, const ReadRequest& request) const override;
  PlanResponse Plan(const CallContext&, const PlanRequest& request) const override;
  ApplyResponse Apply(const CallContext& context, const ApplyRequest& request) const override;
  ReadResponse Import(const CallContext&, const ImportRequest& request) const override;
  ReadResponse Move(const CallContext&, const MoveRequest& request) const override;

  // Applies with the name "wait" that have begun.
  mutable std::atomic<int> waiting = 0;

 private:
  std::string type_name_ = "fake_thing";
  schema::Schema schema_;
  schema::IdentitySchema identity_;
};

class FakeDataSource final : public DataSource {
 public:
  FakeDataSource();
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value&) const override { return {}; }
  // `echo` becomes `name`.
  ReadResponse Read(const CallContext&, const value::Value& config) const override;

 private:
  std::string type_name_ = "fake_source";
  schema::Schema schema_;
};

// join(separator, parts...): an error about argument 0 when the separator is empty; the separator
// may be null.
class FakeFunction final : public Function {
 public:
  FakeFunction();
  const std::string& name() const override { return name_; }
  const std::string& summary() const override { return name_; }
  const std::string& description() const override { return name_; }
  const std::vector<FunctionParameter>& parameters() const override { return parameters_; }
  const FunctionParameter* variadic_parameter() const override { return &variadic_; }
  const value::Type& return_type() const override { return variadic_.type; }
  FunctionResult Call(const std::vector<value::Value>& arguments) const override;

 private:
  std::string name_ = "join";
  std::vector<FunctionParameter> parameters_;
  FunctionParameter variadic_;
};

class FakeProvider final : public Provider {
 public:
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value& config) const override;
  Diagnostics Configure(const value::Value& config, const std::string& host_version) override;
  std::vector<const Resource*> resources() const override { return {&resource}; }
  std::vector<const DataSource*> data_sources() const override { return {&data_source}; }
  std::vector<const Function*> functions() const override { return {&function}; }

  FakeResource resource;
  FakeDataSource data_source;
  FakeFunction function;
  std::string configured_by;  // the host version of the last Configure

 private:
  schema::Schema schema_;
};

// A configuration, plan or state of fake_thing.
value::Value FakeThing(const std::string& name, value::Value id);
value::Value FakeThing(const std::string& name);  // without an id
value::Value FakeIdentity(const std::string& name);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_FAKE_PROVIDER_H_
