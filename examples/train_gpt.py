"""Trains a small GPT on the bytes of a text file: an ordinary PyTorch script that knows nothing of memfit.

python examples/train_gpt.py --n_layer=2 --n_head=2 --n_embd=64 --block_size=64 --batch_size=4 --max_iters=5
memfit estimate --on rtx4090-24gb examples/train_gpt.py --batch_size=12
"""

# ruff: noqa: PTH100, PTH103, PTH118, PTH120, PTH123
import argparse
import math
import os
import time
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", default=os.path.join(HERE, "data", "sonnets.txt"))
    parser.add_argument("--out_dir", default="out")
    parser.add_argument("--resume", action="store_true")
    # model
    parser.add_argument("--n_layer", type=int, default=12)
    parser.add_argument("--n_head", type=int, default=12)
    parser.add_argument("--n_embd", type=int, default=768)
    parser.add_argument("--block_size", type=int, default=1024)
    parser.add_argument("--vocab_size", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.0)
    # optimisation
    parser.add_argument("--batch_size", type=int, default=12)
    parser.add_argument("--gradient_accumulation_steps", type=int, default=4)
    parser.add_argument("--max_iters", type=int, default=2000)
    parser.add_argument("--learning_rate", type=float, default=6e-4)
    parser.add_argument("--min_lr", type=float, default=6e-5)
    parser.add_argument("--warmup_iters", type=int, default=100)
    parser.add_argument("--weight_decay", type=float, default=0.1)
    parser.add_argument("--grad_clip", type=float, default=1.0)
    # evaluation and logging
    parser.add_argument("--eval_interval", type=int, default=250)
    parser.add_argument("--eval_iters", type=int, default=20)
    parser.add_argument("--log_interval", type=int, default=1)
    # system
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="bfloat16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1337)
    return parser.parse_args()


class SelfAttention(nn.Module):
    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        assert n_embd % n_head == 0
        self.n_head = n_head
        self.dropout = dropout
        self.qkv = nn.Linear(n_embd, 3 * n_embd)
        self.proj = nn.Linear(n_embd, n_embd)
        self.resid_dropout = nn.Dropout(dropout)

    def forward(self, x):
        batch, time_, channels = x.shape
        shape = (batch, time_, self.n_head, channels // self.n_head)
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.qkv(x).split(channels, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=True)
        return self.resid_dropout(self.proj(y.transpose(1, 2).contiguous().view(batch, time_, channels)))


class Block(nn.Module):
    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd)
        self.attn = SelfAttention(n_embd, n_head, dropout)
        self.ln_2 = nn.LayerNorm(n_embd)
        self.mlp = nn.Sequential(
            nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd), nn.Dropout(dropout)
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size, n_layer, n_head, n_embd, dropout):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, n_embd)
        self.position_embedding = nn.Embedding(block_size, n_embd)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(n_embd, n_head, dropout) for _ in range(n_layer))
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.lm_head.weight = self.token_embedding.weight
        self.apply(self._init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith(("proj.weight", "mlp.2.weight")):
                nn.init.normal_(parameter, mean=0.0, std=0.02 / math.sqrt(2 * n_layer))

    @staticmethod
    def _init_weights(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens, targets=None):
        positions = torch.arange(tokens.size(1), device=tokens.device)
        x = self.drop(self.token_embedding(tokens) + self.position_embedding(positions))
        for block in self.blocks:
            x = block(x)
        x = self.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def prepare(text_path, out_dir):
    """Encode the text as bytes and write the two splits as files to map into memory."""
    with open(text_path, "rb") as file:
        data = np.frombuffer(file.read(), dtype=np.uint8).astype(np.uint16)
    border = int(len(data) * 0.8)
    for name, part in (("train", data[:border]), ("val", data[border:])):
        part.tofile(os.path.join(out_dir, f"{name}.bin"))


def make_optimizer(model, args, device_type):
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": args.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=args.learning_rate, betas=(0.9, 0.95), fused=device_type == "cuda")


def learning_rate(iteration, args):
    if iteration < args.warmup_iters:
        return args.learning_rate * (iteration + 1) / (args.warmup_iters + 1)
    ratio = min(1.0, (iteration - args.warmup_iters) / max(1, args.max_iters - args.warmup_iters))
    return args.min_lr + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (args.learning_rate - args.min_lr)


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    device_type = "cuda" if "cuda" in args.device else "cpu"
    torch.set_float32_matmul_precision("high")
    dtype = getattr(torch, args.dtype)
    autocast = nullcontext() if args.dtype == "float32" else torch.amp.autocast(device_type=device_type, dtype=dtype)
    os.makedirs(args.out_dir, exist_ok=True)
    prepare(args.text, args.out_dir)

    def get_batch(split):
        # Opened anew for each batch: a map that is kept open keeps every page it has touched.
        data = np.memmap(os.path.join(args.out_dir, f"{split}.bin"), dtype=np.uint16, mode="r")
        starts = torch.randint(len(data) - args.block_size, (args.batch_size,))
        x = torch.stack([torch.from_numpy(data[i : i + args.block_size].astype(np.int64)) for i in starts])
        y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + args.block_size].astype(np.int64)) for i in starts])
        if device_type == "cuda":
            return (part.pin_memory().to(args.device, non_blocking=True) for part in (x, y))
        return x.to(args.device), y.to(args.device)

    sizes = {
        name: getattr(args, name) for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd", "dropout")
    }
    model = GPT(**sizes).to(args.device)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}M parameters on {args.device}")
    optimizer = make_optimizer(model, args, device_type)
    scaler = torch.amp.GradScaler(device_type, enabled=args.dtype == "float16")
    iteration, best_val_loss = 0, float("inf")
    checkpoint_path = os.path.join(args.out_dir, "checkpoint.pt")
    if args.resume:
        checkpoint = torch.load(checkpoint_path, map_location=args.device)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        iteration, best_val_loss = checkpoint["iteration"], checkpoint["best_val_loss"]
        del checkpoint
    raw_model = model
    if args.compile:
        model = torch.compile(model)

    @torch.no_grad()
    def evaluate():
        model.eval()
        result = {}
        for split in ("train", "val"):
            losses = torch.zeros(args.eval_iters)
            for k in range(args.eval_iters):
                x, y = get_batch(split)
                with autocast:
                    _, loss = model(x, y)
                losses[k] = loss.item()
            result[split] = losses.mean().item()
        model.train()
        return result

    x, y = get_batch("train")
    started = time.time()
    while iteration < args.max_iters:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(iteration, args)
        if iteration % args.eval_interval == 0:
            losses = evaluate()
            print(f"step {iteration}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
            if losses["val"] < best_val_loss and iteration > 0:
                best_val_loss = losses["val"]
                checkpoint = {
                    "model": raw_model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "iteration": iteration,
                    "best_val_loss": best_val_loss,
                    "args": vars(args),
                }
                torch.save(checkpoint, checkpoint_path)
        for _ in range(args.gradient_accumulation_steps):
            with autocast:
                _, loss = model(x, y)
                loss = loss / args.gradient_accumulation_steps
            x, y = get_batch("train")  # the next batch travels while the device works on this one
            scaler.scale(loss).backward()
        if args.grad_clip > 0.0:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        if iteration % args.log_interval == 0:
            took, started = time.time() - started, time.time()
            print(f"iter {iteration}: loss {loss.item() * args.gradient_accumulation_steps:.4f}, {took * 1000:.0f} ms")
        iteration += 1
    if device_type == "cuda":
        print(f"peak memory allocated: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
