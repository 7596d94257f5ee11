#include "provider/plugin/controller.h"

#include <atomic>
#include <optional>

#include "provider/base/log.h"

namespace delivery::plugin {
namespace {

// One open stream; owns itself until gRPC is done with it.
class SilentStream final : public grpc::ServerWriteReactor<::plugin::StdioData> {
 public:
  explicit SilentStream(const std::stop_token& stop) {
    // Tells a client that waits for headers that the stream is open; must come before the end.
    StartSendInitialMetadata();
    end_on_stop_.emplace(stop, [this] { End(grpc::Status::OK); });
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void End(const grpc::Status& status) {
    if (!ended_.exchange(true)) Finish(status);
  }

  std::atomic<bool> ended_ = false;
  std::optional<std::stop_callback<std::function<void()>>> end_on_stop_;
};

}  // namespace

grpc::Status Controller::Shutdown(grpc::ServerContext*, const ::plugin::Empty*, ::plugin::Empty*) {
  log::Debug("the host asked this process to end");
  on_shutdown_();
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<::plugin::StdioData>* Stdio::StreamStdio(grpc::CallbackServerContext*,
                                                                  const google::protobuf::Empty*) {
  return new SilentStream(stop_);
}

}  // namespace delivery::plugin
