#include "provider/plugin/serve.h"

#include <fcntl.h>
#include <grpc/support/log.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/plugin/auto_mtls.h"
#include "provider/plugin/controller.h"
#include "provider/plugin/crash_report.h"
#include "provider/plugin/handshake.h"
#include "provider/plugin/orphan_guard.h"
#include "provider/plugin/service.h"

namespace delivery::plugin {
namespace {

// As in HashiCorp's SDKs; gRPC's own limit of 4 MiB breaks large states.
constexpr int kLargestMessage = 256 << 20;
// The host kills us two seconds after it asked for the end.
constexpr absl::Duration kGraceOfHost = absl::Milliseconds(700);
constexpr absl::Duration kGraceOtherwise = absl::Seconds(3);

enum class Ending : char { kHost, kSignal, kOrphaned };

const char* EndingText(Ending ending) {
  switch (ending) {
    case Ending::kHost:
      return "the host asked for it";
    case Ending::kSignal:
      return "a signal asked for it";
    case Ending::kOrphaned:
      return "the host is gone";
  }
  return "";
}

// The mailbox in which the first reason to end is put.
class EndRequest {
 public:
  EndRequest() {
    if (::pipe2(pipe_, O_CLOEXEC) != 0) std::abort();
  }
  ~EndRequest() {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  EndRequest(const EndRequest&) = delete;
  EndRequest& operator=(const EndRequest&) = delete;

  // Async-signal-safe and thread-safe.
  void Post(Ending ending) const {
    [[maybe_unused]] const ssize_t written = ::write(pipe_[1], &ending, sizeof(ending));
  }
  Ending Wait() const {
    Ending ending = Ending::kSignal;
    while (::read(pipe_[0], &ending, sizeof(ending)) != sizeof(ending)) {
    }
    return ending;
  }

 private:
  int pipe_[2] = {-1, -1};
};

// Never destroyed: signals and calls may come until the last moment.
EndRequest& End() {
  static auto* const request = new EndRequest;
  return *request;
}

void OnEndSignal(int) {
  const int saved = errno;
  End().Post(Ending::kSignal);
  errno = saved;
}
void OnIgnoredSignal(int) {}

// Handlers instead of SIG_IGN, which credential helpers that we start would inherit.
void InstallSignalHandlers(bool debug) {
  End();  // made here, as a handler may not allocate
  const auto handle = [](int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  };
  handle(SIGPIPE, OnIgnoredSignal);
  // Ctrl-C reaches the whole process group: the host will call StopProvider and wait for us.
  handle(SIGINT, debug ? OnEndSignal : OnIgnoredSignal);
  handle(SIGTERM, OnEndSignal);
  handle(SIGHUP, OnEndSignal);
}

// gRPC's messages as log lines of ours, so that the host can parse and filter them; what it calls
// an error (a failed TLS handshake) is for whoever looks for the reason, not for every user.
void LogForGrpc(gpr_log_func_args* args) {
  const log::Level level =
      args->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kDebug : log::Level::kTrace;
  log::Write(level, args->message,
             {{"component", "grpc"}, {"place", absl::StrCat(args->file, ":", args->line)}});
}

// A server with all services on one unix socket.
class PluginServer {
 public:
  // In debug mode hosts come and go, so none of them ends the process.
  PluginServer(Provider& provider, bool debug)
      : provider_service_(MakeProviderService(provider)),
        controller_([debug] {
          if (!debug) End().Post(Ending::kHost);
        }),
        stdio_(streams_.get_token()) {}

  absl::Status Start(const std::string& socket_path,
                     const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(SocketUri(socket_path), credentials);
    builder.RegisterService(provider_service_.get());
    builder.RegisterService(&controller_);
    builder.RegisterService(&stdio_);
    builder.SetMaxReceiveMessageSize(kLargestMessage);
    builder.SetMaxSendMessageSize(kLargestMessage);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    // Whoever can connect to a plaintext socket can use our credentials.
    const mode_t mask = ::umask(0177);
    server_ = builder.BuildAndStart();
    ::umask(mask);
    if (server_ == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", socket_path));
    }
    server_->GetHealthCheckService()->SetServingStatus("plugin", true);
    return absl::OkStatus();
  }

  // What a host's StopProvider does: running calls return soon with what is true then.
  void StopCalls() {
    const std::shared_ptr<grpc::Channel> channel = server_->InProcessChannel({});
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(1)));
    grpc::ByteBuffer request;
    const grpc::Slice empty;
    request = grpc::ByteBuffer(&empty, 1);
    grpc::ByteBuffer response;
    absl::Notification answered;
    stub.UnaryCall(&context, "/tfplugin6.Provider/StopProvider", {}, &request, &response,
                   [&answered](const grpc::Status&) { answered.Notify(); });
    answered.WaitForNotification();
  }

