"""What texts usually are: the names of their columns, and whether their tokens are words or characters."""

from __future__ import annotations

from collections.abc import Sequence

from recurra.data.tokens.chinese import han_share
from recurra.data.tokens.vocabulary import Level

TEXT_COLUMNS = (
    "text", "sentence", "review", "content", "name", "word",
    "message", "comment", "tweet", "utterance", "query", "question", "document", "description", "title", "headline",
    "文本", "文字", "句子", "语句", "語句", "内容", "內容", "正文", "评论", "評論", "评论内容", "評論內容", "留言",
    "文章", "标题", "標題", "评价", "評價",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "class", "category", "target", "language", "sentiment",
    "labels", "intent", "topic", "genre", "emotion", "polarity", "section", "type", "rating", "stars",
    "标签", "標籤", "类别", "類別", "分类", "分類", "类型", "類型", "情感",
    "情感倾向", "情感傾向", "情感极性", "情感極性", "情绪", "情緒", "倾向", "傾向", "意图", "意圖", "评价", "評價",
)  # fmt: skip
"""What the columns of a table are usually called, in lower case, the likeliest first.

A judgement (评价) is the text where no column is likelier to be, and the label beside a text.
"""


def infer_level(texts: Sequence[str]) -> Level:
    """Words where texts have several, characters for names, for Chinese and for scripts without spaces."""
    sample = _sample(texts)
    words = sum(len(t.split()) for t in sample) / max(1, len(sample))
    letters = sum(len(t) for t in sample) / max(1, len(sample))
    return "word" if words >= 3 and letters / words < 15 and not mostly_chinese(texts) else "char"


def mostly_chinese(texts: Sequence[str]) -> bool:
    """Whether more than half of the characters are Chinese."""
    return han_share(_sample(texts)) > 0.5


def _sample(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // 1000)]
