"""Jobs of JAX, Keras and TensorFlow: how much memory they took, and what was predicted."""
