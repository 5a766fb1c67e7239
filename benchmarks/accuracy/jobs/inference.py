"""Inference only: classification in inference mode, embeddings without gradients, generation with a growing cache."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.accuracy.jobs.attention import LanguageModel
from benchmarks.accuracy.jobs.cnn import ResNet


def resnet_inference_mode(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=24).to(device).eval()
    right = 0
    with torch.inference_mode():
        for _ in range(steps):
            images = torch.randn(int(128 * scale), 3, 64, 64).to(device)
            right += int((model(images).argmax(dim=1) == 7).sum())
    print(f"right: {right}")


def embed_documents_no_grad(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(30000, 256, 384, 2, 6, causal=False).to(device).eval()
    found = []
    with torch.no_grad():
        for _ in range(steps):
            ids = torch.randint(0, 30000, (int(16 * scale), 256), device=device)
            found.append(F.normalize(model.hidden(ids).mean(dim=1), dim=1).cpu())
    print(torch.cat(found).shape)


@torch.no_grad()
def gpt_generate_full_context(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(16000, 512, 512, 6, 8).to(device).eval()
    ids = torch.randint(0, 16000, (int(4 * scale), 256), device=device)
    for _ in range(steps):
        logits = model(ids)[:, -1]
        best, places = logits.topk(50, dim=-1)
        chosen = torch.multinomial(best.softmax(dim=-1), 1)
        ids = torch.cat([ids, places.gather(1, chosen)], dim=1)
    print(ids.shape)


@torch.no_grad()
def half_precision_scoring(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(24000, 256, 768, 6, 12).to(device).eval().to(torch.bfloat16)
    for _ in range(steps):
        ids = torch.randint(0, 24000, (int(2 * scale), 256), device=device)
        chances = F.log_softmax(model(ids).float(), dim=-1)
        print(chances[:, :-1].gather(2, ids[:, 1:, None]).sum().item())
