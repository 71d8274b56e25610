"""Tokens in C: of texts of characters and bytes to ids, and ids back to texts."""

from __future__ import annotations

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.export.c.arrays import integers, strings

DECLARED = {
    "char": """
/* The id of the next character of a UTF-8 text, which is moved on past it; -1 at its end. 0 is any other character. */
int @encode(const char **text);

/* A token as UTF-8, of at most 4 bytes and a zero; how many bytes it has. */
int @decode(int token, char text[5]);
""",
    "byte": """
/* The id of the next byte of a text, which is moved on past it; -1 at its end. */
int @encode(const char **text);

/* A token as a byte and a zero; how many bytes it has. */
int @decode(int token, char text[5]);
""",
    "word": """
/* The tokens by their ids; the first stands for all others. */
extern const char *const @tokens[@TOKENS];
""",
}

_BYTE = """
int @encode(const char **text)
{
  const unsigned char c = (unsigned char)**text;
  if (c == 0) return -1;
  *text += 1;
  return c + 1;
}

int @decode(int token, char text[5])
{
  text[0] = (char)(token - 1);
  text[token > 0] = 0;
  return token > 0;
}
"""

_CHAR = """
int @encode(const char **text)
{
  const unsigned char *t = (const unsigned char *)*text;
  const int more = t[0] < 0x80 ? 0 : t[0] < 0xe0 ? 1 : t[0] < 0xf0 ? 2 : 3;
  uint32_t code = more == 0 ? t[0] : t[0] & (0x3fu >> more);
  int i, low = 0, high = @TOKENS - 2;
  if (t[0] == 0) return -1;
  for (i = 1; i <= more && (t[i] & 0xc0) == 0x80; i++) code = code << 6 | (t[i] & 0x3fu);
  *text += i;
  while (low <= high) {
    const int middle = (low + high) / 2;
    if (@codes[middle] == code) return @ids[middle];
    if (@codes[middle] < code) low = middle + 1;
    else high = middle - 1;
  }
  return 0;
}

int @decode(int token, char text[5])
{
  const uint32_t code = token > 0 && token < @TOKENS ? @of_id[token - 1] : 0xfffdu;
  const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  int i;
  text[0] = (char)(more == 0 ? code : ((0xf0u << (3 - more)) & 0xf0u) | code >> 6 * more);
  for (i = 1; i <= more; i++) text[i] = (char)(0x80u | (code >> 6 * (more - i) & 0x3fu));
  text[more + 1] = 0;
  return more + 1;
}
"""


def kind_of(vocabulary: Vocabulary) -> str:
    """char, byte, or word for those whose texts others cut."""
    return vocabulary.level if vocabulary.level in ("char", "byte") else "word"


def tokeniser(vocabulary: Vocabulary) -> str:
    """The definitions of what `DECLARED` declares."""
    kind = kind_of(vocabulary)
    if kind == "byte":
        return _BYTE
    if kind == "word":
        return "\n" + strings("@tokens", vocabulary.tokens)
    codes = [ord(token) for token in vocabulary.tokens[1:]]
    order = sorted(range(len(codes)), key=codes.__getitem__)
    return (
        "\n/* Code points of the characters, rising, with their ids; and by id. */\n"
        + integers("uint32_t", "@codes", [codes[i] for i in order])
        + integers("int", "@ids", [i + 1 for i in order])
        + integers("uint32_t", "@of_id", codes)
        + _CHAR
    )
