"""What forecasts are scored by, the headline first."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("mase", "MASE", "MASE", "", "lower"),
    Metric("smape", "sMAPE, percent", "sMAPE", "", "lower"),
    Metric("rmse", "RMSE", "RMSE", "", "lower"),
    Metric("mae", "MAE", "MAE", "", "lower"),
    Metric("scaled_mse", "MSE, standardised", "scaled MSE", "", "lower"),
    Metric("scaled_mae", "MAE, standardised", "scaled MAE", "", "lower"),
    Metric("pinball", "Pinball loss", "pinball", "", "lower"),
    Metric("coverage", "Coverage of the widest interval", "coverage", "%"),
    Metric("loss", "Loss", "loss", "deviations of the series", "lower"),
)
"""MASE: the mean absolute error over that of repeating the last season (the last value without one) before each origin,
below 1 where a forecast is better than that; standardised: in deviations of each series in training; RMSE, MAE and
pinball loss in the units of the values; loss: twice the pinball loss, standardised."""
