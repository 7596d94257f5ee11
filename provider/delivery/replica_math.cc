#include <algorithm>

#include "provider/delivery/plan.h"

namespace delivery::engine {

int CanaryReplicas(int weight, int stable, bool share_by_replicas) {
  if (!share_by_replicas) return std::max(1, (weight * stable + 99) / 100);
  const int rest = std::max(1, 100 - weight);
  return std::max(1, (2 * weight * stable + rest) / (2 * rest));
}

}  // namespace delivery::engine