  // Answers running calls for at most `grace`, cancels the rest. False when some are still running
  // after that: then only the end of the process ends them.
  bool Shutdown(absl::Duration grace) {
    streams_.request_stop();
    absl::Notification finished;
    std::thread shutdown([&] {
      server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
      finished.Notify();
    });
    const absl::Duration for_cancelled = absl::Milliseconds(100);
    if (!finished.WaitForNotificationWithTimeout(grace + for_cancelled)) {
      shutdown.detach();
      return false;
    }
    shutdown.join();
    return true;
  }

 private:
  const std::unique_ptr<grpc::Service> provider_service_;
  std::stop_source streams_;
  Controller controller_;
  Stdio stdio_;
  std::unique_ptr<grpc::Server> server_;
};

struct Security {
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  std::string handshake_certificate;
};

// Hosts ask for TLS by giving us their certificate; test frameworks and debug mode do without.
absl::StatusOr<Security> MakeSecurity(const Environment& environment) {
  Security security;
  const std::optional<std::string> client = environment("PLUGIN_CLIENT_CERT");
  if (!client.has_value() || client->empty()) return security;
  DELIVERY_ASSIGN_OR_RETURN(ServerIdentity identity, MakeServerIdentity(absl::Now()));
  DELIVERY_ASSIGN_OR_RETURN(security.credentials, MutualTls(identity, *client));
  security.handshake_certificate = std::move(identity.handshake_certificate);
  return security;
}

absl::Status StartForHost(PluginServer& server, const std::string& socket_path,
                          const Environment& environment, HandshakeChannel& channel) {
  DELIVERY_ASSIGN_OR_RETURN(const Security security, MakeSecurity(environment));
  DELIVERY_RETURN_IF_ERROR(server.Start(socket_path, security.credentials));
  DELIVERY_RETURN_IF_ERROR(ShareSocketWithGroup(socket_path, environment));
  channel.Send(HandshakeLine(socket_path, security.handshake_certificate));
  return absl::OkStatus();
}

// Ends the server; the process must end after this.
void Finish(PluginServer& server, Ending ending, const FileRemover& socket) {
  log::Debug("ending", {{"reason", EndingText(ending)}});
  if (ending != Ending::kHost) server.StopCalls();
  if (server.Shutdown(ending == Ending::kHost ? kGraceOfHost : kGraceOtherwise)) return;
  log::Warn("calls were still running when the process had to end");
  socket.Remove();
  // Destructors would wait for the threads of those calls.
  std::_Exit(0);
}

// The host shows a line that is no handshake to the user; stderr it does not show.
int CannotStart(const absl::Status& status, HandshakeChannel& channel) {
  const std::string text = absl::StrReplaceAll(
      absl::StrCat("terraform-provider-delivery cannot start: ", status.message()),
      {{"|", "/"}, {"\n", " "}});
  log::Error(text);
  channel.Send(text);
  return 1;
}

int ServeHost(Provider& provider, const ServeOptions& options, const Environment& environment) {
  const OrphanGuard guard(::getppid(), [] { End().Post(Ending::kOrphaned); });
  HandshakeChannel channel;
  const std::string socket_path = ChooseSocketPath(environment);
  const FileRemover socket(socket_path);
  PluginServer server(provider, options.debug);
  if (!HostSpeaksOurProtocol(environment)) {
    log::Warn("the host does not offer our protocol version",
              {{"ours", absl::StrCat(kProtocolVersion)},
               {"offered", environment("PLUGIN_PROTOCOL_VERSIONS").value_or("")}});
  }
  const absl::Status started = StartForHost(server, socket_path, environment, channel);
  if (!started.ok()) return CannotStart(started, channel);
  log::Info("serving", {{"version", options.version}, {"socket", socket_path}});
  Finish(server, End().Wait(), socket);
  return 0;
}

int ServeDebug(Provider& provider, const ServeOptions& options, const Environment& environment) {
  const std::string socket_path = ChooseSocketPath(environment);
  const FileRemover socket(socket_path);
  PluginServer server(provider, options.debug);
  const absl::Status started = server.Start(socket_path, grpc::InsecureServerCredentials());
  if (!started.ok()) {
    std::fprintf(stderr, "%s\n", std::string(started.message()).c_str());
    return 1;
  }
  std::puts(ReattachLine(options.provider_address, ::getpid(), socket_path).c_str());
  std::fflush(stdout);
  Finish(server, End().Wait(), socket);
  return 0;
}

}  // namespace

int Serve(Provider& provider, const ServeOptions& options) {
  const Environment environment = ProcessEnvironment();
  if (!options.debug && !HasMagicCookie(environment)) {
    std::fputs(std::string(StartedByHandMessage()).c_str(), stderr);
    return 1;
  }
  InstallCrashReport();
  InstallSignalHandlers(options.debug);
  gpr_set_log_function(LogForGrpc);
  return options.debug ? ServeDebug(provider, options, environment)
                       : ServeHost(provider, options, environment);
}

}  // namespace delivery::plugin
