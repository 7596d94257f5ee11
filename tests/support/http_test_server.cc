#include "tests/support/http_test_server.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace delivery::testing {
namespace {

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "the HTTP test server cannot be started: %s\n", why.c_str());
  std::abort();
}

std::array<int, 2> Pipe() {
  std::array<int, 2> ends{};
  // Close-on-exec: a server must not hold open the pipe by which another one is told to end.
  if (pipe2(ends.data(), O_CLOEXEC) != 0) Die("no pipe");
  return ends;
}

std::string ReadLine(int fd) {
  std::string line;
  char c = 0;
  while (read(fd, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

pid_t Spawn(std::vector<std::string> arguments, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Die("python3 cannot be run");
  return pid;
}

}  // namespace

HttpTestServer::HttpTestServer(Options options) : options_(options) {
  std::vector<std::string> arguments = {"python3", DELIVERY_HTTP_TEST_SERVER};
  if (options.tls) arguments.emplace_back("--tls");
  if (options.require_client_certificate) arguments.emplace_back("--client-certificate");
  const std::array<int, 2> in = Pipe();
  const std::array<int, 2> out = Pipe();
  pid_ = Spawn(std::move(arguments), in[0], out[1]);
  close(in[0]);
  close(out[1]);
  stdin_ = in[1];
  absl::StatusOr<Json> announcement = ParseJson(ReadLine(out[0]));
  close(out[0]);
  if (!announcement.ok()) Die(std::string(announcement.status().message()));
  announcement_ = *std::move(announcement);
  port_ = static_cast<int>(GetInt(announcement_, "port"));
}

HttpTestServer::~HttpTestServer() {
  close(stdin_);
  waitpid(pid_, nullptr, 0);
}

std::string HttpTestServer::Url(std::string_view path) const { return UrlAt("127.0.0.1", path); }

std::string HttpTestServer::UrlAt(std::string_view host, std::string_view path) const {
  return absl::StrCat(options_.tls ? "https://" : "http://", std::string(host), ":", port_,
                      std::string(path));
}

}  // namespace delivery::testing
