// The service as a host uses it: schemas, plan and apply, stops.
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/plugin/service_fixture.h"

namespace delivery::plugin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using value::Type;
using value::Value;

TEST_F(ServiceTest, SchemaHasEverythingAndTheCapabilities) {
  const auto schema =
      Call(&pb::Provider::Stub::GetProviderSchema, pb::GetProviderSchema::Request());
  EXPECT_TRUE(schema.has_provider() && schema.provider().has_block());
  EXPECT_EQ(schema.resource_schemas().at("fake_thing").version(), 2);
  EXPECT_EQ(schema.data_source_schemas().count("fake_source"), 1u);
  EXPECT_TRUE(schema.functions().at("join").has_return_());
  EXPECT_FALSE(schema.has_provider_meta());
  EXPECT_TRUE(schema.server_capabilities().plan_destroy());
  EXPECT_TRUE(schema.server_capabilities().get_provider_schema_optional());
  EXPECT_TRUE(schema.server_capabilities().move_resource_state());
  EXPECT_FALSE(schema.server_capabilities().generate_resource_config());
}

TEST_F(ServiceTest, MetadataIdentitiesAndFunctions) {
  const auto metadata = Call(&pb::Provider::Stub::GetMetadata, pb::ProviderMetadata::Request());
  EXPECT_EQ(metadata.resources(0).type_name(), "fake_thing");
  EXPECT_EQ(metadata.data_sources(0).type_name(), "fake_source");
  EXPECT_EQ(metadata.functions(0).name(), "join");
  const auto identities = Call(&pb::Provider::Stub::GetResourceIdentitySchemas,
                               pb::GetResourceIdentitySchemas::Request());
  EXPECT_EQ(identities.identity_schemas().at("fake_thing").version(), 1);
  const auto functions = Call(&pb::Provider::Stub::GetFunctions, pb::GetFunctions::Request());
  EXPECT_EQ(functions.functions().at("join").parameters(0).name(), "separator");
}

TEST_F(ServiceTest, ProviderIsValidatedAndConfigured) {
  pb::ValidateProviderConfig::Request validate;
  *validate.mutable_config() = Wire(Value::Object({}), Type::Object({}));
  const auto validated = Call(&pb::Provider::Stub::ValidateProviderConfig, validate);
  ASSERT_EQ(validated.diagnostics_size(), 1);
  EXPECT_EQ(validated.diagnostics(0).severity(), pb::Diagnostic::WARNING);
  pb::ConfigureProvider::Request configure;
  configure.set_terraform_version("1.15.0");
  *configure.mutable_config() = validate.config();
  EXPECT_EQ(Call(&pb::Provider::Stub::ConfigureProvider, configure).diagnostics_size(), 0);
  EXPECT_EQ(provider_.configured_by, "1.15.0");
}

TEST_F(ServiceTest, UnusedCallsAreUnimplemented) {
  grpc::ClientContext context;
  pb::GenerateResourceConfig::Response response;
  const grpc::Status status = stub_->GenerateResourceConfig(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);

  grpc::ClientContext stream_context;
  pb::ListResource::Event event;
  auto stream = stub_->ListResource(&stream_context, {});
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServiceTest, UnknownTypesAreErrorDiagnostics) {
  pb::ReadResource::Request read;
  read.set_type_name("fake_nothing");
  const auto response = Call(&pb::Provider::Stub::ReadResource, read);
  ASSERT_TRUE(HasErrors(response.diagnostics()));
  EXPECT_THAT(response.diagnostics(0).detail(), HasSubstr("fake_nothing"));
  pb::ReadDataSource::Request data;
  data.set_type_name("fake_nothing");
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::ReadDataSource, data).diagnostics()));
}

TEST_F(ServiceTest, MalformedValuesAreErrorDiagnostics) {
  pb::ValidateResourceConfig::Request request;
  request.set_type_name("fake_thing");
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::ValidateResourceConfig, request).diagnostics()));
  request.mutable_config()->set_msgpack("\xc1");
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::ValidateResourceConfig, request).diagnostics()));
}

TEST_F(ServiceTest, InvalidUtf8InDiagnosticsIsReplaced) {
  pb::ValidateResourceConfig::Request request;
  request.set_type_name("fake_thing");
  *request.mutable_config() = Thing(FakeThing("bytes"));
  const auto response = Call(&pb::Provider::Stub::ValidateResourceConfig, request);
  ASSERT_EQ(response.diagnostics_size(), 1);
  EXPECT_EQ(response.diagnostics(0).summary(), "bad \xef\xbf\xbd");
  EXPECT_EQ(response.diagnostics(0).attribute().steps(0).attribute_name(), "name");
}

TEST_F(ServiceTest, ExceptionsBecomeDiagnostics) {
  const auto applied = Apply("throw");
  ASSERT_EQ(applied.diagnostics_size(), 1);
  EXPECT_EQ(applied.diagnostics(0).summary(), "Provider bug");
  EXPECT_THAT(applied.diagnostics(0).detail(), HasSubstr("thrown by the fake"));
  EXPECT_TRUE(HasErrors(Plan("throw", "").diagnostics()));
  EXPECT_TRUE(HasErrors(Read("throw", "").diagnostics()));
}

