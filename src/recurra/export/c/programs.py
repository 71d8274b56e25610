"""The programs beside a network's source: an example that uses it, and one that checks it on stored inputs."""

from __future__ import annotations

from recurra.export.c.proof import FLAGS, NATIVE
from recurra.export.c.texts import kind_of
from recurra.export.streamed import Streamed

CHECK = r"""/* Runs stored inputs and compares with what the trained network said of them: check FILE
   Prints the largest difference; ends with 1 if it is too large. Built for any machine, it is the proof there. */
#include "@.h"

#include <stdio.h>
#include <stdlib.h>

static @_state state;
static float said[#_OUTPUTS], expected[#_OUTPUTS];
static double worst, largest;
static unsigned long compared;

static void need(int fine, const char *what)
{
  if (fine) return;
  fprintf(stderr, "check: %s\n", what);
  exit(2);
}

static int whole(FILE *file)
{
  unsigned char b[4];
  need(fread(b, 1, 4, file) == 4, "the file ends too soon");
  return (int)((unsigned)b[0] | (unsigned)b[1] << 8 | (unsigned)b[2] << 16 | (unsigned)b[3] << 24);
}

static float number(FILE *file)
{
  union { int i; float f; } bits;
  bits.i = whole(file);
  return bits.f;
}

static void compare(FILE *file)
{
  int j;
  for (j = 0; j < #_OUTPUTS; j++) {
    double difference, size;
    expected[j] = number(file);
    difference = (double)said[j] - (double)expected[j];
    size = expected[j] < 0 ? -(double)expected[j] : (double)expected[j];
    if (difference < 0) difference = -difference;
    if (!(difference <= worst)) worst = difference; /* NaN, too */
    if (size > largest) largest = size;
  }
  compared++;
}

int main(int count, char **arguments)
{
  FILE *file;
  int sequences, each_step, i, t;
  double limit;
  need(count > 1, "usage: check FILE");
  file = fopen(arguments[1], "rb");
  need(file != 0, "the file cannot be read");
  sequences = whole(file);
  each_step = whole(file);
  limit = number(file);
  @_init(&state);
  for (i = 0; i < sequences; i++) {
    const int steps = whole(file);
    @BEGIN@
    for (t = 0; t < steps; t++) {
      @INPUT@
      if (@_step(&state, input, said) && (each_step || t == steps - 1)) compare(file);
    }
    @END@
  }
  fclose(file);
  printf("%lu outputs of %d numbers: largest difference %.3g, largest number %.3g\n", compared, #_OUTPUTS, worst,
         largest);
  return !(worst <= limit);
}
"""

_TOKENS = "const int input = whole(file);"
_FRAMES = "static float input[#_INPUTS];\n      int j;\n      for (j = 0; j < #_INPUTS; j++) input[j] = number(file);"
_BEGIN = (
    "int values[#_ATTRIBUTES];\n    for (t = 0; t < #_ATTRIBUTES; t++) values[t] = whole(file);\n"
    "    @_begin(&state, values);"
)


def check_program(model: Streamed, name: str) -> str:
    """check.c, of the format that `recurra.export.c.proof` writes."""
    text = CHECK.replace("@BEGIN@", _BEGIN if model.condition is not None else "@_reset(&state);")
    text = text.replace("@INPUT@", _TOKENS if model.table is not None else _FRAMES)
    text = text.replace("@END@", "while (@_end(&state, said)) compare(file);" if model.delay else "")
    return _named(text, name)


_HEAD = r"""/* An example: USAGE */
#include "@.h"

#include <stdio.h>
#include <stdlib.h>

static @_state state;
static float said[#_OUTPUTS];
"""

_DRAW = r"""
static unsigned long seed = 1;

/* From 0 to 1, as minimal as can be. */
static double drawn(void)
{
  seed = (seed * 1103515245ul + 12345ul) & 0x7ffffffful;
  return (double)seed / 2147483648.0;
}

/* e^x, x <= 0, by repeated squaring: this file needs no mathematics either. */
static double power(double x)
{
  double e = 1.0 + x / 1048576.0;
  int i;
  if (x < -40.0) return 0.0;
  for (i = 0; i < 20; i++) e *= e;
  return e;
}

/* One of the tokens, by their probabilities; not 0, which stands for all that are unknown. */
static int draw(void)
{
  double sum = 0.0, left, most = said[1];
  int j;
  for (j = 1; j < #_OUTPUTS; j++) most = said[j] > most ? said[j] : most;
  for (j = 1; j < #_OUTPUTS; j++) sum += power(said[j] - most);
  left = drawn() * sum;
  for (j = 1; j < #_OUTPUTS - 1; j++) {
    left -= power(said[j] - most);
    if (left < 0.0) break;
  }
  return j;
}
"""

_WRITES_TEXT = r"""
int main(int count, char **arguments)
{
  const char *prompt = count > 1 ? arguments[1] : "", *line_end = "\n";
  int length = count > 2 ? atoi(arguments[2]) : 300, token;
  char text[5];
  seed = count > 3 ? (unsigned long)atol(arguments[3]) : 1;
  @_init(&state);
  fputs(prompt, stdout);
  if (*prompt == 0) { /* a text begins after a line's end, or after the most frequent token */
    token = @_encode(&line_end);
    @_step(&state, token > 0 ? token : 1, said);
  }
  while ((token = @_encode(&prompt)) >= 0) @_step(&state, token, said);
  for (; length > 0; length--) {
    token = draw();
    fwrite(text, 1, (size_t)@_decode(token, text), stdout);
    @_step(&state, token, said);
  }
  putchar('\n');
  return 0;
}
"""

