// The provider of the conformance tests: the plugin layer with nothing behind it.
#include <memory>
#include <string>
#include <vector>

#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "provider/plugin/serve.h"
#include "tests/conformance/provider/declare.h"
#include "tests/conformance/provider/functions.h"
#include "tests/conformance/provider/thing.h"

namespace delivery::conformance {
namespace {

using value::Type;
using value::Value;

class TestProvider : public plugin::Provider {
 public:
  TestProvider() {
    schema_.block.description = "For tests.";
    schema_.block.attributes = {Optional("greeting", Type::String()),
                                Sensitive(Optional("token", Type::String()))};
  }
  const schema::Schema& schema() const override { return schema_; }

  Diagnostics Validate(const Value& config) const override {
    Diagnostics diagnostics;
    const Value greeting = config.Get("greeting");
    if (greeting.is_string() && greeting.AsString().empty()) {
      diagnostics.Error(value::Path::Of("greeting"), "Empty greeting", "Leave it out instead.");
    }
    return diagnostics;
  }

  Diagnostics Configure(const Value& config, const std::string& host_version) override {
    const Value token = config.Get("token");
    if (token.is_string()) {
      RegisterSecret(token.AsString());
      log::Info("conformance configured",
                {{"host_version", host_version}, {"with_token", token.AsString()}});
    }
    return {};
  }

  std::vector<const plugin::Resource*> resources() const override {
    return {thing_.get(), moved_.get(), object_.get()};
  }
  std::vector<const plugin::DataSource*> data_sources() const override {
    return {echo_data_.get()};
  }
  std::vector<const plugin::Function*> functions() const override {
    return {echo_.get(), count_.get(), refuse_.get()};
  }

 private:
  schema::Schema schema_;
  const std::unique_ptr<plugin::Resource> thing_ = MakeThing();
  const std::unique_ptr<plugin::Resource> moved_ = MakeMoved();
  const std::unique_ptr<plugin::Resource> object_ = MakeObject();
  const std::unique_ptr<plugin::DataSource> echo_data_ = MakeEchoData();
  const std::unique_ptr<plugin::Function> echo_ = MakeEcho();
  const std::unique_ptr<plugin::Function> count_ = MakeCount();
  const std::unique_ptr<plugin::Function> refuse_ = MakeRefuse();
};

}  // namespace
}  // namespace delivery::conformance

int main(int argc, char** argv) {
  delivery::conformance::TestProvider provider;
  delivery::plugin::ServeOptions options;
  options.debug = argc > 1 && std::string(argv[1]) == "debug";
  options.version = "0.0.1";
  options.provider_address = "registry.terraform.io/delivery-tf/conformance";
  return delivery::plugin::Serve(provider, options);
}
