// The service as a host uses it: stored state, import, move, data sources, functions.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/plugin/service_fixture.h"

namespace delivery::plugin {
namespace {

using testing::HasSubstr;
using value::Type;
using value::Value;

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
