"""Made-up text and numbers: plain text, token files, JSON lines, tables, names, series.

Trusts numpy; the layouts are those that the named repositories read.
"""

import gzip
import json
import pickle
from pathlib import Path

import numpy as np

_random = np.random.default_rng(0)
_ALPHABET = "O God, O God! ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz 0123456789 .,;:!?'-"
_SYLLABLES = ["ka", "to", "mi", "re", "su", "ne", "lo", "va", "shi", "dor", "un", "bel"]


def _words(count: int, vocabulary: int = 2000) -> list[str]:
    made = ["".join(_random.choice(_SYLLABLES, 3)) for _ in range(vocabulary)]
    return [made[i] for i in _random.integers(0, vocabulary, count)]


def _sentence(words: int = 14) -> str:
    return " ".join(_words(words, 400)).capitalize() + "."


def plain_text(path: Path, words: int = 60000, per_line: int = 20) -> None:
    """A text file of made-up words in lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _words(words)
    lines = [" ".join(made[i : i + per_line]) for i in range(0, words, per_line)]
    path.write_text("\n".join([_ALPHABET, *lines]) + "\n")


def wikitext(root: Path, words: int = 60000) -> None:
    """root/{train,valid,test}.txt, the word-level corpus layout of pytorch/examples."""
    for part, share in (("train", 1.0), ("valid", 0.1), ("test", 0.1)):
        plain_text(root / f"{part}.txt", int(words * share))


def names(path: Path, count: int = 2000) -> None:
    """One made-up lower-case name a line (makemore)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join("".join(_random.choice(_SYLLABLES, 2)) for _ in range(count)) + "\n")


def enwik8(path: Path, size: int = 2_000_000) -> None:
    """A gzip file of bytes (x-transformers)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        file.write(_random.integers(97, 123, 95_000_000 if size == 0 else size, dtype=np.uint8).tobytes())


def token_bins(root: Path, vocabulary: int = 50257, tokens: int = 500_000) -> None:
    """root/{train,val}.bin of uint16 tokens, with meta.pkl for a small alphabet (nanoGPT)."""
    root.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", tokens), ("val", tokens // 10)):
        _random.integers(0, vocabulary, count).astype(np.uint16).tofile(root / f"{part}.bin")
    if vocabulary < 256:
        letters = ["\n", *(chr(32 + i) for i in range(vocabulary - 1))]
        back = {letter: i for i, letter in enumerate(letters)}
        meta = {"vocab_size": vocabulary, "itos": dict(enumerate(letters)), "stoi": back}
        (root / "meta.pkl").write_bytes(pickle.dumps(meta))


def llmc_tokens(path: Path, tokens: int = 300_000) -> None:
    """A token file with the 256-integer header of llm.c (magic 20240520, version 1)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.zeros(256, np.int32)
    header[:3] = 20240520, 1, tokens
    path.write_bytes(header.tobytes() + _random.integers(0, 50257, tokens).astype(np.uint16).tobytes())


def json_lines(path: Path, rows: int = 512, field: str = "text", words: int = 60) -> None:
    """One {field: text} a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({field: _sentence(words)}) + "\n" for _ in range(rows)))


def conversations(path: Path, rows: int = 256) -> None:
    """One {conversations: [{role, content}, …]} a line (minimind)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for _ in range(rows):
            turns = [{"role": "user", "content": _sentence()}, {"role": "assistant", "content": _sentence(40)}]
            file.write(json.dumps({"conversations": turns}) + "\n")


