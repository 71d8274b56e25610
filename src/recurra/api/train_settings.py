"""The settings of `recurra.train` by type, as scripts/write_train_settings.py finds them in the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict


class TrainSettings(TypedDict, total=False):
    """What may be given to `recurra.train`; `help(recurra.train)` says which tasks read it."""

    attention: Literal["none", "dot", "general", "additive"] | Literal["dot", "general", "additive"]
    """how the decoder looks at the source"""
    average: bool
    """evaluate a running average of the weights too, and keep it where it is better"""
    background: str
    """label of frames outside of all events (sound)"""
    balance: float
    """0: classes as frequent as in the data, 1: all equally frequent"""
    baselines: Literal["none", "fast", "full"] | None
    """none, fast (what can be fitted in a tenth of the minutes, or in 10 s) or full; not given: fast with
    minutes, else full"""
    batch_size: int
    """rows per batch"""
    batch_tokens: int | None
    """largest number of padded tokens per batch"""
    bidirectional: bool
    """read in both directions"""
    blank_tokens: int | None
    """largest blank in tokens; 1 word or 3 characters if not given"""
    block_frames: int | None
    """cut recordings with a label a frame into blocks of so many before they are divided"""
    bptt: int | None
    """steps of truncated BPTT; 0 or `full` for all"""
    bridge: Literal["dense", "copy", "none"]
    """how the encoder's last state starts the decoder"""
    cell: str
    """recurrent cell, see `recurra explain`"""
    channels: Sequence[str]
    """columns of numbers that frames consist of"""
    char_embedding_size: int
    """width of a character's vector in that encoder"""
    char_size: int | None
    """units of the character encoder per direction; 50 for words if not given"""
    clip_norm: float | None
    """clip the gradient's norm to this; 0 for no clipping"""
    clip_value: float | None
    """clip the gradient's values instead of its norm"""
    colour: Literal["auto", "grey", "rgb"]
    """what pictures are read as; auto: as they are"""
    condition: Literal["state", "input", "both"] | Literal["input", "state", "steps", "attention", "none"] | None
    """where the class enters: the initial states, every input, or both"""
    condition_size: int
    """width of a class's vector"""
    crf: bool
    """score whole tag sequences (CRF), not each tag alone"""
    crop: float
    """share of the texts that an epoch shows only a few clauses of"""
    date_format: str | None
    """how dates are written, as strptime has it: '%d/%m/%Y'"""
    dates: bool | None
    """read the calendar; if validation likes it"""
    decimal: Literal[".", ","]
    """sign before decimals"""
    decoding: Literal["direct", "recursive"]
    """all steps at once, or each from the one before"""
    delay: int
    """frames that are heard before a frame is labelled, where each frame has a label"""
    device: str
    """auto, cpu or cuda"""
    dropout: float
    """dropout between layers and before the output"""
    embedding_dropout: float
    """share of token types left out of a batch"""
    embedding_size: int
    """width of a token's vector"""
    encoder: Literal[
        "small", "features", "efficientnet-lite0", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"
    ]
    """what sees pictures: small, trained from scratch; features, of a file; frozen efficientnet-lite0,
    resnet18, resnet34, resnet50, resnet101 or resnet152"""
    encoder_size: int
    """width of the vector of a picture"""
    encoder_weights: str | PathLike[str] | None
    """file of a ResNet's weights, .safetensors by torchvision's names"""
    encoder_width: int
    """channels of its first convolution; later ones double"""
    encoding: str
    """encoding of text files"""
    end: str | None
    """column where it ends, in seconds (sound)"""
    engine: str
    """auto, native, vendor or reference"""
    ensemble: int
    """networks, of as many seeds, whose probabilities are averaged"""
    epochs: float | None
    """passes over the training part"""
    features: str | PathLike[str] | None
    """file of vectors, one or a grid a picture: .npy, .safetensors, a folder of .npy"""
    floor_db: float
    """add noise to bands, so far below the loudest frame, 0 for none (sound)"""
    frame_ms: float
    """length of a frame (sound)"""
    freeze_vectors: bool
    """leave word vectors as they are (with vectors, train_vectors)"""
    frequency: str | None
    """h, D, B, W, M, 15min ...; found from the times"""
    from_last: bool
    """say how a frame differs from a linear map of the one before"""
    future: Sequence[str]
    """columns that are known ahead, such as holidays"""
    gain: float
    """louder or softer by up to so many dB (sound)"""
    group: str | None
    """column of what may not be divided between parts: speaker, user, recording"""
    head_size: int
    """units of the layer that reads what is known ahead"""
    heads: int
    """groups of units that see their own group's past alone"""
    hidden_size: int
    """units of a layer per direction"""
    hop_ms: float
    """from a frame to the next (sound)"""
    horizon: int | None
    """steps that are forecast at once; a season"""
    id: str | None
    """column that names each row's series"""
    image: str | None
    """column of the pictures' names (tables)"""
    image_height: int | None
    """rows of pixels that pictures are brought to; as most are if not given"""
    image_size: int
    """pixels of a side that pictures are scaled to (small)"""
    image_width: int | None
    """pixels of a row that pictures are brought to"""
    init: Literal["orthogonal", "torch"]
    """how weights are initialised"""
    input_dropout: float
    """dropout of token vectors, one mask per batch"""
    input_feeding: bool
    """feed the attention into the next step; slow"""
    joint: bool
    """several target columns are read and forecast together, not one by one"""
    keep_repeats: bool
    """keep repeated examples"""
    label: str | None
    """column of the label, of the tags, or of the translation (tables, tagged files)"""
    label_smoothing: float
    """share of the target's weight that is spread over all classes"""
    languages: str | None
    """source and target, as in en,de, of <part>.<language>"""
    learned_state: bool
    """learn the initial state"""
    learning_rate: float
    """highest learning rate"""
    lr: float
    """learning_rate"""
    level: Literal["char", "word", "byte", "bpe", "both"] | None
    """tokens; bpe: pieces of words, both: words and their characters"""
    mask_mels: int
    """most bands in a row that are hidden, twice (sound)"""
    mask_ms: float
    """most ms in a row that are hidden, twice (sound)"""
    max_frames: int | None
    """longer sequences with a label a frame are trained in pieces of so many"""
    max_length: int | None
    """longer texts are cut (fill: divided) after so many tokens"""
    max_vocabulary: int | None
    """largest vocabulary, <unk> included"""
    mels: int
    """bands of the mel scale, the numbers of a frame (sound)"""
    merge: Literal["concat", "sum"]
    """how the two directions are merged"""
    min_count: int
    """rarer tokens become <unk>"""
    minutes: float | None
    """minutes of the whole command, baselines and report included; with epochs, whichever ends first"""
    mixtures: int
    """Gaussians that the next frame is drawn from"""
    momentum: float
    """momentum of sgd"""
    move: float
    """clips are moved by up to this share of their sides (clips)"""
    names: str | None
    """what names of recordings hold, as {label}_{speaker}_{take}; fields serve as columns (sound)"""
    noise: float
    """deviation of noise added to frames in training, of scaled values"""
    noise_db: float
    """noise so many dB below the recording or up to 40 dB softer, 0 for none (sound)"""
    normalise: Literal["auto", "window", "series", "level"]
    """of a window its mean goes, and its deviation or its series' (series); of level the series' mean goes
    alone; auto asks validation"""
    normalize: Sequence[str]
    """nfc, nfkc, lowercase, ascii, in the order given"""
    num_layers: int
    """number of recurrent layers"""
    optimizer: Literal["adamw", "muon", "sgd", "rmsprop"]
    """adamw, muon, sgd or rmsprop"""
    origins: int | None
    """forecasts of the test part, from so many origins"""
    output: Literal["auto", "softmax", "sampled", "adaptive"]
    """one softmax; of which training takes a sample; or adaptive: rare tokens by groups, the fastest"""
    pair_size: int | None
    """width of the vectors of neighbours; 50 for single characters if not given"""
    parallel: str | PathLike[str] | None
    """file with the translations, line by line"""
    past: Sequence[str]
    """columns that are known until now"""
    path: str | None
    """column of the recordings' paths (sound)"""
    patience: int | None
    """stop after this many evaluations without improvement; 0: never, not given: when it overfits"""
    picture_dropout: float
    """dropout of a picture's vectors"""
    picture_size: int
    """width that a picture's vectors are reduced to"""
    piece_dropout: float
    """share of the merges of sub-words left out in training, anew in every epoch"""
    pitch: float
    """higher or lower by up to so many semitones (sound)"""
    pooling: Literal["last", "mean", "max", "all"]
    """pooling over the sequence: last state, mean, max, or all three"""
    precision: Literal["auto", "32", "bf16"]
    """auto: products of bf16, with 32-bit weights, where the machine has them, else 32; 32; bf16"""
    quantiles: Sequence[float]
    """quantiles that are forecast, 0.5 among them"""
    rank: int
    """rank of the recurrent matrices; 0: full rank"""
    reader_dropout: float
    """dropout of the layers that read the frame before"""
    reader_size: int
    """units of the layers that read the frame before"""
    recurrent_dropout: float
    """dropout inside the step, one mask per sequence"""
    root: bool
    """take the square root of values, signs kept, before they are scaled: rare large ones weigh less"""
    sample_rate: int | None
    """samples a second; most recordings' own if not given (sound)"""
    sampled_softmax: int | None
    """negative samples of the softmax in training, 0 for the full softmax"""
    scale: Literal["training", "sequence", "mean"]
    """mean and deviation of channels: the training part's, each sequence's own, or mean: its own mean and
    their deviation from it in the training part"""
    schedule: Literal["cosine", "constant"]
    """learning rate after the warm-up"""
    scheduled_sampling: float
    """probability, after a ramp, that the decoder reads its own words; slow"""
    scheme: Literal["auto", "none", "bio", "iob1", "bmes", "bioes", "bilou"]
    """how tags mark spans; none for tags without spans"""
    season: int | None
    """steps of a season, 1 for none; from calendar and autocorrelation"""
    seed: int
    """seed of all randomness"""
    segment: Literal["word", "char"] | None
    """cut Chinese into words (needs rjieba) or characters"""
    shift_ms: float
    """earlier or later by up to so many ms (sound)"""
    skip: Literal["auto", "none", "linear"] | Literal["auto", "none", "lexical"]
    """add a linear model of n-grams (tag: of neighbours and affixes; auto asks validation); translate: read
    a word-for-word dictionary's answer beside the source (lexical; auto: where pairs are few)"""
    skip_lines: Sequence[str]
    """lines to leave out, as FILE:LINE,..."""
    skip_short: bool
    """leave out series that are too short, instead of refusing the file"""
    sort: bool
    """put rows in the order of time"""
    split: Sequence[float]
    """shares of train, validation and test"""
    split_column: str | None
    """column that names each row's part (tables)"""
    split_seed: int | None
    """seed of the split alone, so that runs of other seeds have the same parts"""
    start: str | None
    """column where a labelled part of a recording starts, in seconds (sound)"""
    state_reset: float
    """probability that a row starts from a zero state"""
    static: Sequence[str]
    """columns that never change in a series"""
    step: int | None
    """steps between these origins; the horizon"""
    strict: bool
    """refuse what would be repaired or left out, such as invalid BIO tags"""
    swap: bool
    """translate in the other direction"""
    target: Sequence[str]
    """columns that are forecast"""
    tempo: float
    """faster or slower by up to this share (sound)"""
    test: str | PathLike[str] | None
    """file of the test part"""
    test_where: str | None
    """recordings of the test part, by a column or field: take=0,1,2 or speaker=theo (sound)"""
    text: str | None
    """column of the text, the tokens, the source"""
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
    """truncate or drop training pairs longer than max-length"""
    train_vectors: bool
    """learn word vectors from the training part first: skip-gram"""
    transform: Literal["auto", "none", "sqrt", "log"]
    """of the values: none, sqrt, log, or what validation likes best"""
    transpose: bool
    """learn each tune in other keys too"""
    trim_db: float
    """leave out ends that are so far below the loudest frame, 0 for none (sound)"""
    until: str | None
    """the last time that is read; later rows are left out"""
    validation: str | PathLike[str] | None
    """file of the validation part"""
    validation_where: str | None
    """those of the validation part, the same way (sound)"""
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
    weight_dropout: float
    """share of the recurrent weights left out, one mask per sequence"""
    window: int | None
    """steps before that a forecast reads; what validation likes best"""
    word_dropout: float
    """share of the words that the decoder does not get to read in training"""
    word_split: Literal["words", "space", "chinese"]
    """words end at signs, at spaces only, or are Chinese words of a dictionary"""
    zoneout: float
    """share of units that keep their output for a step"""
    zoneout_cell: float
    """share of units that keep their other states for a step"""
