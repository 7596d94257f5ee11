#include "provider/plugin/handshake.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/json.h"

namespace delivery::plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Environment Fake(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& inside = ::testing::TempDir()) {
    std::string name = inside + "/handshake_test_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(MagicCookie, IsTheOneOfTerraform) {
  EXPECT_TRUE(
      HasMagicCookie(Fake({{"TF_PLUGIN_MAGIC_COOKIE",
                            "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"}})));
  EXPECT_FALSE(HasMagicCookie(Fake({{"TF_PLUGIN_MAGIC_COOKIE", "another"}})));
  EXPECT_FALSE(HasMagicCookie(Fake({})));
  EXPECT_THAT(std::string(StartedByHandMessage()), HasSubstr("plugin"));
}

TEST(ProtocolVersions, OursIsFoundInAnyOrder) {
  for (const char* versions : {"5,6", "6,5", "6", "5, 6", ""}) {
    EXPECT_TRUE(HostSpeaksOurProtocol(Fake({{"PLUGIN_PROTOCOL_VERSIONS", versions}}))) << versions;
  }
  EXPECT_TRUE(HostSpeaksOurProtocol(Fake({})));
  for (const char* versions : {"5", "4,5", "16", "66"}) {
    EXPECT_FALSE(HostSpeaksOurProtocol(Fake({{"PLUGIN_PROTOCOL_VERSIONS", versions}}))) << versions;
  }
}

TEST(SocketPath, PrefersTheHostsDirectory) {
  const TemporaryDirectory of_host("/tmp");
  const TemporaryDirectory of_user("/tmp");
  EXPECT_THAT(ChooseSocketPath(
                  Fake({{"PLUGIN_UNIX_SOCKET_DIR", of_host.path()}, {"TMPDIR", of_user.path()}})),
              StartsWith(of_host.path() + "/plugin"));
  EXPECT_THAT(ChooseSocketPath(Fake({{"TMPDIR", of_user.path()}})),
              StartsWith(of_user.path() + "/plugin"));
  EXPECT_THAT(ChooseSocketPath(Fake({})), StartsWith("/tmp/plugin"));
}

TEST(SocketPath, IsDifferentEachTime) {
  EXPECT_NE(ChooseSocketPath(Fake({})), ChooseSocketPath(Fake({})));
}

TEST(SocketPath, FallsBackWhenTooLong) {
  const TemporaryDirectory directory("/tmp");
  const std::string deep = directory.path() + "/" + std::string(200, 'x');
  std::filesystem::create_directory(deep);
  EXPECT_THAT(ChooseSocketPath(Fake({{"TMPDIR", deep}})), StartsWith("/tmp/plugin"));
}

TEST(SocketPath, UsesEveryByteOfTheAddress) {
  const TemporaryDirectory directory("/tmp");
  const size_t name = ChooseSocketPath(Fake({})).size() - std::string("/tmp").size();
  const size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  const size_t filler = longest - name - directory.path().size() - 1;
  const std::string fits = directory.path() + "/" + std::string(filler, 'x');
  const std::string too_long = fits + "x";
  std::filesystem::create_directory(fits);
  std::filesystem::create_directory(too_long);
  EXPECT_EQ(ChooseSocketPath(Fake({{"TMPDIR", fits}})).size(), longest);
  EXPECT_THAT(ChooseSocketPath(Fake({{"TMPDIR", too_long}})), StartsWith("/tmp/plugin"));
}

TEST(SocketPath, FallsBackWhenTheDirectoryIsMissingOrBreaksTheLine) {
  const TemporaryDirectory directory("/tmp");
  std::filesystem::create_directory(directory.path() + "/a|b");
  EXPECT_THAT(ChooseSocketPath(Fake({{"TMPDIR", directory.path() + "/a|b"}})),
              StartsWith("/tmp/plugin"));
  EXPECT_THAT(ChooseSocketPath(Fake({{"TMPDIR", directory.path() + "/none"}})),
              StartsWith("/tmp/plugin"));
}

