"""Generates text with a Llama-shaped model of random weights: inference, with a cache that grows token by token.

python examples/generate.py --hidden=64 --layers=2 --heads=4 --kv_heads=2 --batch_size=2 --new_tokens=8
memfit estimate --on rtx4090-24gb examples/generate.py --batch_size=4 --prompt_tokens=2048
"""

import argparse
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

TEXT = Path(__file__).parent / "data" / "sonnets.txt"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=1)
    parser.add_argument("--prompt_tokens", type=int, default=512)
    parser.add_argument("--new_tokens", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv_heads", type=int, default=8)
    args = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=args.hidden,
        intermediate_size=4 * args.hidden,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        num_key_value_heads=args.kv_heads,
        max_position_embeddings=8192,
    )
    model = LlamaForCausalLM(config).to(device, torch.bfloat16).eval()
    text = TEXT.read_bytes()[: args.prompt_tokens]
    prompt = torch.tensor([list(text)] * args.batch_size, device=device)
    with torch.inference_mode():
        tokens = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=args.new_tokens,
            do_sample=True,
            pad_token_id=0,
        )
    print(f"{tokens.shape[0]} x {tokens.shape[1]} tokens, the last of them {tokens[0, -8:].tolist()}")


if __name__ == "__main__":
    main()
