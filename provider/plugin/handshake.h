// The plugin side of go-plugin's launch: what the host tells us in the environment and what we
// answer on stdout. Source: go-plugin server.go and client.go; docs/protocol.md, "Handshake".
#ifndef DELIVERY_PLUGIN_HANDSHAKE_H_
#define DELIVERY_PLUGIN_HANDSHAKE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace delivery::plugin {

// The environment variable of a name; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment ProcessEnvironment();

// The major version of the plugin protocol that this provider speaks.
inline constexpr int kProtocolVersion = 6;

// True when a host started us. The cookie protects people from running the binary by hand; it is no
// secret.
bool HasMagicCookie(const Environment& environment);
// What a person who runs the binary by hand reads.
std::string_view StartedByHandMessage();

// False when PLUGIN_PROTOCOL_VERSIONS names versions and ours is not among them. The handshake is
// printed all the same: the host explains the mismatch best.
bool HostSpeaksOurProtocol(const Environment& environment);

// An absolute path for a new socket, in PLUGIN_UNIX_SOCKET_DIR, TMPDIR or /tmp, the first that is
// writable, short enough for a socket address and free of the handshake's separators.
std::string ChooseSocketPath(const Environment& environment);

// The listening address in gRPC's URI form; characters that URIs do not allow are escaped.
std::string SocketUri(std::string_view path);

// Lets the members of PLUGIN_UNIX_SOCKET_GROUP (a name or a number) connect; without the variable
// only the user may, which the caller's umask sees to.
absl::Status ShareSocketWithGroup(const std::string& path, const Environment& environment);

// The line that tells the host where to connect. `certificate` may be empty (no TLS).
std::string HandshakeLine(std::string_view socket_path, std::string_view certificate);

// A shell assignment of TF_REATTACH_PROVIDERS that makes Terraform and OpenTofu use the process
// `pid` that listens without TLS. `address` is registry host/namespace/name.
std::string ReattachLine(const std::string& address, int64_t pid, const std::string& socket_path);

// Takes stdout away from the rest of the process: the first line there must be the handshake, and
// the host may stop reading it after that, so that a writer would block for ever. Not thread-safe.
class HandshakeChannel {
 public:
  // From here on standard output of this process is /dev/null.
  HandshakeChannel();
  ~HandshakeChannel();
  HandshakeChannel(const HandshakeChannel&) = delete;
  HandshakeChannel& operator=(const HandshakeChannel&) = delete;

  // Writes one line to the original stdout and closes it. Later calls do nothing.
  void Send(std::string line);

 private:
  int original_stdout_;
};

// Removes a file when destroyed, if it is still there.
class FileRemover {
 public:
  explicit FileRemover(std::string path) : path_(std::move(path)) {}
  ~FileRemover() { Remove(); }
  FileRemover(const FileRemover&) = delete;
  FileRemover& operator=(const FileRemover&) = delete;

  // Thread-safe and idempotent.
  void Remove() const;

 private:
  const std::string path_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_HANDSHAKE_H_