def labelled_pairs(path: Path, rows: int = 400) -> None:
    """A CSV of sentence1, sentence2, label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{_sentence()},{_sentence()},{i % 2}" for i in range(rows)]
    path.write_text("sentence1,sentence2,label\n" + "\n".join(lines) + "\n")


def hub_dataset(root: Path, columns: str, configs: str = "default", rows: int = 400) -> None:
    """A data set folder as the hub keeps it: <config>/<split>.jsonl and a README that lists them.

    ``columns`` is "name:type,…" with text, label, score or index for the type.
    """
    fields = [column.split(":") for column in columns.split(",")]
    card = ["---", "configs:"]
    for config in configs.split(","):
        card += [f"- config_name: {config}", "  data_files:"]
        for split, count in (("train", rows), ("validation", 64), ("test", 64)):
            path = root / config / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(_row(fields, i)) + "\n" for i in range(count)))
            card += [f"  - split: {split}", f"    path: {config}/{split}.jsonl"]
    (root / "README.md").write_text("\n".join([*card, "---", ""]))


def _row(fields: list[list[str]], index: int) -> dict[str, object]:
    made = {"text": _sentence(), "label": index % 2, "score": (index % 6) / 5, "index": index}
    made["chat"] = [{"role": "user", "content": _sentence()}, {"role": "assistant", "content": _sentence(40)}]
    return {name: made[kind] for name, kind in fields}


def metric(path: Path) -> None:
    """A stand-in for a metric of the evaluate hub: <name>/<name>.py with a constant result."""
    path.mkdir(parents=True, exist_ok=True)
    (path / f"{path.name}.py").write_text(
        '"""A metric that is always one half, so that scripts that load it can run without the hub."""\n\n'
        "import datasets\nimport evaluate\n\n\n"
        "class Half(evaluate.Metric):\n"
        "    def _info(self):\n"
        '        number = datasets.Value("float32")\n'
        '        kind = datasets.Features({"predictions": number, "references": number})\n'
        '        return evaluate.MetricInfo(description="", citation="", features=kind)\n\n'
        "    def add_batch(self, *, predictions=None, references=None, **kwargs):\n"
        '        """Take a batch."""\n\n'
        "    def compute(self, **kwargs):\n"
        '        """Half of everything."""\n'
        '        return {"accuracy": 0.5, "f1": 0.5, "score": 50.0}\n'
    )


def electricity(path: Path, rows: int = 17420) -> None:
    """A CSV of date and seven hourly columns (the ETT layout of Time-Series-Library)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dates = np.datetime64("2016-07-01T00") + np.arange(rows)
    values = _random.normal(size=(rows, 7)).round(3)
    lines = [f"{str(d).replace('T', ' ')}:00:00," + ",".join(map(str, v)) for d, v in zip(dates, values, strict=True)]
    path.write_text("date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT\n" + "\n".join(lines) + "\n")


def sine_waves(path: Path) -> None:
    """torch.save of 100 x 1000 float64 sine samples (time_sequence_prediction)."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    shift = _random.integers(-80, 80, (100, 1))
    torch.save(np.sin((np.arange(1000) + shift) / 20).astype("float64"), path.open("wb"))


def translations(path: Path, rows: int = 200) -> None:
    """One {translation: {en, ro}} a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pairs = ({"translation": {"en": _sentence(30), "ro": _sentence(30)}} for _ in range(rows))
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))


def nanogpt_checkpoint(root: Path) -> None:
    """root/ckpt.pt as nanoGPT's train.py saves it, with the random weights of a small character model."""
    import torch

    root.mkdir(parents=True, exist_ok=True)
    shape = {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "vocab_size": 65}
    shape |= {"bias": False, "dropout": 0.0}
    width, weights = shape["n_embd"], {}
    for layer in range(6):
        sizes = {"attn.c_attn": (3 * width, width), "attn.c_proj": (width, width)}
        sizes |= {"mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width), "ln_1": (width,), "ln_2": (width,)}
        weights |= {f"transformer.h.{layer}.{name}.weight": torch.randn(size) * 0.02 for name, size in sizes.items()}
    weights |= {"transformer.wte.weight": torch.randn(65, width), "transformer.wpe.weight": torch.randn(256, width)}
    weights |= {"transformer.ln_f.weight": torch.ones(width), "lm_head.weight": weights["transformer.wte.weight"]}
    saved = {"model_args": shape, "model": weights, "config": {"dataset": "shakespeare_char"}}
    torch.save(saved, root / "ckpt.pt")
