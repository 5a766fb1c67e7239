"""Fine-tunes a BERT classifier with the Hugging Face Trainer, from a configuration: no download, no tokenizer files.

python examples/finetune_bert_trainer.py --layers=2 --hidden=64 --heads=2 --max_length=32 --max_steps=3
memfit estimate --on a10g examples/finetune_bert_trainer.py --batch_size=32 --max_length=512
"""

import argparse
from pathlib import Path

import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

TEXT = Path(__file__).parent / "data" / "sonnets.txt"


class Lines(Dataset):
    """Lines of the text as bytes; the label says whether the line ends a sentence."""

    def __init__(self, lines, max_length, repeat):
        self.lines = lines * repeat
        self.max_length = max_length

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        line = self.lines[index]
        tokens = list(line.encode())[: self.max_length]
        padding = self.max_length - len(tokens)
        return {
            "input_ids": torch.tensor(tokens + [0] * padding),
            "attention_mask": torch.tensor([1] * len(tokens) + [0] * padding),
            "labels": int(line.endswith((".", "?", "!"))),
        }


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--accumulation", type=int, default=2)
    parser.add_argument("--max_length", type=int, default=256)
    parser.add_argument("--max_steps", type=int, default=200)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--checkpointing", action="store_true", help="recompute activations instead of keeping them")
    parser.add_argument("--output_dir", default="out")
    args = parser.parse_args()

    lines = [line.strip() for line in TEXT.read_text(encoding="utf-8").splitlines() if line.strip()]
    border = int(len(lines) * 0.9)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=args.hidden,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        intermediate_size=4 * args.hidden,
        num_labels=2,
    )
    trainer = Trainer(
        model=BertForSequenceClassification(config),
        args=TrainingArguments(
            output_dir=args.output_dir,
            per_device_train_batch_size=args.batch_size,
            per_device_eval_batch_size=args.batch_size,
            gradient_accumulation_steps=args.accumulation,
            gradient_checkpointing=args.checkpointing,
            learning_rate=5e-5,
            max_steps=args.max_steps,
            bf16=torch.cuda.is_available(),
            logging_steps=10,
            eval_strategy="steps",
            eval_steps=50,
            save_strategy="no",
            report_to="none",
        ),
        train_dataset=Lines(lines[:border], args.max_length, repeat=20),
        eval_dataset=Lines(lines[border:], args.max_length, repeat=1),
        compute_metrics=accuracy,
    )
    trainer.train()
    print(trainer.evaluate())


if __name__ == "__main__":
    main()
