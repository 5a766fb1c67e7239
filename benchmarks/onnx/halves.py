"""Which models were looked at while the rules were made, and which judge."""

HALVES = {
    "tuning": ("mlp", "cnn", "cnn-wide", "bert", "lstm"),
    "judging": ("unet", "encoder", "vit", "depthwise", "autoencoder"),
}
