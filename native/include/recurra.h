/* The C interface of the native engine. No Python, torch or C++ type crosses it.
 *
 * A step arrives as data: "code" made from a cell's program (forward) and from its derivative (backward). The core
 * runs code over time, batch and units; it knows no cell by name.
 *
 * Every function that can fail returns 0 or a RECURRA_* error; what is checked here is what would otherwise crash.
 * The callers check shapes and types first and say so in their own words.
 */
#ifndef RECURRA_H
#define RECURRA_H

#include <stdint.h>

#include "recurra_outputs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RECURRA_ABI 13

enum recurra_error {
  RECURRA_OK = 0,
  RECURRA_BAD_CODE = 1,   /* code that does not decode: an index out of range, an unknown operation */
  RECURRA_BAD_CALL = 2,   /* sizes out of range, a pointer missing */
  RECURRA_NO_MEMORY = 3,
  RECURRA_BAD_LENGTHS = 4,    /* a length below 1 or above time, steps that lead out of the packed rows */
  RECURRA_BAD_TOKENS = 5,     /* a token that is no row of the table */
  RECURRA_SHORT_MEMORY = 6,   /* memory_bytes are fewer than the call needs */
  RECURRA_FOREIGN_MEMORY = 7, /* backward: memory that no forward of this program wrote, or written over since */
  RECURRA_OTHER_MEMORY = 8    /* backward: memory of a call of other sizes, types or direction, or of another variant */
};

enum recurra_type { RECURRA_F32 = 0, RECURRA_F64 = 1 };

/* How the operands of matrix products are held: as the values are; rounded to bfloat16 and summed in float32; or in 8 bits
 * (forward and streams without memory, of RECURRA_F32, heads 1): weights that recurra_packed_new has packed, and each
 * vector that they map rounded at its step to whole numbers from -127 to 127 times its largest size / 127. */
enum recurra_products { RECURRA_AS_STORED = 0, RECURRA_BF16 = 1, RECURRA_INT8 = 2 };

/* ---- code -----------------------------------------------------------------------------------------------------
 *
 * int32 words:
 *   magic (RECURRA_CODE), direction (0 forward, 1 backward), states, columns, vectors, constants, saved, saved_rows,
 *   steps, temps, rows, adjoints, w_adjoints, r_adjoints, reductions, levels,
 *   then for each state 1 if it is as wide as a projection, else 0; and 1 if weight_hh maps values of that width, else 0
 *   then for each column:  row block of weight_ih, number n of vectors, n vector numbers
 *   then for each level:   1 if its values are as wide as a projection, else 0;
 *                          number of sums, number of row sums, number of instructions, and of the instructions how many
 *                          come before the recurrence and how many are the recurrence (see below; 0 and 0 elsewhere),
 *        for each sum:     destination slot, start slot (or RECURRA_NONE), number n of products,
 *                          n times (matrix, operand slot)
 *        for each row sum: kind (RECURRA_MOMENTS or RECURRA_MEANS), destination ROW slot, operand slots a, b, c, constant
 *                          (number, or RECURRA_NONE), number of a SAVED_ROW to keep it in (or RECURRA_NONE)
 *        for each instr.:  op, destination slot, a, b, c, d   (RECURRA_NONE for operands an op lacks)
 *   then, backward only:   states times: 1 if the code writes CARRY_OUT of that state, else 0 (the adjoint is zero)
 *                          w_adjoints times:  row block of weight_ih whose adjoint is ADJOINT column j
 *                          r_adjoints times:  matrix, adjoint column, operand slot (BEFORE, AFTER or SAVED):
 *                                             the matrix' gradient = sum over rows of adjoint^T operand
 *
 * A matrix is kind << 16 | row block: of weight_hh (RECURRA_RECURRENT) or of weight_hr (RECURRA_PROJECTION).
 *
 * Sums of products and row sums read whole rows: results of earlier levels. They come before a level's instructions.
 *
 * A code of one level without sums of either kind may run over many steps at once: first the instructions that need no
 * state (BEFORE; backward CARRY_IN of a CARRY_OUT that is written) for all of them, then, step after step, those that lead
 * from a state that is read to the next one (AFTER; CARRY_OUT), then what is left for all of them. The instructions stand
 * in this order.
 *
 * A slot is kind << 16 | index. Values are tiles [rows][units]; a slot says where the tile lives:
 */
#define RECURRA_CODE 0x52435231
#define RECURRA_NONE (-1)

