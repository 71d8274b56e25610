// What forward leaves for backward: a header that says what it was made for, the rows' lengths, then the values. In
// between it is the caller's, who may lose, cut, move or mix it up: backward believes nothing that it has not checked.
#pragma once

#include <vector>

#include "check.hpp"
#include "fingerprint.hpp"
#include "layer.hpp"
#include "processors.hpp"

namespace recurra {

// At the memory's first byte, whatever its address.
struct MemoryHeader {
  uint64_t magic, check;  // check: of all that follows, and of the lengths
  uint64_t program;
  int64_t bytes;          // of the whole
  int64_t values;         // where the values begin, from the first byte: aligned where forward wrote them
  int64_t batch, time, inputs, hidden, projected, heads;
  int32_t type, products, vector_bytes, reverse;
  int32_t threads;        // that the rows were dealt out to; backward deals them out the same
  int32_t has_lengths;    // int64 [batch] behind the header

  static constexpr uint64_t MAGIC = 0x3230'796d'6572'6365;

  uint64_t checked(const int64_t* lengths) const {
    static_assert(sizeof(MemoryHeader) % 8 == 0);
    uint64_t words[sizeof(MemoryHeader) / 8];
    std::memcpy(words, this, sizeof(words));
    Fingerprint of;
    of.add(words + 2, int64_t(sizeof(words) / 8) - 2);
    if (has_lengths) of.add(lengths, batch);
    return of.value();
  }
};

inline constexpr int64_t VALUES_ALIGNED = 64;

// The saved values and the states of every step, packed.
template <class T>
struct Values {
  T* saved;    // [saved][total][width]
  T* rows;     // [saved_rows][total]
  T* history;  // of each state that is kept [total + batch][its width]

  Values(Arena& from, const Code& forward, const Plan& plan, const recurra_call& call)
      : saved(from.take<T>(forward.saved * plan.total * padded<T>(call.hidden))),
        rows(from.take<T>(forward.saved_rows * plan.total)),
        history(from.take<T>(history_size<T>(forward, forward.states, call, plan))) {}

  static int64_t bytes(const Code& forward, const Plan& plan, const recurra_call& call) {
    Arena measure;
    Values(measure, forward, plan, call);
    return measure.used();
  }
};

// Where the lengths end.
inline int64_t memory_head(const recurra_call& call) {
  return int64_t(sizeof(MemoryHeader)) + (call.lengths ? call.batch * int64_t(sizeof(int64_t)) : 0);
}

// Bytes of a memory that may come to lie anywhere.
template <class T>
int64_t memory_bytes(const Code& forward, const Plan& plan, const recurra_call& call) {
  return memory_head(call) + VALUES_ALIGNED + Values<T>::bytes(forward, plan, call);
}

// Writes the head of forward's memory; gives the place of its values, nullptr where there is too little room.
template <class T>
char* begin_memory(const recurra_program& program, const Plan& plan, const recurra_call& call) {
  const int64_t values = Values<T>::bytes(program.forward, plan, call);
  char* const first = static_cast<char*>(call.memory);
  const auto head = uintptr_t(first) + uintptr_t(memory_head(call));
  const auto aligned = (head + VALUES_ALIGNED - 1) / VALUES_ALIGNED * VALUES_ALIGNED;
  MemoryHeader header{};
  header.magic = MemoryHeader::MAGIC;
  header.program = program.fingerprint;
  header.values = int64_t(aligned - uintptr_t(first));
  header.bytes = header.values + values;
  if (header.bytes > call.memory_bytes) return nullptr;
  header.batch = call.batch;
  header.time = call.time;
  header.inputs = call.inputs;
  header.hidden = call.hidden;
  header.projected = call.projected;
  header.heads = call.heads;
  header.type = call.type;
  header.products = call.products;
  header.vector_bytes = RECURRA_VECTOR_BYTES;
  header.reverse = call.reverse != 0;
  header.threads = call.threads;
  header.has_lengths = call.lengths != nullptr;
  header.check = header.checked(call.lengths);
  std::memcpy(first, &header, sizeof(header));
  if (call.lengths) std::memcpy(first + sizeof(header), call.lengths, size_t(call.batch) * sizeof(int64_t));
  return first + header.values;
}

// Backward's view of a memory, checked against its call.
class ReadMemory {
 public:
  // Sets what forward knew in `call`: its lengths, which stay here, and its threads. RECURRA_OK or the reason why not.
  int read(const recurra_program& program, recurra_call& call) {
    const auto room = call.memory_bytes;
    const char* const first = static_cast<const char*>(call.memory);
    if (!first || room < int64_t(sizeof(header_))) return RECURRA_SHORT_MEMORY;
    std::memcpy(&header_, first, sizeof(header_));
    if (header_.magic != MemoryHeader::MAGIC) return RECURRA_FOREIGN_MEMORY;
    if (header_.batch != call.batch || header_.time != call.time || header_.inputs != call.inputs ||
        header_.hidden != call.hidden || header_.projected != call.projected || header_.heads != call.heads ||
        header_.type != call.type || header_.products != call.products ||
        header_.vector_bytes != RECURRA_VECTOR_BYTES || header_.reverse != (call.reverse != 0))
      return RECURRA_OTHER_MEMORY;
    call.lengths = nullptr;
    if (header_.has_lengths) {
      if (room < int64_t(sizeof(header_)) + call.batch * int64_t(sizeof(int64_t))) return RECURRA_SHORT_MEMORY;
      lengths_.resize(size_t(call.batch));
      std::memcpy(lengths_.data(), first + sizeof(header_), lengths_.size() * sizeof(int64_t));
      call.lengths = lengths_.data();
    }
    if (header_.check != header_.checked(lengths_.data()) || header_.program != program.fingerprint)
      return RECURRA_FOREIGN_MEMORY;
    if (header_.bytes > room) return RECURRA_SHORT_MEMORY;
    call.threads = std::min(std::max(header_.threads, 1), MOST_THREADS);
    return check_sizes(call);  // the lengths once more
  }

  // The values, aligned for their type: copied where the memory was moved to an odd place.
  template <class T>
  int find(const recurra_program& program, const Plan& plan, const recurra_call& call, char*& values) {
    const int64_t bytes = Values<T>::bytes(program.forward, plan, call);
    if (header_.values < memory_head(call) || header_.bytes - header_.values != bytes) return RECURRA_FOREIGN_MEMORY;
    values = static_cast<char*>(call.memory) + header_.values;
    if (uintptr_t(values) % alignof(T) == 0) return RECURRA_OK;
    moved_ = Buffer(bytes);
    if (!moved_.data()) return RECURRA_NO_MEMORY;
    std::memcpy(moved_.data(), values, size_t(bytes));
    values = static_cast<char*>(moved_.data());
    return RECURRA_OK;
  }

 private:
  MemoryHeader header_{};
  std::vector<int64_t> lengths_;
  Buffer moved_;
};

}  // namespace recurra
