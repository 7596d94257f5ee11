#include "resources/cluster.h"

#include <utility>

namespace delivery::resources {

void Cluster::Set(Connection connection) {
  absl::MutexLock lock(&mutex_);
  unknown_ = false;
  connection_ = std::move(connection);
}

void Cluster::SetUnavailable(absl::Status why) {
  absl::MutexLock lock(&mutex_);
  unknown_ = false;
  connection_ = std::move(why);
}

void Cluster::SetUnknown() {
  absl::MutexLock lock(&mutex_);
  unknown_ = true;
  connection_ = absl::FailedPreconditionError(
      "the provider's kubernetes block is not known yet: it depends on something that this apply "
      "makes");
}

bool Cluster::IsUnknown() const {
  absl::MutexLock lock(&mutex_);
  return unknown_;
}

absl::StatusOr<Connection> Cluster::Connect() const {
  absl::MutexLock lock(&mutex_);
  return connection_;
}

}  // namespace delivery::resources