enum recurra_matrix { RECURRA_RECURRENT = 0, RECURRA_PROJECTION = 1 };

enum recurra_slot {
  SLOT_TEMP = 0,      /* lives within one level of one tile */
  SLOT_VECTOR = 1,    /* vector parameter `index` [H], the same for every row; read only */
  SLOT_CONSTANT = 2,  /* constant `index`; read only */
  SLOT_STEP = 3,      /* lives within one step; may be an operand of a product of a later level */
  SLOT_SAVED = 4,     /* kept from forward to backward; written once a step forward, read only backward */
  SLOT_BEFORE = 5,    /* state `index` before the step; read only */
  SLOT_AFTER = 6,     /* state `index` after the step: forward's result (may be read in later levels); backward read */
  SLOT_COLUMN = 7,    /* forward: column `index` of the input's products, W x + vectors; read only */
  SLOT_ADJOINT = 8,   /* backward: column `index` of what the weights' gradients are made of; may be read later */
  SLOT_CARRY_IN = 9,  /* backward: adjoint of state `index` after the step, without the output's own; read only */
  SLOT_CARRY_OUT = 10,/* backward: adjoint of state `index` before the step; written */
  SLOT_OUTPUT = 11,   /* backward: adjoint of the output at this step (zero where none is given); read only */
  SLOT_ROW = 12,      /* up to three numbers of each row, result of a row sum of the same level */
  SLOT_SAVED_ROW = 13,/* one number of each row, kept from forward to backward */
  SLOT_GIVEN = 14     /* what each step is given beside its input, masks; read only, in both directions */
};

enum recurra_op {       /* d = destination, elementwise */
  OP_COPY = 0,          /* a */
  OP_ADD = 1, OP_SUB = 2, OP_MUL = 3, OP_DIV = 4,
  OP_NEG = 5,
  OP_MINIMUM = 6, OP_MAXIMUM = 7,     /* NaN if either is */
  OP_SHARE = 8,         /* 1 where a > b, 1/2 where a = b, else 0 */
  OP_POSITIVE = 9,      /* 1 where a > 0, else 0 */
  OP_SIGMOID = 10, OP_TANH = 11, OP_RELU = 12, OP_SOFTPLUS = 13, OP_EXP = 14, OP_LOG = 15,
  OP_MULADD = 16,       /* a * b + c */
  OP_SIGMOID_BACK = 17, /* a * (b * (1 - b)) */
  OP_TANH_BACK = 18,    /* a * (1 - b * b) */
  OP_ONE_MINUS = 19,    /* 1 - a */
  OP_REDUCE = 20,       /* destination is a number, not a slot: that reduction += sum over the rows of a */
  OP_SQRT = 21, OP_ABS = 22, OP_SIGN = 23, OP_SIN = 24, OP_COS = 25, OP_EXPM1 = 26,
  OP_SQRT_SLOPE = 27,   /* 1 / (2 a), 0 where a = 0 */
  OP_NORMALIZE = 28,    /* (a - mean) spread, b: the ROW of RECURRA_MOMENTS */
  OP_NORMALIZE_BACK = 29, /* (a - mean_a) spread - b scaled, c: the ROW of RECURRA_MEANS */
  /* several of the others in one pass */
  OP_REDUCE_MUL = 30,   /* as OP_REDUCE, of a * b */
  OP_PRODUCTS = 31,     /* a * b + c * d */
  OP_MIX = 32,          /* a * b + (1 - a) * c */
  OP_ADD_MUL = 33,      /* (a + b) * c */
  OP_MUL_SIGMOID_BACK = 34, /* a * b * (c * (1 - c)) */
  OP_MUL_TANH_BACK = 35,    /* a * b * (1 - c * c) */
  OP_SUB_MUL_SIGMOID_BACK = 36, /* (a - b) * c * (d * (1 - d)) */
  OP_MULADD_SIGMOID = 37, OP_MULADD_TANH = 38, OP_MULADD_RELU = 39, /* of a * b + c */
  OP_COUNT = 40
};

enum recurra_row_sum { /* over the units of each row */
  RECURRA_MOMENTS = 0, /* of a: mean, spread = 1 / sqrt(variance + constant), which a SAVED_ROW keeps */
  RECURRA_MEANS = 1    /* mean_a = mean of a, scaled = spread times the mean of a b, spread: the SAVED_ROW c */
};

typedef struct recurra_program recurra_program;

