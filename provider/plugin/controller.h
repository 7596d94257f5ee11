// The services that go-plugin expects beside the provider's own.
// Source: go-plugin grpc_controller.proto and grpc_stdio.proto; docs/protocol.md, "Side services".
#ifndef DELIVERY_PLUGIN_CONTROLLER_H_
#define DELIVERY_PLUGIN_CONTROLLER_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "proto/go_plugin/grpc_controller.grpc.pb.h"
#include "proto/go_plugin/grpc_stdio.grpc.pb.h"

namespace delivery::plugin {

// plugin.GRPCController: the host's request to end the process.
class Controller final : public ::plugin::GRPCController::Service {
 public:
  // `on_shutdown` must return at once and must not wait for the server to stop: the call that asked
  // for it is still to be answered.
  explicit Controller(std::function<void()> on_shutdown) : on_shutdown_(std::move(on_shutdown)) {}

  grpc::Status Shutdown(grpc::ServerContext* context, const ::plugin::Empty* request,
                        ::plugin::Empty* response) override;

 private:
  const std::function<void()> on_shutdown_;
};

// plugin.GRPCStdio: a stream for text that a plugin prints. We print none, and the host logs what
// comes as a warning, so the stream stays open and silent; that takes no thread.
class Stdio final : public ::plugin::GRPCStdio::CallbackService {
 public:
  // Open streams end well when `stop` is requested.
  explicit Stdio(std::stop_token stop) : stop_(std::move(stop)) {}

  grpc::ServerWriteReactor<::plugin::StdioData>* StreamStdio(
      grpc::CallbackServerContext* context, const google::protobuf::Empty* request) override;

 private:
  const std::stop_token stop_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_CONTROLLER_H_
