// Tokens that are written one after the other: from the table through the layers and the output to a draw, and again.
#include "arena.hpp"
#include "drawing.hpp"
#include "export.hpp"
#include "kernel.hpp"
#include "processors.hpp"
#include "share.hpp"

using namespace recurra;

namespace {

constexpr int64_t U = UNITS<float>;
constexpr int64_t WORTH_A_TEAM = 256 * 1024;  // weights of the output

}  // namespace

struct recurra_writer {
  explicit recurra_writer(const recurra_writing& how)
      : inputs(how.inputs), outputs(how.outputs), width(padded<float>(how.vocabulary)), vocabulary(how.vocabulary),
        tokens(how.tokens), threads(how.threads), streams(how.streams, how.streams + how.layers), drawing(how) {
    int64_t widest = outputs;
    for (int32_t l = 0; l < how.layers; l++) widest = std::max(widest, how.widths[l]);
    room = allocated([&](Arena& from) {
      table = from.take<float>(tokens * inputs);
      packed = from.take<float>(width / U * panel());
      bias = from.take<float>(width);
      scores = from.take<float>(width);
      for (float*& y : between) y = from.take<float>(widest);
    });
    if (!room.data()) throw std::bad_alloc();
    std::copy_n(how.table, tokens * inputs, table);
    for (int64_t p = 0; p < width / U; p++) pack_transposed(how.weight, outputs, vocabulary, p * U, outputs, packed + p * panel());
    std::fill_n(bias, width, 0.0f);
    if (how.bias) std::copy_n(how.bias, vocabulary, bias);
    begin = bias;
  }

  int64_t panel() const { return panel_size<float, float>(outputs); }

  int write(int64_t token, const float* waits, int64_t count, int64_t* drawn, int64_t& done) {
    for (done = 0; done < count; done++) {
      if (token < 0 || token >= tokens) return RECURRA_BAD_TOKENS;
      read(token);
      token = drawing.draw(scores, waits + done * vocabulary);
      if (token == Drawing::UNDECIDED) return RECURRA_OK;
      drawn[done] = token;
    }
    return RECURRA_OK;
  }

  void read(int64_t token) {
    const float* x = table + token * inputs;
    for (size_t l = 0; l < streams.size(); l++) {
      recurra_stream_step(streams[l], x, between[l % 2]);
      x = between[l % 2];
    }
    y = x;
    const int64_t work = width * outputs;
    run_team(work >= WORTH_A_TEAM && !crowded() ? team_size(threads, work) : 1, [](void* self, int thread, Team& team) {
      static_cast<recurra_writer*>(self)->score(thread, team);
    }, this);
  }

  void score(int thread, Team& team) {
    const Share mine(width / U, thread, team.count());
    for (int64_t p = mine.first; p < mine.last; p++)
      rows_by_panel<float, float>(1, {.a = y, .a_row = outputs, .panel = packed + p * panel(), .depth = outputs,
                                      .c = scores + p * U, .c_row = width, .start = Start::rows, .rows = &begin,
                                      .column = p * U});
  }

  int64_t inputs, outputs, width, vocabulary, tokens;
  int32_t threads;
  std::vector<recurra_stream*> streams;
  Drawing drawing;
  Buffer room;
  float *table = nullptr, *packed = nullptr, *bias = nullptr, *scores = nullptr, *between[2] = {};
  const float *y = nullptr, *begin = nullptr;  // begin: the row of biases that scores start from
};

RECURRA_EXPORT recurra_writer* recurra_writer_new(const recurra_writing* how) {
  constexpr int64_t most = int64_t(1) << 31;
  if (!how || how->layers < 1 || !how->streams || !how->widths || !how->table || !how->weight) return nullptr;
  if (!how->forbidden || !how->written || !(how->temperature >= 0) || !(how->top_p > 0) || how->top_k < 1) return nullptr;
  for (const int64_t size : {how->inputs, how->outputs, how->vocabulary, how->tokens})
    if (size < 1 || size >= most) return nullptr;
  for (int32_t l = 0; l < how->layers; l++)
    if (!how->streams[l] || how->widths[l] < 1 || how->widths[l] >= most) return nullptr;
  if (how->widths[how->layers - 1] != how->outputs) return nullptr;
  try {
    return new recurra_writer(*how);
  } catch (const std::exception&) {
    return nullptr;
  }
}

RECURRA_EXPORT void recurra_writer_free(recurra_writer* writer) { delete writer; }

RECURRA_EXPORT int recurra_writer_write(recurra_writer* writer, int64_t token, const float* waits, int64_t count,
                                        int64_t* drawn, int64_t* done, float* scores) {
  if (!writer || !waits || !drawn || !done || !scores || count < 0) return RECURRA_BAD_CALL;
  const int error = writer->write(token, waits, count, drawn, *done);
  std::copy_n(writer->scores, writer->vocabulary, scores);
  return error;
}