/* Both codes of one cell, and its constants (constants forward, then constants backward). backward may be NULL with
 * backward_words 0: forward without a memory for backward. NULL if the code is bad. */
recurra_program* recurra_program_new(const int32_t* forward, int64_t forward_words, const int32_t* backward,
                                     int64_t backward_words, const double* constants, int64_t n_constants);
void recurra_program_free(recurra_program* program);

/* ---- one layer and direction over time ------------------------------------------------------------------------ */

#define RECURRA_MAX_STATES 16
#define RECURRA_MAX_VECTORS 64
#define RECURRA_MAX_GIVEN 4

typedef struct recurra_packed recurra_packed;

typedef struct recurra_call {
  int32_t type, products;
  int32_t threads; /* at most; no more are used than there are processors and than the work is worth */
  int32_t reverse;
  int64_t batch, time, inputs, hidden;
  int64_t projected; /* width of a projection, 1 to hidden; hidden where there is none */
  int64_t heads;     /* blocks on the diagonal of weight_hh's blocks, divides hidden; 1 where anything is as wide as a
                      * projection */

  /* the input: x with strides in elements, its last axis contiguous; or tokens into a contiguous table */
  const void* x;
  int64_t x_batch, x_time;
  const int64_t* tokens;
  int64_t tokens_batch, tokens_time;
  const void* table; /* [vocabulary, inputs] */
  int64_t vocabulary;

  const int64_t* lengths; /* [batch], each 1 to time; NULL: all time. Not read by backward: memory has them */

  /* weights, contiguous: weight_ih [gates, hidden, inputs], weight_hh [gates, hidden, hidden / heads], what a unit's own
   * head is mapped with, or, where it maps projections, [gates, hidden, projected], weight_hr [gates, projected, hidden], vectors each [hidden] */
  const void* weight_ih;
  const void* weight_hh;
  const void* weight_hr;
  int64_t ih_blocks, hh_blocks, hr_blocks;
  const void* vectors[RECURRA_MAX_VECTORS];

  const void* state[RECURRA_MAX_STATES]; /* each [batch, hidden], or [batch, projected] as the code says; contiguous */

  /* forward's results */
  void* y; /* strides in elements, last axis contiguous; zero is written past each row's length */
  int64_t y_batch, y_time;
  void* last[RECURRA_MAX_STATES]; /* as state */

  /* From forward to backward, at any address; NULL in inference. recurra_memory says how many bytes. What it holds says
   * what it was made for and does not depend on where it lies: it may be moved in between, and backward checks it. */
  void* memory;

  /* backward only: incoming; any may be NULL for zero */
  const void* dy;
  int64_t dy_batch, dy_time;
  const void* dlast[RECURRA_MAX_STATES];

  /* backward's results, contiguous; any may be NULL where it is not wanted. dx [batch, time, inputs] is zero past each
   * row's length; dtable [vocabulary, inputs]; dstate as state; dweights as the weights;
   * dvectors [reductions, hidden] */
  void* dx;
  void* dtable;
  void* dstate[RECURRA_MAX_STATES];
  void* dweight_ih;
  void* dweight_hh;
  void* dweight_hr;
  void* dvectors;

  int64_t memory_bytes; /* room at `memory` */

  const void* given[RECURRA_MAX_GIVEN]; /* each [batch, time, hidden], contiguous; backward's those of forward */

  /* RECURRA_INT8: the weights' scales, one for each row, read by recurra_packed_new; what it made, read by forward and
   * streams, as long as these are used */
  const float *scale_ih, *scale_hh, *scale_hr;
  const recurra_packed* packed;
} recurra_call;

/* weight_ih, weight_hh and weight_hr of int8, packed for a program without backward: each number times its row's scale. Of
 * the call only products, sizes, blocks, weights and scales are read. NULL: a bad call, inputs or units above 65536, no
 * memory. */
recurra_packed* recurra_packed_new(const recurra_program* program, const recurra_call* call);
void recurra_packed_free(recurra_packed* packed);

int64_t recurra_memory(const recurra_program* program, const recurra_call* call); /* bytes; -1: a bad call */
int recurra_forward(const recurra_program* program, const recurra_call* call);
int recurra_backward(const recurra_program* program, const recurra_call* call);

/* The same for two calls that do not hang on each other, such as a layer's two directions: each on half of the threads;
 * one after the other where these are odd in number or weights are many. What they are given may be the same, all results
 * are each its own. */
int recurra_forward_both(const recurra_program* program, const recurra_call* first, const recurra_call* second);
int recurra_backward_both(const recurra_program* program, const recurra_call* first, const recurra_call* second);