TEST(SocketUri, EscapesWhatUrisDoNotAllow) {
  EXPECT_EQ(SocketUri("/tmp/a-b_c.d~e/plugin1"), "unix:/tmp/a-b_c.d~e/plugin1");
  EXPECT_EQ(SocketUri("/tmp/a b%c"), "unix:/tmp/a%20b%25c");
}

std::string NameOfGroup(gid_t id) {
  const struct group* found = ::getgrgid(id);
  return found == nullptr ? std::to_string(id) : found->gr_name;
}

TEST(SocketGroup, GivesTheGroupAccess) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_TRUE(ShareSocketWithGroup(path, Fake({})).ok());
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  for (const std::string& group : {std::to_string(::getgid()), NameOfGroup(::getgid())}) {
    ::chmod(path.c_str(), 0600);
    EXPECT_TRUE(ShareSocketWithGroup(path, Fake({{"PLUGIN_UNIX_SOCKET_GROUP", group}})).ok());
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    EXPECT_EQ(status.st_gid, ::getgid());
  }
}

TEST(SocketGroup, ReportsAnUnknownGroup) {
  const absl::Status status = ShareSocketWithGroup(
      "/nonexistent", Fake({{"PLUGIN_UNIX_SOCKET_GROUP", "no-such-group-here"}}));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-group-here"));
}

TEST(HandshakeLine, HasSixFields) {
  EXPECT_EQ(HandshakeLine("/tmp/plugin1", "CERT"), "1|6|unix|/tmp/plugin1|grpc|CERT");
  EXPECT_EQ(HandshakeLine("/tmp/plugin1", ""), "1|6|unix|/tmp/plugin1|grpc|");
}

TEST(ReattachLine, NamesTheProviderOfBothRegistries) {
  const std::string line = ReattachLine("registry.terraform.io/delivery-tf/delivery", 7, "/tmp/s");
  const std::string prefix = "TF_REATTACH_PROVIDERS='";
  ASSERT_THAT(line, StartsWith(prefix));
  const auto json = ParseJson(line.substr(prefix.size(), line.size() - prefix.size() - 1));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->size(), 2U);
  for (const char* host : {"registry.terraform.io", "registry.opentofu.org"}) {
    const Json& entry = GetObject(*json, std::string(host) + "/delivery-tf/delivery");
    EXPECT_EQ(GetString(entry, "Protocol"), "grpc");
    EXPECT_EQ(GetInt(entry, "ProtocolVersion"), 6);
    EXPECT_EQ(GetInt(entry, "Pid"), 7);
    EXPECT_TRUE(GetBool(entry, "Test"));
    EXPECT_EQ(GetString(GetObject(entry, "Addr"), "Network"), "unix");
    EXPECT_EQ(GetString(GetObject(entry, "Addr"), "String"), "/tmp/s");
  }
}

TEST(ReattachLine, SurvivesAQuoteInThePath) {
  EXPECT_THAT(ReattachLine("a/b/c", 7, "/tmp/it's"), HasSubstr("/tmp/it'\\''s"));
}

TEST(HandshakeChannel, OnlyTheLineReachesStdout) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::fflush(stdout);
  const int saved = ::dup(STDOUT_FILENO);
  ::dup2(ends[1], STDOUT_FILENO);
  ::close(ends[1]);
  {
    HandshakeChannel channel;
    std::printf("a library's banner\n");
    std::fflush(stdout);
    channel.Send("the line");
    channel.Send("another line");
    std::printf("later text\n");
    std::fflush(stdout);
  }
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  std::string received(100, '\0');
  const ssize_t size = ::read(ends[0], received.data(), received.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(received.substr(0, static_cast<size_t>(size)), "the line\n");
  ::close(ends[0]);
}

TEST(FileRemover, RemovesTheFileOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  {
    const FileRemover remover(path);
    remover.Remove();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace delivery::plugin
