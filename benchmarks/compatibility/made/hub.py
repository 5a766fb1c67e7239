"""A hub cache of models of the published shapes, initialised at random, under the names that scripts ask for.

Trusts transformers, timm, torchvision and huggingface_hub's cache layout (models--org--name/snapshots/<revision>).
Whatever needs one of these packages imports it inside.
"""

import json
from pathlib import Path

from made import text

REVISION = "0" * 40


def _snapshot(hub: Path, name: str) -> Path:
    repository = hub / "hub" / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(REVISION)
    folder = repository / "snapshots" / REVISION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _word_pieces(folder: Path) -> None:
    """A WordPiece tokenizer trained on made-up text, saved as BERT's."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    corpus = folder / "corpus.tmp"
    text.plain_text(corpus, 20000)
    trained = BertWordPieceTokenizer()
    trained.train([str(corpus)], vocab_size=2000, min_frequency=1)
    trained.save_model(str(folder))
    corpus.unlink()
    BertTokenizerFast.from_pretrained(str(folder)).save_pretrained(str(folder))


def _byte_pairs(folder: Path) -> None:
    """A byte-level BPE tokenizer trained on made-up text, with a chat template, saved as a fast tokenizer."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    corpus = folder / "corpus.tmp"
    text.plain_text(corpus, 20000)
    trained = ByteLevelBPETokenizer()
    trained.train([str(corpus)], vocab_size=2000, min_frequency=1, special_tokens=["<|endoftext|>", "<pad>", "<unk>"])
    corpus.unlink()
    names = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<pad>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, model_max_length=1024, **names)
    fast.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    fast.save_pretrained(str(folder))


def _model(folder: Path, kind: str, auto: str, **config: object) -> None:
    import transformers

    made = transformers.AutoConfig.for_model(kind, **config)
    getattr(transformers, auto).from_config(made).save_pretrained(str(folder))


def bert(hub: Path, name: str = "bert-base-cased", layers: int = 12, width: int = 768) -> None:
    """BERT (base, unless another size is asked for) for any head, with a tokenizer."""
    folder = _snapshot(hub, name)
    _word_pieces(folder)
    shape = {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": width // 64}
    _model(folder, "bert", "AutoModelForMaskedLM", num_hidden_layers=layers, **shape)


def distilbert(hub: Path, name: str = "distilbert/distilbert-base-uncased") -> None:
    """DistilBERT base (6 layers, 768) with a tokenizer."""
    folder = _snapshot(hub, name)
    _word_pieces(folder)
    _model(folder, "distilbert", "AutoModelForMaskedLM")


def gpt2(hub: Path, name: str = "openai-community/gpt2") -> None:
    """GPT-2 small (12 layers, 768) with a byte-level tokenizer."""
    folder = _snapshot(hub, name)
    _byte_pairs(folder)
    _model(folder, "gpt2", "AutoModelForCausalLM")


def llama(hub: Path, name: str = "made/llama-160m", layers: int = 12, width: int = 768, words: int = 32000) -> None:
    """A Llama-shaped model with a byte-level tokenizer and a chat template."""
    folder = _snapshot(hub, name)
    _byte_pairs(folder)
    shape = {"hidden_size": width, "intermediate_size": width * 8 // 3, "num_hidden_layers": layers}
    shape |= {"num_attention_heads": width // 64, "num_key_value_heads": width // 192 or 1}
    _model(folder, "llama", "AutoModelForCausalLM", **shape, vocab_size=words)


def t5(hub: Path, name: str = "google-t5/t5-small") -> None:
    """T5 small (6+6 layers, 512) with a byte-level tokenizer."""
    folder = _snapshot(hub, name)
    _byte_pairs(folder)
    _model(folder, "t5", "AutoModelForSeq2SeqLM", decoder_start_token_id=0)


def vit(hub: Path, name: str = "google/vit-base-patch16-224-in21k") -> None:
    """ViT base (12 layers, 768, patch 16) with its image processor."""
    folder = _snapshot(hub, name)
    _model(folder, "vit", "AutoModelForImageClassification", num_labels=4)
    made = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 224, "width": 224}}
    made |= {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
    made |= {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps(made))


def timm_model(hub: Path, name: str) -> None:
    """The weights that timm loads for ``name`` when asked for pretrained ones."""
    import timm
    from safetensors.torch import save_file

    model = timm.create_model(name, pretrained=False)
    folder = _snapshot(hub, model.pretrained_cfg["hf_hub_id"])
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, str(folder / "model.safetensors"))


def torchvision_weights(torch_home: Path, model: str, weights: str) -> None:
    """hub/checkpoints/<file> as torchvision downloads it for ``weights``, of random values."""
    import torch
    import torchvision

    chosen = torchvision.models.get_weight(weights)
    folder = torch_home / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(torchvision.models.get_model(model).state_dict(), folder / Path(chosen.url).name)


def stable_diffusion(folder: Path) -> None:
    """A Stable-Diffusion-shaped pipeline of small width: VAE, text encoder, U-Net, scheduler, tokenizer."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    folder.mkdir(parents=True, exist_ok=True)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    AutoencoderKL(**blocks, block_out_channels=(64, 128, 256)).save_pretrained(folder / "vae")
    unet = UNet2DConditionModel(sample_size=64, block_out_channels=(160, 320, 640, 640), cross_attention_dim=512)
    unet.save_pretrained(folder / "unet")
    CLIPTextModel(CLIPTextConfig(vocab_size=2100, num_hidden_layers=6)).save_pretrained(folder / "text_encoder")
    DDPMScheduler(num_train_timesteps=1000).save_pretrained(folder / "scheduler")
    (folder / "tokenizer").mkdir(exist_ok=True)
    _clip_tokenizer(folder / "tokenizer")
    parts = {"vae": "AutoencoderKL", "unet": "UNet2DConditionModel", "scheduler": "DDPMScheduler"}
    index: dict[str, object] = {"_class_name": "StableDiffusionPipeline", "safety_checker": [None, None]}
    index |= {part: ["diffusers", kind] for part, kind in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    (folder / "model_index.json").write_text(json.dumps(index | {"feature_extractor": [None, None]}))


def _clip_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt of single bytes, with CLIP's start and end tokens."""
    letters = [chr(c) for c in range(33, 127)] + [chr(c) for c in range(161, 256) if c != 173]
    tokens = letters + [f"{c}</w>" for c in letters] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    made = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(made))
