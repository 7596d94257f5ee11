// The whole service over gRPC on a unix socket, as a host uses it.
#include "provider/plugin/service.h"

#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/tfplugin6.grpc.pb.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service_fake_provider.h"
#include "provider/plugin/to_wire.h"

namespace delivery::plugin {
namespace {

namespace pb = ::tfplugin6;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using value::Type;
using value::Value;

constexpr int kLargestMessage = 256 << 20;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    const std::string address = "unix:" + socket_;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(kLargestMessage);
    builder.SetMaxSendMessageSize(kLargestMessage);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kLargestMessage);
    arguments.SetMaxSendMessageSize(kLargestMessage);
    stub_ = pb::Provider::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }
  ~ServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + milliseconds(500));
    ::unlink(socket_.c_str());
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (pb::Provider::Stub::*)(grpc::ClientContext*, const Request&,
                                                      Response*);
  template <typename Request, typename Response>
  Response Call(Method<Request, Response> method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    Response response;
    const grpc::Status status = ((*stub_).*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
    return response;
  }

  Type ThingType() const { return provider_.resource.schema().block.ImpliedType(); }
  Type IdentityType() const { return provider_.resource.identity_schema()->ImpliedType(); }
  pb::DynamicValue Thing(const Value& value) const { return Wire(value, ThingType()); }
  static pb::DynamicValue Wire(const Value& value, const Type& type) {
    pb::DynamicValue wire;
    EXPECT_TRUE(ValueToWire(value, type, wire).ok());
    return wire;
  }
  Value ThingOf(const pb::DynamicValue& wire) const { return *ValueFromWire(wire, ThingType()); }
  Value IdentityOf(const pb::ResourceIdentityData& wire) const {
    return *ValueFromWire(wire.identity_data(), IdentityType());
  }

  pb::PlanResourceChange::Response Plan(const std::string& name, const std::string& private_state) {
    pb::PlanResourceChange::Request request;
    request.set_type_name("fake_thing");
    *request.mutable_config() = Thing(FakeThing(name));
    *request.mutable_proposed_new_state() = Thing(FakeThing(name));
    request.set_prior_private(private_state);
    return Call(&pb::Provider::Stub::PlanResourceChange, request);
  }
  pb::ApplyResourceChange::Response Apply(const std::string& name,
                                          const std::string& private_state = "") {
    pb::ApplyResourceChange::Request request;
    request.set_type_name("fake_thing");
    *request.mutable_config() = Thing(FakeThing(name));
    *request.mutable_planned_state() = Thing(FakeThing(name, Value::Unknown(Type::String())));
    request.set_planned_private(private_state);
    return Call(&pb::Provider::Stub::ApplyResourceChange, request);
  }
  pb::ReadResource::Response Read(const std::string& name, const std::string& private_state) {
    pb::ReadResource::Request request;
    request.set_type_name("fake_thing");
    *request.mutable_current_state() = Thing(FakeThing(name, Value::String("x")));
    *request.mutable_current_identity()->mutable_identity_data() =
        Wire(FakeIdentity(name), IdentityType());
    request.set_private_(private_state);
    return Call(&pb::Provider::Stub::ReadResource, request);
  }
  pb::UpgradeResourceState::Response Upgrade(int64_t version, const std::string& json) {
    pb::UpgradeResourceState::Request request;
    request.set_type_name("fake_thing");
    request.set_version(version);
    request.mutable_raw_state()->set_json(json);
    return Call(&pb::Provider::Stub::UpgradeResourceState, request);
  }
  pb::CallFunction::Response Join(const std::vector<pb::DynamicValue>& arguments) {
    pb::CallFunction::Request request;
    request.set_name("join");
    for (const pb::DynamicValue& argument : arguments) *request.add_arguments() = argument;
    return Call(&pb::Provider::Stub::CallFunction, request);
  }
  static pb::DynamicValue Text(const std::string& text) {
    return Wire(Value::String(text), Type::String());
  }

  const std::string socket_ = "/tmp/service_test." + std::to_string(::getpid()) + ".sock";
  FakeProvider provider_;
  std::unique_ptr<grpc::Service> service_ = MakeProviderService(provider_);
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<pb::Provider::Stub> stub_;
};

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
  EXPECT_EQ(Read("throw", "kept").private_(), "") << "the host keeps its own on errors";
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

TEST_F(ServiceTest, UpgradeOfTheSameVersionIgnoresUnknownAttributes) {
  const auto upgraded = Upgrade(2, R"({"name":"a","id":"x","gone":[1]})");
  EXPECT_EQ(upgraded.diagnostics_size(), 0);
  EXPECT_EQ(ThingOf(upgraded.upgraded_state()), FakeThing("a", Value::String("x")))
      << "absent blocks are an empty list";
}

TEST_F(ServiceTest, UpgradeOfOlderVersionsUsesTheCurrentSchemaByDefault) {
  const auto upgraded = Upgrade(1, R"({"name":"a","id":"x","check":[]})");
  EXPECT_EQ(upgraded.diagnostics_size(), 0);
  EXPECT_EQ(ThingOf(upgraded.upgraded_state()), FakeThing("a", Value::String("x")));
}

TEST_F(ServiceTest, UpgradeNeverAnswersWithSilentNull) {
  for (const char* json : {"", "null", "{", "[]"}) {
    EXPECT_TRUE(HasErrors(Upgrade(2, json).diagnostics())) << json;
    EXPECT_TRUE(HasErrors(Upgrade(1, json).diagnostics())) << json;
  }
}

