// The services beside the provider's own, as a gRPC client sees them on the process's socket.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/go_plugin/grpc_controller.grpc.pb.h"
#include "proto/go_plugin/grpc_stdio.grpc.pb.h"

namespace delivery::conformance {
namespace {

constexpr char kCookie[] =
    "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

// The conformance provider, started without TLS.
class PluginProcess {
 public:
  PluginProcess() {
    std::array<int, 2> out = {};
    if (::pipe(out.data()) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      std::string cookie = kCookie;
      std::array<char*, 2> environment = {cookie.data(), nullptr};
      ::execle(CONFORMANCE_PROVIDER, CONFORMANCE_PROVIDER, nullptr, environment.data());
      ::_exit(127);
    }
    ::close(out[1]);
    const std::vector<std::string> fields = absl::StrSplit(ReadLine(out[0]), '|');
    ::close(out[0]);
    if (fields.size() == 6) channel_ = Connect("unix:" + fields[3]);
  }
  ~PluginProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // The exit code, or -1 when the process goes on.
  int WaitForExit(absl::Duration patience) {
    const absl::Time deadline = absl::Now() + patience;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (absl::Now() > deadline) return -1;
      absl::SleepFor(absl::Milliseconds(5));
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  static std::string ReadLine(int fd) {
    std::string line;
    char c = 0;
    while (::read(fd, &c, 1) == 1 && c != '\n') line.push_back(c);
    return line;
  }
  static std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
    return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }

  pid_t pid_ = -1;
  std::shared_ptr<grpc::Channel> channel_;
};

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
}

// A call with messages as bytes.
grpc::Status Call(const PluginProcess& process, const std::string& method,
                  const std::string& request, std::string* response) {
  grpc::GenericStub stub(process.channel());
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Slice sent(request);
  const grpc::ByteBuffer in(&sent, 1);
  grpc::ByteBuffer out;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, {}, &in, &out,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  grpc::Slice received;
  if (status.ok() && out.DumpToSingleSlice(&received).ok()) {
    response->assign(reinterpret_cast<const char*>(received.begin()), received.size());
  }
  return status;
}

TEST(SideServices, HealthOfThePluginIsServing) {
  const PluginProcess process;
  ASSERT_NE(process.channel(), nullptr);
  std::string response;
  // HealthCheckRequest{service: "plugin"} and HealthCheckResponse{status: SERVING}.
  ASSERT_TRUE(Call(process, "/grpc.health.v1.Health/Check", "\x0a\x06plugin", &response).ok());
  EXPECT_EQ(response, "\x08\x01");
}

TEST(SideServices, WhatWeDoNotHaveIsUnimplemented) {
  const PluginProcess process;
  ASSERT_NE(process.channel(), nullptr);
  std::string response;
  for (const char* method : {"/tfplugin6.Provider/OpenEphemeralResource",
                             "/tfplugin6.Provider/NoSuchCall", "/plugin.GRPCBroker/StartStream"}) {
    EXPECT_EQ(Call(process, method, "", &response).error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << method;
  }
}

TEST(SideServices, ShutdownIsAnsweredAndEndsProcessAndStream) {
  PluginProcess process;
  ASSERT_NE(process.channel(), nullptr);
  grpc::ClientContext stream_context;
  SetDeadline(stream_context);
  auto stream = ::plugin::GRPCStdio::NewStub(process.channel())->StreamStdio(&stream_context, {});
  stream->WaitForInitialMetadata();

  const absl::Time start = absl::Now();
  grpc::ClientContext context;
  SetDeadline(context);
  ::plugin::Empty answer;
  EXPECT_TRUE(
      ::plugin::GRPCController::NewStub(process.channel())->Shutdown(&context, {}, &answer).ok());
  ::plugin::StdioData data;
  EXPECT_FALSE(stream->Read(&data));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(process.WaitForExit(absl::Seconds(10)), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST(SideServices, StdioIsSilentUntilCancelled) {
  PluginProcess process;
  ASSERT_NE(process.channel(), nullptr);
  grpc::ClientContext context;
  SetDeadline(context);
  auto stream = ::plugin::GRPCStdio::NewStub(process.channel())->StreamStdio(&context, {});
  std::atomic<bool> ended = false;
  std::thread reader([&] {
    ::plugin::StdioData data;
    EXPECT_FALSE(stream->Read(&data));
    ended = true;
  });
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_FALSE(ended);
  context.TryCancel();
  reader.join();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(process.WaitForExit(absl::Milliseconds(200)), -1);
}

// Streams of hosts that come and go must not use up threads.
TEST(SideServices, ManyOpenStreamsDoNotDelayTheEnd) {
  PluginProcess process;
  ASSERT_NE(process.channel(), nullptr);
  const auto stub = ::plugin::GRPCStdio::NewStub(process.channel());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<::plugin::StdioData>>> streams;
  for (int i = 0; i < 50; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    SetDeadline(*contexts.back());
    streams.push_back(stub->StreamStdio(contexts.back().get(), {}));
    streams.back()->WaitForInitialMetadata();
  }
  grpc::ClientContext context;
  SetDeadline(context);
  ::plugin::Empty answer;
  const absl::Time start = absl::Now();
  EXPECT_TRUE(
      ::plugin::GRPCController::NewStub(process.channel())->Shutdown(&context, {}, &answer).ok());
  EXPECT_EQ(process.WaitForExit(absl::Seconds(10)), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

}  // namespace
}  // namespace delivery::conformance
