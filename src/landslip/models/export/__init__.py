"""Models in other forms: ONNX for other programs, int8 for speed."""
