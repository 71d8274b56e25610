// Forward and streams with weights in 8 bits: the same step, its products in bytes.
#include "quantised.hpp"

#include <memory>

#include "check.hpp"
#include "export.hpp"
#include "forward.hpp"
#include "stream.hpp"

namespace recurra {

int forward_in_bytes(const recurra_program& program, const recurra_call& call) {
  return Forward<float, Byte>(program, call).run();
}

Stream* stream_in_bytes(const recurra_program& program, const recurra_call& call) {
  return new Prepared<float, Byte>(program, call);
}

namespace {

// Packs weight_ih, weight_hh and weight_hr of a call, int8 with a scale for each of their rows.
void pack_all(recurra_packed& to, const recurra_program& program, const recurra_call& call) {
  recurra_call same = call;
  same.packed = &to;
  Layer<float, Byte> layer(same, program.forward, program.forward, program.constants);
  const InputProducts<float, Byte> input(layer);
  to.room = allocated([&](Arena& from) {
    to.recurrent = from.take<Byte>(layer.levels.back());
    to.input = from.take<Byte>(input.columns * layer.panels * input.panel());
  });
  if (!to.room.data()) throw std::bad_alloc();
  const auto pack = [](const void* m, const float* scales, int64_t block, int64_t units, int64_t depth, int64_t p, Byte* panel) {
    pack_bytes(static_cast<const int8_t*>(m) + block * units * depth, scales + block * units, units, p * UNITS<float>, depth,
               panel);
  };
  layer.packed = to.recurrent;
  layer.pack_all(0, 1, [&](const Product& product, int64_t units, int64_t p, Byte* panel) {
    const bool projection = product.matrix.kind == RECURRA_PROJECTION;
    pack(projection ? call.weight_hr : call.weight_hh, projection ? call.scale_hr : call.scale_hh, product.matrix.block,
         units, layer.depth(product), p, panel);
  });
  for (int64_t c = 0; c < input.columns; c++)
    for (int64_t p = 0; p < layer.panels; p++)
      pack(call.weight_ih, call.scale_ih, program.forward.columns[size_t(c)].block, layer.hidden, call.inputs, p,
           to.input + (c * layer.panels + p) * input.panel());
  to.inputs = call.inputs;
  to.hidden = call.hidden;
  to.projected = call.projected;
  to.fingerprint = program.fingerprint;
}

bool can_be_packed(const recurra_program& program, const recurra_call& call) {
  const Code& f = program.forward;
  recurra_call sizes = call;
  sizes.batch = sizes.time = 1;
  sizes.lengths = nullptr;
  if (check_sizes(sizes) != RECURRA_OK || call.products != RECURRA_INT8) return false;
  if (call.inputs > MOST_BYTES || call.hidden > MOST_BYTES) return false;
  if (call.ih_blocks < f.most_ih || call.hh_blocks < f.most_hh || call.hr_blocks < f.most_hr) return false;
  return call.weight_ih && call.scale_ih && (f.most_hh == 0 || (call.weight_hh && call.scale_hh)) &&
         (f.most_hr == 0 || (call.weight_hr && call.scale_hr));
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT recurra_packed* recurra_packed_new(const recurra_program* program, const recurra_call* call) {
  if (!program || !call || !can_be_packed(*program, *call)) return nullptr;
  try {
    auto made = std::make_unique<recurra_packed>();
    recurra_call once = *call;
    once.batch = once.time = once.threads = 1;
    once.lengths = nullptr;
    once.tokens = nullptr;
    pack_all(*made, *program, once);
    return made.release();
  } catch (const std::exception&) {
    return nullptr;
  }
}

RECURRA_EXPORT void recurra_packed_free(recurra_packed* packed) { delete packed; }

RECURRA_EXPORT int32_t recurra_int8_in_hardware(void) { return unsigned_quads() ? 1 : 0; }