TEST_F(ServiceTest, StateOfNewerProviderIsRefused) {
  const auto upgraded = Upgrade(3, R"({"name":"a"})");
  ASSERT_TRUE(HasErrors(upgraded.diagnostics()));
  EXPECT_EQ(upgraded.diagnostics(0).summary(), "State was written by a newer provider");
}

TEST_F(ServiceTest, FlatStateIsRefused) {
  pb::UpgradeResourceState::Request request;
  request.set_type_name("fake_thing");
  (*request.mutable_raw_state()->mutable_flatmap())["name"] = "a";
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::UpgradeResourceState, request).diagnostics()));
}

TEST_F(ServiceTest, UpgradeOfIdentity) {
  pb::UpgradeResourceIdentity::Request request;
  request.set_type_name("fake_thing");
  request.set_version(1);
  request.mutable_raw_identity()->set_json(R"({"name":"a"})");
  const auto upgraded = Call(&pb::Provider::Stub::UpgradeResourceIdentity, request);
  EXPECT_EQ(IdentityOf(upgraded.upgraded_identity()), FakeIdentity("a"));
  request.set_version(2);
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::UpgradeResourceIdentity, request).diagnostics()));
}

TEST_F(ServiceTest, ImportByIdAndByIdentity) {
  pb::ImportResourceState::Request request;
  request.set_type_name("fake_thing");
  request.set_id("a");
  const auto by_id = Call(&pb::Provider::Stub::ImportResourceState, request);
  ASSERT_EQ(by_id.imported_resources_size(), 1);
  EXPECT_EQ(by_id.imported_resources(0).type_name(), "fake_thing");
  EXPECT_EQ(by_id.imported_resources(0).private_(), "i");
  EXPECT_EQ(IdentityOf(by_id.imported_resources(0).identity()), FakeIdentity("a"));
  request.clear_id();
  *request.mutable_identity()->mutable_identity_data() = Wire(FakeIdentity("b"), IdentityType());
  const auto by_identity = Call(&pb::Provider::Stub::ImportResourceState, request);
  ASSERT_EQ(by_identity.imported_resources_size(), 1);
  EXPECT_EQ(ThingOf(by_identity.imported_resources(0).state()).Get("name"), Value::String("b"));
  EXPECT_EQ(IdentityOf(by_identity.imported_resources(0).identity()), FakeIdentity("b"));
}

TEST_F(ServiceTest, ImportOfNothingIsAnError) {
  pb::ImportResourceState::Request request;
  request.set_type_name("fake_thing");
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::ImportResourceState, request).diagnostics()));
  request.set_id("absent");
  const auto response = Call(&pb::Provider::Stub::ImportResourceState, request);
  EXPECT_TRUE(HasErrors(response.diagnostics()));
  EXPECT_EQ(response.imported_resources_size(), 0);
}

TEST_F(ServiceTest, Move) {
  pb::MoveResourceState::Request request;
  request.set_target_type_name("fake_thing");
  request.set_source_type_name("other_thing");
  request.set_source_private("s");
  request.mutable_source_state()->set_json("{}");
  const auto moved = Call(&pb::Provider::Stub::MoveResourceState, request);
  EXPECT_EQ(moved.diagnostics_size(), 0);
  EXPECT_EQ(ThingOf(moved.target_state()), FakeThing("moved", Value::String("{}")));
  EXPECT_EQ(moved.target_private(), "sm");
  EXPECT_EQ(IdentityOf(moved.target_identity()), FakeIdentity("moved"));
  request.set_source_type_name("strange_thing");
  EXPECT_TRUE(HasErrors(Call(&pb::Provider::Stub::MoveResourceState, request).diagnostics()));
}

TEST_F(ServiceTest, DataSource) {
  const Type type = provider_.data_source.schema().block.ImpliedType();
  const Value config =
      Value::Object({{"name", Value::String("a")}, {"echo", Value::Null(Type::String())}});
  pb::ReadDataSource::Request request;
  request.set_type_name("fake_source");
  *request.mutable_config() = Wire(config, type);
  const auto read = Call(&pb::Provider::Stub::ReadDataSource, request);
  EXPECT_EQ(read.diagnostics_size(), 0);
  EXPECT_EQ(*ValueFromWire(read.state(), type), config.With("echo", Value::String("a")));
}

TEST_F(ServiceTest, FunctionCalls) {
  const auto joined = Join({Text("-"), Text("a"), Text("b")});
  EXPECT_FALSE(joined.has_error());
  EXPECT_EQ(*ValueFromWire(joined.result(), Type::String()), Value::String("a-b"));
  const auto with_null = Join({pb::DynamicValue(), Text("a"), Text("b")});
  EXPECT_EQ(*ValueFromWire(with_null.result(), Type::String()), Value::String("a+b"));
  const auto unknown = Join({Text("-"), Wire(Value::Unknown(Type::String()), Type::String())});
  EXPECT_TRUE(ValueFromWire(unknown.result(), Type::String())->is_unknown());
}

TEST_F(ServiceTest, FunctionErrorsNameTheArgument) {
  const auto empty = Join({Text(""), Text("a")});
  EXPECT_EQ(empty.error().text(), "separator is empty");
  EXPECT_TRUE(empty.error().has_function_argument());
  EXPECT_FALSE(empty.has_result());
  EXPECT_EQ(Join({Text("-"), Text("a"), pb::DynamicValue()}).error().function_argument(), 2);
  EXPECT_TRUE(Join({}).has_error());
  EXPECT_THAT(Join({Text("throw")}).error().text(), HasSubstr("thrown by the fake"));
  pb::CallFunction::Request request;
  request.set_name("split");
  EXPECT_TRUE(Call(&pb::Provider::Stub::CallFunction, request).has_error());
}

}  // namespace
}  // namespace delivery::plugin
