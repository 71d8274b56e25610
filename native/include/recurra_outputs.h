/* What the C interface computes over a layer's outputs: rows of tags, attention, dropout, losses. Part of recurra.h. */
#ifndef RECURRA_OUTPUTS_H
#define RECURRA_OUTPUTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- rows of tags as a whole ---------------------------------------------------------------------------------- */

typedef struct recurra_paths {
  int32_t type, threads;
  int64_t batch, time, tags;
  const void* logits;     /* [batch, time, tags]; all arrays are contiguous */
  const int64_t* lengths; /* [batch], each 1 to time */
  const int64_t* chosen;  /* [batch, time], each 0 to tags - 1; not read past a row's length */
  const void* follows;    /* [tags, tags]: what it scores where the second comes after the first */
  const void *begins, *ends; /* [tags] */
  void* found;            /* [batch] */
  void* memory;           /* from forward to backward; NULL: no gradient will be asked for */
  int64_t memory_bytes;   /* room at `memory`: recurra_paths_memory at least */
  /* backward: reads memory, weights [batch], what each of `found` counts; writes those that are not NULL */
  const void* weights;
  void *d_logits, *d_follows, *d_begins, *d_ends;
} recurra_paths;

int64_t recurra_paths_memory(const recurra_paths* call); /* bytes; -1: a bad call */
/* The logarithm of how probable the chosen tags are among all rows of tags of their lengths, summed in double precision. */
int recurra_paths_forward(const recurra_paths* call);
int recurra_paths_backward(const recurra_paths* call);

/* ---- scores of additive attention ------------------------------------------------------------------------------ */

typedef struct recurra_scoring {
  int32_t type, threads;
  int64_t batch, count, positions, width; /* count: queries of each row */

  /* queries [batch, count, width] and keys [batch, positions, width] with strides in elements, the last axis contiguous;
   * weight [width] */
  const void* queries;
  int64_t queries_batch, queries_time;
  const void* keys;
  int64_t keys_batch, keys_time;
  const void* weight;
  const uint8_t* past; /* [batch, positions]: 1 for those that are not looked at; NULL: all are */

  void* scores; /* result of recurra_additive_scores [batch, count, positions], -infinity where past */

  /* recurra_additive_gradients: dscores as scores, not read where past; results, contiguous: as queries, keys, weight */
  const void* dscores;
  void *dqueries, *dkeys, *dweight;
} recurra_scoring;

/* scores = sum over the width of weight tanh(query + key). Gradients recompute what they need, and are zero for a query
 * whose scores' gradients all are. */
int recurra_additive_scores(const recurra_scoring* call);
int recurra_additive_gradients(const recurra_scoring* call);

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

typedef struct recurra_dropping {
  int32_t type, threads;
  const void* words; /* numbers of so many bits (1, 8, 16, 32) one after the other */
  int32_t bits;
  int64_t edge;
  double scale;
  const void* x; /* [count], may be `out` */
  void* out;     /* [count]: times scale where the number lies below the edge (of one bit: is 1), otherwise times 0 */
  int64_t count;
} recurra_dropping;

int recurra_dropout(const recurra_dropping* call);

/* ---- the loss of a class for each row ---------------------------------------------------------------------------- */

enum { RECURRA_LAST = 1, RECURRA_MEAN = 2, RECURRA_HIGHEST = 4 };

typedef struct recurra_readout {
  int32_t type, threads;
  int32_t parts;      /* what of the outputs is looked at, of each row: RECURRA_LAST | ..., side by side in this order */
  int32_t directions; /* 2: the second half of the outputs is of layers in reverse, whose last output is at step 0 */
  int64_t batch, time, width, classes;

  const void* y; /* [batch, time, width], strides in elements, the last axis contiguous; not read past a row's end */
  int64_t y_batch, y_time;
  const int64_t* lengths; /* [batch], each 1 to time */

  /* dropout of what is looked at, [batch, parts * width]: as that of recurra_dropping; NULL: none */
  const void* words;
  int32_t bits;
  int64_t edge;
  double scale;

  const void* weight;       /* [classes, parts * width] */
  const void *bias, *shift; /* [classes], added to what the weight makes; NULL: none */
  const int64_t* targets;   /* [batch], each 0 to classes - 1 */
  double smoothing;         /* of the targets */

  void* loss; /* mean cross-entropy, one number of the type */
  void* memory; /* from forward to backward; NULL: no gradient will be asked for */
  int64_t memory_bytes; /* room at `memory`: recurra_readout_memory at least */

  /* backward: reads memory, y, words and one number d_loss; writes those that are not NULL, d_y zero past a row's end */
  const void* d_loss;
  void* d_y;
  int64_t d_y_batch, d_y_time;
  void *d_weight, *d_bias;
} recurra_readout;

int64_t recurra_readout_memory(const recurra_readout* call); /* bytes; -1: a bad call */
int recurra_readout_forward(const recurra_readout* call);
int recurra_readout_backward(const recurra_readout* call);

/* ---- the loss of rows of tags ------------------------------------------------------------------------------------ */

typedef struct recurra_tagging {
  int32_t type, threads;
  int64_t batch, time, width, tags;

  const void* y; /* [batch, time, width], strides in elements, the last axis contiguous; not read past a row's end */
  int64_t y_batch, y_time;
  const int64_t* lengths; /* [batch], each 1 to time */
  const int64_t* chosen;  /* as that of recurra_paths */

  /* dropout of the outputs, [batch, time, width]: as that of recurra_dropping; NULL: none */
  const void* words;
  int32_t bits;
  int64_t edge;
  double scale;

  const void *weight, *bias;           /* [tags, width]; [tags] or NULL */
  const void *follows, *begins, *ends; /* as those of recurra_paths */

  void* loss; /* one number of the type: what recurra_paths_forward finds of all rows, negative, over all rows' steps */
  void* memory; /* from forward to backward; NULL: no gradient will be asked for */
  int64_t memory_bytes; /* room at `memory`: recurra_tagging_memory at least */

  /* backward: reads memory, words and one number d_loss; writes those that are not NULL, d_y zero past a row's end */
  const void* d_loss;
  void* d_y;
  int64_t d_y_batch, d_y_time;
  void *d_weight, *d_bias, *d_follows, *d_begins, *d_ends;
} recurra_tagging;

int64_t recurra_tagging_memory(const recurra_tagging* call); /* bytes; -1: a bad call */
int recurra_tagging_forward(const recurra_tagging* call);
int recurra_tagging_backward(const recurra_tagging* call);

#ifdef __cplusplus
}
#endif

#endif
