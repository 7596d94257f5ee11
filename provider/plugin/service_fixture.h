// A server with the service over the fake provider on a unix socket, and a client to it.
#ifndef DELIVERY_PLUGIN_SERVICE_FIXTURE_H_
#define DELIVERY_PLUGIN_SERVICE_FIXTURE_H_

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/tfplugin6.grpc.pb.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service.h"
#include "provider/plugin/service_fake_provider.h"
#include "provider/plugin/to_wire.h"

namespace delivery::plugin {

namespace pb = ::tfplugin6;

class ServiceTest : public testing::Test {
 protected:
  static constexpr int kLargest = 256 << 20;

  ServiceTest() {
    const std::string address = "unix:" + socket_;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(kLargest);
    builder.SetMaxSendMessageSize(kLargest);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kLargest);
    arguments.SetMaxSendMessageSize(kLargest);
    stub_ = pb::Provider::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }
  ~ServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
    ::unlink(socket_.c_str());
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (pb::Provider::Stub::*)(grpc::ClientContext*, const Request&,
                                                      Response*);
  template <typename Request, typename Response>
  Response Call(Method<Request, Response> method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(300));
    Response response;
    const grpc::Status status = ((*stub_).*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
    return response;
  }

  value::Type ThingType() const { return provider_.resource.schema().block.ImpliedType(); }
  value::Type IdentityType() const { return provider_.resource.identity_schema()->ImpliedType(); }
  pb::DynamicValue Thing(const value::Value& value) const { return Wire(value, ThingType()); }
  static pb::DynamicValue Wire(const value::Value& value, const value::Type& type) {
    pb::DynamicValue wire;
    EXPECT_TRUE(ValueToWire(value, type, wire).ok());
    return wire;
  }
  value::Value ThingOf(const pb::DynamicValue& wire) const {
    return *ValueFromWire(wire, ThingType());
  }
  value::Value IdentityOf(const pb::ResourceIdentityData& wire) const {
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
    *request.mutable_planned_state() =
        Thing(FakeThing(name, value::Value::Unknown(value::Type::String())));
    request.set_planned_private(private_state);
    return Call(&pb::Provider::Stub::ApplyResourceChange, request);
  }
  pb::ReadResource::Response Read(const std::string& name, const std::string& private_state) {
    pb::ReadResource::Request request;
    request.set_type_name("fake_thing");
    *request.mutable_current_state() = Thing(FakeThing(name, value::Value::String("x")));
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
    return Wire(value::Value::String(text), value::Type::String());
  }

  const std::string socket_ = "/tmp/service_test." + std::to_string(::getpid()) + ".sock";
  FakeProvider provider_;
  std::unique_ptr<grpc::Service> service_ = MakeProviderService(provider_);
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<pb::Provider::Stub> stub_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_FIXTURE_H_
