#include "provider/plugin/handshake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "provider/base/json.h"

namespace delivery::plugin {
namespace {

constexpr char kCookieName[] = "TF_PLUGIN_MAGIC_COOKIE";
constexpr char kCookie[] = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
constexpr char kLastResort[] = "/tmp";

std::string RandomName() {
  std::random_device random;
  return absl::StrFormat("plugin%08x%08x", random(), random());
}

bool Fits(const std::string& path) { return path.size() < sizeof(sockaddr_un::sun_path); }

bool IsUsable(const std::string& directory) {
  return directory.find_first_of("|\n\r") == std::string::npos &&
         ::access(directory.c_str(), W_OK | X_OK) == 0;
}

absl::Status FromErrno(const char* what, int error) { return absl::ErrnoToStatus(error, what); }

bool ParseGroupId(absl::string_view text, gid_t& id) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && stop == text.data() + text.size();
}

// Names are those of /etc/group, as for programs written in Go: a static program cannot load the
// modules that ask directories such as LDAP.
absl::Status LookUpGroup(const std::string& group, gid_t& id) {
  if (ParseGroupId(group, id)) return absl::OkStatus();
  std::ifstream groups("/etc/group");
  for (std::string line; std::getline(groups, line);) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    if (fields.size() > 2 && fields[0] == group && ParseGroupId(fields[2], id)) {
      return absl::OkStatus();
    }
  }
  return absl::NotFoundError(absl::StrCat("PLUGIN_UNIX_SOCKET_GROUP: no group \"", group, "\""));
}

void WriteFully(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads: the host is gone, and the orphan guard will see that
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

bool HasMagicCookie(const Environment& environment) { return environment(kCookieName) == kCookie; }

std::string_view StartedByHandMessage() {
  return "This program is a plugin: Terraform or OpenTofu starts it and speaks to it.\n"
         "Run \"terraform init\" in a directory that requires this provider instead, or start it "
         "with\nthe argument \"help\" to see what it can do on its own.\n";
}

bool HostSpeaksOurProtocol(const Environment& environment) {
  const std::string versions = environment("PLUGIN_PROTOCOL_VERSIONS").value_or("");
  if (versions.empty()) return true;
  const std::string ours = absl::StrCat(kProtocolVersion);
  for (const absl::string_view version : absl::StrSplit(versions, ',')) {
    if (absl::StripAsciiWhitespace(version) == ours) return true;
  }
  return false;
}

std::string ChooseSocketPath(const Environment& environment) {
  const std::string name = RandomName();
  for (const char* variable : {"PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"}) {
    const std::string directory = environment(variable).value_or("");
    if (directory.empty()) continue;
    std::error_code error;
    // The host need not have our working directory.
    const std::filesystem::path absolute = std::filesystem::absolute(directory, error);
    const std::string path = absolute / name;
    if (!error && IsUsable(absolute) && Fits(path)) return path;
  }
  return absl::StrCat(kLastResort, "/", name);
}

std::string SocketUri(std::string_view path) {
  std::string uri = "unix:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        absl::ascii_isalnum(byte) || std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri.push_back(c);
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", byte);
    }
  }
  return uri;
}

absl::Status ShareSocketWithGroup(const std::string& path, const Environment& environment) {
  const std::string group = environment("PLUGIN_UNIX_SOCKET_GROUP").value_or("");
  if (group.empty()) return absl::OkStatus();
  gid_t id = 0;
  if (absl::Status found = LookUpGroup(group, id); !found.ok()) return found;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), id) != 0) {
    return FromErrno("chown of the plugin's socket", errno);
  }
  if (::chmod(path.c_str(), 0660) != 0) return FromErrno("chmod of the plugin's socket", errno);
  return absl::OkStatus();
}

std::string HandshakeLine(std::string_view socket_path, std::string_view certificate) {
  return absl::StrFormat("1|%d|unix|%s|grpc|%s", kProtocolVersion,
                         absl::string_view(socket_path.data(), socket_path.size()),
                         absl::string_view(certificate.data(), certificate.size()));
}

std::string ReattachLine(const std::string& address, int64_t pid, const std::string& socket_path) {
  const Json entry = {{"Protocol", "grpc"},
                      {"ProtocolVersion", kProtocolVersion},
                      {"Pid", pid},
                      {"Test", true},
                      {"Addr", {{"Network", "unix"}, {"String", socket_path}}}};
  const std::string name = address.substr(std::min(address.find('/'), address.size()));
  Json providers = {{address, entry}};
  for (const char* host : {"registry.terraform.io", "registry.opentofu.org"}) {
    providers[absl::StrCat(host, name)] = entry;
  }
  const std::string quoted = absl::StrReplaceAll(DumpJson(providers), {{"'", "'\\''"}});
  return absl::StrCat("TF_REATTACH_PROVIDERS='", quoted, "'");
}

HandshakeChannel::HandshakeChannel()
    // Closed on exec: a credential helper must not write into the handshake.
    : original_stdout_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, STDOUT_FILENO);
  ::close(null);
}

HandshakeChannel::~HandshakeChannel() {
  if (original_stdout_ >= 0) ::close(original_stdout_);
}

void HandshakeChannel::Send(std::string line) {
  if (original_stdout_ < 0) return;
  line.push_back('\n');
  WriteFully(original_stdout_, line);
  ::close(std::exchange(original_stdout_, -1));
}

void FileRemover::Remove() const { ::unlink(path_.c_str()); }

}  // namespace delivery::plugin
