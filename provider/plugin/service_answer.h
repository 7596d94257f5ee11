// The frame of every call: whatever happens inside becomes diagnostics in an answer. A gRPC error
// status would reach the user without a path and would lose state.
#ifndef DELIVERY_PLUGIN_SERVICE_ANSWER_H_
#define DELIVERY_PLUGIN_SERVICE_ANSWER_H_

#include <exception>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/support/status.h"
#include "provider/base/log.h"
#include "provider/plugin/to_wire.h"

namespace delivery::plugin {

inline constexpr char kProviderBug[] = "Provider bug";

// What the user is told when `rpc` ended with an exception.
inline std::string ExceptionDetail(std::string_view rpc, std::string_view what) {
  return absl::StrCat("The provider failed unexpectedly in ", std::string(rpc), ": ",
                      std::string(what), ".\n\nThis is a bug in the provider; please report it.");
}

// Runs `body`, which fills `response` and returns a status. A status that is not OK means that the
// request could not be understood or the answer not be written. What was filled before an exception
// stays: hosts look at nothing but private bytes and a state then, which are only ever set whole.
template <typename Response, typename Body>
grpc::Status Answer(std::string_view rpc, Response* response, Body body) {
  log::Trace("call begins", {{"tf_rpc", std::string(rpc)}});
  std::string thrown;
  try {
    const absl::Status status = body();
    if (!status.ok()) {
      AddError(*response->mutable_diagnostics(), absl::StrCat(std::string(rpc), " failed"),
               std::string(status.message()));
    }
    log::Trace("call ends", {{"tf_rpc", std::string(rpc)}});
    return grpc::Status::OK;
  } catch (const std::exception& exception) {
    thrown = exception.what();
  } catch (...) {
    thrown = "an unknown exception";
  }
  AddError(*response->mutable_diagnostics(), kProviderBug, ExceptionDetail(rpc, thrown));
  return grpc::Status::OK;
}

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_ANSWER_H_