_WRITES_OF = r"""
int main(int count, char **arguments)
{
  static const int counts[#_ATTRIBUTES] = {COUNTS};
  int values[#_ATTRIBUTES], i, token = #_OUTPUTS, length;
  char text[5];
  for (i = 0; i < #_ATTRIBUTES; i++) {
    values[i] = count > 1 + i ? atoi(arguments[1 + i]) : 0;
    if (values[i] < 0 || values[i] >= counts[i]) {
      fprintf(stderr, "VALUE %d is %d, not from 0 to %d\n", i + 1, values[i], counts[i] - 1);
      return 1;
    }
  }
  seed = count > 1 + #_ATTRIBUTES ? (unsigned long)atol(arguments[1 + #_ATTRIBUTES]) : 1;
  @_init(&state);
  @_begin(&state, values);
  for (length = 0; length < 1000; length++) {
    @_step(&state, token, said);
    token = draw();
    if (token == #_OUTPUTS - 1) break; /* the end */
    fwrite(text, 1, (size_t)@_decode(token, text), stdout);
  }
  putchar('\n');
  return 0;
}
"""

_LABELS_TEXT = r"""
int main(int count, char **arguments)
{
  int i, j, best, token;
  @_init(&state);
  for (i = 1; i < count; i++) {
    const char *text = arguments[i];
    if (*text == 0) {
      fprintf(stderr, "text %d is empty\n", i);
      return 1;
    }
    @_reset(&state);
    while ((token = @_encode(&text)) >= 0) @_step(&state, token, said);
    for (best = 0, j = 1; j < #_OUTPUTS; j++) best = said[j] > said[best] ? j : best;
    printf("%s\t%s\n", arguments[i], LABEL);
  }
  return 0;
}
"""

_READS_IDS = r"""
int main(void)
{
  int token, j, best;
  @_init(&state);
  BEGUN
  while (scanf("%d", &token) == 1) {
    if (token < 0 || token >= READABLE) {
      fprintf(stderr, "there is no token %d\n", token);
      return 1;
    }
    @_step(&state, token, said);
    for (best = 0, j = 1; j < #_OUTPUTS; j++) best = said[j] > said[best] ? j : best;
    printf("%d\t%s\n", best, LABEL);
  }
  return 0;
}
"""

_READS_FRAMES = r"""
static void say(void)
{
  int j, best = 0;
  for (j = 1; j < #_OUTPUTS; j++) best = said[j] > said[best] ? j : best;
  for (j = 0; j < #_OUTPUTS; j++) printf("%g\t", (double)said[j]);
  printf("%s\n", LABEL);
}

int main(void)
{
  static float frame[#_INPUTS];
  int j = 0;
  @_init(&state);
  BEGUN
  while (scanf("%f", &frame[j]) == 1) {
    if (++j < #_INPUTS) continue;
    j = 0;
    if (@_step(&state, frame, said)) say();
  }
  ENDED
  return 0;
}
"""


def example_program(model: Streamed, name: str) -> str:
    """main.c: it writes text, labels texts, or answers ids or frames of standard input."""
    spelt = model.vocabulary is not None and kind_of(model.vocabulary) in ("char", "byte")
    label = "@_labels[best]" if model.labels else '""'
    if model.table is None:
        usage, body = (
            "reads frames from standard input, numbers with spaces between; says a line for each",
            _READS_FRAMES,
        )
    elif spelt and model.labels:
        usage, body = "main TEXT ...; says the label of each", _LABELS_TEXT
    elif spelt and model.condition is not None:
        usage, body = "main VALUE ... [SEED]; writes a text of these values, counted from 0", _DRAW + _WRITES_OF
    elif spelt:
        usage, body = "main [PROMPT [LENGTH [SEED]]]; writes on", _DRAW + _WRITES_TEXT
    else:
        usage, body = "reads ids of tokens from standard input; says the likeliest output after each", _READS_IDS
    begun = (
        ""
        if model.condition is None
        else "{\n    static const int values[#_ATTRIBUTES] = {0};\n    @_begin(&state, values);\n  }"
    )
    ended = "while (@_end(&state, said)) say();" if model.delay else ""
    counts = ", ".join(str(len(each)) for each in model.condition.vectors) if model.condition else ""
    text = (
        (_HEAD + body).replace("COUNTS", counts).replace("USAGE", usage).replace("LABEL", label).replace("BEGUN", begun)
    )
    readable = "#_TOKENS" if model.vocabulary is None else "#_READ"
    return _named(text.replace("ENDED", ended).replace("READABLE", readable), name)


MAKEFILE = """# make: the example; make check: is this machine's answer that of the trained network?
CC ?= cc
# For this machine's own instructions, where the compiler knows them; for any machine of its kind: make NATIVE=
NATIVE ?= $(shell $(CC) {native} -E -x c /dev/null >/dev/null 2>&1 && echo {native})
CFLAGS ?= {flags} $(NATIVE)

all: main

main: main.c {name}.c {name}.h
\t$(CC) $(CFLAGS) -o $@ main.c {name}.c

checker: check.c {name}.c {name}.h
\t$(CC) $(CFLAGS) -o $@ check.c {name}.c

check: checker
\t./checker check.bin

clean:
\trm -f main checker

.PHONY: all check clean
"""


def makefile(name: str) -> str:
    return MAKEFILE.format(name=name, native=NATIVE, flags=" ".join(FLAGS))


def _named(text: str, name: str) -> str:
    return text.replace("#_", f"{name.upper()}_").replace("@_", f"{name}_").replace("@.h", f"{name}.h")
