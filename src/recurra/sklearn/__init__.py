"""Recurra's models as scikit-learn's estimators: in a Pipeline, GridSearchCV, cross_val_score, cloned and pickled.

    SequenceClassifier   texts, series or sequences of frames -> a class each
    SequenceTagger       lists of tokens -> a list of tags each
    SequenceForecaster   one series or several -> their next steps

They need scikit-learn: pip install 'recurra[sklearn]'.
"""

from __future__ import annotations

from recurra.sklearn.classifier import SequenceClassifier
from recurra.sklearn.forecaster import SequenceForecaster
from recurra.sklearn.tagger import SequenceTagger

__all__ = ["SequenceClassifier", "SequenceForecaster", "SequenceTagger"]
