"""Small pipelines of diffusers, of the parts that the large ones are made of, for runs on the processor.

Configurations as their publishers have them, with fewer layers and narrower; by pipeline, then by file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_D, _T = "diffusers", "transformers"
_CLIP = {"model_type": "clip_text_model", "hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3,
         "num_hidden_layers": 4, "vocab_size": 8192, "max_position_embeddings": 77, "projection_dim": 192}  # fmt: skip
_T5 = {"model_type": "t5", "d_model": 256, "d_ff": 640, "d_kv": 64, "num_heads": 4, "num_layers": 4, "vocab_size": 8192,
       "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}  # fmt: skip
_BETAS = {
    "steps_offset": 1,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
}
_FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
_CLIP_MODEL, _CLIP_TEXT, _TEXT5 = [_T, "CLIPTextModel"], [_T, "CLIPTextModelWithProjection"], [_T, "T5EncoderModel"]
_TOKENS, _TOKENS5, _VAE = [_T, "CLIPTokenizer"], [_T, "T5TokenizerFast"], [_D, "AutoencoderKL"]


def _vae(**more: Any) -> dict[str, Any]:
    return {
        "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [32, 64, 128, 128],
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4, "in_channels": 3,
        "out_channels": 3, "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 32, "sample_size": 256,
        "scaling_factor": 0.18215, **more,
    }  # fmt: skip


_VAE16 = _vae(latent_channels=16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06)
_UNET = {
    "_class_name": "UNet2DConditionModel", "attention_head_dim": 8, "block_out_channels": [64, 128, 256, 256],
    "cross_attention_dim": 192, "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3, "in_channels": 4, "out_channels": 4,
    "layers_per_block": 2, "sample_size": 32,
}  # fmt: skip
_UNET_XL = {
    **_UNET, "attention_head_dim": [2, 4, 8], "block_out_channels": [64, 128, 256], "cross_attention_dim": 384,
    "transformer_layers_per_block": [1, 1, 2], "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
    "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"], "addition_embed_type": "text_time",
    "addition_time_embed_dim": 64, "projection_class_embeddings_input_dim": 6 * 64 + 192, "use_linear_projection": True,
}  # fmt: skip

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "sd": {
        "model_index": {"_class_name": "StableDiffusionPipeline", "scheduler": [_D, "PNDMScheduler"],
                        "text_encoder": _CLIP_MODEL, "tokenizer": _TOKENS, "unet": [_D, "UNet2DConditionModel"],
                        "vae": _VAE, "safety_checker": [None, None], "feature_extractor": [None, None]},
        "unet/config": _UNET, "vae/config": _vae(), "text_encoder/config": _CLIP,
        "scheduler/scheduler_config": {"_class_name": "PNDMScheduler", **_BETAS, "skip_prk_steps": True},
    },
    "sdxl": {
        "model_index": {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True,
                        "scheduler": [_D, "EulerDiscreteScheduler"], "text_encoder": _CLIP_MODEL,
                        "text_encoder_2": _CLIP_TEXT, "tokenizer": _TOKENS, "tokenizer_2": _TOKENS,
                        "unet": [_D, "UNet2DConditionModel"], "vae": _VAE},
        "unet/config": _UNET_XL, "vae/config": _vae(force_upcast=True), "text_encoder/config": _CLIP,
        "text_encoder_2/config": _CLIP,
        "scheduler/scheduler_config": {"_class_name": "EulerDiscreteScheduler", **_BETAS},
    },
    "sd3": {
        "model_index": {"_class_name": "StableDiffusion3Pipeline", "scheduler": [_D, "FlowMatchEulerDiscreteScheduler"],
                        "text_encoder": _CLIP_TEXT, "text_encoder_2": _CLIP_TEXT, "text_encoder_3": _TEXT5,
                        "tokenizer": _TOKENS, "tokenizer_2": _TOKENS, "tokenizer_3": _TOKENS5,
                        "transformer": [_D, "SD3Transformer2DModel"], "vae": _VAE},
        "transformer/config": {"_class_name": "SD3Transformer2DModel", "attention_head_dim": 64, "in_channels": 16,
                               "out_channels": 16, "joint_attention_dim": 384, "patch_size": 2, "num_layers": 6,
                               "pooled_projection_dim": 384, "sample_size": 32, "num_attention_heads": 4,
                               "caption_projection_dim": 256, "pos_embed_max_size": 64},
        "vae/config": _VAE16, "text_encoder/config": _CLIP, "text_encoder_2/config": _CLIP,
        "text_encoder_3/config": {**_T5, "d_model": 384}, "scheduler/scheduler_config": _FLOW,
    },
    "flux": {
        "model_index": {"_class_name": "FluxPipeline", "scheduler": [_D, "FlowMatchEulerDiscreteScheduler"],
                        "text_encoder": _CLIP_MODEL, "text_encoder_2": _TEXT5, "tokenizer": _TOKENS,
                        "tokenizer_2": _TOKENS5, "transformer": [_D, "FluxTransformer2DModel"], "vae": _VAE},
        "transformer/config": {"_class_name": "FluxTransformer2DModel", "attention_head_dim": 64, "in_channels": 64,
                               "joint_attention_dim": 256, "num_attention_heads": 4, "num_layers": 2, "patch_size": 1,
                               "num_single_layers": 4, "pooled_projection_dim": 192, "guidance_embeds": True,
                               "axes_dims_rope": [16, 24, 24]},
        "vae/config": _VAE16, "text_encoder/config": _CLIP, "text_encoder_2/config": _T5,
        "scheduler/scheduler_config": {**_FLOW, "use_dynamic_shifting": True},
    },
    "pixart": {
        "model_index": {"_class_name": "PixArtSigmaPipeline", "scheduler": [_D, "DPMSolverMultistepScheduler"],
                        "text_encoder": _TEXT5, "tokenizer": _TOKENS5, "transformer": [_D, "PixArtTransformer2DModel"],
                        "vae": _VAE},
        "transformer/config": {"_class_name": "PixArtTransformer2DModel", "attention_head_dim": 64,
                               "num_attention_heads": 4, "num_layers": 6, "caption_channels": 256, "in_channels": 4,
                               "cross_attention_dim": 256, "out_channels": 8, "sample_size": 32, "patch_size": 2,
                               "use_additional_conditions": False},
        "vae/config": _vae(), "text_encoder/config": _T5,
        "scheduler/scheduler_config": {"_class_name": "DPMSolverMultistepScheduler", "num_train_timesteps": 1000},
    },
    "wan": {
        "model_index": {"_class_name": "WanPipeline", "scheduler": [_D, "UniPCMultistepScheduler"],
                        "text_encoder": [_T, "UMT5EncoderModel"], "tokenizer": _TOKENS5,
                        "transformer": [_D, "WanTransformer3DModel"], "vae": [_D, "AutoencoderKLWan"]},
        "transformer/config": {"_class_name": "WanTransformer3DModel", "attention_head_dim": 64, "ffn_dim": 1024,
                               "num_attention_heads": 4, "num_layers": 4, "text_dim": 256, "freq_dim": 256,
                               "in_channels": 16, "out_channels": 16, "patch_size": [1, 2, 2]},
        "vae/config": {"_class_name": "AutoencoderKLWan", "base_dim": 24, "z_dim": 16, "dim_mult": [1, 2, 4, 4],
                       "num_res_blocks": 1, "temperal_downsample": [False, True, True]},
        "text_encoder/config": {**_T5, "model_type": "umt5"},
        "scheduler/scheduler_config": {"_class_name": "UniPCMultistepScheduler", "flow_shift": 3.0,
                                       "num_train_timesteps": 1000, "prediction_type": "flow_prediction",
                                       "use_flow_sigmas": True},
    },
}  # fmt: skip


def laid_out(name: str, folder: Path) -> Path:
    """A folder with a pipeline's configurations in it."""
    for file, told in CONFIGURATIONS[name].items():
        place = folder / name / f"{file}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(told))
    return folder / name
