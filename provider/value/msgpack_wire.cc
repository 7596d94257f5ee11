#include "provider/value/msgpack_wire.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"

namespace delivery::value {
namespace {

using Kind = MsgpackToken::Kind;

absl::Status Truncated() { return absl::InvalidArgumentError("truncated msgpack"); }

MsgpackToken Simple(Kind kind, bool boolean = false) {
  MsgpackToken token;
  token.kind = kind;
  token.boolean = boolean;
  return token;
}

MsgpackToken Integral(int64_t integer) {
  MsgpackToken token;
  token.kind = Kind::kInt;
  token.integer = integer;
  return token;
}

MsgpackToken Natural(uint64_t natural) {
  if (natural <= static_cast<uint64_t>(INT64_MAX)) return Integral(static_cast<int64_t>(natural));
  MsgpackToken token;
  token.kind = Kind::kUint;
  token.natural = natural;
  return token;
}

// The two's complement number in the low `size` bytes.
int64_t SignExtended(uint64_t bits, size_t size) {
  const size_t unused = 64 - 8 * size;
  return static_cast<int64_t>(bits << unused) >> unused;
}

}  // namespace

absl::StatusOr<uint64_t> MsgpackReader::TakeBigEndian(size_t size) {
  DELIVERY_ASSIGN_OR_RETURN(const std::string_view bytes, TakeBytes(size));
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

absl::StatusOr<std::string_view> MsgpackReader::TakeBytes(uint64_t size) {
  if (size > rest_.size()) return Truncated();
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

absl::StatusOr<MsgpackToken> MsgpackReader::Integer(uint8_t lead) {
  const bool is_signed = lead >= 0xd0;
  const size_t size = size_t{1} << (lead - (is_signed ? 0xd0 : 0xcc));
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t bits, TakeBigEndian(size));
  return is_signed ? Integral(SignExtended(bits, size)) : Natural(bits);
}

absl::StatusOr<MsgpackToken> MsgpackReader::Floating(uint8_t lead) {
  MsgpackToken token = Simple(Kind::kFloat);
  if (lead == 0xca) {
    DELIVERY_ASSIGN_OR_RETURN(const uint64_t bits, TakeBigEndian(4));
    token.floating = std::bit_cast<float>(static_cast<uint32_t>(bits));
  } else {
    DELIVERY_ASSIGN_OR_RETURN(const uint64_t bits, TakeBigEndian(8));
    token.floating = std::bit_cast<double>(bits);
  }
  return token;
}

absl::StatusOr<MsgpackToken> MsgpackReader::Bytes(Kind kind, size_t length_size) {
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t length, TakeBigEndian(length_size));
  return BytesOf(kind, length);
}

absl::StatusOr<MsgpackToken> MsgpackReader::BytesOf(Kind kind, uint64_t length) {
  MsgpackToken token = Simple(kind);
  DELIVERY_ASSIGN_OR_RETURN(token.bytes, TakeBytes(length));
  return token;
}

absl::StatusOr<MsgpackToken> MsgpackReader::Container(Kind kind, size_t length_size) {
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t count, TakeBigEndian(length_size));
  return ContainerOf(kind, count);
}

absl::StatusOr<MsgpackToken> MsgpackReader::ContainerOf(Kind kind, uint64_t count) {
  const uint64_t least_bytes = kind == Kind::kMap ? 2 * count : count;
  if (least_bytes > rest_.size()) return Truncated();
  MsgpackToken token = Simple(kind);
  token.count = count;
  return token;
}

absl::StatusOr<MsgpackToken> MsgpackReader::Ext(size_t length_size) {
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t length, TakeBigEndian(length_size));
  return ExtOf(length);
}

absl::StatusOr<MsgpackToken> MsgpackReader::ExtOf(uint64_t length) {
  MsgpackToken token = Simple(Kind::kExt);
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t code, TakeBigEndian(1));
  token.ext_code = static_cast<int8_t>(code);
  DELIVERY_ASSIGN_OR_RETURN(token.bytes, TakeBytes(length));
  return token;
}

// Leads that hold their value or length.
absl::StatusOr<MsgpackToken> MsgpackReader::Fixed(uint8_t lead) {
  if (lead < 0x80) return Integral(lead);
  if (lead < 0x90) return ContainerOf(Kind::kMap, lead & 0x0f);
  if (lead < 0xa0) return ContainerOf(Kind::kArray, lead & 0x0f);
  if (lead < 0xc0) return BytesOf(Kind::kString, lead & 0x1f);
  return Integral(static_cast<int8_t>(lead));
}

