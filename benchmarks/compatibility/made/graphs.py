"""Made-up citation graphs: the Cora text files and the pickles of the Planetoid split.

Trusts numpy and scipy; the layouts are those that tkipf/pygcn, pytorch/examples and torch_geometric read.
"""

import pickle
from pathlib import Path

import numpy as np

NODES, FEATURES, EDGES, CLASSES = 2708, 1433, 5429, 7
_random = np.random.default_rng(0)


def cora_text(root: Path) -> None:
    """root/cora.content (id, words, class) and root/cora.cites (id, id)."""
    root.mkdir(parents=True, exist_ok=True)
    words = (_random.random((NODES, FEATURES)) < 0.012).astype(int)
    words[:, 0] = 1
    rows = (f"{i + 1000}\t" + "\t".join(map(str, row)) + f"\tTopic{i % CLASSES}" for i, row in enumerate(words))
    (root / "cora.content").write_text("\n".join(rows) + "\n")
    links = _random.integers(0, NODES, (EDGES, 2)) + 1000
    (root / "cora.cites").write_text("\n".join(f"{a}\t{b}" for a, b in links) + "\n")


def planetoid(root: Path) -> None:
    """root/raw/ind.cora.*: features and one-hot labels of three parts, the graph, the test index."""
    from scipy.sparse import csr_matrix

    raw = root / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    features = csr_matrix((_random.random((NODES, FEATURES)) < 0.012).astype(np.float32))
    labels = np.eye(CLASSES, dtype=np.int32)[np.arange(NODES) % CLASSES]
    parts = {"x": slice(0, 140), "allx": slice(0, 1708), "tx": slice(1708, NODES)}
    made = {name: features[part] for name, part in parts.items()}
    made |= {name.replace("x", "y"): labels[part] for name, part in parts.items()}
    made["graph"] = {i: [int(j) for j in _random.integers(0, NODES, 4)] for i in range(NODES)}
    for name, value in made.items():
        (raw / f"ind.cora.{name}").write_bytes(pickle.dumps(value))
    (raw / "ind.cora.test.index").write_text("\n".join(map(str, range(1708, NODES))) + "\n")
