// Where inside a value something is: `check[0].http.port`, `images["web"]`.
#ifndef DELIVERY_VALUE_PATH_H_
#define DELIVERY_VALUE_PATH_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace delivery::value {

// A sequence of steps from the root. Cheap enough to copy; compares by content.
class Path {
 public:
  struct Attribute {
    std::string name;
    friend bool operator==(const Attribute&, const Attribute&) = default;
  };
  struct Key {
    std::string key;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Index {
    int64_t index;
    friend bool operator==(const Index&, const Index&) = default;
  };
  using Step = std::variant<Attribute, Key, Index>;

  Path() = default;
  static Path Of(std::string attribute) { return Path().Attr(std::move(attribute)); }

  Path Attr(std::string name) const { return Plus(Attribute{std::move(name)}); }
  Path At(std::string key) const { return Plus(Key{std::move(key)}); }
  Path At(int64_t index) const { return Plus(Index{index}); }

  const std::vector<Step>& steps() const { return steps_; }
  bool empty() const { return steps_.empty(); }

  // HCL spelling, for example images["web"] or step[2].weight; empty for the root.
  std::string ToString() const;

  friend bool operator==(const Path&, const Path&) = default;

 private:
  Path Plus(Step step) const {
    Path longer = *this;
    longer.steps_.push_back(std::move(step));
    return longer;
  }
  std::vector<Step> steps_;
};

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_PATH_H_
