// Kubernetes resource quantities ("500m", "1Gi", "1e3"), compared exactly.
#ifndef DELIVERY_KUBERNETES_QUANTITY_H_
#define DELIVERY_KUBERNETES_QUANTITY_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace delivery::kubernetes {

// magnitude * 2^power_of_two * 5^power_of_five, with a magnitude that is divisible by neither:
// equal numbers have equal representations, so == is exact.
struct Quantity {
  bool negative = false;
  uint64_t magnitude = 0;
  int power_of_two = 0;
  int power_of_five = 0;

  double ToDouble() const;
  friend bool operator==(const Quantity&, const Quantity&) = default;
};

// Nullopt when `text` is not a quantity, or has more digits than fit into 64 bits.
std::optional<Quantity> ParseQuantity(std::string_view text);

// True when both are the same number, or the same text.
bool EqualQuantities(std::string_view a, std::string_view b);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_QUANTITY_H_