/* ---- one step after the other, nothing allocated per step ----------------------------------------------------- */

typedef struct recurra_stream recurra_stream;

/* Packs the weights of `call` (x, tokens, lengths, memory and results are not read) and holds the states of `batch`
 * rows, taken from call->state (NULL: zeros). */
recurra_stream* recurra_stream_new(const recurra_program* program, const recurra_call* call);
void recurra_stream_free(recurra_stream* stream);
/* x [batch, inputs] -> y, as the first state; contiguous. */
int recurra_stream_step(recurra_stream* stream, const void* x, void* y);
/* Copy the states out of (write = 0) or into (write = 1) the stream: each as in a call. */
int recurra_stream_state(recurra_stream* stream, void* const* state, int write);

/* ---- tokens that are written one after the other -------------------------------------------------------------- */

typedef struct recurra_writer recurra_writer;

typedef struct recurra_writing {
  int32_t threads, layers;
  recurra_stream* const* streams; /* [layers], each of RECURRA_F32 and one row, what one gives the next one's x; used as
                                   * long as the writer */
  const int64_t* widths;          /* [layers], of what each gives */
  int64_t tokens, inputs;         /* table [tokens, inputs], what the first layer reads of each */
  int64_t vocabulary, outputs;    /* scores = weight [vocabulary, outputs] y + bias [vocabulary], which may be NULL */
  const float *table, *weight, *bias;
  const uint8_t *forbidden, *written; /* [vocabulary]: 1 for tokens that are never drawn; that stood there before */
  double temperature, top_p, repetition_penalty;
  int64_t top_k;
  int32_t filtered; /* 1: by the probabilities themselves, as with a top_p below 1 or a top_k below vocabulary */
} recurra_writing;

/* All but the streams is copied. NULL: a bad call, no memory. */
recurra_writer* recurra_writer_new(const recurra_writing* how);
void recurra_writer_free(recurra_writer* writer);
/* Reads `token`, draws what follows it, reads that, and so on, `count` times: drawn [count]. waits [count, vocabulary]:
 * from an exponential distribution. *done: as many were drawn; fewer where scores are no numbers, or cannot decide. scores
 * [vocabulary]: what may follow the last token that was read. */
int recurra_writer_write(recurra_writer* writer, int64_t token, const float* waits, int64_t count, int64_t* drawn,
                         int64_t* done, float* scores);

/* ---- memory, threads, the machine ----------------------------------------------------------------------------- */

/* A DLManagedTensor (DLPack 0.x, one axis of bytes) of at least `bytes`, 64-byte aligned, from a pool that is kept between
 * calls; its deleter gives the memory back. fill_nan: tests fill it with NaN (set by recurra_fill_nan). */
void* recurra_buffer(int64_t bytes);
void recurra_fill_nan(int on);
void recurra_pool_limit(int64_t bytes); /* what the pool may keep; default 1 GiB */

/* The host's OpenMP entry points, so that the process has one pool of threads: GOMP_parallel, omp_get_thread_num,
 * omp_get_num_threads. Without them (NULL), threads are started per call. */
void recurra_threads(void* gomp_parallel, void* get_thread_num, void* get_num_threads);
/* How many threads can run at once: processors by affinity and by the quota of the control group, rounded down. root: a
 * folder that stands for / (tests); NULL: this machine, asked at most once a second. */
int32_t recurra_processors(const char* root);
/* Tests: 1: teams of as many threads as a call says. */
void recurra_threads_as_asked(int how);

const char* recurra_variant(void);  /* "portable", "avx2", "avx512", "avx512bf16", "amx" */
/* What this CPU can run, best first, as comma-separated variant names. The portable library answers. */
const char* recurra_machine(void);
int32_t recurra_abi(void);
int32_t recurra_bf16_in_hardware(void);
int32_t recurra_int8_in_hardware(void); /* products of 8 bits in one instruction: VNNI */

/* The vector functions over n numbers, for tests: op is a unary recurra_op. */
int recurra_map(int32_t op, int32_t type, const void* a, void* out, int64_t n);
/* A product C [m, n] = A [m, k] B [n, k]^T by the core's own kernel, for tests and for measuring its rate. */
int recurra_product(int32_t type, int32_t products, int32_t threads, int64_t m, int64_t n, int64_t k, const void* a,
                    const void* b, void* c);

#ifdef __cplusplus
}
#endif
#endif