absl::StatusOr<MsgpackToken> MsgpackReader::Sized(uint8_t lead) {
  const auto length_size = [lead](unsigned first) { return size_t{1} << (lead - first); };
  if (lead == 0xc0) return Simple(Kind::kNil);
  if (lead == 0xc2 || lead == 0xc3) return Simple(Kind::kBool, lead == 0xc3);
  if (lead >= 0xc4 && lead <= 0xc6) return Bytes(Kind::kBinary, length_size(0xc4));
  if (lead >= 0xc7 && lead <= 0xc9) return Ext(length_size(0xc7));
  if (lead == 0xca || lead == 0xcb) return Floating(lead);
  if (lead >= 0xcc && lead <= 0xd3) return Integer(lead);
  if (lead >= 0xd4 && lead <= 0xd8) return ExtOf(uint64_t{1} << (lead - 0xd4));
  if (lead >= 0xd9 && lead <= 0xdb) return Bytes(Kind::kString, length_size(0xd9));
  if (lead == 0xdc || lead == 0xdd) return Container(Kind::kArray, lead == 0xdc ? 2 : 4);
  if (lead == 0xde || lead == 0xdf) return Container(Kind::kMap, lead == 0xde ? 2 : 4);
  return absl::InvalidArgumentError(
      absl::StrCat("byte 0x", absl::Hex(lead), " starts nothing in msgpack"));
}

absl::StatusOr<MsgpackToken> MsgpackReader::Next() {
  DELIVERY_ASSIGN_OR_RETURN(const uint64_t byte, TakeBigEndian(1));
  const auto lead = static_cast<uint8_t>(byte);
  return lead < 0xc0 || lead >= 0xe0 ? Fixed(lead) : Sized(lead);
}

void MsgpackWriter::BigEndian(uint64_t number, size_t size) {
  for (size_t i = size; i > 0; --i) Byte(static_cast<uint8_t>(number >> (8 * (i - 1))));
}

void MsgpackWriter::Header8(unsigned lead, size_t length) {
  if (length <= UINT8_MAX) {
    Byte(lead);
    return BigEndian(length, 1);
  }
  Header16(lead + 1, length);
}

void MsgpackWriter::Header16(unsigned lead, size_t length) {
  const bool is_short = length <= UINT16_MAX;
  Byte(is_short ? lead : lead + 1);
  BigEndian(length, is_short ? 2 : 4);
}

void MsgpackWriter::Nil() { Byte(0xc0); }

void MsgpackWriter::Bool(bool b) { Byte(b ? 0xc3 : 0xc2); }

void MsgpackWriter::Int(int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  if (number >= 0) return Uint(bits);
  if (number >= -32) return BigEndian(bits, 1);
  const unsigned size_log = number >= INT8_MIN    ? 0
                            : number >= INT16_MIN ? 1
                            : number >= INT32_MIN ? 2
                                                  : 3;
  Byte(0xd0 + size_log);
  BigEndian(bits, size_t{1} << size_log);
}

void MsgpackWriter::Uint(uint64_t number) {
  if (number < 0x80) return Byte(static_cast<uint8_t>(number));
  const unsigned size_log = number <= UINT8_MAX    ? 0
                            : number <= UINT16_MAX ? 1
                            : number <= UINT32_MAX ? 2
                                                   : 3;
  Byte(0xcc + size_log);
  BigEndian(number, size_t{1} << size_log);
}

void MsgpackWriter::Double(double number) {
  Byte(0xcb);
  BigEndian(std::bit_cast<uint64_t>(number), 8);
}

void MsgpackWriter::String(std::string_view text) {
  if (text.size() < 32) {
    Byte(0xa0 + static_cast<unsigned>(text.size()));
  } else {
    Header8(0xd9, text.size());
  }
  out_.append(text);
}

void MsgpackWriter::Binary(std::string_view bytes) {
  Header8(0xc4, bytes.size());
  out_.append(bytes);
}

void MsgpackWriter::Array(size_t count) {
  if (count < 16) return Byte(0x90 + static_cast<unsigned>(count));
  Header16(0xdc, count);
}

void MsgpackWriter::Map(size_t count) {
  if (count < 16) return Byte(0x80 + static_cast<unsigned>(count));
  Header16(0xde, count);
}

void MsgpackWriter::Unknown() { out_.append(std::string_view("\xd4\0\0", 3)); }

}  // namespace delivery::value
