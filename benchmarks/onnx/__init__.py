"""ONNX models under onnxruntime: what its process holds, beside what memfit says."""
