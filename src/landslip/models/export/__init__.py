"""Export of models: ONNX for other programs, int8 for speed."""