TEST_F(ServiceTest, PlanAndApply) {
  const auto plan = Plan("a", "0");
  EXPECT_EQ(plan.diagnostics_size(), 0);
  EXPECT_TRUE(ThingOf(plan.planned_state()).Get("id").is_unknown());
  EXPECT_EQ(plan.requires_replace(0).steps(0).attribute_name(), "name");
  EXPECT_EQ(IdentityOf(plan.planned_identity()), FakeIdentity("a"));
  EXPECT_FALSE(plan.legacy_type_system());
  const auto applied = Apply("a", plan.planned_private());
  EXPECT_EQ(applied.diagnostics_size(), 0);
  EXPECT_EQ(ThingOf(applied.new_state()), FakeThing("a", Value::String("id-a")));
  EXPECT_EQ(IdentityOf(applied.new_identity()), FakeIdentity("a"));
}

TEST_F(ServiceTest, DestroyPlansAndAppliesNull) {
  pb::PlanResourceChange::Request plan;
  plan.set_type_name("fake_thing");
  *plan.mutable_prior_state() = Thing(FakeThing("a", Value::String("x")));
  const auto planned = Call(&pb::Provider::Stub::PlanResourceChange, plan);
  EXPECT_EQ(planned.diagnostics_size(), 0);
  EXPECT_EQ(planned.planned_state().msgpack(), "\xc0");
  pb::ApplyResourceChange::Request apply;
  apply.set_type_name("fake_thing");
  *apply.mutable_prior_state() = plan.prior_state();
  const auto applied = Call(&pb::Provider::Stub::ApplyResourceChange, apply);
  EXPECT_EQ(applied.diagnostics_size(), 0);
  EXPECT_EQ(applied.new_state().msgpack(), "\xc0");
}

TEST_F(ServiceTest, PrivateStateGoesRound) {
  const std::string odd("\x00\xff{}", 4);
  const auto plan = Plan("a", odd);
  EXPECT_EQ(plan.planned_private(), odd + "p");
  const auto applied = Apply("a", plan.planned_private());
  EXPECT_EQ(applied.private_(), odd + "pa");
  EXPECT_EQ(Read("a", applied.private_()).private_(), odd + "par");
}

TEST_F(ServiceTest, PrivateStateAndIdentityAreCarriedWhenNothingIsSaid) {
  EXPECT_EQ(Plan("silent", "kept").planned_private(), "kept");
  EXPECT_EQ(Apply("silent", "kept").private_(), "kept");
  const auto read = Read("silent", "kept");
  EXPECT_EQ(read.private_(), "kept");
  EXPECT_EQ(IdentityOf(read.new_identity()), FakeIdentity("silent"));
  EXPECT_EQ(Apply("throw", "kept").private_(), "kept");
}

TEST_F(ServiceTest, BrokenRulesAreProviderBugs) {
  const auto plan = Plan("break", "");
  ASSERT_EQ(plan.diagnostics_size(), 1);
  EXPECT_THAT(plan.diagnostics(0).summary(), HasSubstr("Provider bug: "));
  EXPECT_EQ(plan.diagnostics(0).attribute().steps(0).attribute_name(), "name");
  const auto applied = Apply("break");
  ASSERT_EQ(applied.diagnostics_size(), 1);
  EXPECT_THAT(applied.diagnostics(0).summary(), HasSubstr("Provider bug: "));
  EXPECT_TRUE(ThingOf(applied.new_state()).is_known()) << "the state is kept all the same";
}

TEST_F(ServiceTest, StopEndsRunningApplyAndNoLaterOne) {
  auto running = std::async(std::launch::async, [this] { return Apply("wait"); });
  while (provider_.resource.waiting == 0) std::this_thread::sleep_for(milliseconds(1));
  const auto begin = steady_clock::now();
  Call(&pb::Provider::Stub::StopProvider, pb::StopProvider::Request());
  const auto stopped = running.get();
  EXPECT_LT(steady_clock::now() - begin, milliseconds(100));
  ASSERT_EQ(stopped.diagnostics_size(), 1);
  EXPECT_EQ(stopped.diagnostics(0).summary(), "Stopped");
  EXPECT_TRUE(ThingOf(stopped.new_state()).is_known());

  EXPECT_EQ(Apply("a").diagnostics_size(), 0);
  auto later = std::async(std::launch::async, [this] { return Apply("wait"); });
  EXPECT_EQ(later.wait_for(milliseconds(50)), std::future_status::timeout);
  Call(&pb::Provider::Stub::StopProvider, pb::StopProvider::Request());
  later.get();
}

TEST_F(ServiceTest, ManyWaitingCallsHoldUpNoOther) {
  std::vector<std::future<pb::ApplyResourceChange::Response>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::async(std::launch::async, [this] { return Apply("wait"); }));
  }
  while (provider_.resource.waiting < 20) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_EQ(Apply("a").diagnostics_size(), 0);
  Call(&pb::Provider::Stub::StopProvider, pb::StopProvider::Request());
  for (auto& apply : waiting) EXPECT_EQ(apply.get().diagnostics_size(), 1);
}

TEST_F(ServiceTest, LargeMessages) {
  const std::string name(20 << 20, 'x');
  const auto applied = Apply(name);
  EXPECT_EQ(applied.diagnostics_size(), 0);
  EXPECT_EQ(ThingOf(applied.new_state()).Get("name").AsString().size(), name.size());
}

}  // namespace
}  // namespace delivery::plugin
