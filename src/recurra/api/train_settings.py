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
    date_format: str | None
    """how dates are written, as strptime has it: '%d/%m/%Y'"""
    dates: bool | None
    """read the calendar; if validation likes it"""
    decimal: Literal[".", ","]
    """sign before decimals"""
    decoding: Literal["direct", "recursive"]
    """all steps at once, or each from the one before"""
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
    frequency: str | None
    """h, D, B, W, M, 15min ...; found from the times"""
    future: Sequence[str]
    """columns that are known ahead, such as holidays"""
    head_size: int
    """units of the layer that reads what is known ahead"""
    hidden_size: int
    """units of a layer in one direction"""
    horizon: int | None
    """steps that are forecast at once; a season"""
    id: str | None
    """column that names each row's series"""
    init: Literal["orthogonal", "torch"]
    """what weights start from"""
    input_dropout: float
    """dropout of token vectors, one mask a batch"""
    input_feeding: bool
    """feed what was written into the next step; slow"""
    joint: bool
    """several target columns are read and forecast together, not one by one"""
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
    normalise: Literal["auto", "window", "series"]
    """scale of a window: its own deviation, its series', or what validation likes better"""
    normalize: Sequence[str]
    """nfc, nfkc, lowercase, ascii, in the order given"""
    num_layers: int
    """recurrent layers on top of each other"""
    optimizer: Literal["adamw", "sgd", "rmsprop"]
    """adamw, sgd or rmsprop"""
    origins: int | None
    """forecasts of the test part, from so many origins"""
    output: Literal["auto", "softmax", "adaptive"]
    """one softmax, or adaptive: by groups of frequency, fast where tokens are many"""
    pair_size: int | None
    """width of the vectors of neighbours; 50 for single characters if not given"""
    parallel: str | PathLike[str] | None
    """file of the translations, line by line"""
    past: Sequence[str]
    """columns that are known until now"""
    patience: int | None
    """stop after so many evaluations without a better one"""
    pooling: Literal["last", "mean", "max", "all"]
    """what of a sequence is classified: last state, mean, max, or all three"""
    precision: Literal["32", "bf16"]
    """32, or bf16 products with 32-bit weights"""
    quantiles: Sequence[float]
    """quantiles that are forecast, 0.5 among them"""
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
    season: int | None
    """steps of a season, 1 for none; from calendar and autocorrelation"""
    seed: int
    """what all randomness derives from"""
    segment: Literal["word", "char"] | None
    """cut Chinese into words (needs rjieba) or characters"""
    skip_lines: Sequence[str]
    """lines to leave out, as FILE:LINE,..."""
    sort: bool
    """put rows in the order of time"""
    split: Sequence[float]
    """shares of train, validation and test"""
    split_column: str | None
    """column that names each row's part (tables)"""
    state_reset: float
    """chance of a row to start from no state"""
    static: Sequence[str]
    """columns that never change in a series"""
    step: int | None
    """steps between these origins; the horizon"""
    strict: bool
    """refuse what would be mended or left out, such as invalid BIO tags"""
    swap: bool
    """translate the other way round"""
    target: Sequence[str]
    """columns that are forecast"""
    test: str | PathLike[str] | None
    """file of the test part"""
    text: str | None
    """column of the text, of the tokens, or of the source (tables, tagged files)"""
    thousands: Literal["", ",", ".", "'", " "]
    """sign between thousands"""
    threads: int | None
    """threads, at most as many as there are processors"""
    tie_weights: bool
    """output layer uses the embedding table"""
    time: str | None
    """column of the times, several as DATE,HOUR; none for numbered rows"""
    timezone: str | None
    """where clocks stood, such as Europe/Berlin"""
    too_long: Literal["cut", "drop"]
    """what becomes of training pairs longer than max-length"""
    train_vectors: bool
    """learn word vectors from the training part first: skip-gram"""
    transform: Literal["auto", "none", "sqrt", "log"]
    """of the values: none, sqrt, log, or what validation likes best"""
    transpose: bool
    """learn each tune in other keys too"""
    until: str | None
    """the last time that is read; later rows are left out"""
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
    window: int | None
    """steps before that a forecast reads; what validation likes best"""
    word_split: Literal["words", "space", "chinese"]
    """words end at signs, at spaces only, or are Chinese words of a dictionary"""
