"""The settings of `recurra.train` by type, as scripts/write_train_settings.py finds them in the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict


class TrainSettings(TypedDict, total=False):
    """What may be given to `recurra.train`; `help(recurra.train)` says which tasks read it."""

    attention: Literal["none", "dot", "general", "additive"]
    """how the decoder looks at the source"""
    balance: float
    """0: classes as frequent as they are, 1: all alike"""
    batch_size: int
    """rows of a batch"""
    batch_tokens: int | None
    """most padded tokens of a batch: fewer rows where texts are long"""
    bidirectional: bool
    """read in both directions"""
    blank_tokens: int | None
    """a blank is 1 to so many tokens; 1 word or 3 characters if not given"""
    bptt: int | None
    """steps that gradients flow back; 0 or `full` for all"""
    bridge: Literal["dense", "copy", "none"]
    """how the encoder's last state starts the decoder"""
    cell: str
    """recurrent cell, see `recurra explain`"""
    char_embedding_size: int
    """width of a character's vector in that encoder"""
    char_size: int | None
    """units of the encoder of characters in a direction; 50 for words if not given"""
    clip_norm: float | None
    """largest norm of the gradient; 0 for no clipping"""
    clip_value: float | None
    """largest value in the gradient, instead of its norm"""
    condition: Literal["state", "input", "both"]
    """where the class enters: the initial states, beside every input, both"""
    crf: bool
    """score rows of tags as a whole, not each by itself"""
    crop: float
    """share of the texts of which an epoch shows a few clauses only"""
    device: str
    """auto, cpu or cuda"""
    dropout: float
    """dropout between layers and before the output"""
    embedding_dropout: float
    """share of token types left out of a batch"""
    embedding_size: int
    """width of a token's vector"""
    encoding: str
    """encoding of text files"""
    engine: str
    """auto, native, vendor or reference"""
    epochs: float | None
    """passes over the training part"""
    freeze_vectors: bool
    """leave word vectors as they are (with vectors, train_vectors)"""
    hidden_size: int
    """units of a layer in one direction"""
    init: Literal["orthogonal", "torch"]
    """what weights start from"""
    input_dropout: float
    """dropout of token vectors, one mask a batch"""
    input_feeding: bool
    """feed what was written into the next step; slow"""
    keep_repeats: bool
    """keep repeated examples"""
    label: str | None
    """column of the label, of the tags, or of the translation (tables, tagged files)"""
    label_smoothing: float
    """share of a target's weight that all tokens get"""
    languages: str | None
    """source and target, as in en,de, of <part>.<language>"""
    learned_state: bool
    """learn the initial state"""
    learning_rate: float
    """highest learning rate"""
    lr: float
    """learning_rate"""
    level: Literal["char", "word", "byte", "bpe"] | None
    """tokens: char, word, byte, or bpe: pieces of words"""
    max_length: int | None
    """longer texts are cut (fill: divided) after so many tokens"""
    max_vocabulary: int | None
    """largest vocabulary, <unk> included"""
    merge: Literal["concat", "sum"]
    """how the two directions become one"""
    min_count: int
    """rarer tokens become <unk>"""
    minutes: float | None
    """minutes of training; with epochs, what ends first"""
    momentum: float
    """momentum of sgd"""
    normalize: Sequence[str]
    """nfc, nfkc, lowercase, ascii, in the order given"""
    num_layers: int
    """recurrent layers on top of each other"""
    optimizer: Literal["adamw", "sgd", "rmsprop"]
    """adamw, sgd or rmsprop"""
    output: Literal["auto", "softmax", "adaptive"]
    """one softmax, or adaptive: by groups of frequency, fast where tokens are many"""
    pair_size: int | None
    """width of the vectors of neighbours; 50 for single characters if not given"""
    parallel: str | PathLike[str] | None
    """file of the translations, line by line"""
    patience: int | None
    """stop after so many evaluations without a better one"""
    pooling: Literal["last", "mean", "max", "all"]
    """what of a sequence is classified: last state, mean, max, or all three"""
    precision: Literal["32", "bf16"]
    """32, or bf16 products with 32-bit weights"""
    recurrent_dropout: float
    """dropout inside the step, one mask a sequence"""
    sampled_softmax: int | None
    """negative samples of the softmax in training, 0 for the full softmax"""
    schedule: Literal["cosine", "constant"]
    """learning rate after the warm-up"""
    scheduled_sampling: float
    """probability, after a ramp, that the decoder reads its own words; slow"""
    scheme: Literal["auto", "none", "bio", "iob1", "bmes", "bioes", "bilou"]
    """how tags write spans, none if they write none"""
    seed: int
    """what all randomness derives from"""
    segment: Literal["word", "char"] | None
    """cut Chinese into words (needs rjieba) or characters"""
    skip_lines: Sequence[str]
    """lines to leave out, as FILE:LINE,..."""
    split: Sequence[float]
    """shares of train, validation and test"""
    split_column: str | None
    """column that names each row's part (tables)"""
    state_reset: float
    """chance of a row to start from no state"""
    strict: bool
    """refuse what would be mended or left out, such as invalid BIO tags"""
    swap: bool
    """translate the other way round"""
    test: str | PathLike[str] | None
    """file of the test part"""
    text: str | None
    """column of the text, of the tokens, or of the source (tables, tagged files)"""
    threads: int | None
    """threads, at most as many as there are processors"""
    tie_weights: bool
    """output layer uses the embedding table"""
    too_long: Literal["cut", "drop"]
    """what becomes of training pairs longer than max-length"""
    train_vectors: bool
    """learn word vectors from the training part first: skip-gram"""
    transpose: bool
    """learn each tune in other keys too"""
    validation: str | PathLike[str] | None
    """file of the validation part"""
    variational: bool
    """one dropout mask for all steps of a row"""
    vectors: str | PathLike[str] | None
    """file of word vectors to start from: GloVe or word2vec, text or binary, .gz, .zip"""
    vectors_encoding: str
    """encoding of the tokens in that file"""
    warmup: float
    """share of the run in which the learning rate rises"""
    weight_decay: float
    """weight decay of matrices"""
    word_split: Literal["words", "space", "chinese"]
    """words end at signs, at spaces only, or are Chinese words of a dictionary"""
