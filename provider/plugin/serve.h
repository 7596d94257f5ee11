// The life of the plugin process: start, handshake, serving, and the ways in which it ends.
#ifndef DELIVERY_PLUGIN_SERVE_H_
#define DELIVERY_PLUGIN_SERVE_H_

#include <string>

#include "provider/plugin/resource.h"

namespace delivery::plugin {

struct ServeOptions {
  // Serve without a host: print what TF_REATTACH_PROVIDERS has to be and stay until interrupted.
  // Plaintext, so that many host processes can come one after the other.
  bool debug = false;
  std::string version;  // for the log
  // Where the provider is registered; the same name on OpenTofu's registry is ours, too.
  std::string provider_address = "registry.terraform.io/delivery-tf/delivery";
};

// Serves `provider` until the host asks for the end, is gone itself, or SIGTERM or SIGHUP comes
// (SIGINT too in debug mode; otherwise the host decides what Ctrl-C means). Calls still running
// then are told to stop and given a bounded time: one second when the host asked, else three.
// Returns the exit code of the process. Call once, from the main thread, before other threads
// exist: it changes signal handlers, stdout and the log functions of gRPC.
int Serve(Provider& provider, const ServeOptions& options);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVE_H_
