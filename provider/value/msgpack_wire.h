// The subset of msgpack that values use, token by token; knows no types.
#ifndef DELIVERY_VALUE_MSGPACK_WIRE_H_
#define DELIVERY_VALUE_MSGPACK_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace delivery::value {

struct MsgpackToken {
  enum class Kind { kNil, kBool, kInt, kUint, kFloat, kString, kBinary, kArray, kMap, kExt };

  Kind kind = Kind::kNil;
  bool boolean = false;
  int64_t integer = 0;
  uint64_t natural = 0;
  double floating = 0;
  std::string_view bytes;  // of a string, binary or extension
  size_t count = 0;        // elements of an array, pairs of a map
  int8_t ext_code = 0;
};

// Reads tokens from bytes that must outlive it and the tokens. A claimed length or count that the
// remaining bytes cannot hold is an error, so callers may reserve `count`.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }
  absl::StatusOr<MsgpackToken> Next();

 private:
  absl::StatusOr<uint64_t> TakeBigEndian(size_t size);
  absl::StatusOr<std::string_view> TakeBytes(uint64_t size);
  absl::StatusOr<MsgpackToken> Integer(uint8_t lead);
  absl::StatusOr<MsgpackToken> Floating(uint8_t lead);
  absl::StatusOr<MsgpackToken> Bytes(MsgpackToken::Kind kind, size_t length_size);
  absl::StatusOr<MsgpackToken> BytesOf(MsgpackToken::Kind kind, uint64_t length);
  absl::StatusOr<MsgpackToken> Container(MsgpackToken::Kind kind, size_t length_size);
  absl::StatusOr<MsgpackToken> ContainerOf(MsgpackToken::Kind kind, uint64_t count);
  absl::StatusOr<MsgpackToken> Ext(size_t length_size);
  absl::StatusOr<MsgpackToken> ExtOf(uint64_t length);
  absl::StatusOr<MsgpackToken> Fixed(uint8_t lead);
  absl::StatusOr<MsgpackToken> Sized(uint8_t lead);

  std::string_view rest_;
};

// Appends tokens in their shortest form.
class MsgpackWriter {
 public:
  void Nil();
  void Bool(bool b);
  void Int(int64_t number);
  void Uint(uint64_t number);
  void Double(double number);
  void String(std::string_view text);
  void Binary(std::string_view bytes);
  void Array(size_t count);
  void Map(size_t count);
  // The extension that stands for an unknown value.
  void Unknown();

  std::string Take() && { return std::move(out_); }

 private:
  void Byte(unsigned byte) { out_.push_back(static_cast<char>(static_cast<uint8_t>(byte))); }
  void BigEndian(uint64_t number, size_t size);
  // `lead` for one length byte, the next leads for two and four.
  void Header8(unsigned lead, size_t length);
  void Header16(unsigned lead, size_t length);

  std::string out_;
};

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_MSGPACK_WIRE_H_
