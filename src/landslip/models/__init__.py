"""Networks and everything around one: training, engines, calibration, evaluation."""
